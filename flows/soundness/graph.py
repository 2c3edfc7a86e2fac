"""The steps of one scope as a graph: what is reached, what reaches an end, which way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flows.model import Each, End, Exit, Flow, Parallel, Scope, Step
from flows.soundness.outcomes import SENT_BACK, stops, ways
from flows.soundness.world import World


@dataclass(frozen=True, slots=True)
class Edge:
    """One move of a token: step → step by an outcome, through an exit."""

    source: str
    outcome: str
    target: str
    exit: Exit


@dataclass(slots=True)
class Graph:
    """One scope. `entries`: where tokens come in: the first step (""), and what an interrupt, by
    its name, leads to.

    `reached`: step → the edge a shortest way comes by (None: an entry). `ends`: names of the ends
    that are reached. `homeward`: steps from which an end can be reached. `sends_back`: whether some
    approval can send back to steps before. `stages`: step → the
    stages the record may be in while a token rests there ("": none yet); `below`: those that steps
    inside it may set. Both of the top scope only.
    """

    scope: Scope
    entries: dict[str, str]
    edges: Mapping[str, tuple[Edge, ...]]
    into: Mapping[str, tuple[Edge, ...]]
    reached: dict[str, Edge | None] = field(default_factory=dict)
    ends: frozenset[str] = frozenset()
    homeward: frozenset[str] = frozenset()
    sends_back: bool = False
    stages: dict[str, frozenset[str]] = field(default_factory=dict)
    below: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def way_to(self, step: str) -> tuple[Edge, ...]:
        """A shortest way from an entry to a reached step."""
        found: list[Edge] = []
        edge = self.reached.get(step)
        while edge is not None:
            found.append(edge)
            edge = self.reached[edge.source]
        return tuple(reversed(found))

    def way(self, start: str, goal: str) -> tuple[Edge, ...] | None:
        """A shortest way between two steps, at least one edge long."""
        reached: dict[str, Edge] = {}
        ahead = deque([start])
        while ahead:
            for edge in self.edges[ahead.popleft()]:
                if edge.target not in reached:
                    reached[edge.target] = edge
                    ahead.append(edge.target)
        if goal not in reached:
            return None
        found = [reached[goal]]
        while found[-1].source != start:
            found.append(reached[found[-1].source])
        return tuple(reversed(found))

    def way_past(self, goal: str, avoided: str) -> tuple[Edge, ...] | None:
        """A shortest way from an entry to a step that does not pass another; None without one."""
        came: dict[str, Edge | None] = {n: None for n in self.entries if n != avoided}
        ahead = deque(came)
        while ahead:
            for edge in self.edges[ahead.popleft()]:
                if edge.target not in came and edge.target != avoided:
                    came[edge.target] = edge
                    ahead.append(edge.target)
        if goal not in came:
            return None
        found: list[Edge] = []
        last = came[goal]
        while last is not None:
            found.append(last)
            last = came[last.source]
        return tuple(reversed(found))


def graphs_of(flow: Flow, world: World) -> dict[str, Graph]:
    """The graph of every scope, by its path; inner scopes first, as outer outcomes need them."""
    found: dict[str, Graph] = {}
    inner: dict[str, frozenset[str]] = {}
    for path in sorted(flow.scopes, key=lambda p: -p.count("/") if p else 1):
        scope = flow.scopes[path]
        graph = _graph(scope, world, inner)
        found[path] = graph
        _walk(graph)
        if not path:
            _interrupt(flow, found)
        inner[path] = graph.ends
    return found


def _interrupt(flow: Flow, graphs: Mapping[str, Graph]) -> None:
    """Let interrupts lead on, from wherever the record can be in one of their stages."""
    top = graphs[""]
    steps = top.scope.steps.items()
    top.below = {name: _stages_below(flow, step, graphs) for name, step in steps}
    if not top.entries:
        return
    _hold(top, flow)
    if len(top.entries) > 1:
        _walk(top)


def _stages_below(flow: Flow, step: Step, graphs: Mapping[str, Graph]) -> frozenset[str]:
    """The stages that steps inside a step may set."""
    found: set[str] = set()
    for path in children_of(step):
        for name in graphs[path].reached:
            inner = flow.scopes[path].steps[name]
            found |= _stages_below(flow, inner, graphs)
            if inner.stage:
                found.add(inner.stage)
    return frozenset(found)


def _hold(graph: Graph, flow: Flow) -> None:
    """Let stages flow through the top scope, and interrupts lead on where a token rests in one."""
    steps = graph.scope.steps
    came: dict[str, frozenset[str]] = {graph.scope.entry: frozenset({""})}
    ahead = deque(came)

    def come(target: str, stages: frozenset[str]) -> None:
        known = came.get(target)
        if known is None or not stages <= known:
            came[target] = stages | (known or frozenset())
            ahead.append(target)

    while ahead:
        name = ahead.popleft()
        own = steps[name].stage
        held = (frozenset({own}) if own else came[name]) | graph.below[name]
        graph.stages[name] = held
        for edge in graph.edges[name]:
            come(edge.target, held)
        for one in flow.interrupts.values() if stops(steps[name]) else ():
            if held & one.stages and one.to in steps:
                graph.entries.setdefault(one.to, one.id)
                come(one.to, held & one.stages)


def _graph(scope: Scope, world: World, inner: Mapping[str, frozenset[str]]) -> Graph:
    edges: dict[str, tuple[Edge, ...]] = {}
    into: dict[str, list[Edge]] = {name: [] for name in scope.steps}
    for name, step in scope.steps.items():
        found = []
        for outcome, way in ways(step, world, inner):
            if way.to in scope.steps:
                edge = Edge(name, outcome, way.to, way)
                found.append(edge)
                into[way.to].append(edge)
        edges[name] = tuple(found)
    entries = {scope.entry: ""} if scope.entry in scope.steps else {}
    graph = Graph(scope, entries, edges, {name: tuple(found) for name, found in into.items()})
    graph.sends_back = any(SENT_BACK in step.exits for step in scope.steps.values())
    return graph


def _walk(graph: Graph) -> None:
    """Fill in what is reached, the ends among it, and what reaches an end."""
    steps = graph.scope.steps
    graph.reached = dict.fromkeys(graph.entries)
    ahead = deque(graph.entries)
    while ahead:
        for edge in graph.edges[ahead.popleft()]:
            if edge.target not in graph.reached:
                graph.reached[edge.target] = edge
                ahead.append(edge.target)
    ends = [name for name, step in steps.items() if isinstance(step.body, End)]
    graph.ends = frozenset(_outcome(steps[name].body) for name in ends if name in graph.reached)
    home = set(ends)
    back = deque(ends)
    while back:
        for edge in graph.into[back.popleft()]:
            if edge.source not in home:
                home.add(edge.source)
                back.append(edge.source)
    graph.homeward = frozenset(home)


def _outcome(body: object) -> str:
    return body.outcome if isinstance(body, End) else ""


def inner_ends(graphs: Mapping[str, Graph]) -> dict[str, frozenset[str]]:
    """Scope → the ends it can reach."""
    return {path: graph.ends for path, graph in graphs.items()}


def cycles(graph: Graph) -> list[tuple[Edge, ...]]:
    """Circles without a `max` among reached steps, one for each edge that closes one.

    Each begins behind its back edge, which comes last: the edge a walk in the order of the
    definition meets when it comes back to a step it is still in.
    """
    found: list[tuple[Edge, ...]] = []
    state: dict[str, int] = {}
    for entry in _in_order(graph, graph.reached):
        if entry in state:
            continue
        trail: list[Edge] = []
        stack = [(entry, iter(_unbounded(graph, entry)))]
        state[entry] = 1
        while stack:
            name, ahead = stack[-1]
            edge = next(ahead, None)
            if edge is None:
                state[name] = 2
                stack.pop()
                if trail:
                    trail.pop()
                continue
            if state.get(edge.target) == 1:
                start = next(i for i, (step, _) in enumerate(stack) if step == edge.target)
                found.append((*trail[start:], edge))
            elif edge.target not in state:
                state[edge.target] = 1
                trail.append(edge)
                stack.append((edge.target, iter(_unbounded(graph, edge.target))))
    return found


def _in_order(graph: Graph, names: Iterable[str]) -> list[str]:
    """Entries first, then in the order of the definition."""
    wanted = set(names)
    return [
        *(n for n in graph.entries if n in wanted),
        *(n for n in graph.scope.steps if n in wanted and n not in graph.entries),
    ]


def _unbounded(graph: Graph, name: str) -> list[Edge]:
    return [edge for edge in graph.edges[name] if not edge.exit.max]


def children_of(step: Step) -> tuple[str, ...]:
    """The paths of the scopes inside a step."""
    match step.body:
        case Each() as body:
            return (body.scope.path,)
        case Parallel() as body:
            return tuple(branch.path for branch in body.branches.values())
    return ()
