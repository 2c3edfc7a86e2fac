"""What an act must carry."""

from __future__ import annotations

from flows.advance.trouble import Refusal
from flows.events import Act, Begin
from flows.messages import declined
from flows.model import Ask


def check_asked(ask: Ask, event: Act | Begin, against: bool) -> None:
    """Refuse an act that lacks a comment, an attachment or a signature. `against`: it rejects."""
    if not (ask.comment or ask.attachment or ask.signature):
        return
    for name, rule, given in (
        ("comment", ask.comment, event.comment.strip()),
        ("attachment", ask.attachment, event.attachments),
        ("signature", ask.signature, event.signature),
    ):
        if not given and (rule == "required" or (rule == "on_reject" and against)):
            raise Refusal(declined("ask_missing", name))
