"""A real mail server for tests: it keeps what it is sent, and refuses as often as it is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from app.letters import MailSettings

USER, PASSWORD = "returnflow", "a-secret-of-the-test"


@dataclass
class Mailbox:
    """What arrived. `refusals`: how many letters are turned away, with `answer`. `unknown`:
    addresses it does not know. `hangs_up`: it goes away in the middle of a letter; `keeps`: but
    has taken it. `rude`: it answers a goodbye with an error."""

    host: str = ""
    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refusals: int = 0
    answer: str = "451 come back later"
    unknown: tuple[str, ...] = ()
    hangs_up: bool = False
    keeps: bool = False
    rude: bool = False

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusals:
            self.refusals -= 1
            return self.answer
        if self.hangs_up and not self.keeps:
            server.transport.close()
            return "421 gone"
        self.raw.append(envelope.content)
        self.recipients.append(envelope.rcpt_tos)
        self.letters.append(BytesParser(policy=default).parsebytes(envelope.content))
        if self.hangs_up:
            server.transport.close()
        return "250 kept"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:
        return "421 busy, go away" if self.rude else "221 Bye"

    def to(self, address: str) -> list[EmailMessage]:
        """Letters to one address, however it is written."""
        pairs = zip(self.letters, self.recipients, strict=True)
        wanted = address.lower()
        return [letter for letter, names in pairs if wanted in [one.lower() for one in names]]

    def settings(self, **more: Any) -> MailSettings:
        """How the product reaches this server."""
        given = {"host": self.host, "port": self.port, "tls": "none", "sender": "R <r@shop.test>"}
        return MailSettings(**{**given, **more})


def _authenticate(
    server: Any, session: Any, envelope: Any, mechanism: str, data: Any
) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=good, handled=False)  # the server tells the client


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def mail_server(**options: Any) -> Iterator[Mailbox]:
    """A mail server on a free port of this machine."""
    box = Mailbox()
    server = Controller(
        box, hostname="127.0.0.1", port=_free_port(), authenticator=_authenticate, **options
    )
    server.start()
    try:
        assert server.server is not None
        box.host, box.port = server.server.sockets[0].getsockname()[:2]
        yield box
    finally:
        server.stop(no_assert=True)
