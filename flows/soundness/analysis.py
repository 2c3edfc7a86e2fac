"""One flow with everything that is found out about it before it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from flows.model import Each, Flow, Step
from flows.soundness.changes import Changes
from flows.soundness.emptiness import Emptiness
from flows.soundness.filling import Filling
from flows.soundness.graph import Edge, Graph, graphs_of, inner_ends
from flows.soundness.outcomes import stops
from flows.soundness.states import Found, State
from flows.soundness.world import World
from forms.model import Form


@dataclass(frozen=True, slots=True)
class Analysis:
    """`graphs` and `found` by the path of the scope."""

    flow: Flow
    world: World
    form: Form
    graphs: Mapping[str, Graph]
    inner: Mapping[str, frozenset[str]]
    filling: Filling
    found: Mapping[str, Found]

    @property
    def empty(self) -> Emptiness:
        """What expressions need."""
        return self.filling.changes.empty

    def graph_of(self, step: Step) -> Graph:
        """The scope a step stands in."""
        return self.graphs[step.path.rpartition("/")[0]]

    def reached(self, step: Step) -> bool:
        """Whether any way leads to a step."""
        path, name = step.path, step.id
        while name:
            path = path.rpartition("/")[0]
            if name not in self.graphs[path].reached:
                return False
            path, name = self.around(path)
        return True

    def around(self, scope: str) -> tuple[str, str]:
        """The path and id of the step a scope stands in; ("", "") for the top."""
        if not scope:
            return "", ""
        path = scope if scope in self.flow.steps else scope.rpartition("/")[0]
        return path, self.flow.steps[path].id

    def resting_stages(self) -> frozenset[str]:
        """The stages a record may be in while it waits for somebody or something."""
        top = self.graphs[""]
        held = (top.stages.get(n, frozenset()) for n in top.reached if stops(top.scope.steps[n]))
        return frozenset().union(*held)

    def states(self, step: Step) -> list[State]:
        """The poorest states at a step."""
        path = step.path.rpartition("/")[0]
        return self.found[path].states.get(step.id, []) if path in self.found else []

    def way_to(self, step: Step, state: State | None = None) -> str:
        """A way from the entry to a step in words, through the scopes around it."""
        scope = step.path.rpartition("/")[0]
        if state is not None:
            here = _states_in_words(state)
        else:
            here = edges_in_words(step.id, self.graphs[scope].way_to(step.id))
        path, _ = self.around(scope)
        if not path:
            return here
        outer = self.flow.steps[path]
        states = self.states(outer)
        branch = "" if scope == path else f"{scope.rpartition('/')[2]}: "
        return f"{self.way_to(outer, states[0] if states else None)} → {branch}{here}"


def analyse(flow: Flow, world: World) -> Analysis:
    """Find out what is reached and what is filled where."""
    form = world.forms[flow.form]
    graphs = graphs_of(flow, world)
    rows = {
        step.body.name: step.body.over
        for step in flow.steps.values()
        if isinstance(step.body, Each)
    }
    filling = Filling(Changes(flow, world, form, Emptiness(form, world, rows)), graphs)
    return Analysis(flow, world, form, graphs, inner_ends(graphs), filling, filling.run())


def edges_in_words(first: str, edges: tuple[Edge, ...]) -> str:
    """`apply (submit) → judge (auto) → pay`."""
    if not edges:
        return first
    steps = [f"{edge.source} ({edge.outcome})" for edge in edges]
    return " → ".join([*steps, edges[-1].target])


def _states_in_words(last: State) -> str:
    words = []
    for state, after in pairwise(last.way()):
        by = after.by
        words.append(f"{state.step} ({by if isinstance(by, str) else by.outcome})")
    return " → ".join([*words, last.step])
