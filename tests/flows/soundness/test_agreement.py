"""The analysis and a brute-force explorer agree on ten thousand random flows, both ways."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import pytest

from flows.model import Do, Each, Flow, Scope
from flows.soundness import analyse, findings
from flows.soundness.money import comes_twice
from flows.soundness.used_up import used_up
from tests.flows.soundness.explorer import Explorer, TooMany, comes_to_end, exit_of, goes_round
from tests.flows.soundness.random_flows import WORLD, random_flow

SHARDS = 4
FLOWS = 10_000
MOST = 400
"""Configurations a flow may have; the larger ones are passed over and others taken instead."""


class Verdict(NamedTuple):
    """What can be said about a flow: steps by path, `round` by scope, `ends` by name."""

    reached: frozenset[str]
    ends: frozenset[str]
    homeless: frozenset[str]
    no_exit: frozenset[str]
    used_up: frozenset[str]
    round: frozenset[str]
    empty: frozenset[str]
    nobody: frozenset[str]
    readonly: frozenset[str]
    hidden: frozenset[str]


def explored(flow: Flow) -> tuple[Verdict, set[str]]:
    """By trying everything, and what may move money twice. Raises TooMany."""
    seen = Explorer(flow, MOST).run()
    homeless, rounds, barren = set(), set(), 0
    for path, scope in flow.scopes.items():
        met = [name for name, step in scope.steps.items() if step.path in seen.steps]
        homeless |= {
            scope.steps[name].path for name in met if not comes_to_end(scope, name, seen.outcomes)
        }
        if met and goes_round(scope, seen):
            rounds.add(path)
        owner = flow.steps.get(path)
        if met and owner is not None and isinstance(owner.body, Each):
            barren += not comes_to_end(scope, scope.entry, seen.outcomes, "done")
    if barren and sum(isinstance(step.body, Each) for step in flow.steps.values()) > 1:
        raise TooMany  # only a record without rows passes, and then the other `each` has none
    return Verdict(
        frozenset(seen.steps),
        frozenset(seen.ends),
        frozenset(homeless),
        frozenset(seen.no_exit),
        frozenset(seen.used_up),
        frozenset(rounds),
        frozenset(seen.empty),
        frozenset(seen.nobody),
        frozenset(seen.sealed["s"]),
        frozenset(seen.sealed["h"]),
    ), seen.twice


def analysed(flow: Flow) -> tuple[Verdict, set[str]]:
    """By the findings of the analysis, and what it knows of each step."""
    known = analyse(flow, WORLD)
    told: dict[str, set[str]] = {}
    for one in findings(known):
        if one.code == "money_twice":
            steps, action = [*map(str, one.path[1:-2])], one.path[-1]
            told.setdefault(one.code, set()).add(f"{'/'.join(steps)}:{action}")
            continue
        path = [str(part) for part in one.path if part not in ("steps", "switch")]
        for part in ("next", "task", "do"):
            path = path[: path.index(part)] if part in path else path
        told.setdefault(one.code, set()).add("/".join(path))
    reached = [step for step in flow.steps.values() if known.reached(step)]
    return Verdict(
        frozenset(step.path for step in reached),
        known.graphs[""].ends,
        frozenset(s.path for s in reached if s.id not in known.graph_of(s).homeward),
        frozenset(told.get("exit_missing", ())),
        frozenset(told.get("exits_used_up", ())),
        frozenset(path.rpartition("/")[0] for path in told.get("endless_cycle", ())),
        frozenset(told.get("may_be_empty", ())),
        frozenset(told.get("nobody_by_then", ())),
        frozenset(told.get("readonly_but_required", ())),
        frozenset(told.get("hidden_but_required", ())),
    ), told.get("money_twice", set())


def uses_up(flow: Flow, path: str) -> bool:
    """Whether the walks that are told come to a step within every bound and use up its exits."""
    step, known = flow.steps[path], analyse(flow, WORLD)
    graph = known.graph_of(step)
    walks = used_up(known, graph, step)
    assert walks is not None
    taken = exits_of(flow, graph.scope, [*(m for walk in walks for m in walk), (step.id, "")])
    for name, one in graph.scope.steps.items():
        assert all(taken[name, w.outcome] <= w.max for w in one.exits.values() if w.max)
    starts = [walk[0][0] if walk else step.id for walk in walks]
    assert starts == [graph.scope.entry, *[step.id] * (len(walks) - 1)]
    ways = {edge.exit.outcome: edge.exit.max for edge in graph.edges[step.id]}
    return all(taken[step.id, outcome] == most for outcome, most in ways.items())


def exits_of(flow: Flow, scope: Scope, walk: list[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """How often a walk takes each exit; every move of it can be made."""
    taken: Counter[tuple[str, str]] = Counter()
    before = ("", "")
    for (at, outcome), (target, _) in pairwise(walk):
        if outcome in flow.interrupts:
            assert flow.interrupts[outcome].to == target
        else:
            way = exit_of(scope.steps[at], outcome)
            assert way is not None
            straight_back = before == (target, "sent_back")
            assert way.to == target or outcome == "sent_back" or straight_back
            taken[at, way.outcome] += 1
        before = at, outcome
    return taken


def comes_again(flow: Flow, action: str) -> bool:
    """Whether the walk that is told keeps to every bound and comes to the money twice."""
    path, _, name = action.rpartition(":")
    step, known = flow.steps[path], analyse(flow, WORLD)
    assert isinstance(step.body, Do)
    twice = comes_twice(known, step, step.body.actions[name])
    assert twice is not None
    graph = known.graph_of(twice.goal)
    taken = exits_of(flow, graph.scope, [*twice.walk])
    for name, one in graph.scope.steps.items():
        assert all(taken[name, w.outcome] <= w.max for w in one.exits.values() if w.max)
    assert twice.walk[0][0] == graph.scope.entry
    goals = [at for at, _ in twice.walk if at == twice.goal.id]
    return len(goals) >= 2 and step.path.startswith(twice.goal.path)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_analysis_and_the_explorer_agree(shard: int) -> None:
    counted: Counter[str] = Counter()
    seed, judged, passed = shard, 0, 0
    while judged < FLOWS // SHARDS:
        flow = random_flow(seed)
        try:
            wanted, twice = explored(flow)
        except TooMany:
            passed += 1
        else:
            found, told = analysed(flow)
            assert found == wanted, f"flow {seed}"
            assert told == twice, f"flow {seed}"
            assert all(comes_again(flow, one) for one in told), f"flow {seed}"
            counted["twice"] += bool(twice)
            assert all(uses_up(flow, path) for path in wanted.used_up), f"flow {seed}"
            judged += 1
            counted.update(name for name in Verdict._fields if getattr(wanted, name))
        seed += SHARDS
    assert passed < judged / 12
    assert counted["twice"] > judged / 200
    assert min(counted[name] for name in Verdict._fields) > judged / 50, counted


CARRIED = 2_000


def test_money_comes_twice_by_stages_that_are_carried_on() -> None:
    """Where steps keep the stage of those before, the way tells which interrupts can come."""
    judged = twice = seed = 0
    while judged < CARRIED:
        flow = random_flow(seed, ("one", "two", ""))
        seed += 1
        try:
            _, wanted = explored(flow)
        except TooMany:
            continue
        judged += 1
        twice += bool(wanted)
        assert analysed(flow)[1] == wanted, f"flow {seed - 1}"
    assert twice > CARRIED / 200
