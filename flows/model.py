"""A compiled flow: frozen plain objects. The compiler makes them, the engine only reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forms.expr import Expr
from forms.model import Form
from forms.telling import Words
from forms.values import Text

if TYPE_CHECKING:
    from flows.policy.model import Policy
    from flows.reading import Placed, Probe


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time as written: `30m 2h 5d` on the clock, `8wh 3wd` in working time.

    `parameter` is (policy, parameter) where a policy's parameter gives it: then `parts` are the
    value it has in this release. `parts` are (amount, unit) in the order written.
    """

    parts: tuple[tuple[int, str], ...]
    parameter: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Who:
    """One entry of a *who* list.

    `kind`: role, user, department, field, manager_of, head_of, actor_of. `value`: as written (a
    role's id, a step's path, an expression). `expr`: for user, field, department, manager_of and
    head_of, the expression that gives a user, a department or a contact (a link to a record);
    None for role, actor_of, and for `assignee` (whoever has the task when it is late).
    """

    kind: str
    value: str
    expr: Expr | None = None

    @property
    def said(self) -> str:
        """As the definition says it: "role: finance"."""
        return f"{self.kind}: {self.value}"


@dataclass(frozen=True, slots=True)
class Stage:
    """What outsiders see and reports count."""

    id: str
    label: Text


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of a due time: `before` it or `after` entry, then `every` so often, `max` times
    in all."""

    id: str
    before: Duration | None = None
    after: Duration | None = None
    every: Duration | None = None
    max: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """When a step must be done: `within` (entry + duration in the calendar) or `at` (a date, which
    means its end of business, or a time). `recompute`: whether a changed field moves it.

    When it has passed: `escalate` hands the task to others; where `next` has `late`, the step is
    left by it (escalation first, if both are given, at the due time; leaving is then up to people).
    """

    within: Duration | None
    at: Expr | None
    recompute: bool
    remind: Mapping[str, Reminder]
    escalate: tuple[Who, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """What an act must carry: each "required", "optional", "on_reject" or ""."""

    comment: str = ""
    attachment: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Exit:
    """A way out of a step. `max`: so often at most (0: any number). `when`: offered only if."""

    outcome: str
    to: str
    max: int = 0
    label: Text = field(default_factory=Text)
    when: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One assignment on entry. `path`: (field,) of the record, (lines, field) of every row, or,
    inside `each`, (lines, field) with `current` for the row at hand. `value` of rows is read in the
    row's own scope."""

    path: tuple[str, ...]
    value: Expr
    current: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Work for one person. `edit` None: nothing, ("*",): all fields; dotted paths."""

    by: tuple[Who, ...]
    edit: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    ask: Ask = field(default_factory=Ask)
    claim: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One level of an approval. `need`: all, one, first, a number, or a percentage ("60%")."""

    id: str
    label: Text
    by: tuple[Who, ...]
    need: str | int = "all"
    in_order: bool = False
    when: Expr | None = None
    edit: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    ask: Ask = field(default_factory=Ask)
    due: Due | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Approve:
    """Levels in order; each opens when the one before has agreed."""

    levels: Mapping[str, Level]
    if_nobody: tuple[Who, ...] = ()
    exclude: tuple[Who, ...] = ()
    skip: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    resubmit: str = "replay"
    watch: frozenset[str] = frozenset()
    """Fields whose change voids a skip: everything the step shows but cannot edit itself, if the
    definition names none."""


