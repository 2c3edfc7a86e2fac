"""Whether a step can be met again when every way out of it has been used up.

Each exit of the step leads away `max` times; whether all those tokens' walks can come back to the
step, together with the one from the entry, is a question of flow: the ways back have bounds, too.
A flow that fills every exit falls apart into walks that begin with an exit and end at the step,
and these, one after the other, are one walk.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from flows.model import Approve, Exit, Interrupt, Step, Task
from flows.soundness.graph import Graph
from flows.soundness.outcomes import LATE, SENT_BACK, stops

Capacity = dict[str, dict[str, int]]
Walk = tuple[tuple[str, str], ...]
"""(step, outcome) of every move of a way that ends at the step in question."""

_FREE = 1_000_000
_SOURCE, _SINK = "<source>", "<sink>"


def runs_out(
    graph: Graph, step: Step, interrupts: Mapping[str, Interrupt]
) -> tuple[Walk, ...] | None:
    """How people can find themselves at a step with no button left: the way to it, and one round
    for every time an exit is taken. None where they cannot."""
    out = graph.edges[step.id]
    if not isinstance(step.body, Task | Approve) or not out:
        return None
    if any(edge.outcome == LATE or not edge.exit.max for edge in out):
        return None
    used = {edge.exit.outcome: edge.exit for edge in out}
    wanted = sum(way.max for way in used.values())
    capacity: Capacity = {_SOURCE: {}, step.id: {_SINK: _FREE}, _SINK: {}}
    first = graph.scope.entry
    if first != step.id:
        capacity[_SOURCE][first] = 1
        wanted += 1
    for way in used.values():
        capacity[_SOURCE][way.to] = capacity[_SOURCE].get(way.to, 0) + way.max
    for name, edges in graph.edges.items():
        row = capacity.setdefault(name, {})
        if name == step.id:
            continue
        for way in {edge.exit.outcome: edge.exit for edge in edges}.values():
            if way.outcome == SENT_BACK:  # to where it leads, or to this step again
                between = f"{name}>{SENT_BACK}"
                row[between] = way.max or _FREE
                capacity[between] = {way.to: _FREE, step.id: _FREE}
                continue
            row[way.to] = min(_FREE, row.get(way.to, 0) + (way.max or _FREE))
        for one in interrupts.values() if not graph.scope.path else ():
            rests = stops(graph.scope.steps[name]) and graph.stages.get(name, frozenset())
            if rests and rests & one.stages and one.to in graph.scope.steps:
                row[one.to] = _FREE
    before = {name: dict(row) for name, row in capacity.items()}
    if _most(capacity, wanted) < wanted:
        return None
    flow = {
        name: {target: most - capacity[name][target] for target, most in row.items()}
        for name, row in before.items()
    }
    return _Walks(graph, step.id, interrupts, flow).all([*used.values()])


@dataclass(slots=True)
class _Walks:
    """A flow through the ways back to `goal`, as the walks it falls apart into: each is taken out
    of it. `taken`: how often an exit has been used."""

    graph: Graph
    goal: str
    interrupts: Mapping[str, Interrupt]
    flow: Capacity
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)

    def all(self, ways: list[Exit]) -> tuple[Walk, ...]:
        """The way there, empty where it is the entry, and a round for each time an exit is used."""
        outcome = {edge.exit.outcome: edge.outcome for edge in self.graph.edges[self.goal]}
        rounds = [way for way in ways for _ in range(way.max)]
        return (
            self.walk(self.graph.scope.entry),
            *(((self.goal, outcome[way.outcome]), *self.walk(way.to)) for way in rounds),
        )

    def walk(self, start: str) -> Walk:
        found: list[tuple[str, str]] = []
        name = start
        while name != self.goal:
            target = self.next(name)
            if target not in self.graph.scope.steps:  # sent back: where that leads, or to the goal
                found.append((name, SENT_BACK))
                target = self.next(target)
            else:
                found.append((name, self.outcome(name, target)))
            name = target
        return tuple(found)

    def next(self, name: str) -> str:
        target = next(one for one, left in self.flow[name].items() if left > 0)
        self.flow[name][target] -= 1
        return target

    def outcome(self, name: str, target: str) -> str:
        """By what a step is left for another: an outcome, within the bound of its exit, or an
        interrupt."""
        for edge in self.graph.edges[name]:
            way = edge.exit
            free = not way.max or self.taken[name, way.outcome] < way.max
            if edge.target == target and way.outcome != SENT_BACK and free:
                self.taken[name, way.outcome] += 1
                return edge.outcome
        held = self.graph.stages.get(name, frozenset())
        return next(
            one.id for one in self.interrupts.values() if one.to == target and held & one.stages
        )


def _most(capacity: Capacity, wanted: int) -> int:
    """The largest flow from source to sink, up to what is wanted."""
    total = 0
    while total < wanted:
        came: dict[str, str] = {_SOURCE: ""}
        ahead = deque([_SOURCE])
        while ahead and _SINK not in came:
            name = ahead.popleft()
            for target, left in capacity.get(name, {}).items():
                if left > 0 and target not in came:
                    came[target] = name
                    ahead.append(target)
        if _SINK not in came:
            return total
        way = [_SINK]
        while came[way[-1]]:
            way.append(came[way[-1]])
        pairs = [(b, a) for a, b in pairwise(way)]
        least = min(capacity[a][b] for a, b in pairs)
        for a, b in pairs:
            capacity[a][b] -= least
            back = capacity.setdefault(b, {})
            back[a] = back.get(a, 0) + least
        total += least
    return total
