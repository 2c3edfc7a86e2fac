"""E-mail as an action: a flow writes to somebody over the installation's mail server (SMTP).

It serves the capability `mail` (`mail.send`). Server and sender are the operator's (settings
`mail.*`), as for the letters of notifications, which leave by the same code; without a server
letters are kept as files. Setting of the connection: `reply_to`. A letter bears the same Message-ID
on every attempt, so that one sent twice is shown once by programs that look.
"""

from __future__ import annotations

import smtplib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.capabilities import ActionSpec, Capability
from app.hooks import TryAgain, Unknown, hookimpl
from app.letters import InDoubt, Letter, MailSettings, NotAnAddress, message_id, send

_SEND = ActionSpec(
    {"to": "text", "subject": "text", "body": "text"},
    {"name": "text", "lang": "text"},
    {"message_id": "text", "at": "datetime"},
    ("bad_address", "refused"),
)
_FOR_GOOD = 500
_settings: dict[str, MailSettings] = {"mail": MailSettings()}


@hookimpl
def configure(settings: Mapping[str, object]) -> None:
    """Remember the mail server."""
    _settings["mail"] = MailSettings.told(settings)


@hookimpl
def capabilities() -> Sequence[Capability]:
    """One action: a letter to one address."""
    return [Capability("mail", {"send": _SEND})]


@hookimpl
def run_action(tenant: str, call: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send the letter. An address that is none, or that the server turns away for good, is a
    failure of the action's own."""
    settings, at = _settings["mail"], datetime.now(UTC)
    given = {name: str(value or "") for name, value in call["arguments"].items()}
    letter = Letter(
        call["key"],
        given.get("to", "").strip(),
        given.get("name", ""),
        given.get("subject", ""),
        given.get("body", ""),
        given.get("lang", "") or "zh",
        str(call["settings"].get("reply_to", "")),
    )
    try:
        send(letter, settings, tenant, at)
    except NotAnAddress as error:
        return _failed("bad_address", str(error))
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        return _turned_away(code, text)
    except smtplib.SMTPDataError as error:
        return _turned_away(error.smtp_code, error.smtp_error)
    except InDoubt as error:
        raise Unknown(str(error), zh=error.zh) from error
    except (OSError, LookupError) as error:  # no connection, no login, no server at all
        raise TryAgain(
            f"the mail server cannot be used: {error}", zh=f"邮件服务器无法使用：{error}"
        ) from error
    told = {"message_id": message_id(call["key"], tenant, settings.sender), "at": at.isoformat()}
    return {"outcome": "done", "data": told}


@hookimpl
def ask_action(call: Mapping[str, Any]) -> None:
    """A mail server cannot be asked: a person looks whether the letter arrived, and says what came
    of it, or has it tried again (then it is the first attempt anew)."""
    if call["attempt"] == 1:
        return
    raise Unknown(
        "nobody knows whether the letter left: look whether it arrived, then say so, or have it"
        " sent again",
        zh="无法确定邮件是否已发出。请确认是否已送达，再登记结果或重发",
    )


def _turned_away(code: int, said: bytes | str) -> Mapping[str, Any]:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    if code >= _FOR_GOOD:
        return _failed("refused", f"the mail server answered {code}: {text}")
    raise TryAgain(f"the mail server answered {code}: {text}", zh=f"邮件服务器应答 {code}：{text}")


def _failed(code: str, message: str) -> Mapping[str, Any]:
    return {"outcome": f"failed.{code}", "data": {}, "message": message}
