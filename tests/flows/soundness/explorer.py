"""Brute force: every move of every token, one after the other, in every order.

Nothing here knows the analysis. A configuration is where all tokens stand, how often each exit
with a `max` was taken, and which fields are known to be filled; what an expression needs, and what
its outcome says of fields, is found by evaluating it for every way the fields could be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import NamedTuple

from flows.model import (
    Action,
    Approve,
    Decide,
    Do,
    Each,
    End,
    Exit,
    Flow,
    Interrupt,
    Parallel,
    Scope,
    SetOnly,
    Setting,
    Start,
    Step,
    Switch,
    Task,
    Wait,
)
from forms.expr import Env, Expr
from tests.flows.soundness.random_flows import FORM, MONEY, OPTIONAL, SEALED, UNSURE, WHERE

Known = frozenset[str]
"""Fields that are filled; "x0" and "x1" are the column x of the two rows."""
COLUMNS = ("x0", "x1")
_ROWS = {0: 101, 1: 102}
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class TooMany(Exception):
    """There are more configurations than can be looked at."""


class Token(NamedTuple):
    """A token at a step of a scope, or ("" for `step`) about to enter it. `row`: of an `each`.

    `below`: the tokens of the scopes the step has opened; `done`: how many of them have ended so.
    """

    scope: str
    step: str
    row: int | None = None
    counts: tuple[tuple[str, int], ...] = ()
    below: tuple[Token, ...] = ()
    done: int = 0
    met: Known = frozenset()
    """Steps people have left, in scopes where something can be sent back."""
    sender: str = ""
    """The approval that has sent it here, and wants it straight back."""
    todo: int = 0
    """The action that was called last."""


Ran = frozenset[tuple[str, int | None, str]]
"""Actions that were called, by the step's path and the row, and have not failed."""


class Config(NamedTuple):
    """`running`: the token that goes on at once, if one does."""

    token: Token
    known: Known
    stage: str
    rows: int
    running: tuple[int, ...] | None = None
    ran: Ran | None = frozenset()
    """None behind an act that the engine refuses: what is reached there does not move money."""


@dataclass
class Seen:
    """What came about: steps by path."""

    steps: set[str] = field(default_factory=set)
    outcomes: dict[str, set[str]] = field(default_factory=dict)
    no_exit: set[str] = field(default_factory=set)
    used_up: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    """Actions that may move money a second time: step's path and id."""
    nobody: set[str] = field(default_factory=set)
    """Tasks that may be for nobody."""
    sealed: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in SEALED})
    """Field that people cannot fill → the tasks that demand it and may find it empty."""
    ends: set[str] = field(default_factory=set)
    configs: int = 0


