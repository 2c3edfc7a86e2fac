"""Money actions that a record can come to a second time."""

from __future__ import annotations

from collections.abc import Iterator

from flows.model import Action, Do, Each, Parallel, Start, Step
from flows.soundness.analysis import Analysis, edges_in_words
from flows.soundness.graph import Edge, Graph, children_of
from flows.soundness.outcomes import DONE, UNAVAILABLE
from flows.soundness.problems import problem
from forms.problems import Problem


def check_money(known: Analysis) -> Iterator[Problem]:
    """Money is keyed by record and action: the second time it would be taken for the first."""
    for step in known.flow.steps.values():
        if not known.reached(step):
            continue
        if isinstance(step.body, Do):
            for action in step.body.actions.values():
                if action.key is None and _moves_money(known, action):
                    yield from _twice(known, step, action)
        elif isinstance(step.body, Each | Parallel):
            yield from _cut_off(known, step)


def _moves_money(known: Analysis, action: Action) -> bool:
    spec = known.world.action(action.use)
    return spec is not None and spec.money


def _twice(known: Analysis, step: Step, action: Action) -> Iterator[Problem]:
    circle = _circle(known, step, _after_success(known, step, action))
    if circle:
        yield problem(
            "money_twice",
            (*step.at, "do", action.id),
            f"{circle} leads through {action.id} ({action.use}) again after it was done: the "
            "second time it would be taken for the first, and nothing would move",
            "key, as in key: text(…) of what makes the second one another; or a record of its "
            "own for each, by start",
            on_key=True,
        )


def _after_success(known: Analysis, step: Step, action: Action) -> set[str]:
    """The outcomes of a step after which an action of it has been done."""
    found = {DONE}
    assert isinstance(step.body, Do)
    names = [*step.body.actions]
    for later in names[names.index(action.id) + 1 :]:
        spec = known.world.action(step.body.actions[later].use)
        found.update(f"failed.{code}" for code in (*(spec.fails if spec else ()), UNAVAILABLE))
    return found


def _circle(known: Analysis, step: Step, outcomes: set[str]) -> str:
    """A way from a step, left by one of some outcomes, back to it; "" without one."""
    graph = known.graph_of(step)
    for edge in graph.edges[step.id]:
        if edge.outcome in outcomes:
            back = _back(graph, step.id, edge)
            if back:
                return edges_in_words(step.id, back)
    path, _ = known.around(step.path.rpartition("/")[0])
    if not path:
        return ""
    outer = known.flow.steps[path]
    return _circle(known, outer, {edge.outcome for edge in known.graph_of(outer).edges[outer.id]})


def _back(graph: Graph, goal: str, first: Edge) -> tuple[Edge, ...]:
    """A way that begins with an edge and ends at a step."""
    if first.target == goal:
        return (first,)
    way = graph.way(first.target, goal)
    return (first, *way) if way is not None else ()


def _cut_off(known: Analysis, step: Step) -> Iterator[Problem]:
    """A named end cancels what is at work beside it."""
    paths = children_of(step)
    for path in paths:
        named = sorted(known.graphs[path].ends - {DONE})
        beside = [path] if isinstance(step.body, Each) else [p for p in paths if p != path]
        moving = [name for other in beside for name in _moving(known, other)]
        if named and moving:
            where = path.rpartition("/")[2]
            yield problem(
                "cut_off_with_money",
                step.at,
                f"{where} may end as {' or '.join(named)}, which cancels {moving[0]} beside it "
                "while money may be moving",
                "end: done there, and a switch behind the join",
                on_key=True,
            )


def _moving(known: Analysis, path: str) -> list[str]:
    """The steps inside a scope that move money."""
    found = []
    for name in known.graphs[path].reached:
        step = known.flow.scopes[path].steps[name]
        if isinstance(step.body, Do) and any(
            _moves_money(known, action) for action in step.body.actions.values()
        ):
            found.append(step.id)
        if isinstance(step.body, Start) and step.body.wait and _pays(known, step.body.form):
            found.append(step.id)
        for below in children_of(step):
            found += _moving(known, below)
    return found


def _pays(known: Analysis, form: str) -> bool:
    return form in known.world.pays
