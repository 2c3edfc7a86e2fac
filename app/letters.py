"""Letters: made so that nothing a person typed can become a header, sent over SMTP.

Without a mail server letters are kept as files, for people who try the product out.
"""

from __future__ import annotations

import hashlib
import os
import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from app.folders import private_folder

SECONDS = 20.0
"""How long a mail server may take to answer."""
ANSWER_SECONDS = 45.0
"""How long it may look at a letter before it says whether it takes it: less than a lease."""
_GO_ON = 354
NAME_CHARS, SUBJECT_CHARS, BODY_CHARS = 120, 200, 20_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BODY_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[^\s@<>()\[\]\\,;:\"]{1,190}")
_LANGUAGE = {"zh": "zh-CN", "en": "en"}
SETTINGS = {
    "mail.host": "host",
    "mail.port": "port",
    "mail.user": "user",
    "mail.password": "password",
    "mail.tls": "tls",
    "mail.from": "sender",
}
"""Settings of the installation → parts of `MailSettings`."""


def is_address(text: str) -> bool:
    """Whether a text can be written to; nothing that could end a header line."""
    return bool(_ADDRESS.fullmatch(text)) and text.isprintable()


class InDoubt(Exception):
    """The server was handed a letter and did not say whether it took it. `zh`: in Chinese."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"the mail server did not say whether it took the letter ({error}); look whether it"
            " arrived, then have it sent again or leave it"
        )
        self.zh = f"邮件服务器未答复是否已接收（{error}）。请确认是否已送达，再决定重发或跳过"


class NotAnAddress(ValueError):
    """A letter cannot be written to this address; trying again will not help."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How letters leave. `host` "": they are kept below `folder`. `tls`: starttls, tls or none."""

    host: str = ""
    port: int = 587
    user: str = ""
    password: str = ""
    tls: str = "starttls"
    sender: str = "Returnflow <returnflow@localhost>"
    folder: Path | None = None

    @classmethod
    def told(cls, settings: Mapping[str, object]) -> MailSettings:
        """The settings as plugins are told them; what is left out is as above."""
        given = {part: settings[name] for name, part in SETTINGS.items() if name in settings}
        folder = settings.get("data_dir")
        return cls(**given, folder=None if folder is None else Path(str(folder)) / "mail")  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that goes with a letter; `mime` as "text/csv" (texts are UTF-8)."""

    name: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to one person. The same `once` gives the same Message-ID, so that a letter sent
    twice is shown once by programs that look."""

    once: str
    address: str
    name: str
    subject: str
    body: str
    lang: str = "zh"
    reply_to: str = ""
    enclosed: tuple[Enclosed, ...] = ()


def compose(letter: Letter, sender: str, tenant: str, at: datetime) -> EmailMessage:
    """The message as it goes out. Raises NotAnAddress."""
    for address in (letter.address, *([letter.reply_to] if letter.reply_to else [])):
        if not is_address(address):
            raise NotAnAddress(f"{address[:80]!r} is no e-mail address")
    message = EmailMessage(policy=SMTP)
    message["From"] = _line(sender, 300)
    message["To"] = _to(letter)
    if letter.reply_to:
        message["Reply-To"] = letter.reply_to
    message["Subject"] = _line(letter.subject, SUBJECT_CHARS)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id(letter.once, tenant, sender)
    message["Auto-Submitted"] = "auto-generated"
    body = _BODY_CONTROL.sub("", letter.body.replace("\r\n", "\n").replace("\r", "\n"))
    message.set_content(body[:BODY_CHARS] + "\n", cte="base64")
    message["Content-Language"] = _LANGUAGE.get(letter.lang, "en")
    for one in letter.enclosed:
        kind, _, part = one.mime.partition("/")
        name = _line(one.name, NAME_CHARS)
        charset = {"charset": "utf-8"} if kind == "text" else None
        message.add_attachment(
            one.content, maintype=kind, subtype=part, filename=name, params=charset
        )
    return message


def message_id(once: str, tenant: str, sender: str) -> str:
    """The Message-ID of a letter: always the same for the same `once`."""
    digest = hashlib.sha256(f"letter\0{tenant}\0{once}".encode()).hexdigest()
    domain = re.sub(r"[^A-Za-z0-9.-]", "", sender.rpartition("@")[2].rstrip("> "))
    return f"<{digest[:40]}@{domain or 'localhost'}>"


def send(
    letter: Letter,
    settings: MailSettings,
    tenant: str,
    at: datetime,
    seconds: float = SECONDS,
    *,
    leaving: Callable[[], None] = lambda: None,
    again: bool = False,
) -> str:
    """Send a letter, or keep it as a file; gives the file's name or "". `again`: it may be kept
    already.

    `leaving` is called when the server will take it, just before it is handed over; what it raises
    keeps the letter here. Raises NotAnAddress, InDoubt where nobody knows whether the server took
    it, or what smtplib and the network raise: then it did not.
    """
    message = compose(letter, settings.sender, tenant, at)
    if not settings.host:
        leaving()
        return _keep(message, settings, tenant, at, again)
    context = ssl.create_default_context()
    if settings.tls == "tls":
        server: _Plain | _Sealed = _Sealed(
            settings.host, settings.port, timeout=seconds, context=context
        )
    else:
        server = _Plain(settings.host, settings.port, timeout=seconds)
    server.leaving = leaving
    try:
        if settings.tls == "starttls":
            server.starttls(context=context)
        if settings.user:
            server.login(settings.user, settings.password)
        server.send_message(message)
    except OSError as error:  # what smtplib raises is one, too
        if server.handing:
            raise InDoubt(error) from error
        raise
    finally:
        with suppress(OSError):  # whatever it says to a goodbye, it has said what it did
            server.quit()
        server.close()
    return ""


class _Handing:
    """Knows whether a letter is with a server that has not answered yet."""

    handing = False
    leaving: Callable[[], None]

    def data(self, msg: Any) -> Any:
        """Hand the letter over; the answer may take as long as a server looks at it."""
        self.leaving()
        self.sock.settimeout(ANSWER_SECONDS)  # type: ignore[attr-defined]
        return super().data(msg)  # type: ignore[misc]

    def getreply(self) -> tuple[int, bytes]:
        """The server's next answer: after 354 it waits for the letter."""
        reply: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        self.handing = reply[0] == _GO_ON
        return reply


class _Plain(_Handing, smtplib.SMTP):
    """A server reached in the open, or sealed later (STARTTLS)."""


class _Sealed(_Handing, smtplib.SMTP_SSL):
    """A server reached over TLS."""


def _keep(
    message: EmailMessage, settings: MailSettings, tenant: str, at: datetime, again: bool
) -> str:
    if settings.folder is None:
        raise LookupError("no mail server is set: see the setting `mail.host`")
    folder = private_folder(settings.folder / tenant)
    key = message["Message-ID"][1:13]
    if again and any(folder.glob(f"*-{key}.eml")):
        return ""
    name = f"{at:%Y%m%d-%H%M%S}-{key}.eml"
    path = folder / name
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(message.as_bytes())
    return str(path)


def _to(letter: Letter) -> str:
    name = _line(letter.name, NAME_CHARS).replace("\\", "").replace('"', "")
    return f'"{name}" <{letter.address}>' if name else letter.address


def _line(text: str, most: int) -> str:
    return _CONTROL.sub(" ", text).strip()[:most]
