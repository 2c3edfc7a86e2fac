"""What may happen to a record in a flow: the events the engine is told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from flows.hearing import Place
from flows.records import record
from flows.state import SYSTEM, Origin, Person


@record
class Begin:
    """The record was made. With `act`, and an entry step that is a task open to `person`, that act
    is done at once. `origin`: who started it, if a flow did."""

    person: Person
    act: str | None = None
    origin: Origin | None = None
    comment: str = ""
    attachments: tuple[int, ...] = ()
    signature: str = ""


@record
class Act:
    """A person takes an exit of a task, votes, or sends back (`name` "sent_back", to step `to`).

    What was filled in is in the row already, judged by the form.
    """

    person: Person
    task: int
    name: str
    comment: str = ""
    attachments: tuple[int, ...] = ()
    signature: str = ""
    to: str = ""


@record
class Claim:
    """Take a task from the pool, or give it back."""

    person: Person
    task: int
    back: bool = False


@record
class Transfer:
    """Give one's task to another user."""

    person: Person
    task: int
    to: int
    comment: str = ""


@record
class AddApprover:
    """Ask another user as well. `how`: before, after or parallel."""

    person: Person
    task: int
    user: int
    how: str
    comment: str = ""


@record
class Interruption:
    """An interrupt, by an act of a person or by an event."""

    person: Person
    name: str
    comment: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@record
class Fire:
    """A timer is due."""

    timer: int


@record
class Answer:
    """What came of an effect. `outcome`: "done" or "failed.<code>". `key` is the effect's."""

    key: str
    token: int
    step: str
    visit: int
    action: str
    outcome: str
    data: Mapping[str, Any] = field(default_factory=dict)
    message: str | Mapping[str, str] = ""
    """What was said of it: a text, or {zh, en}."""


@record
class Arrived:
    """An event from outside, e.g. "carrier.delivered"; `save`: field path → value. `rows`: the
    lines it is about, where a line's field led to the record: scopes of others go on waiting.
    `heard`: the places that have heard it before (`flows.hearing`)."""

    name: str
    id: str
    save: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    rows: frozenset[int] = frozenset()
    heard: frozenset[Place] = frozenset()


GONE = "failed.deleted"
"""The outcome of a record that was deleted before it ended."""


@record
class Ended:
    """A record this one started has come to its end, or is `GONE`."""

    key: str
    token: int
    step: str
    visit: int
    record: int
    outcome: str


@record
class Changed:
    """The record, or something a condition reads, changed: look again at `until`, dates, SLAs."""

    person: Person = SYSTEM


@record
class Mend:
    """A person resolves an incident of a token: `how` is retry, skip (leave by `outcome`), or
    compensate (undo what was done, then leave by `outcome`)."""

    person: Person
    token: int
    how: str
    reason: str
    outcome: str = ""


Event = (
    Begin
    | Act
    | Claim
    | Transfer
    | AddApprover
    | Interruption
    | Fire
    | Answer
    | Arrived
    | Ended
    | Changed
    | Mend
)
