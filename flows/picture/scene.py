"""A flow as boxes, frames and lines with places: everything a picture shows but its colours."""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.model import Each, End, Flow, Parallel, Scope, Step
from flows.picture.layered import Box, Edge, Line, Node, layered
from flows.picture.words import (
    branch_name,
    exit_name,
    interrupt_name,
    step_name,
    width_of,
    wrapped,
)

FONT = 13.0
SMALL = 11.5
LINE = 17.0
ICON = 22.0
WIDEST = 150.0
"""Of a step's name, in pixels; longer ones go on in a second line."""
PAD = 14.0
HEAD = 30.0
DOT = 14.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A step. `path` is the step's, `lines` its name; `frame`: other steps stand inside."""

    path: str
    kind: str
    stage: str
    box: Box
    lines: tuple[str, ...]
    name: str
    frame: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way from step to step, by paths. `outcomes`: the exits that lead along it."""

    source: str
    target: str
    outcomes: tuple[str, ...]
    line: Line
    lines: tuple[str, ...]
    name: str


@dataclass(slots=True)
class Scene:
    """A picture's parts, frames before what is inside them."""

    width: float = 0.0
    height: float = 0.0
    shapes: list[Shape] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def add(self, inner: Scene, x: float, y: float) -> None:
        """Put another scene's parts in at a place."""
        for one in inner.shapes:
            self.shapes.append(
                Shape(one.path, one.kind, one.stage, one.box.moved(x, y), one.lines, one.name,
                      one.frame)
            )  # fmt: skip
        for arrow in inner.arrows:
            line = arrow.line.moved(x, y)
            self.arrows.append(
                Arrow(arrow.source, arrow.target, arrow.outcomes, line, arrow.lines, arrow.name)
            )


def scene_of(flow: Flow, lang: str) -> Scene:
    """The scene of a flow in a language ("zh" or "en")."""
    return _scope(flow, flow.top, lang, _inherited(flow))


def _inherited(flow: Flow) -> dict[str, str]:
    """The stage each step is in: its own, else that of the first step found to lead to it."""
    found: dict[str, str] = {}

    def walk(scope: Scope, stage: str) -> None:
        todo: list[tuple[str, str]] = [
            *((name, "") for name in reversed(list(scope.steps))),
            (scope.entry, stage),
        ]
        while todo:
            name, came_with = todo.pop()
            step = scope.steps.get(name)
            if step is None or step.path in found:
                continue
            here = found[step.path] = step.stage or came_with
            for inner in scopes_in(step):
                walk(inner, here)
            todo += [(one.to, here) for one in reversed(list(step.exits.values()))]

    walk(flow.top, "")
    return found


def scopes_in(step: Step) -> list[Scope]:
    """The scopes a step holds: one of an `each`, the branches of a `parallel`."""
    if isinstance(step.body, Each):
        return [step.body.scope]
    return list(step.body.branches.values()) if isinstance(step.body, Parallel) else []


def _scope(flow: Flow, scope: Scope, lang: str, stages: dict[str, str]) -> Scene:
    nodes: list[Node] = []
    inner: dict[str, list[tuple[Shape | None, Scene, float, float]]] = {}
    shapes: dict[str, Shape] = {}
    edges: list[Edge] = []
    labels: list[tuple[str, str, tuple[str, ...], tuple[str, ...], str]] = []
    ways: dict[tuple[str, str], list[tuple[str, str]]] = {}
    if scope.path == "":
        nodes.append(Node("", DOT, DOT))
        shapes[""] = Shape("", "begin", "", Box(0, 0, DOT, DOT), (), "")
        ways["", scope.entry] = [("", "")]
    for step in scope.steps.values():
        for exit_ in step.exits.values():
            if exit_.to in scope.steps:
                way = (exit_.outcome, exit_name(flow, step, exit_, lang))
                ways.setdefault((step.id, exit_.to), []).append(way)
    beside = {}
    for (source, target), outcomes in ways.items():
        name = " / ".join(dict.fromkeys(text for _, text in outcomes if text))
        lines = tuple(wrapped(name, SMALL, WIDEST)) if name else ()
        width = max((width_of(one, SMALL) for one in lines), default=0.0)
        width = width + 14 if lines else 0.0
        edges.append(Edge(source, target, width, len(lines) * LINE if lines else 0.0))
        labels.append((source, target, tuple(one for one, _ in outcomes), lines, name))
        if source == target:
            beside[source] = width + 24
    for step in scope.steps.values():
        shape, inside = _shape(flow, step, lang, stages)
        shapes[step.id], inner[step.id] = shape, inside
        nodes.append(Node(step.id, shape.box.width, shape.box.height, beside.get(step.id, 0.0)))
    if scope.path == "":
        _interrupts(flow, scope, lang, nodes, shapes, edges, labels)
    return _placed(scope, nodes, edges, shapes, inner, labels)


