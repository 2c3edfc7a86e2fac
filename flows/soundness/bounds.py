"""Whether a way that was found keeps to the `max` of its exits, or another one does."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from flows.model import Step
from flows.soundness.analysis import Analysis
from flows.soundness.facts import Facts, Lacks
from flows.soundness.states import State

MOST = 4000
"""So many states are looked at one by one; beyond that the way found counts as possible."""

Counts = tuple[tuple[str, str, int], ...]


def possible(
    known: Analysis,
    step: Step,
    state: State,
    lacking: Callable[[Facts], Lacks],
    outcome: str = "",
) -> State | None:
    """A state like the one given that a token can be in with every `max` kept; None if none is."""
    if _kept(state):
        return state
    path = step.path.rpartition("/")[0]
    first = state.way()[0]
    filling, graph = known.filling, known.graphs[path]
    erosion = filling.erosion_of(next(iter(graph.scope.steps.values()))) if path else frozenset()
    ahead: deque[tuple[State, Counts]] = deque([(State(first.step, first.arriving), ())])
    seen: set[tuple[str, Facts, Facts, Counts]] = set()
    while ahead:
        at, counts = ahead.popleft()
        key = (at.step, at.arriving, at.met, counts)
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > MOST:
            return state
        filling.pass_through(graph, at, erosion, frozenset())
        if at.step == step.id:
            kinds = [at.inside]
            if outcome:
                kinds = [facts for edge, facts in at.left if edge.exit.outcome == outcome]
            if any(lacking(facts) for facts in kinds):
                return at
        used = {(name, out): count for name, out, count in counts}
        for edge, facts in at.left:
            after = counts
            if edge.exit.max:
                place = (edge.source, edge.exit.outcome)
                if used.get(place, 0) >= edge.exit.max:
                    continue
                more = {**used, place: used.get(place, 0) + 1}
                after = tuple(sorted((*at, n) for at, n in more.items()))
            ahead.append((filling.moved(graph, at, edge, facts), after))
        body = graph.scope.steps[at.step]
        if not path:
            for name, target in filling.interrupts(graph, body):
                facts = filling.resting(body, at.inside)
                ahead.append((State(target, facts, at, name), counts))
    return None


def _kept(state: State) -> bool:
    edges = [s.by for s in state.way() if not isinstance(s.by, str)]
    used = Counter((edge.source, edge.exit.outcome) for edge in edges if edge.exit.max)
    most = {(edge.source, edge.exit.outcome): edge.exit.max for edge in edges}
    return all(count <= most[place] for place, count in used.items())
