"""Flows as SVG: shapes and classes, colours come from the page's style sheet. No script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape

from flows.model import Flow
from flows.picture.layered import Box, Line
from flows.picture.scene import FONT, ICON, LINE, SMALL, Arrow, Scene, Shape, scene_of
from flows.picture.words import KINDS, stages_of
from forms.values import Text

MARGIN = 10.0
COLOURS = 8
_TITLE = Text("流程图:{flow}", "Picture of the flow: {flow}")
_NOW = Text("当前:{steps}。", "Now at: {steps}.")
_BEEN = Text("已走过:{steps}。", "Been through: {steps}.")
_BELOW = Text("全部步骤见下方文字列表。", "All steps are listed as text below.")

_ICONS = {
    "task": (
        "M8 8.2a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM2.8 14c.6-2.9 2.6-4 5.2-4s4.6 1.1 5.2 4"
    ),
    "approve": (
        "M2.5 13.5h11M4 10.7h8V9.2c0-1-1.8-.7-1.8-2 0-1 1-1.5 1-3"
        "A2.9 2.9 0 0 0 8 1.5a2.9 2.9 0 0 0-3.2 2.7c0 1.5 1 2 1 3 0 1.3-1.8 1-1.8 2z"
    ),
    "decide": "M2.5 3h11v10h-11zM2.5 6.3h11M6.2 6.3V13M6.2 9.7h7.3",
    "switch": "M8 14V9M8 9 3.5 4.5M8 9l4.5-4.5M3.5 7.5v-3h3M12.5 7.5v-3h-3",
    "set": "M10.5 2.5l3 3L6 13H3v-3z",
    "do": "M9 1.800 3.5 9H8l-1 5.200L12.5 7H8z",
    "wait": "M4 2h8M4 14h8M5 2v2.5L8 8l3-3.5V2M5 14v-2.5L8 8l3 3.5V14",
    "each": "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
    "parallel": "M8 2v2.5M3.5 14V7.5h9V14M8 4.5v9.500",
    "start": "M9 2H4v12h8V5zM9 2v3h3M6 9h4M8 7v4",
    "end": "M3.5 14V2.5h8.5l-2 3 2 3H3.5",
    "interrupt": "M8 2.5v6M8 12.5h.01M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1z",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a record stands, by paths of steps.

    `current`: step → how many scopes stand there now. `visited`: steps it has been through.
    `taken`: (step, outcome) of the exits it took. `stuck`: steps with an incident.
    """

    current: Mapping[str, int] = field(default_factory=dict)
    visited: frozenset[str] = frozenset()
    taken: frozenset[tuple[str, str]] = frozenset()
    stuck: frozenset[str] = frozenset()


NOWHERE = Marks()


@lru_cache(maxsize=128)
def _scene(flow: Flow, lang: str) -> Scene:
    return scene_of(flow, lang)


def draw(flow: Flow, lang: str, marks: Marks = NOWHERE, name: str = "flow") -> str:
    """The picture of a flow as one `<svg>` element.

    `name` begins the ids inside, so that a page may hold several. Everything a definition says is
    escaped. Classes: `kind-<kind>`, `stage-<n>`, `rf-now`, `rf-been`, `rf-stuck`, `rf-taken`.
    """
    scene, stages = _scene(flow, lang), stages_of(flow)
    width, height = scene.width + 2 * MARGIN, scene.height + 2 * MARGIN
    label = flow.label.pick(lang) or flow.form
    parts = [
        f'<svg class="rf-flow" role="img" aria-labelledby="{name}-title" '
        f'aria-describedby="{name}-text" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" xmlns="http://www.w3.org/2000/svg">',
        f'<title id="{name}-title">{escape(_TITLE.pick(lang).format(flow=label))}</title>',
        f'<desc id="{name}-text">{escape(_said(scene, lang, marks))}</desc>',
        f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">',
    ]
    parts += [_shape(one, stages, marks, lang) for one in scene.shapes if one.frame]
    parts += [_line(one, marks) for one in scene.arrows]
    parts += [_shape(one, stages, marks, lang) for one in scene.shapes if not one.frame]
    parts += [_label(one, marks) for one in scene.arrows if one.line.label]
    return "".join(parts) + "</g></svg>"


def _said(scene: Scene, lang: str, marks: Marks) -> str:
    names = {one.path: one.name for one in scene.shapes}
    joint = "、" if lang == "zh" else ", "
    now = joint.join(names[one] for one in marks.current if one in names)
    been = joint.join(one.name for one in scene.shapes if one.path in marks.visited)
    texts = [_NOW.pick(lang).format(steps=now)] if now else []
    texts += [_BEEN.pick(lang).format(steps=been)] if been else []
    return " ".join([*texts, _BELOW.pick(lang)])