class Explorer:
    def __init__(self, flow: Flow, most: int) -> None:
        self.flow = flow
        self.most = most
        self.seen = Seen()

    def run(self) -> Seen:
        """Look at everything that can happen. Raises TooMany."""
        ahead: list[Config] = []
        met: set[Config] = set()
        has_rows = any(isinstance(s.body, Each) for s in self.flow.steps.values())
        for rows in (0, 1, 2) if has_rows else (0,):
            token = Token("", "")
            ahead.append(Config(token, frozenset(), "", rows))
        while ahead:
            config = ahead.pop()
            if config in met:
                continue
            met.add(config)
            if len(met) > self.most:
                raise TooMany
            ahead.extend(self.moves(config))
        self.seen.configs = len(met)
        return self.seen

    # -- moves of the whole -----------------------------------------------------------------

    def moves(self, config: Config) -> Iterator[Config]:
        """Every configuration one move further. First, whoever holds a task may empty fields."""
        if config.running is not None:
            yield from self.run_on(config, config.running)
            return
        opened = frozenset().union(*(self.opened(t) for t in leaves(config.token)))
        config = config._replace(known=config.known - opened)
        yield from self.of_token(config, ())
        top = config.token
        for one in self.flow.interrupts.values():
            if top.step and config.stage in one.stages:
                moved = Token("", "", counts=top.counts, met=top.met)
                here = config._replace(ran=self.left_by(config.ran, one))
                yield from self.enter(here, (), moved, one.to)

    def left_by(self, ran: Ran | None, one: Interrupt) -> Ran | None:
        """What has run behind an interrupt. A person may only where nothing has, or all that has is
        taken back; an event asks for neither."""
        if ran is None:
            return None
        lasting = frozenset(key for key in ran if not self.action(key).undo)
        if one.by and (lasting if one.undo else ran):
            return None
        return lasting if one.undo else ran

    def action(self, key: tuple[str, int | None, str]) -> Action:
        body = self.flow.steps[key[0]].body
        assert isinstance(body, Do)
        return body.actions[key[2]]

    def of_token(self, config: Config, path: tuple[int, ...]) -> Iterator[Config]:
        token = at(config.token, path)
        if not token.step:
            yield from self.enter(config, path, token, self.flow.scopes[token.scope].entry)
            return
        step = self.flow.scopes[token.scope].steps[token.step]
        for index in range(len(token.below)):
            yield from self.of_token(config, (*path, index))
        late = ["late"] if "late" in step.exits and timed(step) else []
        match step.body:
            case Task():
                buttons = [o for o in step.exits if o != "late"]
                open_buttons = [o for o in buttons if not used(token, step.exits[o])]
                if not open_buttons and not late:
                    (self.seen.used_up if buttons else self.seen.no_exit).add(step.path)
                for outcome in [*open_buttons, *late]:
                    yield from self.leave(config, path, outcome)
            case Approve():
                ways = [(o, exit_of(step, o)) for o in ("approved", "rejected", "sent_back")]
                offered_once = [w for _, w in ways if w is not None]
                if not late and offered_once and all(used(token, w) for w in offered_once):
                    self.seen.used_up.add(step.path)
                for outcome, way in ways:
                    if way is None and outcome != "sent_back":
                        self.seen.no_exit.add(step.path)
                    elif way is not None and not used(token, way):
                        yield from self.leave(config, path, outcome)
                for outcome in late:
                    yield from self.leave(config, path, outcome)
            case Wait() as body:
                for outcome in [*(body.events or ("until",)), *late]:
                    yield from self.leave(config, path, outcome)
            case Do() as body:
                yield from self.ask(config, path, token, step, token.todo + 1)
                key = (step.path, token.row, [*body.actions][token.todo])
                ran = None if config.ran is None else config.ran - {key}
                for outcome in ["failed.declined", "failed.unavailable"]:
                    if outcome in step.exits:  # what failed is another effect the next time
                        yield from self.leave(config._replace(ran=ran), path, outcome)
            case Start() as body:
                for outcome in ("good", "bad") if body.wait else ("done",):
                    yield from self.leave(config, path, outcome)
            case Each() | Parallel():
                for outcome in late:
                    yield from self.leave(config, path, outcome)

    # -- one token --------------------------------------------------------------------------

    def enter(
        self, config: Config, path: tuple[int, ...], token: Token, name: str
    ) -> Iterator[Config]:
        """Put a token into a step."""
        step = self.flow.scopes[token.scope].steps[name]
        self.seen.steps.add(step.path)
        known = config.known
        for one in step.sets:
            known = self.set(one, known, token, config.rows)
        if isinstance(step.body, Task):
            self.open(step, step.body, known, token)
        sender = token.sender if isinstance(step.body, Task | Approve) else ""
        token = Token(token.scope, name, token.row, token.counts, met=token.met, sender=sender)
        config = config._replace(known=known, stage=step.stage or config.stage)
        if isinstance(step.body, Do):
            yield from self.ask(config, path, token, step, 0)
            return
        rests = not isinstance(step.body, End | Switch | Decide | SetOnly | Each | Parallel)
        yield config._replace(token=put(config.token, path, token), running=None if rests else path)

    def ask(
        self, config: Config, path: tuple[int, ...], token: Token, step: Step, first: int
    ) -> Iterator[Config]:
        """Call an action of a step, or pass over those whose condition does not hold."""
        assert isinstance(step.body, Do)
        for todo, action in enumerate(step.body.actions.values()):
            if todo < first:
                continue
            key = (step.path, token.row, action.id)
            ran = config.ran
            money = action.use == MONEY and action.key is None
            if ran is not None and (money or self.flow.interrupts):
                if money and key in ran:
                    self.seen.twice.add(f"{step.path}:{action.id}")
                ran |= {key}
            asked = put(config.token, path, token._replace(todo=todo))
            yield config._replace(token=asked, ran=ran, running=None)
            if action.when is None:
                return
        done = put(config.token, path, token._replace(todo=len(step.body.actions)))
        yield config._replace(token=done, running=path)

    def open(self, step: Step, body: Task, known: Known, token: Token) -> None:
        """See whether somebody is there to do a task, and can."""
        row = None if token.row is None else COLUMNS[token.row]
        held = known & {*OPTIONAL, row or ""}
        named = (who.expr is None or None not in valuations(who.expr, held, row) for who in body.by)
        if not any(named):
            self.seen.nobody.add(step.path)
        for name in set(body.require) & set(SEALED) - known:
            self.seen.sealed[name].add(step.path)

    def run_on(self, config: Config, path: tuple[int, ...]) -> Iterator[Config]:
        """Let the token that runs go on: nobody else moves before it rests."""
        token = at(config.token, path)
        step = self.flow.scopes[token.scope].steps[token.step]
        match step.body:
            case End() as body:
                yield from self.end(config, path, body.outcome)
            case Switch() as body:
                yield from self.switch(config, path, step, body)
            case Decide() as body:
                unsure = UNSURE in body.policies
                after = config.known - {"c"} if unsure else config.known | {"c"}
                config = config._replace(known=after)
                for outcome in body.policies[-1].branches:
                    yield from self.leave(config, path, outcome)
            case Each() as body:
                yield from self.rows(config, path, token, step, body)
            case Parallel() as body:
                below = tuple(Token(s.path, "", token.row) for s in body.branches.values())
                yield self.with_below(config, path, token, below)
            case _:
                yield from self.leave(config, path, "done")

    def with_below(
        self, config: Config, path: tuple[int, ...], token: Token, below: tuple[Token, ...]
    ) -> Config:
        made = token._replace(below=below)
        return config._replace(token=put(config.token, path, made), running=None)

    def rows(
        self,
        config: Config,
        path: tuple[int, ...],
        token: Token,
        step: Step,
        body: Each,
    ) -> Iterator[Config]:
        """A token for every row, or for some of them where there is a condition. There may be
        rows no longer: people take them out."""
        if config.rows:
            yield config._replace(rows=0)
        for chosen in product((False, True), repeat=config.rows):
            if body.where is None and not all(chosen):
                continue
            found = [row for row, taken in enumerate(chosen) if taken]
            known = config.known
            if body.where is not None:
                assert body.where is WHERE
                known |= {COLUMNS[row] for row in found}  # x == 1
            here = config._replace(known=known)
            if not found:
                yield from self.leave(here, path, "done")
                continue
            below = tuple(Token(body.scope.path, "", row) for row in found)
            yield self.with_below(here, path, token, below)

    def switch(
        self, config: Config, path: tuple[int, ...], step: Step, body: Switch
    ) -> Iterator[Config]:
        token = at(config.token, path)
        row = None if token.row is None else COLUMNS[token.row]
        results = valuations(body.on, config.known & {*OPTIONAL, row or ""}, row)
        if None in results and exit_of(step, "none") is None:
            self.seen.empty.add(step.path)
        elif None in results:
            yield from self.leave(config, path, "none")
        kinds = ("u", "v") if body.on.type.kind == "choice" else (True, False)
        for value in kinds:
            learnt = results.get(value, frozenset())
            here = config._replace(known=config.known | learnt)
            outcome = value if isinstance(value, str) else str(value).lower()
            yield from self.leave(here, path, outcome)

    def leave(self, config: Config, path: tuple[int, ...], outcome: str) -> Iterator[Config]:
        """Leave a step; what people did there is known, or empty, now."""
        token = at(config.token, path)
        step = self.flow.scopes[token.scope].steps[token.step]
        self.seen.outcomes.setdefault(step.path, set()).add(outcome)
        way = exit_of(step, outcome)
        if way is None:
            self.seen.no_exit.add(step.path)
            return
        if used(token, way):
            return
        counts = dict(token.counts)
        if way.max:
            key = f"{token.step}>{way.outcome}"
            counts[key] = counts.get(key, 0) + 1
        known = self.after(config, token, step, outcome)
        met = token.met
        human = isinstance(step.body, Task | Approve) and outcome != "late"
        if human and self.sends_back(token.scope):
            met |= {token.step}
        moved = Token(token.scope, "", token.row, tuple(sorted(counts.items())), met=met)
        here = config._replace(known=known)
        if outcome == "sent_back" and isinstance(step.body, Approve):
            if step.body.resubmit == "jump_back":
                moved = moved._replace(sender=token.step)
            for name in sorted(token.met - {way.to, token.step}):
                yield from self.enter(here, path, moved, name)
        yield from self.enter(here, path, moved, way.to)
        scope = self.flow.scopes[token.scope]
        people = isinstance(step.body, Task) or outcome == "approved"
        if human and people and token.sender in {*_beyond(scope, way.to)} - {way.to}:
            # Unless what was passed over has changed.
            yield from self.enter(here, path, moved, token.sender)

    def sends_back(self, scope: str) -> bool:
        return any("sent_back" in s.exits for s in self.flow.scopes[scope].steps.values())

    def end(self, config: Config, path: tuple[int, ...], outcome: str) -> Iterator[Config]:
        if not path:
            self.seen.ends.add(outcome)
            return
        parent = at(config.token, path[:-1])
        step = self.flow.scopes[parent.scope].steps[parent.step]
        rest = tuple(t for i, t in enumerate(parent.below) if i != path[-1])
        join = step.body.join if isinstance(step.body, Parallel) else 0
        done = parent.done + 1
        if outcome == "done" and rest and not (join and done >= join):
            waiting = parent._replace(below=rest, done=done)
            yield config._replace(token=put(config.token, path[:-1], waiting), running=None)
            return
        yield from self.leave(config, path[:-1], outcome)

    # -- fields -----------------------------------------------------------------------------

    def opened(self, token: Token) -> Known:
        """What people may empty while a token rests."""
        if not token.step:
            return frozenset()
        step = self.flow.scopes[token.scope].steps[token.step]
        return frozenset(opened(step, token.row))

    def after(self, config: Config, token: Token, step: Step, outcome: str) -> Known:
        known = config.known - self.opened(token)
        match step.body:
            case Task() as body if outcome != "late":
                known |= named(body.require, token.row, config.rows)
            case Approve() as body if outcome == "approved":
                for level in body.levels.values():
                    if level.when is None:
                        known |= named(level.require, token.row, config.rows)
            case Wait() as body if outcome == "until" and body.until is not None:
                row = None if token.row is None else COLUMNS[token.row]
                known |= valuations(body.until, known & set(OPTIONAL), row).get(True, frozenset())
            case Do() as body:
                action = body.actions["go"]
                saved = {path[0] for path in action.save}
                if action.when is None and outcome == "done":
                    known |= saved
        return known

    def set(self, one: Setting, known: Known, token: Token, rows: int) -> Known:
        row = None if token.row is None else COLUMNS[token.row]
        results = valuations(one.value, known & {*OPTIONAL, row or ""}, row)
        names = {one.path[0]}
        if len(one.path) == 2:
            assert one.path == ("lines", "x")
            names = {row or ""} if one.current else set(COLUMNS[:rows])
        return known - names if None in results else known | names


