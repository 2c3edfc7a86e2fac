"""A compiled notification: who hears of what, in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.model import Who
from forms.expr import Expr
from forms.templates import TextTemplate
from forms.values import Text

INBOX, MAIL = "inbox", "mail"
CHANNELS = (INBOX, MAIL)
"""Ways of the product's own; besides them a channel is the id of a connection."""

EVENT, TASK, SLA, ACTOR = "@event", "@task", "@sla", "@actor"
"""Targets of the names that tell what happened: not rows, but given with the event."""

HOPS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Listening:
    """What a notification does with the events of one form.

    `events` are names without the form ("stage.refused"). `exprs` is everything in it that is
    evaluated: what they read is fetched before.
    """

    form: str
    events: frozenset[str]
    when: Expr | None
    to: tuple[Who, ...]
    subject: TextTemplate
    body: TextTemplate | None

    @property
    def exprs(self) -> tuple[Expr, ...]:
        """Every expression of it."""
        found = [*self.subject.exprs, *(self.body.exprs if self.body else ())]
        found += [who.expr for who in self.to if who.expr is not None]
        return tuple(found) if self.when is None else (self.when, *found)


@dataclass(frozen=True, slots=True, eq=False)
class Notification:
    """One notification. `digest`: "", hour, day or week. `quiet`: (from, until) in minutes of the
    tenant's day, which may pass midnight. `throttle`: seconds."""

    id: str
    label: Text
    forms: Mapping[str, Listening]
    channels: tuple[str, ...]
    attach: tuple[str, ...] = ()
    digest: str = ""
    quiet: tuple[int, int] | None = None
    throttle: int = 0
