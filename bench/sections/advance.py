"""The flow engine in memory: two approvals, against SpiffWorkflow doing the same.

Nothing here waits for anything, so the processor's time is what it takes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.catalog.build import build
from bench.lab import Lab
from bench.measure import in_turn
from bench.report import Result, at_least, at_most, result
from flows.advance import advance
from flows.events import Act, Begin
from flows.model import Flow
from flows.state import NOTHING, Asked, Done, Facts, Person, State, apply
from forms.expr import Env

SECTION = "12 advance(): a submission and two approvals, in memory; processor time"
EVENTS = 3
OURS, SPIFF = "advance()", "SpiffWorkflow"
_NOW = datetime(2026, 3, 18, 9, 0, tzinfo=UTC)
_ASKS = Person(1, "Asks", frozenset({"user:1"}))
_AGREES = Person(2, "Agrees", frozenset({"user:2", "role:mover"}))


def run(lab: Lab) -> list[Result]:
    """Let both go through the same case in turn."""
    catalog = build(lab.sources).catalog
    if catalog is None:
        raise SystemExit("the measured pack has problems")
    flow = catalog.flows["question"]
    contestants: dict[str, Any] = {OURS: lambda: one_case(flow)}
    spiff = _spiff()
    if spiff is not None:
        contestants[SPIFF] = spiff
    timed = in_turn(contestants, calls=lab.sizes.of(200, 5), rounds=lab.sizes.of(15, 2), warm_up=2)
    took = timed.cpu_seconds(OURS) / EVENTS * 1e6
    found = [result(SECTION, "none", "advance(), an event", took, "µs", at_most(40))]
    if spiff is None:
        print("SpiffWorkflow is not installed: `make bench` installs it")
        return found
    by_them = timed.cpu_seconds(SPIFF) / EVENTS * 1e6
    return [
        *found,
        result(SECTION, "none", "SpiffWorkflow, an event", by_them, "µs"),
        result(
            SECTION,
            "none",
            "… its time / ours",
            timed.cpu_ratio(SPIFF, OURS),
            "",
            at_least(10),
        ),
    ]


def one_case(flow: Flow) -> None:
    """Submit, and approve twice. Raises SystemExit where it does not end as granted."""
    row: dict[str, Any] = {
        "id": 7,
        "number": None,
        "title": None,
        "stage": None,
        "created_by": 1,
        "subject": "A crate of apples",
    }
    facts = Facts(row, Env(_NOW, me=1, currency="CNY"), dict(_PEOPLE))
    done = _go(flow, NOTHING, Begin(_ASKS), facts)
    state = apply(NOTHING, done)
    for _ in range(2):
        facts.row = done.row
        (task,) = state.tasks
        done = _go(flow, state, Act(_AGREES, task, "approved"), facts)
        state = apply(state, done)
    if done.ended != "granted":
        raise SystemExit(f"the case did not end: {state}")


def _go(flow: Flow, state: State, event: Begin | Act, facts: Facts) -> Done:
    found = advance(flow, state, event, facts, _NOW)
    if not isinstance(found, Done):
        raise SystemExit(f"not a transition: {found}")
    return found


_PEOPLE = {Asked("role", "mover"): (2,), Asked("delegate_of", 2): ()}


def _spiff() -> Any:
    try:
        from bench.twins import spiff
    except ImportError:
        return None
    spec = spiff.compiled()
    return lambda: spiff.one_case(spec)
