"""Pictures of a report, drawn on the server as SVG that a strict content policy lets through.

pygal computes the geometry; its script, its styles and its inline attributes are taken out, so that
colours and fonts come from the page's style sheet and follow light and dark. Every mark keeps a
`<title>`, which browsers show as a tooltip and screen readers read. The legend is the page's
(colour classes `color-0` to `color-11`), and the numbers stand in a table beside the picture.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import pygal
from pygal.etree import etree
from pygal.style import Style

# What is drawn is gone over with the standard library, whatever else is installed.
etree.to_etree()

# pygal hangs an old-style finder for its map plugins into every import of the process: take it out.
sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "pygal"]

SVG = "{http://www.w3.org/2000/svg}"
WIDTHS = {"small": 420, "medium": 620, "full": 1120}
"""Widths by the size of the tile: text is drawn about as large as the page's own."""

HEIGHT = 320
LABEL = 24
"""Characters of a label shown at an axis; the table has it whole."""

_ALLOWED = frozenset(
    "svg g path rect circle line polyline polygon text tspan title defs clipPath".split()
)
_ATTRIBUTES = frozenset(
    "viewBox class d x y x1 y1 x2 y2 r cx cy rx ry width height points transform role id "
    "aria-labelledby text-anchor".split()
)
_SHAPES = {
    "bar": pygal.HorizontalBar,
    "column": pygal.Bar,
    "stacked": pygal.StackedBar,
    "line": pygal.Line,
    "area": pygal.StackedLine,
    "pie": pygal.Pie,
}
KINDS = tuple(_SHAPES)

# The styles are thrown away; the sizes here are what pygal reserves room for.
_STYLE = Style(
    label_font_size=13, major_label_font_size=13, legend_font_size=15, title_font_size=16
)

ElementTree.register_namespace("", SVG[1:-1])


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one colour of bars: what it is called, its values, and each value in words."""

    name: str
    values: Sequence[float | None]
    shown: Sequence[str]


def draw(
    kind: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    chart_id: str,
    size: str = "medium",
) -> str:
    """The chart as an `<svg>` text without scripts, styles or event handlers.

    `kind` is one of `KINDS` (bar lies, column stands); `chart_id` is unique on the page.
    """
    width = WIDTHS.get(size, WIDTHS["full"])
    chart = _SHAPES[kind](
        width=width,
        height=_height(kind, len(labels)),
        style=_STYLE,
        css=[],
        js=[],
        show_legend=False,
        truncate_label=LABEL,
        margin=12,
        show_dots=len(labels) <= 60,
        dots_size=3,
        print_values=False,
        x_label_rotation=_rotation(kind, labels, width),
        no_data_text="",
        max_scale=7,
        **({"fill": True} if kind == "area" else {}),
        **({"inner_radius": 0.55} if kind == "pie" else {}),
    )
    if kind == "pie":
        _add_slices(chart, labels, series)
    else:
        if kind == "bar":  # the first row on top; room for wide characters, which pygal misjudges
            labels = labels[::-1]
            series = [Series(one.name, one.values[::-1], one.shown[::-1]) for one in series]
            wide = max((_cells(_cut(one)) - len(_cut(one)) for one in labels), default=0)
            chart.margin_left = 12 + wide * 6
        chart.x_labels = [_cut(label) for label in labels]
        for one in series:
            chart.add(one.name, list(one.values))
    return _clean(chart.render_tree(), kind, title, labels, series, chart_id)


def _height(kind: str, count: int) -> int:
    return max(HEIGHT, 60 + 30 * count) if kind == "bar" else HEIGHT


def _rotation(kind: str, labels: Sequence[str], width: int) -> int:
    room = width - 90
    needed = sum(_cells(_cut(label)) * 8 + 8 for label in labels)
    return 35 if kind not in {"pie", "bar"} and needed > room else 0


def _add_slices(chart: pygal.Pie, labels: Sequence[str], series: Sequence[Series]) -> None:
    for label, value in zip(labels, series[0].values, strict=True):
        chart.add(_cut(label), value)


def _cut(label: str) -> str:
    return label if len(label) <= LABEL else label[: LABEL - 1] + "…"


def _cells(text: str) -> int:
    """The width of a text in narrow characters: Chinese ones count twice."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _clean(
    root: ElementTree.Element,
    kind: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    chart_id: str,
) -> str:
    """Only what draws is left; every mark gets its words."""
    _name_marks(root, kind, labels, series)
    _keep_allowed(root)
    root.set("role", "img")
    root.set("aria-labelledby", chart_id)
    root.set("class", "rf-svg")
    heading = ElementTree.Element(SVG + "title", {"id": chart_id})
    heading.text = title
    for old in root.findall(SVG + "title") + root.findall("title"):
        root.remove(old)
    root.insert(0, heading)
    return ElementTree.tostring(root, encoding="unicode")


def _name_marks(
    root: ElementTree.Element, kind: str, labels: Sequence[str], series: Sequence[Series]
) -> None:
    """Turn pygal's `<desc>` notes into one `<title>` a mark: "label, series: value"."""
    for group in root.iter():
        marks = [child for child in group if _tag(child) == "desc"]
        if not marks:
            continue
        notes = {mark.get("class", ""): mark.text or "" for mark in marks}
        for mark in marks:
            group.remove(mark)
        if "value" not in notes:
            continue
        note = ElementTree.SubElement(group, SVG + "title")
        note.text = notes.get("x_label", "") and f"{notes['x_label']}: {notes['value']}"
        note.text = note.text or notes["value"]
    if kind != "pie":
        for position, one in enumerate(series):
            _say_exactly(root, position, labels, one, several=len(series) > 1)
    elif series:
        for index, label in enumerate(labels):
            for note in _titles(root, index):
                note.text = f"{label}: {series[0].shown[index]}"


def _say_exactly(
    root: ElementTree.Element, position: int, labels: Sequence[str], one: Series, *, several: bool
) -> None:
    drawn = [index for index, value in enumerate(one.values) if value is not None]
    for index, note in zip(drawn, _titles(root, position), strict=False):
        name = f"{labels[index]}, {one.name}" if several else labels[index]
        note.text = f"{name}: {one.shown[index]}"


def _titles(root: ElementTree.Element, position: int) -> list[ElementTree.Element]:
    wanted = f"serie-{position}"
    found = []
    for group in root.iter():
        names = group.get("class", "").split()
        if "series" in names and wanted in names:
            found += [node for node in group.iter() if _tag(node) == "title"]
    return found


def _keep_allowed(node: ElementTree.Element) -> None:
    for child in list(node):
        if _tag(child) not in _ALLOWED:
            node.remove(child)
        else:
            _keep_allowed(child)
    for name in list(node.attrib):
        if name not in _ATTRIBUTES:
            del node.attrib[name]
    if not (_tag(node) == "svg" or "aria-labelledby" in node.attrib):
        node.attrib.pop("id", None)


def _tag(node: ElementTree.Element) -> str:
    """The local name of an element; "" for comments."""
    if not isinstance(node.tag, str):
        return ""
    name = node.tag.rpartition("}")[2]
    if not node.tag.startswith("{"):
        node.tag = SVG + name
    return name
