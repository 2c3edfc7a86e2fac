"""Where a record stands in its flow, what happens to it, and what follows: plain values.

Times are aware datetimes in UTC. Ids are the 63-bit integers of `forms.values.new_id`, except that
the token of the top scope has the id 0. Principals are texts: "user:12", "role:finance",
"department:3", "contact:customer:77" (a person outside, known by a record).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from flows.hearing import Place
from flows.records import record
from forms.model import Row
from forms.values import Text

TOP = 0

OPEN = "open"
WAITING = "waiting"
"""A seat whose turn has not come (in order), a paused SLA's timer."""
DONE = "done"
CANCELLED = "cancelled"
SKIPPED = "skipped"
KEPT = "kept"
"""Of a promise's last timer: the promise was kept, so it never fired."""


@record
class Token:
    """One scope at work.

    `scope`: path of the scope; `row`: the line it is for (`each`). `step`: id of the current step,
    entered as the `visit`-th pass of this token through it. `children`: child scopes that have not
    ended. `counts`: "step>outcome" → how often an exit with `max` was taken. `outcome`: the name
    the scope ended by. `data` is the engine's own, JSON values only: approval level and round,
    decisions relied on, actions done, SLA clocks, origin of a started record, incident.
    """

    id: int
    parent: int | None
    scope: str
    row: int | None
    step: str
    visit: int
    entered_at: datetime
    children: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    outcome: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@record
class Task:
    """Something a person is asked to do: a task, or one approver's vote.

    `kind`: "task" or "vote". `seats`: principals who may do it (one user for a vote). `claimed`:
    the one user who took it. `level`: of an approval. `place`: its turn where votes go in order.
    `instead_of`: the user who delegated it ("B for A"). `status`: open, waiting, done, cancelled,
    skipped. `by`, `outcome`, `done_at`: the decision; nobody for what was cancelled.
    `origin`: "", "added", "transferred", "escalated", with the task it came from in `source`.
    """

    id: int
    token: int
    step: str
    visit: int
    kind: str
    seats: tuple[str, ...]
    opened_at: datetime
    level: str = ""
    place: int = 0
    claimed: int | None = None
    instead_of: int | None = None
    status: str = OPEN
    by: int | None = None
    outcome: str = ""
    done_at: datetime | None = None
    due_at: datetime | None = None
    origin: str = ""
    source: int | None = None


@record
class Timer:
    """A moment at which the flow wants to be called.

    `rule`: "due" (late or escalate), "remind/<id>", "sla/<id>/warn", "sla/<id>/breach", "until"
    (look again at a condition that reads the clock). `task` where it belongs to one task. `fired`:
    how often it has. `status`: open, waiting (paused), done, cancelled.
    """

    id: int
    token: int
    step: str
    visit: int
    rule: str
    at: datetime
    task: int | None = None
    fired: int = 0
    status: str = OPEN


@record
class State:
    """What is known of a record's flow: the tokens, open tasks and timers that were loaded.

    For an act inside a child scope its own token, those above it and their tasks and timers are
    enough; for the top scope and for interrupts, too: what lies below is ended by
    `Done.cancel_below` and needs no loading.
    """

    tokens: Mapping[int, Token]
    tasks: Mapping[int, Task]
    timers: Mapping[int, Timer]


@record
class Person:
    """Who acts. `principals` are all they may act as; `user` None for the system and contacts."""

    user: int | None
    name: str
    principals: frozenset[str]
    contact: str = ""
    via: str = "web"


SYSTEM = Person(None, "system", frozenset(), via="system")


# --- what follows -------------------------------------------------------------------------------


@record
class Origin:
    """The step of a record that started another. `depth`: how many records stand above the one that
    was started, this one included."""

    form: str
    record: int
    key: str
    token: int
    step: str
    visit: int
    wait: bool
    depth: int = 1


@record
class Call:
    """Run an action of a connector. `key` is the same on every attempt. `arguments` are values as
    the engine has them; the runtime makes them plain. `undo_of`: the key it takes back."""

    key: str
    use: str
    arguments: Mapping[str, Any]
    token: int
    step: str
    visit: int
    action: str
    retries: int
    pause: float | None = None
    """Seconds between attempts, where the definition says."""
    undo_of: str = ""


@record
class StartRecord:
    """Make a record of another form. `values` holds its rows, too."""

    key: str
    form: str
    values: Mapping[str, Any]
    token: int
    step: str
    visit: int
    wait: bool


@record
class TellOrigin:
    """The record has ended: tell the step that started it."""

    origin: Origin
    outcome: str


Effect = Call | StartRecord | TellOrigin


@record
class Happening:
    """Something others may want to be told of. `name` without the form: "stage.returning",
    "task.assigned", "task.cancelled", "remind.<step>.<id>", "escalated", "late.<step>",
    "sla.<id>.warn", "sla.<id>.breach", "incident", "ended.<outcome>". `data` JSON values: task,
    seats, step, sla due time …"""

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)