def opened(step: Step, row: int | None) -> Iterator[str]:
    match step.body:
        case Task() as body:
            for path in (*body.edit, *body.require):
                if path in SEALED:
                    continue
                if path == "*":
                    yield from (*OPTIONAL, *COLUMNS)
                else:
                    yield from named((path,), row, 2)
        case Approve() as body:
            for level in body.levels.values():
                yield from named(level.require, row, 2)


def named(paths: tuple[str, ...], row: int | None, rows: int) -> Known:
    found: set[str] = set()
    for path in paths:
        if path == "lines.x":
            found.update(COLUMNS[:rows] if row is None else (COLUMNS[row],))
        else:
            found.add(path)
    return frozenset(found)


def _beyond(scope: Scope, name: str) -> set[str]:
    """What can be reached from a step on, by whatever exits."""
    found, ahead = {name}, [name]
    while ahead:
        for way in scope.steps[ahead.pop()].exits.values():
            if way.to not in found:
                found.add(way.to)
                ahead.append(way.to)
    return found


def exit_of(step: Step, outcome: str) -> Exit | None:
    found = step.exits.get(outcome)
    if found is None and outcome != "late" and not outcome.startswith("failed."):
        found = step.exits.get("*")
    return found


def used(token: Token, way: Exit) -> bool:
    return bool(way.max) and dict(token.counts).get(f"{token.step}>{way.outcome}", 0) >= way.max


