"""One transition under way: what is known, what has changed, what follows.

Nothing of the state, the facts or the row that were handed in is changed: rows are copied when
they are first written, tokens when they are first touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from flows.advance.trouble import Missing, trouble, unable
from flows.hearing import Place
from flows.model import Duration, Flow, Step
from flows.policy import Undecided, parameter
from flows.reading import Wants
from flows.state import (
    OPEN,
    SYSTEM,
    TOP,
    WAITING,
    Effect,
    Facts,
    Happening,
    Person,
    State,
    Task,
    Timer,
    Token,
)
from forms.expr import Expr
from forms.model import Row
from forms.recompute import recompute
from forms.telling import tell
from forms.values import Text

if TYPE_CHECKING:
    from flows.calendars import Calendar

MOST_STEPS = 200
"""Steps one token may enter in a transition; more is a circle. (Two hundred rows of `each` are two
hundred tokens.)"""

MOST_PLACES = 20_000
"""Places a record may be in at once: rows of `each` and branches of `parallel` under way."""

_STANDING = (OPEN, WAITING)

Kept = TypeVar("Kept", Task, Timer)


class Live:
    """A token being changed. `at` is the part of its data that belongs to the visit."""

    __slots__ = (
        "at",
        "children",
        "counts",
        "data",
        "entered_at",
        "id",
        "outcome",
        "parent",
        "row",
        "scope",
        "step",
        "visit",
    )

    def __init__(self, token: Token) -> None:
        self.id = token.id
        self.parent = token.parent
        self.scope = token.scope
        self.row = token.row
        self.step = token.step
        self.visit = token.visit
        self.entered_at = token.entered_at
        self.children = token.children
        self.counts: Mapping[str, int] = token.counts
        self.outcome = token.outcome
        self.data: dict[str, Any] = dict(token.data)
        self.at: dict[str, Any] = dict(self.data.pop("at", ()))

    def frozen(self) -> Token:
        """The token as it now is."""
        return Token(
            self.id,
            self.parent,
            self.scope,
            self.row,
            self.step,
            self.visit,
            self.entered_at,
            self.children,
            self.counts,
            self.outcome,
            {**self.data, "at": self.at} if self.at else self.data,
        )


def _standing(known: Mapping[int, Kept], changed: Mapping[int, Kept], token: int) -> list[Kept]:
    """Those of a token that are neither decided nor cancelled, as they now are."""
    found = []
    for key, one in known.items():
        if one.token == token and key not in changed and one.status in _STANDING:
            found.append(one)
    for one in changed.values():
        if one.token == token and one.status in _STANDING:
            found.append(one)  # noqa: PERF401 - twice as fast for the one or two there are
    return found


class Work:
    """A transition under way."""

    __slots__ = (
        "awaited",
        "before",
        "cancel_below",
        "effects",
        "ended",
        "entered",
        "entering",
        "env",
        "facts",
        "flow",
        "happenings",
        "heard",
        "live",
        "now",
        "opened",
        "own_lines",
        "own_row",
        "passed",
        "person",
        "ready",
        "record",
        "revoke",
        "row",
        "state",
        "tasks",
        "timers",
        "touched",
        "trace",
        "used",
        "wants",
        "watches",
    )

    def __init__(
        self, flow: Flow, state: State, facts: Facts, now: datetime, person: Person = SYSTEM
    ) -> None:
        self.flow = flow
        self.state = state
        self.facts = facts
        self.env = facts.env
        self.now = now
        self.person = person
        self.row: Row = facts.row
        self.before: Row = facts.row
        self.record: int = facts.row["id"]
        self.own_row = False
        self.own_lines: set[str] = set()
        self.live: dict[int, Live] = {}
        self.tasks: dict[int, Task] = {}
        self.timers: dict[int, Timer] = {}
        self.touched = False
        self.passed: set[str] = set()
        self.ready: list[tuple[int, str]] = []
        self.entered: dict[int, int] = {}
        self.wants = Wants(facts, flow.reading.fields)
        self.trace: list[dict[str, Any]] = []
        self.effects: list[Effect] = []
        self.happenings: list[Happening] = []
        self.cancel_below: list[int] = []
        self.opened: list[tuple[int, tuple[str, ...]]] = []
        self.watches: dict[int, tuple[tuple[str, int], ...]] = {}
        self.heard: frozenset[Place] = frozenset()
        self.awaited = False
        self.revoke = False
        self.ended: str | None = None
        self.used = True
        self.entering: Live | None = None

    # -- tokens, tasks, timers
    def token(self, token_id: int) -> Live:
        """A token, to be changed."""
        found = self.live.get(token_id)
        if found is None:
            found = self.live[token_id] = Live(self.state.tokens[token_id])
        return found

    def look(self, token_id: int) -> Live | Token | None:
        """A token as it now is; None where it is not known or has ended."""
        found = self.live.get(token_id) or self.state.tokens.get(token_id)
        return found if found is not None and found.outcome is None else None

    def known(self) -> list[Live | Token]:
        """Every token that is known and has not ended, as it now is."""
        every: dict[int, Live | Token] = {**self.state.tokens, **self.live}
        return [one for one in every.values() if one.outcome is None]

    @property
    def top(self) -> Live:
        """The token of the top scope."""
        return self.token(TOP)

    def step_of(self, live: Live | Token) -> Step:
        """The step a token stands in."""
        return self.flow.scopes[live.scope].steps[live.step]

    def task(self, task_id: int) -> Task | None:
        """A task as it now is."""
        return self.tasks.get(task_id) or self.state.tasks.get(task_id)

    def open_tasks(self, token_id: int) -> list[Task]:
        """The tasks of a token that are not decided."""
        return _standing(self.state.tasks, self.tasks, token_id)

    def open_timers(self, token_id: int) -> list[Timer]:
        """The timers of a token that may still fire."""
        return _standing(self.state.timers, self.timers, token_id)

    # -- reading
    def seen_from(self, live: Live | Token) -> Mapping[str, Any]:
        """The record as expressions of a token's scope see it: with the rows around it."""
        if live.row is None:
            return self.row
        seen = dict(self.row)
        names = list(self.flow.reading.rows.get(live.scope, ()))
        one: Live | Token | None = live
        last: int | None = None
        while names and one is not None:
            if one.row is not None and one.row != last:
                last = one.row
                seen[names.pop()[0]] = last
            one = self.above(one)
        return seen

    def row_of(self, live: Live | Token, lines: str) -> int | None:
        """The row of those lines around a token, the innermost; None outside of any."""
        for name, of in reversed(self.flow.reading.rows.get(live.scope, ())):
            if of == lines:
                found: int | None = self.seen_from(live).get(name)
                return found
        return None

    def place_of(self, live: Live | Token) -> Place:
        """The scope a token stands in, with the rows around it."""
        rows: list[int] = []
        one: Live | Token | None = live
        while one is not None and one.row is not None:
            if not rows or rows[-1] != one.row:
                rows.append(one.row)
            one = self.above(one)
        return live.scope, tuple(reversed(rows))

    def above(self, live: Live | Token) -> Live | Token | None:
        """The token above one."""
        if live.parent is None:
            return None
        return self.live.get(live.parent) or self.state.tokens.get(live.parent)

    def value(self, expr: Expr, row: Mapping[str, Any]) -> Any:
        """The value of an expression. Raises Missing, EvalError."""
        probe = self.flow.reading.probes.get(id(expr))
        if probe is not None:
            probe(row, self.env, self.wants)
            self.need()
        return expr.evaluate(row, self.env)

    def need(self) -> None:
        """Stop where facts are missing. Raises Missing."""
        if self.wants.some:
            raise Missing

    def holds(self, expr: Expr, row: Mapping[str, Any]) -> bool:
        """Whether a condition holds; one without a result is an incident."""
        found = self.value(expr, row)
        if found is None:
            raise trouble("null_condition", self.told(expr))
        return found is True

    def told(self, expr: Expr) -> Text:
        """An expression in words."""
        words = self.flow.words
        return Text(tell(expr, words, "zh"), tell(expr, words, "en"))

    def called(self, path: Iterable[object]) -> Text:
        """A field, or a cell of a line, by its labels."""
        lines, *rest = [str(part) for part in path]
        field = self.flow.shape.field_at(".".join((lines, *rest[-1:])))
        label = field.label if field is not None else Text.of(lines)
        if len(rest) < 2 or not rest[0].isdigit():
            return label
        number = int(rest[0]) + 1
        return Text(f"{label.zh}（第 {number} 行）", f"{label.en} (line {number})")

    def duration(self, found: Duration) -> Duration:
        """A length of time; a policy's parameter as it holds for this record."""
        if found.parameter is None:
            return found
        policy = self.flow.policies.get(found.parameter[0])
        if policy is None:
            return found
        try:
            value = parameter(policy, found.parameter[1], self.row, self.env).value
        except Undecided:
            return found
        return value if isinstance(value, Duration) else found

    @property
    def calendar(self) -> Calendar | None:
        """The flow's calendar."""
        found: Calendar | None = self.facts.calendars.get(self.flow.calendar)
        return found

    # -- writing
    @property
    def currency(self) -> str | None:
        """The record's currency: what settling an amount asks for."""
        found: str | None = self.env.currency
        return found

    def write(self, path: tuple[str, ...], value: Any, line: Row | None = None) -> None:
        """Put a value into a field of the record, or of `line` (a row of `lines()`), as the field
        keeps it. Raises Invalid. `compute` afterwards."""
        settle = self.flow.reading.settle[path]
        made = None if value is None else settle(value, self)
        if line is not None:
            line[path[1]] = made
        else:
            self.writable()[path[0]] = made

    def writable(self) -> Row:
        """The record's row, copied once."""
        if not self.own_row:
            self.own_row = True
            self.row = dict(self.row)
        return self.row

    def lines(self, name: str) -> list[Row]:
        """The rows of a lines field, copied once."""
        found: list[Row] = self.row.get(name) or []
        if name not in self.own_lines:
            self.own_lines.add(name)
            found = [dict(one) for one in found]
            self.writable()[name] = found
            self._show(name, found)
        return found

    def show_lines(self) -> None:
        """Let expressions follow links to the record's own rows."""
        for name in self.flow.reading.shown:
            self._show(name, self.row.get(name) or ())

    def _show(self, name: str, rows: Iterable[Row]) -> None:
        if name not in self.flow.reading.shown:
            return
        target, links = f"{self.flow.form}.{name}", self.env.links
        known = {**(links.get(target) or {}), **{one["id"]: one for one in rows}}
        if isinstance(links, dict):
            links[target] = known
        else:
            self.env.links = {**links, target: known}

    def compute(self) -> None:
        """Compute the formulas after fields were written. Raises Missing, Trouble."""
        self.touched = True
        form, reading = self.flow.shape, self.flow.reading
        if not form.plan.program:
            return
        for placed in reading.formulas:
            placed.run(self.row, self.env, self.wants)
        self.need()
        row = self.writable()
        for table, _ in form.plan.program:
            if table:
                self.lines(table)
        run = recompute(form, row, self.before if reading.fills else row, self.env)
        if reading.fills:
            self.before = {
                name: [dict(one) for one in value] if type(value) is list else value
                for name, value in row.items()
                if name in reading.fills
            }
        if run.errors:
            path, wrong = run.errors[0]
            raise unable(self.called(path), wrong)

    # -- saying
    def say(self, kind: str, live: Live | Token | None, step: str, **more: Any) -> None:
        """Add an entry to the trace. `step` is its path."""
        if live is None or live.row is None:
            self.trace.append({"kind": kind, "step": step, **more})
        else:
            self.trace.append({"kind": kind, "step": step, "row": live.row, **more})

    def tell(self, name: str, **data: Any) -> None:
        """Note something others may want to hear of."""
        self.happenings.append(Happening(name, data))
