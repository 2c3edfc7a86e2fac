"""Money actions that a record can come to a second time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flows.model import Action, Do, Each, Parallel, Start, Step
from flows.soundness.analysis import Analysis, edges_in_words
from flows.soundness.graph import children_of
from flows.soundness.outcomes import DONE, FAILED, LATE, UNAVAILABLE, is_timed
from flows.soundness.problems import problem
from flows.soundness.rounds import Search, Walk, weight_of
from forms.problems import Problem


class Twice(NamedTuple):
    """A walk through the innermost scope in which a record comes twice to `goal`: the step of the
    action, or the one whose scopes that stands in."""

    goal: Step
    walk: Walk


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
    twice = comes_twice(known, step, action)
    if twice is not None:
        yield problem(
            "money_twice",
            (*step.at, "do", action.id),
            f"{_in_words(known, step, twice)} leads through {action.id} ({action.use}) again after "
            "it was called: the second time it would be taken for the first, and nothing would "
            "move",
            "key, as in key: text(…) of what makes the second one another; or a record of its "
            f"own for each, by start{_or_undo(known, twice)}",
            on_key=True,
        )


def comes_twice(known: Analysis, step: Step, action: Action) -> Twice | None:
    """A way on which a record comes to an action again after it was called, with the same key; None
    where there is none."""
    goal, leaving = step, _after_call(known, step, action)
    while True:
        graph = known.graph_of(goal)
        search = Search(
            known.flow, known.world, graph, goal.id, leaving, goal is step, weight_of(action)
        )
        found = search.run()
        if found.walk is not None:
            return Twice(goal, found.walk)
        scope = graph.scope.path
        if not scope:
            return None
        goal = _owner(known, goal)
        leaving = _after_scope(known, goal, scope, found.ends)


def _after_call(known: Analysis, step: Step, action: Action) -> frozenset[str]:
    """The outcomes of a step after which an action of it has been done."""
    found = {DONE}
    assert isinstance(step.body, Do)
    names = [*step.body.actions]
    for later in names[names.index(action.id) + 1 :]:
        spec = known.world.action(step.body.actions[later].use)
        found.update(FAILED + code for code in (*(spec.fails if spec else ()), UNAVAILABLE))
    return frozenset(found)


def _after_scope(known: Analysis, owner: Step, scope: str, ends: frozenset[str]) -> frozenset[str]:
    """The outcomes a step can be left by after an action in one of its scopes was called there.
    `ends`: what that scope can still end by."""
    found = {LATE} if is_timed(owner) else set()
    if isinstance(owner.body, Each):
        # Another row may cut this one off; for `done` each has to come to its own end.
        return frozenset(found | ends | (known.inner[scope] - {DONE}))
    assert isinstance(owner.body, Parallel)
    beside = [known.inner[one] for one in children_of(owner) if one != scope]
    found |= ends - {DONE}
    found |= frozenset().union(*beside) - {DONE}
    done = sum(DONE in one for one in beside)
    needed = owner.body.join or len(beside) + 1
    if done >= needed or (DONE in ends and done + 1 >= needed):
        found.add(DONE)
    return frozenset(found)


def _in_words(known: Analysis, step: Step, twice: Twice) -> str:
    """The walk, with the ways into the scope it goes through and from its end to the action."""
    words = [" → ".join(f"{name} ({by})" if by else name for name, by in twice.walk)]
    inner = step
    while inner is not twice.goal:
        words.insert(1, _entered(known, inner))
        inner = _owner(known, inner)
    scope = twice.goal.path.rpartition("/")[0]
    if scope:
        owner = _owner(known, twice.goal)
        words[0] = f"{known.way_to(owner)} → {_branch(owner, scope)}{words[0]}"
    return " → ".join(words)


def _or_undo(known: Analysis, twice: Twice) -> str:
    """What else helps where an interrupt leads back."""
    goal = next(n for n, (name, _) in enumerate(twice.walk) if name == twice.goal.id)
    names = [by for _, by in twice.walk[goal:] if by in known.flow.interrupts]
    return f"; or undo of the action, and undo: true of {names[0]}" if names else ""


def _entered(known: Analysis, step: Step) -> str:
    """The way to a step within its scope."""
    graph = known.graph_of(step)
    way = edges_in_words(step.id, graph.way_to(step.id))
    return f"{_branch(_owner(known, step), graph.scope.path)}{way}"


def _branch(owner: Step, scope: str) -> str:
    return "" if scope == owner.path else f"{scope.rpartition('/')[2]}: "


def _owner(known: Analysis, step: Step) -> Step:
    """The step whose scope another stands in."""
    return known.flow.steps[known.around(step.path.rpartition("/")[0])[0]]


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