def timed(step: Step) -> bool:
    return step.due is not None and not step.due.escalate


def leaves(token: Token) -> Iterator[Token]:
    yield token
    for below in token.below:
        yield from leaves(below)


def at(token: Token, path: tuple[int, ...]) -> Token:
    for index in path:
        token = token.below[index]
    return token


def put(token: Token, path: tuple[int, ...], new: Token) -> Token:
    if not path:
        return new
    below = list(token.below)
    below[path[0]] = put(below[path[0]], path[1:], new)
    return token._replace(below=tuple(below))


# --- expressions --------------------------------------------------------------------------------


@cache
def valuations(expr: Expr, known: Known, row: str | None) -> dict[object, Known]:
    """Every value an expression can have → the optional fields that are filled whenever it has.

    `known` fields have a value, the others may; `row` is the row that is called line.
    """
    read = {*expr.names, *(name for _, name in expr.link_reads)}
    if "d" in read:
        read |= {"a", "b"}
    own = [name for name in OPTIONAL if name in read]
    if row is not None and "x" in read:
        own.append(row)
    found: dict[object, Known] = {}
    choices = []
    for name in own:
        values: tuple[object, ...] = ("u", "v") if name == "k" else (1, 6, 9)
        choices.append(values if name in known else (None, *values))
    for combination in product(*choices, (1, 9)):
        values_of = dict(zip(own, combination, strict=False))
        result = expr.evaluate(*_world(values_of, row, combination[-1]))
        filled = frozenset(name for name, value in values_of.items() if value is not None)
        found[result] = found[result] & filled if result in found else filled
    return found


