"""Letters leave once: what may have left is not sent again before a person has looked at it.

Just before a letter is handed over its row notes that it leaves, under the lease taken anew. Where
the server then does not say whether it took it, or the worker dies before it could note the answer,
nobody can be asked: the row stays in doubt, among the incidents. Everything before that moment, and
every answer of the server, is certain. Letters kept as files can be looked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from app.letters import InDoubt, Letter, MailSettings, NotAnAddress, send
from app.records import outbox
from app.records.tenant import Tenant
from app.records.transition import Lost
from app.storage.sqlgen import Statement

log = structlog.get_logger(__name__)

LETTER = "@letter:"
"""Stands in a row that leaves as a letter, with the attempt, where calls name their connection."""
_DIED = (
    "the worker ended while the letter left; look whether it arrived, then have it sent again or"
    " leave it",
    "邮件发出时工作进程中断。请确认是否已送达，再决定重发或跳过",
)


class Doubtful(Exception):
    """Nobody knows whether a letter left. `zh`: the same in Chinese."""

    def __init__(self, message: str, zh: str) -> None:
        super().__init__(message)
        self.zh = zh


def post_letter(
    tenant: Tenant,
    one: outbox.Claimed,
    letter: Letter,
    mail: MailSettings,
    also: Sequence[Statement] = (),
    *,
    refused: str = "",
) -> None:
    """Send a letter; `also` is written in the moment it leaves. `refused`: whose address it is.

    Raises Doubtful, GiveUp for an address that is none, Lost where the row is not ours any more,
    and what the network and the server say otherwise: then it has not left.
    """
    doubt = one.doubt == 1 and one.connection == f"{LETTER}{one.attempts - 1}"
    if doubt and mail.host:
        raise Doubtful(*_DIED)

    def leaving() -> None:
        if not outbox.leave(tenant.db, one, tenant.now_us(), f"{LETTER}{one.attempts}", also):
            raise Lost

    try:
        kept = send(letter, mail, tenant.id, tenant.now(), leaving=leaving, again=doubt)
    except NotAnAddress as error:
        about = f"{refused}: " if refused else ""
        raise outbox.GiveUp(f"{about}{error}", zh=f"{about}邮件地址无效：{error}") from error
    except InDoubt as error:
        raise Doubtful(str(error), error.zh) from error
    if kept:
        log.info("letter kept as a file", tenant=tenant.id, file=kept)
