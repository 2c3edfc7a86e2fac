"""A flow in words: the same steps and ways as its picture, as a list."""

from __future__ import annotations

from dataclasses import dataclass

from flows.model import Flow, Scope
from flows.picture.drawing import NOWHERE, Marks
from flows.picture.scene import scopes_in
from flows.picture.words import KINDS, branch_name, exit_name, interrupt_name, step_name
from forms.values import Text

_ON = Text("下一步", "Then")


@dataclass(frozen=True, slots=True)
class Way:
    """A way on: what it is called, and the step it leads to. `back`: that step comes earlier."""

    name: str
    to: str
    back: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A step in words. `depth`: how many other steps hold it. `now`, `been`, `stuck`: where the
    record stands. `branch`: the branch of a parallel step that begins with it."""

    path: str
    depth: int
    name: str
    kind: str
    stage: str
    ways: tuple[Way, ...]
    now: int
    been: bool
    stuck: bool
    branch: str = ""


def outline(flow: Flow, lang: str, marks: Marks = NOWHERE) -> list[Told]:
    """All steps in the order of the way through them, and the interrupts last."""
    found: list[Told] = []
    _tell(flow, flow.top, lang, marks, 0, "", found)
    for interrupt in flow.interrupts.values():
        to = flow.top.steps.get(interrupt.to)
        joint = "、" if lang == "zh" else ", "
        stages = joint.join(
            flow.stages[one].label.pick(lang) or one
            for one in flow.stages
            if one in interrupt.stages
        )
        ways = (Way(_ON.pick(lang), step_name(to, lang, flow), False),) if to is not None else ()
        name, kind = interrupt_name(interrupt, lang), KINDS["interrupt"].pick(lang)
        path = f"!{interrupt.id}"
        found.append(Told(path, 0, name, kind, stages, ways, 0, path in marks.visited, False))
    return found


def _tell(
    flow: Flow, scope: Scope, lang: str, marks: Marks, depth: int, branch: str, found: list[Told]
) -> None:
    order = _order(scope)
    place = {name: n for n, name in enumerate(order)}
    for n, name in enumerate(order):
        step = scope.steps[name]
        ways = tuple(
            Way(
                exit_name(flow, step, one, lang) or _ON.pick(lang),
                step_name(scope.steps[one.to], lang, flow),
                place[one.to] <= n,
            )
            for one in step.exits.values()
            if one.to in scope.steps
        )  # fmt: skip
        stage = flow.stages[step.stage].label.pick(lang) if step.stage in flow.stages else ""
        found.append(
            Told(
                step.path,
                depth,
                step_name(step, lang, flow),
                KINDS[step.kind].pick(lang) if step.kind in KINDS else step.kind,
                stage or step.stage,
                ways,
                marks.current.get(step.path, 0),
                step.path in marks.visited,
                step.path in marks.stuck,
                branch if n == 0 else "",
            )
        )
        inner = scopes_in(step)
        for one in inner:
            called = branch_name(one.path) if len(inner) > 1 or step.kind == "parallel" else ""
            _tell(flow, one, lang, marks, depth + 1, called, found)


def _order(scope: Scope) -> list[str]:
    """Steps so that each comes after those leading to it, cycles apart."""
    done: list[str] = []
    seen: set[str] = set()
    for start in (scope.entry, *scope.steps):
        if start in seen or start not in scope.steps:
            continue
        seen.add(start)
        later: list[str] = []
        walk = [(start, iter([e.to for e in reversed(list(scope.steps[start].exits.values()))]))]
        while walk:
            name, further = walk[-1]
            to = next((t for t in further if t in scope.steps and t not in seen), None)
            if to is None:
                walk.pop()
                later.append(name)
            else:
                seen.add(to)
                exits = reversed(list(scope.steps[to].exits.values()))
                walk.append((to, iter([e.to for e in exits])))
        done += reversed(later)
    return done