def _world(values: dict[str, object], row: str | None, required: object) -> tuple[dict, Env]:
    record: dict[str, object] = {name: values.get(name) for name in OPTIONAL}
    a, b = record["a"], record["b"]
    record |= {"r": required, "d": None if a is None or b is None else a + b, "id": 1}  # type: ignore[operator]
    env = Env(_NOW)
    if row is not None:
        key = _ROWS[COLUMNS.index(row)]
        record["line"] = key
        env.links = {f"{FORM}.lines": {key: {"id": key, "x": values.get(row), "q": required}}}
    return record, env


# --- one scope alone ----------------------------------------------------------------------------


def goes_round(scope: Scope, seen: Seen) -> bool:
    """Whether a token can come to the same step with the same counts again, for ever."""
    state: dict[object, int] = {}
    outcomes = seen.outcomes

    def visit(name: str, counts: tuple[tuple[str, int], ...]) -> bool:
        key = (name, counts)
        if key in state:
            return state[key] == 1
        state[key] = 1
        for after in _next(scope, name, counts, outcomes):
            if visit(*after):
                return True
        state[key] = 2
        return False

    return any(visit(name, ()) for name, s in scope.steps.items() if s.path in seen.steps)


def comes_to_end(scope: Scope, name: str, outcomes: dict[str, set[str]], end: str = "") -> bool:
    """Whether a fresh token at a step can come to an end of its scope (of that name)."""
    met: set[object] = set()
    ahead: list[tuple[str, tuple[tuple[str, int], ...]]] = [(name, ())]
    while ahead:
        state = ahead.pop()
        if state in met:
            continue
        met.add(state)
        body = scope.steps[state[0]].body
        if isinstance(body, End) and end in ("", body.outcome):
            return True
        ahead.extend(_next(scope, *state, outcomes))
    return False


def _next(
    scope: Scope, name: str, counts: tuple[tuple[str, int], ...], outcomes: dict[str, set[str]]
) -> Iterator[tuple[str, tuple[tuple[str, int], ...]]]:
    step = scope.steps[name]
    for outcome in sorted(outcomes.get(step.path, ())):
        way = exit_of(step, outcome)
        if way is None or used(Token(scope.path, name, counts=counts), way):
            continue
        after = dict(counts)
        if way.max:
            key = f"{name}>{way.outcome}"
            after[key] = after.get(key, 0) + 1
        yield way.to, tuple(sorted(after.items()))