@record
class Done:
    """The transition. `row`: the record as it now is, formulas computed, `stage` set.

    `tokens`, `tasks`, `timers`: those that are new or changed, whole. `cancel_below`: tokens whose
    open descendants end as cancelled, with their tasks and timers, loaded or not. `opened`: events
    a wait or a stage with interrupts now listens for, (token, names): what came too early is looked
    at again. `watches`: (token, what) an open `until` reads beyond the record: ("order", id) or
    ("aggregate:received", key); the set of that token is replaced. `revoke`: queued notifications
    of the record are withdrawn. `ended`: the outcome of the whole. `trace`: JSON values, one a
    decision: {"kind", "step", "at", …, "facts"}, enough to explain why.
    """

    row: Row
    tokens: tuple[Token, ...] = ()
    tasks: tuple[Task, ...] = ()
    timers: tuple[Timer, ...] = ()
    cancel_below: tuple[int, ...] = ()
    effects: tuple[Effect, ...] = ()
    happenings: tuple[Happening, ...] = ()
    opened: tuple[tuple[int, tuple[str, ...]], ...] = ()
    watches: tuple[tuple[int, tuple[tuple[str, int], ...]], ...] = ()
    revoke: bool = False
    ended: str | None = None
    used: bool = True
    """Whether the event had a place: an event nobody waits for, a timer of a decided task and an
    answer given before change nothing and are not journaled."""
    trace: tuple[Mapping[str, Any], ...] = ()
    heard: frozenset[Place] = frozenset()
    """Of an event from outside: the places that have heard it, those of before, too."""
    awaited: bool = False
    """Whether others may yet come to a wait for that event: it is kept for them."""


class Asked(NamedTuple):
    """A question about people: ("role", "finance"), ("manager_of", 12), ("head_of", 3),
    ("department", 3), ("delegate_of", 12): user ids, active ones, in a stable order."""

    kind: str
    of: str | int


@record
class Need:
    """Facts the engine misses: rows (target → ids), their fields, aggregates, people."""

    links: Mapping[str, frozenset[int]] = field(default_factory=dict)
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    aggregates: frozenset[tuple[str, int]] = frozenset()
    people: frozenset[Asked] = frozenset()


@record
class Declined:
    """The event is not allowed. `code`: task_decided, not_yours, not_claimed, unknown_act,
    act_used_up, act_unavailable, ask_missing, own_approval, not_in_stage, cannot_transfer,
    cannot_add, cannot_send_back, cannot_withdraw, no_incident. `by`: the user who acted before."""

    code: str
    message: Text
    by: int | None = None
    what: str = ""


@dataclass(slots=True)
class Facts:
    """What the engine may look at: the row, and what `env` holds of other rows and aggregates.

    Aggregates are given as they would be with `row` saved. `people` answers `Asked`. `calendars`:
    id → calendar. What is missing here the engine asks for with `Need`.
    """

    row: Row
    env: Any
    people: dict[Asked, tuple[int, ...]] = field(default_factory=dict)
    calendars: Mapping[str, Any] = field(default_factory=dict)


Kept = TypeVar("Kept", Task, Timer)

_STANDING = (OPEN, WAITING)

NOTHING = State({}, {}, {})
"""The state of a record before `Begin`."""


def apply(state: State, done: Done) -> State:
    """The state after a transition, in memory: ended scopes and closed tasks are left out."""
    tokens, ended = dict(state.tokens), False
    if done.cancel_below:
        ended = _without(tokens, set(done.cancel_below))
    for token in done.tokens:
        if token.outcome is None or token.id == TOP:
            tokens[token.id] = token
        elif tokens.pop(token.id, None) is not None:
            ended = True
    return State(
        tokens,
        _standing(state.tasks, done.tasks, tokens, ended),
        _standing(state.timers, done.timers, tokens, ended),
    )


def _without(tokens: dict[int, Token], above: set[int]) -> bool:
    """Leave out every token below one of some. True where there were any."""
    known = dict(tokens)
    for token in known.values():
        parent = token.parent
        while parent is not None and parent not in above:
            found = known.get(parent)
            parent = found.parent if found is not None else None
        if parent is not None:
            del tokens[token.id]
    return len(tokens) < len(known)


def _standing(
    known: Mapping[int, Kept], changed: Iterable[Kept], tokens: Mapping[int, Token], ended: bool
) -> dict[int, Kept]:
    """What of tasks or timers is still to come, with what has changed. `ended`: some tokens have,
    and what is theirs goes with them."""
    found = dict(known)
    for one in changed:
        if one.status in _STANDING and one.token in tokens:
            found[one.id] = one
        else:
            found.pop(one.id, None)
    if ended:
        found = {key: one for key, one in found.items() if one.token in tokens}
    return found
