"""Whether a step can be met again when every way out of it has been used up.

Each exit of the step leads away `max` times; whether all those tokens' walks can come back to the
step, together with the one from the entry, is a question of flow: the ways back have bounds, too.
A flow that fills every exit falls apart into walks that begin with an exit and end at the step,
and these, one after the other, are one walk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import pairwise

from flows.model import Approve, Interrupt, Step, Task
from flows.soundness.graph import Graph
from flows.soundness.outcomes import LATE, SENT_BACK, stops

Capacity = dict[str, dict[str, int]]

_FREE = 1_000_000
_SOURCE, _SINK = "<source>", "<sink>"


def runs_out(graph: Graph, step: Step, interrupts: Mapping[str, Interrupt]) -> bool:
    """Whether people can find themselves at a step with no button left."""
    out = graph.edges[step.id]
    if not isinstance(step.body, Task | Approve) or not out:
        return False
    if any(edge.outcome == LATE or not edge.exit.max for edge in out):
        return False
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
    return _most(capacity, wanted) == wanted


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
