"""A record played through its flow in memory: every effect stays here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flows.advance import advance
from flows.calendars import Calendar
from flows.events import (
    Act,
    AddApprover,
    Answer,
    Arrived,
    Begin,
    Changed,
    Claim,
    Ended,
    Event,
    Fire,
    Interruption,
    Mend,
    Transfer,
)
from flows.model import Flow
from flows.needs import ahead
from flows.state import (
    NOTHING,
    OPEN,
    Asked,
    Call,
    Declined,
    Done,
    Facts,
    Need,
    Person,
    StartRecord,
    Task,
    Timer,
    apply,
)
from forms.expr import Env
from forms.values import Money

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""A Monday, ten in the morning in Shanghai."""

ZONE = ZoneInfo("Asia/Shanghai")
OFFICE = Calendar("office", ZONE, dict.fromkeys(range(5), ((540, 1080),)))

RECORD = 1 << 40
ROLES: Mapping[str, tuple[int, ...]] = {
    "clerk": (1, 2),
    "lead": (3,),
    "finance": (4, 5, 6),
    "boss": (7,),
    "admin": (8,),
    "quality": (9, 3),
    "nobody": (),
}
MANAGERS = {1: 3, 2: 3, 3: 7, 4: 7}


def money(amount: object) -> Money:
    return Money(Decimal(str(amount)), "CNY")


def person(user: int, roles: Mapping[str, tuple[int, ...]] = ROLES) -> Person:
    """A user with those roles."""
    held = {f"role:{role}" for role, users in roles.items() if user in users}
    return Person(user, f"user {user}", frozenset({f"user:{user}", *held}))


@dataclass
class World:
    """What other records and people there are. `people` answers more questions."""

    rows: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    totals: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    people: dict[Asked, tuple[int, ...]] = field(default_factory=dict)
    roles: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: ROLES)

    def load(self, need: Need, facts: Facts) -> None:
        """Give what is asked for; what is not there is said not to be."""
        for target, ids in need.links.items():
            known = facts.env.links.setdefault(target, {})
            for key in ids:
                row = self.rows.get(target, {}).get(key)
                if row is not None:
                    names = need.fields[target]
                    row = {name: row.get(name) for name in {*names, *(known.get(key) or {})}}
                known[key] = row
        for name, key in need.aggregates:
            found = self.totals.get(name, {}).get(key, {})
            facts.env.aggregates.setdefault(name, {})[key] = found
        for question in need.people:
            facts.people[question] = self.answer(question)

    def answer(self, question: Asked) -> tuple[int, ...]:
        if question in self.people:
            return self.people[question]
        if question.kind == "role":
            return self.roles.get(str(question.of), ())
        if question.kind == "manager_of":
            manager = MANAGERS.get(int(question.of))
            return () if manager is None else (manager,)
        return ()


class Refused(AssertionError):
    """The engine declined."""

    def __init__(self, answer: Declined) -> None:
        super().__init__(f"{answer.code}: {answer.message.en}")
        self.answer = answer
        self.code = answer.code


