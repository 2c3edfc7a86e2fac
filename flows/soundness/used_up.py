"""The ways on which people find themselves at a step with no button left."""

from __future__ import annotations

from flows.model import Approve, Step, Task
from flows.soundness.analysis import Analysis
from flows.soundness.flows_out import Walk, runs_out
from flows.soundness.graph import Graph
from flows.soundness.outcomes import LATE, SENT_BACK
from flows.soundness.rounds import NOTHING_RAN, UsedUp


def used_up(known: Analysis, graph: Graph, step: Step) -> tuple[Walk, ...] | None:
    """The way to a step, and one round for every time an exit of it is taken; None where some exit
    is always left."""
    found = runs_out(graph, step, known.flow.interrupts)
    if found is not None or not isinstance(step.body, Task | Approve):
        return found
    if SENT_BACK not in step.exits and not _jumps(graph):
        return None
    out = graph.edges[step.id]
    if not out or any(edge.outcome == LATE or not edge.exit.max for edge in out):
        return None
    # Where it is sent back to, and who jumps straight back, hangs on who has been there before: no
    # flow tells, so every walk is followed.
    search = UsedUp(
        known.flow, known.world, graph, step.id, frozenset(), called=False, weight=NOTHING_RAN
    )
    walk = search.run().walk
    return None if walk is None else _rounds(walk[:-1], step.id)


def _jumps(graph: Graph) -> bool:
    return any(
        isinstance(one.body, Approve)
        and one.body.resubmit == "jump_back"
        and SENT_BACK in one.exits
        for one in graph.scope.steps.values()
    )


def _rounds(walk: Walk, goal: str) -> tuple[Walk, ...]:
    found: list[list[tuple[str, str]]] = [[]]
    for move in walk:
        if move[0] == goal:
            found.append([])
        found[-1].append(move)
    return tuple(map(tuple, found))