def _placed(
    scope: Scope,
    nodes: list[Node],
    edges: list[Edge],
    shapes: dict[str, Shape],
    inner: dict[str, list[tuple[Shape | None, Scene, float, float]]],
    labels: list[tuple[str, str, tuple[str, ...], tuple[str, ...], str]],
) -> Scene:
    top = "" if scope.path == "" else scope.entry
    placed = layered(nodes, edges, top)
    scene = Scene(placed.width, placed.height)
    for id_, box in placed.boxes.items():
        was = shapes[id_]
        scene.shapes.append(
            Shape(was.path, was.kind, was.stage, box, was.lines, was.name, was.frame)
        )
        for frame, part, x, y in inner.get(id_, ()):
            if frame is not None:
                scene.shapes.append(
                    Shape(frame.path, frame.kind, frame.stage, frame.box.moved(box.x, box.y),
                          frame.lines, frame.name, True)
                )  # fmt: skip
            scene.add(part, box.x + x, box.y + y)
    for (source, target, outcomes, lines, name), line in zip(labels, placed.lines, strict=True):
        scene.arrows.append(
            Arrow(shapes[source].path, shapes[target].path, outcomes, line, lines, name)
        )
    return scene


def _interrupts(
    flow: Flow,
    scope: Scope,
    lang: str,
    nodes: list[Node],
    shapes: dict[str, Shape],
    edges: list[Edge],
    labels: list[tuple[str, str, tuple[str, ...], tuple[str, ...], str]],
) -> None:
    """Interrupts leave from many places: each is shown once, above where it leads."""
    for interrupt in flow.interrupts.values():
        if interrupt.to not in scope.steps:
            continue
        id_, name = f"!{interrupt.id}", interrupt_name(interrupt, lang)
        lines = tuple(wrapped(name, SMALL, WIDEST))
        width = max(width_of(one, SMALL) for one in lines) + ICON + 16
        box = Box(0, 0, width, len(lines) * LINE + 8)
        shapes[id_] = Shape(id_, "interrupt", "", box, lines, name)
        nodes.append(Node(id_, box.width, box.height))
        edges.append(Edge(id_, interrupt.to))
        labels.append((id_, interrupt.to, (interrupt.id,), (), ""))


def _shape(
    flow: Flow, step: Step, lang: str, stages: dict[str, str]
) -> tuple[Shape, list[tuple[Shape | None, Scene, float, float]]]:
    """A step's shape at 0, 0, and for a step that holds others, those with their places in it."""
    name, stage = step_name(step, lang, flow), stages.get(step.path, step.stage)
    lines = tuple(wrapped(name, FONT, WIDEST))
    wide = max(width_of(one, FONT) for one in lines) + ICON
    if isinstance(step.body, Each):
        scene = _scope(flow, step.body.scope, lang, stages)
        width = max(scene.width, wide) + 2 * PAD
        head = HEAD + LINE * (len(lines) - 1)
        box = Box(0, 0, width, head + scene.height + PAD)
        inside = [(None, scene, (width - scene.width) / 2, head)]
        return Shape(step.path, "each", stage, box, lines, name, True), list(inside)
    if isinstance(step.body, Parallel):
        return _parallel(flow, step, step.body, lang, stages, (name, lines, wide, stage))
    slant = 18.0 if isinstance(step.body, End) or step.kind in {"wait", "switch", "decide"} else 0.0
    height = 24 + LINE * (len(lines) - 1) + (8 if step.kind != "end" else 4)
    box = Box(0, 0, max(88.0, wide + 20 + slant), height)
    return Shape(step.path, step.kind, stage, box, lines, name), []


def _parallel(
    flow: Flow,
    step: Step,
    body: Parallel,
    lang: str,
    stages: dict[str, str],
    said: tuple[str, tuple[str, ...], float, str],
) -> tuple[Shape, list[tuple[Shape | None, Scene, float, float]]]:
    name, lines, wide, stage = said
    x, tallest, inside = PAD, 0.0, []
    head = HEAD + LINE * (len(lines) - 1)
    parts = []
    for scope in body.branches.values():
        scene, called = _scope(flow, scope, lang, stages), branch_name(scope.path)
        text = tuple(wrapped(called, SMALL, WIDEST, 1))
        width = max(scene.width, width_of(text[0], SMALL)) + 2 * PAD
        parts.append((scope, scene, called, text, x, width))
        tallest = max(tallest, scene.height + HEAD + PAD)
        x += width + PAD
    for scope, scene, called, text, left, width in parts:
        box = Box(left, head, width, tallest)
        frame = Shape(scope.path, "branch", "", box, text, called, True)
        inside.append((frame, scene, left + (width - scene.width) / 2, head + HEAD))
    box = Box(0, 0, max(x, wide + 2 * PAD), head + tallest + PAD)
    return Shape(step.path, "parallel", stage, box, lines, name, True), list(inside)