class Play:
    """One record. Every verb advances it; effects pile up in `calls` and `starts`."""

    def __init__(self, flow: Flow, world: World | None = None, **fields: Any) -> None:
        self.flow = flow
        self.world = world or World()
        self.now = NOW
        names = dict.fromkeys(flow.shape.fields)
        lines = {one.id: [] for one in flow.shape.lines}
        system = {"id": RECORD, "number": None, "title": None, "stage": None, "created_by": 1}
        self.row: dict[str, Any] = {**system, **names, **lines, **fields}
        for name in lines:
            of = flow.shape.fields[name].fields  # type: ignore[attr-defined]
            self.row[name] = [
                {**dict.fromkeys(of), "id": RECORD + 1 + n, **one}
                for n, one in enumerate(self.row[name])
            ]
        self.state = NOTHING
        self.last: Done = Done({})
        self.trace: list[Mapping[str, Any]] = []
        self.calls: list[Call] = []
        self.starts: list[StartRecord] = []
        self.told: list[str] = []
        self.ended: str | None = None
        self.rounds = 0
        self.most_rounds = 0
        self.prefetch = True
        self.history: list[Task] = []

    # -- the engine
    def facts(self) -> Facts:
        env = Env(self.now, links={}, aggregates={}, currency="CNY", zone=ZONE)
        return Facts(self.row, env, {}, {"office": OFFICE})

    def send(self, event: Event) -> Done:
        """One event, with the facts it needs, applied."""
        facts = self.facts()
        if self.prefetch:
            self.world.load(ahead(self.flow, self.state, event, facts, self.now), facts)
        before = repr((self.row, self.state))
        for rounds in range(5):
            answer = advance(self.flow, self.state, event, facts, self.now)
            assert repr((self.row, self.state)) == before, "the engine changed what it was given"
            if isinstance(answer, Need):
                self.world.load(answer, facts)
                continue
            self.rounds = rounds
            self.most_rounds = max(rounds, self.most_rounds)
            break
        else:
            raise AssertionError(f"needs {answer}")
        if isinstance(answer, Declined):
            raise Refused(answer)
        if answer.used:
            self._take(answer)
        self.last = answer
        return answer

    def _take(self, done: Done) -> None:
        self.row = done.row
        self.state = apply(self.state, done)
        self.trace += done.trace
        self.calls += [one for one in done.effects if isinstance(one, Call)]
        self.starts += [one for one in done.effects if isinstance(one, StartRecord)]
        self.told += [one.name for one in done.happenings]
        self.history = [
            *(t for t in self.history if t.id not in {d.id for d in done.tasks}),
            *done.tasks,
        ]
        self.ended = done.ended or self.ended

    def person(self, user: int) -> Person:
        """A user of this world."""
        return person(user, self.world.roles)

    # -- verbs
    def begin(self, act: str | None = None, **fields: Any) -> Play:
        self.row = {**self.row, **fields}
        self.send(Begin(self.person(self.row["created_by"]), act))
        return self

    def act(
        self,
        name: str,
        user: int,
        *,
        step: str = "",
        row: int | None = None,
        comment: str = "",
        signature: str = "",
        to: str = "",
        sets: Mapping[str, Any] | None = None,
        attachments: tuple[int, ...] = (),
    ) -> Play:
        """Do an act on the task of that user (in that step, of that row)."""
        who = self.person(user)
        task = self.task_of(who, step, row)
        self.row = {**self.row, **(sets or {})}
        self.send(Act(who, task.id, name, comment, attachments, signature, to))
        return self

    def task_of(self, who: Person, step: str = "", row: int | None = None) -> Task:
        found = [
            task
            for task in self.state.tasks.values()
            if task.status == OPEN
            and (not step or task.step == step)
            and (row is None or self.state.tokens[task.token].row == row)
            and (not who.principals.isdisjoint(task.seats) or task.claimed == who.user)
        ]
        assert found, f"{who.name} has no task; at {self.at()}, open {self.open()}"
        return found[0]

    def claim(self, user: int, *, back: bool = False, step: str = "") -> Play:
        who = self.person(user)
        self.send(Claim(who, self.task_of(who, step).id, back))
        return self

    def transfer(self, user: int, to: int) -> Play:
        who = self.person(user)
        self.send(Transfer(who, self.task_of(who).id, to))
        return self

    def add(self, user: int, other: int, how: str) -> Play:
        who = self.person(user)
        self.send(AddApprover(who, self.task_of(who).id, other, how))
        return self

    def interrupt(self, name: str, user: int) -> Play:
        self.send(Interruption(self.person(user), name))
        return self

    def answer(
        self, outcome: str = "done", *, call: Call | StartRecord | None = None, **data: Any
    ) -> Play:
        """Answer the last effect, or `call`."""
        one = call or (self.last_effect())
        action = one.action if isinstance(one, Call) else ""
        self.send(Answer(one.key, one.token, one.step, one.visit, action, outcome, data))
        return self

    def last_effect(self) -> Call | StartRecord:
        effects = [e for e in self.last.effects if isinstance(e, Call | StartRecord)]
        return effects[-1]

    def child_ends(self, outcome: str, record: int = 99) -> Play:
        one = self.starts[-1]
        self.send(Ended(one.key, one.token, one.step, one.visit, record, outcome))
        return self

    def event(self, name: str, key: str = "e1", **save: Any) -> Play:
        self.send(Arrived(name, key, {(path,): value for path, value in save.items()}))
        return self

    def changed(self) -> Play:
        self.send(Changed())
        return self

    def mend(self, how: str, outcome: str = "", token: int = 0) -> Play:
        self.send(Mend(self.person(8), token, how, "because", outcome))
        return self

    def pass_time(self, **delta: float) -> Play:
        """Let time pass; every timer that falls due fires at its moment."""
        return self.until(self.now + timedelta(**delta))

    def until(self, moment: datetime) -> Play:
        """Go to a moment; timers fire in order, each at its own time."""
        while True:
            due = sorted((one for one in self.timers() if one.at <= moment), key=lambda one: one.at)
            if not due:
                break
            self.now = max(self.now, due[0].at)
            self.send(Fire(due[0].id))
        self.now = moment
        return self

    # -- looking
    def timers(self) -> list[Timer]:
        return [one for one in self.state.timers.values() if one.status == OPEN]

    def timer(self, rule: str) -> Timer:
        return next(one for one in self.timers() if one.rule == rule)

    def at(self) -> list[str]:
        """Where the tokens stand, as paths."""
        found = [one for one in self.state.tokens.values() if one.outcome is None]
        return sorted(f"{one.scope}/{one.step}" if one.scope else one.step for one in found)

    def open(self) -> list[tuple[str, tuple[str, ...]]]:
        """(step, seats) of open tasks."""
        return [(one.step, one.seats) for one in self.state.tasks.values() if one.status == OPEN]

    def said(self, kind: str) -> list[Mapping[str, Any]]:
        return [one for one in self.trace if one["kind"] == kind]

    def incident(self, token: int = 0) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.state.tokens[token].data["incident"]
        return found