def _shape(one: Shape, stages: Mapping[str, int], marks: Marks, lang: str) -> str:
    box, classes = one.box, [f"kind-{one.kind}"]
    if one.stage in stages:
        classes.append(f"stage-{stages[one.stage] % COLOURS}")
    if one.path in marks.current:
        classes.append("rf-now")
    if one.path in marks.visited:
        classes.append("rf-been")
    if one.path in marks.stuck:
        classes.append("rf-stuck")
    if one.kind == "begin":
        return f'<circle class="rf-begin" cx="{box.middle:.1f}" cy="{box.y + 7:.1f}" r="6"/>'
    parts = [f'<g class="rf-step {" ".join(classes)}">', _outline(one)]
    words = KINDS[one.kind].pick(lang) + " · " if one.kind in KINDS else ""
    parts.append(f"<title>{escape(words + one.name)}</title>")
    left = box.x + (14 if one.frame else _indent(one.kind))
    if one.kind in _ICONS:
        y = box.y + (7 if one.frame else (box.height - 16) / 2)
        parts.append(
            f'<path class="rf-glyph" transform="translate({left - 1:.1f} {y:.1f})" '
            f'd="{_ICONS[one.kind]}"/>'
        )
        left += ICON
    size = SMALL if one.kind in {"branch", "interrupt"} else FONT
    top = box.y + 7 if one.frame else box.y + (box.height - LINE * len(one.lines)) / 2
    parts.append(_text(one.lines, left, top, size, "start"))
    count = marks.current.get(one.path, 0)
    if count > 1:
        x, y = box.x + box.width - 4, box.y + 2
        parts.append(
            f'<circle class="rf-many" cx="{x:.1f}" cy="{y:.1f}" r="10"/>'
            f'<text class="rf-many-text" x="{x:.1f}" y="{y + 4:.1f}" font-size="11" '
            f'text-anchor="middle">{count}</text>'
        )
    return "".join(parts) + "</g>"


def _indent(kind: str) -> float:
    return 18.0 if kind in {"wait", "switch", "decide", "end"} else 10.0


def _outline(one: Shape) -> str:
    """The outline that tells the kind: people's steps are round, machines' are square."""
    b, kind = one.box, one.kind
    right = b.x + b.width
    if kind in {"switch", "decide"}:  # a flat hexagon
        cut, y = 11.0, b.y + b.height / 2
        points = [(b.x, y), (b.x + cut, b.y), (right - cut, b.y), (right, y),
                  (right - cut, b.bottom), (b.x + cut, b.bottom)]  # fmt: skip
        return _polygon(points)
    if kind == "start":  # a sheet with its corner cut
        cut = 10.0
        points = [(b.x, b.y), (right - cut, b.y), (right, b.y + cut), (right, b.bottom),
                  (b.x, b.bottom)]  # fmt: skip
        return _polygon(points)
    round_ = {"task": 9.0, "approve": 9.0, "each": 8.0, "parallel": 8.0, "branch": 6.0}
    corner = b.height / 2 if kind in {"wait", "end", "interrupt"} else round_.get(kind, 2.0)
    found = _rect("rf-box", b, corner)
    if kind == "approve":
        found += _rect("rf-inner", Box(b.x + 3, b.y + 3, b.width - 6, b.height - 6), 6.5)
    if kind == "do":
        bars = "".join(f"M{x:.1f} {b.y:.1f}V{b.bottom:.1f}" for x in (b.x + 4, right - 4))
        found += f'<path class="rf-inner" d="{bars}"/>'
    return found


def _polygon(points: Sequence[tuple[float, float]]) -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon class="rf-box" points="{corners}"/>'


def _rect(css: str, box: Box, corner: float) -> str:
    return (
        f'<rect class="{css}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{corner:.1f}"/>'
    )


def _line(one: Arrow, marks: Marks) -> str:
    css = "rf-way"
    if one.line.back:
        css += " rf-back"
    if any((one.source, outcome) in marks.taken for outcome in one.outcomes):
        css += " rf-taken"
    return f'<g class="{css}"><path class="rf-line" d="{_path(one.line)}"/>{_head(one.line)}</g>'


def _path(line: Line) -> str:
    x, start, end = line.stretches[0]
    if line.loop:
        (x1, y1, _), (x2, _, _), (_, y2, _) = line.stretches
        return f"M{x1:.1f} {y1:.1f}C{x2:.1f} {y1:.1f} {x2:.1f} {y2:.1f} {x1:.1f} {y2:.1f}"
    found = f"M{x:.1f} {start:.1f}V{end:.1f}"
    for x2, from_, to in line.stretches[1:]:
        if abs(x2 - x) < 0.5:
            found += f"V{to:.1f}"
        else:
            half = (end + from_) / 2
            found += f"C{x:.1f} {half:.1f} {x2:.1f} {half:.1f} {x2:.1f} {from_:.1f}V{to:.1f}"
        x, end = x2, to
    return found


def _head(line: Line) -> str:
    """The point of the arrow: down, up, or to the left where the line comes from beside."""
    x, _, y = line.stretches[-1]
    if line.loop:
        points = ((x + 7, y - 4), (x, y), (x + 7, y + 4))
    else:
        rise = -7 if line.stretches[0][1] < y else 7
        points = ((x - 4, y + rise), (x, y), (x + 4, y + rise))
    corners = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
    return f'<path class="rf-point" d="M{corners}z"/>'


def _label(one: Arrow, marks: Marks) -> str:
    box = one.line.label
    assert box is not None
    taken = any((one.source, outcome) in marks.taken for outcome in one.outcomes)
    css = "rf-exit rf-taken" if taken else "rf-exit"
    text = _text(one.lines, box.middle, box.y, SMALL, "middle")
    title = f"<title>{escape(one.name)}</title>"
    return f'<g class="{css}">{_rect("rf-pill", box, 8.5)}{title}{text}</g>'


def _text(lines: tuple[str, ...], x: float, top: float, size: float, anchor: str) -> str:
    rows = "".join(
        f'<tspan x="{x:.1f}" y="{top + LINE * n + LINE * 0.72:.1f}">{escape(line)}</tspan>'
        for n, line in enumerate(lines)
    )
    return f'<text font-size="{size:g}" text-anchor="{anchor}">{rows}</text>'