@dataclass(frozen=True, slots=True, eq=False)
class Decide:
    """Policies in order; the last one with a `branch` names the outcome, else `done`."""

    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Switch:
    """A value; exits are its values (`true`, `false`, options, signs), else `else`."""

    on: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One action of a connector.

    `use`: "<capability>.<action>". `arguments`: name → expression. `save`: field path → name in
    what the connector answers. `key`: instead of record + scope's row + action id. `retry`: how
    often an effect that failed for a passing reason is tried, and how far apart. `undo`: the
    action that takes it back ("").
    """

    id: str
    label: Text
    use: str
    when: Expr | None
    arguments: Mapping[str, Expr]
    save: Mapping[tuple[str, ...], str]
    key: Expr | None
    retries: int
    every: Duration | None
    undo: str


@dataclass(frozen=True, slots=True, eq=False)
class Do:
    """Actions one after the other; the first failure listed in `next` leaves by it."""

    actions: Mapping[str, Action]


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """For one of several events, or until a condition holds."""

    events: tuple[str, ...] = ()
    until: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """A scope of its own for every row of `over` where `where` holds (read in the row's scope)."""

    over: str
    where: Expr | None
    name: str
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Parallel:
    """Branches, each a scope; `join`: how many must have ended as `done` (0: all)."""

    branches: Mapping[str, Scope]
    join: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a record to start: `over` lines of this record, `values` read in the row's scope."""

    over: str
    where: Expr | None
    values: Mapping[str, Expr]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A record of another form; `save`: the link field that keeps it; `wait` for its end."""

    form: str
    values: Mapping[str, Expr]
    rows: Mapping[str, Rows]
    save: str
    wait: bool


@dataclass(frozen=True, slots=True)
class SetOnly:
    """Nothing but the step's `set`."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of the scope under a name."""

    outcome: str


Body = Task | Approve | Decide | Switch | Do | Wait | Each | Parallel | Start | SetOnly | End


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """What entering a step may read before the flow waits again, for one fetch ahead of time.

    `links`: link paths in the record's scope → fields of their targets ("lines.order_line",
    "total"); `aggregates`: (aggregate, path of its key); `people`: who lists to be resolved.
    The compiler fills it in once all steps are known.
    """

    links: frozenset[tuple[str, str]] = frozenset()
    aggregates: frozenset[tuple[str, str]] = frozenset()
    people: tuple[Who, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step. `id` is unique in its scope, `path` in the flow: "move/route", "swap/out/ship".

    `exits` by outcome, in the order written; a lone `next: x` is the exit "*" (every outcome).
    `at` is where it stands in the definition, for messages.
    """

    id: str
    path: str
    kind: str
    label: Text
    stage: str
    sets: tuple[Setting, ...]
    due: Due | None
    exits: Mapping[str, Exit]
    body: Body
    at: tuple[str | int, ...] = ()
    reads: Reads = field(default_factory=Reads)


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """Steps among which one token moves. `path`: "" the top, "move" an `each`, "swap/out" a
    branch. `entry` is the first step."""

    path: str
    entry: str
    steps: Mapping[str, Step]


@dataclass(frozen=True, slots=True, eq=False)
class Sla:
    """A promise about time. `start`, `stop`: ("field" | "stage", its id)."""

    id: str
    label: Text
    start: tuple[str, str]
    stop: tuple[str, str]
    within: Duration
    warn: Duration | None
    pause: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Interrupt:
    """An act (`by` somebody) or an event that leaves the path while in certain stages."""

    id: str
    label: Text
    by: tuple[Who, ...]
    stages: frozenset[str]
    to: str
    undo: bool
    when: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a flow reads beyond its record, prepared. Expressions are known by their identity.

    `probes`: expression → what looks for its facts. `ahead`: step's path → what entering it may
    look for before the flow waits again. `formulas`: what computing the form's formulas looks for.
    `until`: a wait's condition → all it rests on, through formulas too. `fields`: target → every
    name the flow reads there. `watched`: what any `until` rests on beyond the record: forms
    ("order"), their lines ("order.lines"), "aggregate:received". `settle`: field → what makes a
    value of it. `remembers`: whether it matters when a field last changed. `until_below`: whether
    a condition is waited for, or a due time follows a field, inside `each` or `parallel`. `rows`:
    scope → the names of rows around it and their lines, the outermost first. `shown`: own lines
    whose rows are reached by links. `fills`: fields of the record whose change fills others.
    `clocked`: conditions waited for that change with the time. `judged`: policy → what it looks
    for. `follows`: whether a due time moves with a field. `numbered`: whether anything reads
    the record's number.
    """

    probes: Mapping[int, Probe] = field(default_factory=dict)
    ahead: Mapping[str, tuple[Placed, ...]] = field(default_factory=dict)
    formulas: tuple[Placed, ...] = ()
    until: Mapping[int, tuple[Placed, ...]] = field(default_factory=dict)
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    watched: frozenset[str] = frozenset()
    settle: Mapping[tuple[str, ...], Callable[[Any, Any], object]] = field(default_factory=dict)
    remembers: bool = False
    until_below: bool = False
    rows: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()
    fills: frozenset[str] = frozenset()
    clocked: frozenset[int] = frozenset()
    judged: Mapping[str, tuple[Placed, ...]] = field(default_factory=dict)
    follows: bool = False
    numbered: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """The flow of one form. `calendar` is the id of a live calendar ("" = the clock, all days).

    `steps`: path → step, over all scopes. `scopes`: path → scope; scopes[""] is the top. `shape` is
    the form of the same release: its formulas are computed after every write of the flow.
    """

    form: str
    label: Text
    calendar: str
    stages: Mapping[str, Stage]
    slas: Mapping[str, Sla]
    interrupts: Mapping[str, Interrupt]
    scopes: Mapping[str, Scope]
    steps: Mapping[str, Step]
    shape: Form
    reading: Reading
    policies: Mapping[str, Policy] = field(default_factory=dict)
    words: Words = field(default_factory=Words)
    """What the names in its expressions are called; bare ones belong to the record."""

    @property
    def top(self) -> Scope:
        """The top scope."""
        return self.scopes[""]
