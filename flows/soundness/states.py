"""What is known of a token at a step: the fields that are filled, and the way it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from flows.model import Approve, Step, Task
from flows.soundness.facts import NOTHING, Facts
from flows.soundness.graph import Edge, Graph
from flows.soundness.outcomes import APPROVED, LATE, SENT_BACK


@dataclass(slots=True, eq=False)
class State:
    """A token at a step. `arriving`: what is filled before the step's `set`, `inside` after it.

    `before` and `by` (an edge, or the name of an interrupt) say how it came here. `met`: steps that
    people have left on the way, where an approval may send back to them.
    """

    step: str
    arriving: Facts
    before: State | None = None
    by: Edge | str = ""
    inside: Facts = NOTHING
    left: tuple[tuple[Edge, Facts], ...] = ()
    met: Facts = NOTHING

    def way(self) -> tuple[State, ...]:
        """The states from the entry to this one."""
        found = []
        state: State | None = self
        while state is not None:
            found.append(state)
            state = state.before
        return tuple(reversed(found))


@dataclass(slots=True)
class Found:
    """What may be filled in one scope: step id → the poorest states a token can be in there;
    `ends`: what is filled for sure at an end, by its name."""

    states: dict[str, list[State]] = field(default_factory=dict)
    ends: dict[str, Facts] = field(default_factory=dict)

    def sure(self, step: str) -> Facts | None:
        """What is filled at a step on every way; None where nothing leads there."""
        states = self.states.get(step)
        return states[0].inside.intersection(*(s.inside for s in states[1:])) if states else None


def resubmits(step: Step, outcome: str) -> bool:
    """Whether people hand in again what was sent back to a step, by leaving it so."""
    if isinstance(step.body, Approve):
        return outcome == APPROVED
    return isinstance(step.body, Task) and outcome != LATE


def back(
    graph: Graph, state: State, step: Step, edge: Edge, facts: Facts
) -> Iterator[tuple[Edge, Facts]]:
    """Where people can go besides an exit's target: sent back to any step somebody has left
    before, and from there straight to the approval that sent it (`resubmit: jump_back`)."""
    if isinstance(step.body, Approve) and edge.outcome == SENT_BACK:
        for name in sorted(state.met - {step.id, edge.target}):
            yield Edge(step.id, SENT_BACK, name, edge.exit), facts
    by = state.by
    if isinstance(by, str) or by.outcome != SENT_BACK or not resubmits(step, edge.outcome):
        return
    sender = graph.scope.steps[by.source].body
    if isinstance(sender, Approve) and sender.resubmit == "jump_back" and edge.target != by.source:
        if graph.way(edge.target, by.source) is None:
            return  # an exit that leads elsewhere
        yield Edge(step.id, edge.outcome, by.source, edge.exit), facts
