"""Advancing a two-step approval in memory: each event, and an event late in a record's life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time
from zoneinfo import ZoneInfo

from app.catalog.build import build
from app.catalog.sources import Sources
from bench.lab import Lab
from bench.report import Result, at_most, result
from flows.advance import advance
from flows.calendars import clock
from flows.events import Act, Begin, Event
from flows.model import Flow
from flows.state import NOTHING, Asked, Declined, Done, Facts, Need, Person, State, apply
from forms.expr import Env

SECTION = "13 Flow: each event of a two-step approval, and the thousandth"
EVENT_TARGET = 40.0
FLAT_TARGET = 1.3

FORM = "form: claim\nlabel: Claim\nfields:\n  amount: {type: money, currency: CNY}\n"
FLOW = """flow: claim
stages: {open: {label: Open}, paid: {label: Paid}, refused: {label: Refused}}
steps:
  write: {stage: open, task: {by: [{user: created_by}], edit: all}, next: {submit: first}}
  first:
    approve: {levels: {lead: {by: [{role: lead}]}}, if_nobody: [{role: boss}]}
    next: {approved: second, rejected: refused, sent_back: {to: write, max: 1000}}
  second:
    approve: {levels: {boss: {by: [{role: boss}]}}, if_nobody: [{role: lead}]}
    next: {approved: paid, rejected: refused}
  paid: {stage: paid, end: paid}
  refused: {stage: refused, end: refused}
"""
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PEOPLE = {Asked("role", "lead"): (2,), Asked("role", "boss"): (3,)}
CALENDARS = {"": clock(ZoneInfo("UTC"))}


def run(lab: Lab) -> list[Result]:
    """The best of many short rounds: whatever else runs on the machine only adds."""
    flow = compiled()
    calls = lab.sizes.of(400, 3)
    rows = [
        result(SECTION, "none", what, _best(event, calls), "µs")
        for what, event in _events(flow).items()
    ]
    whole = sum(one.value for one in rows) / len(rows)
    rows.append(result(SECTION, "none", "an event, mean", whole, "µs", at_most(EVENT_TARGET)))
    early, late = _rounds(flow, 1, calls), _rounds(flow, lab.sizes.of(500, 3), calls)
    rows.append(
        result(SECTION, "none", "event 1,000 / event 1", late / early, "", at_most(FLAT_TARGET))
    )
    return rows


def compiled() -> Flow:
    """The flow of the section."""
    files = {
        "packs/bench/pack.yaml": "pack: bench\nlabel: Bench\n",
        "packs/bench/forms/claim.yaml": FORM,
        "packs/bench/flows/claim.yaml": FLOW,
        **{
            f"packs/bench/roles/{role}.yaml": f"role: {role}\nlabel: {role}\n"
            for role in ("lead", "boss")
        },
    }
    made = build(Sources(files)).whole
    if made is None:
        raise ValueError("the definitions of the section do not build")
    return made.flows["claim"]


def person(user: int) -> Person:
    """Somebody who acts."""
    return Person(user, f"user {user}", frozenset({f"user:{user}"}))


def facts(row: dict[str, object]) -> Facts:
    """Everything the flow needs to know."""
    env = Env(NOW, links={}, aggregates={}, currency="CNY")
    return Facts(row, env, dict(PEOPLE), CALENDARS)


def done(answer: Done | Need | Declined) -> Done:
    """The transition; anything else is a mistake of the bench."""
    if not isinstance(answer, Done):
        raise TypeError(answer)
    return answer


def step(flow: Flow, state: State, row: dict[str, object], event: Event) -> tuple[State, Done]:
    """One event applied."""
    found = done(advance(flow, state, event, facts(row), NOW))
    return apply(state, found), found


def _start() -> dict[str, object]:
    return {"id": 1 << 40, "created_by": 1, "stage": None, "amount": None}


def _act(state: State, user: int, name: str) -> Act:
    task = next(one for one in state.tasks.values() if one.status == "open")
    return Act(person(user), task.id, name)


def _events(flow: Flow) -> dict[str, Callable[[], object]]:
    """The four events of a record's life, each against the state it meets."""
    found: dict[str, Callable[[], object]] = {}
    state, row = NOTHING, _start()
    plan = [("begin", 1, ""), ("submit", 1, "submit"), ("first vote", 2, "approved")]
    for what, user, name in [*plan, ("last vote", 3, "approved")]:
        event: Event = Begin(person(user)) if not name else _act(state, user, name)
        known = facts(row)

        def again(state: State = state, event: Event = event, known: Facts = known) -> object:
            return advance(flow, state, event, known, NOW)

        found[what] = again
        state, made = step(flow, state, row, event)
        row = made.row
    if state.tasks:
        raise ValueError("the record has not come to its end")
    return found


def _rounds(flow: Flow, rounds: int, calls: int) -> float:
    """A vote after so many rounds of submitting and sending back, in microseconds."""
    state, made = step(flow, NOTHING, _start(), Begin(person(1)))
    row = made.row
    for number in range(rounds):
        state, made = step(flow, state, row, _act(state, 1, "submit"))
        if number < rounds - 1:
            state, made = step(flow, state, row, _act(state, 2, "sent_back"))
    event, known = _act(state, 2, "approved"), facts(row)
    return _best(lambda: advance(flow, state, event, known, NOW), calls)


def _best(work: Callable[[], object], calls: int) -> float:
    best = float("inf")
    for _ in range(20):
        begin = process_time()
        for _ in range(calls):
            work()
        best = min(best, (process_time() - begin) / calls)
    return best * 1e6
