"""Pictures of flows: nothing lies on anything else, and nothing a definition says gets out."""

from __future__ import annotations

import re
import time
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.picture import Marks, draw, outline
from flows.picture.layered import Box
from flows.picture.scene import Scene, Shape, scene_of
from flows.picture.words import width_of, wrapped
from tests.flows.picture.sketch import JOURNEY, flow_of

SVG = "{http://www.w3.org/2000/svg}"
MARKS = Marks(
    current={"inspect": 1, "inspect/look": 3},
    visited=frozenset({"apply", "judge"}),
    taken=frozenset({("apply", "submit"), ("judge", "auto")}),
    stuck=frozenset({"label"}),
)


def apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x + 0.1
        or other.x + other.width <= one.x + 0.1
        or one.bottom <= other.y + 0.1
        or other.bottom <= one.y + 0.1
    )


def inside(inner: Box, outer: Box) -> bool:
    return (
        inner.x >= outer.x - 0.1
        and inner.y >= outer.y - 0.1
        and inner.x + inner.width <= outer.x + outer.width + 0.1
        and inner.bottom <= outer.bottom + 0.1
    )


def holds(frame: Shape, one: Shape) -> bool:
    return frame.frame and one.path.startswith(f"{frame.path}/")


def check(scene: Scene) -> None:
    whole = Box(0, 0, scene.width, scene.height)
    for one in scene.shapes:
        assert inside(one.box, whole), one
        room = one.box.width - (20 if one.lines else 0)
        assert all(width_of(line, 11.5) <= room for line in one.lines), one
    for one, other in combinations(scene.shapes, 2):
        if holds(one, other):
            assert inside(other.box, one.box), (one, other)
        elif holds(other, one):
            assert inside(one.box, other.box), (one, other)
        else:
            assert apart(one.box, other.box), (one, other)
    labels = [arrow for arrow in scene.arrows if arrow.line.label]
    for arrow in labels:
        box = arrow.line.label
        assert box is not None and inside(box, whole)
        assert all(width_of(line, 11.5) <= box.width for line in arrow.lines)
        for shape in scene.shapes:
            assert shape.frame or apart(box, shape.box), (arrow, shape)
    for one_way, other_way in combinations(labels, 2):
        a, b = one_way.line.label, other_way.line.label
        assert a is not None and b is not None and apart(a, b), (one_way, other_way)
    for arrow in scene.arrows:
        passes(scene, arrow.line.stretches[1:-1])


def passes(scene: Scene, stretches: Any) -> None:
    """What a line passes on its way is not a step's box."""
    for x, y1, y2 in stretches:
        for shape in scene.shapes:
            b = shape.box
            through = b.x + 0.5 < x < b.x + b.width - 0.5
            beside = max(y1, y2) <= b.y + 0.5 or min(y1, y2) >= b.bottom - 0.5
            assert shape.frame or not through or beside, (shape, x, y1, y2)


def test_a_whole_journey_has_its_place() -> None:
    for lang in ("zh", "en"):
        check(scene_of(JOURNEY, lang))


LABELS = st.text("abc W退货审批处理<&\"' ", max_size=40)
KINDS = ("task", "approve", "decide", "switch", "do", "wait", "set", "start")


@st.composite
def steps(draw_: Any, depth: int = 0) -> dict[str, Any]:
    names = [f"s{n}" for n in range(draw_(st.integers(1, 9 if depth == 0 else 4)))]
    outcomes = draw_(
        st.lists(st.text("abcdefg", min_size=1, max_size=9), min_size=3, max_size=3, unique=True)
    )
    found: dict[str, Any] = {}
    for name in names:
        kinds = (*KINDS, "each", "parallel") if depth < 2 else KINDS
        kind = draw_(st.sampled_from(kinds))
        targets = draw_(st.lists(st.sampled_from([*names, "end"]), max_size=3))
        found[name] = {
            "kind": kind,
            "label": draw_(LABELS),
            "next": {
                o: (t, draw_(st.integers(0, 3))) for o, t in zip(outcomes, targets, strict=False)
            },
        }
        if kind == "each":
            found[name]["steps"] = draw_(steps(depth + 1))
        if kind == "parallel":
            found[name]["branches"] = {
                n: draw_(steps(depth + 1)) for n in draw_(st.sampled_from([("a",), ("a", "b")]))
            }
    return found | {"end": {"kind": "end"}}


@given(steps())
@settings(max_examples=100, deadline=None)
def test_nothing_overlaps_in_any_flow(sketch: dict[str, Any]) -> None:
    flow = flow_of(sketch, interrupts={"withdraw": "end"})
    check(scene_of(flow, "zh"))
    ElementTree.fromstring(draw(flow, "zh"))
    assert draw(flow, "en") == draw(flow_of(sketch, interrupts={"withdraw": "end"}), "en")


def test_every_step_and_way_is_shown() -> None:
    tree = ElementTree.fromstring(draw(JOURNEY, "en"))
    titles = [one.text for one in tree.iter(f"{SVG}title")]
    assert len(tree.findall(f".//{SVG}g[@class]")) > len(JOURNEY.steps)
    for words in ("Approval · Approval by head and finance", "For each line · Inspect every line"):
        assert words in titles
    assert "Sent back · at most 3×" in titles
    assert "Failed (address) · at most 2×" in titles
    assert tree.attrib["role"] == "img"


def test_marks_are_classes() -> None:
    text = draw(JOURNEY, "en", MARKS)
    assert re.search(r'class="rf-step kind-task stage-3 rf-now"', text)
    assert text.count("rf-been") == 2
    assert text.count("rf-stuck") == 1
    assert text.count("rf-way rf-taken") == 2
    assert "rf-way rf-taken" not in draw(JOURNEY, "en")
    assert ">3</text>" in text  # three lines stand at "look"
    assert "Now at: Inspect every line, Inspect." in text
    assert "Been through: Apply, Judge by policy." in text


def test_markup_in_labels_stays_text() -> None:
    evil = '"><script>alert(1)</script><a href="javascript:x">'
    flow = flow_of(
        {
            "one": {"label": evil, "next": {"<b>": "two"}},
            "two": {"kind": "parallel", "label": evil, "branches": {"<i>": {"x": {"label": evil}}}},
        },
        interrupts={"<u>": "two"},
        label=evil,
    )
    text = draw(flow, "zh", name="f1")
    tree = ElementTree.fromstring(text)
    names = {one.tag.removeprefix(SVG) for one in tree.iter()}
    assert names <= {
        "svg",
        "title",
        "desc",
        "g",
        "rect",
        "path",
        "circle",
        "polygon",
        "text",
        "tspan",
    }
    assert "<script" not in text


def test_the_outline_says_what_the_picture_shows() -> None:
    told = outline(JOURNEY, "zh", MARKS)
    assert [one.path for one in told if one.depth == 0][:3] == ["apply", "judge", "approve"]
    assert {one.path for one in told} == {*JOURNEY.steps, "!withdraw"}
    by_path = {one.path: one for one in told}
    assert by_path["inspect/look"].now == 3 and by_path["inspect/look"].depth == 1
    assert by_path["label"].stuck and by_path["apply"].been
    ways = {way.name: way for way in by_path["approve"].ways}
    assert ways["退回 · 最多 3 次"].back and ways["退回 · 最多 3 次"].to == "填写申请"
    assert by_path["both/money/refund"].branch == "money"


def test_long_names_go_on_in_a_second_line_and_end_in_dots() -> None:
    assert wrapped("短", 13, 150) == ["短"]
    two = wrapped("等待客户把全部商品寄回到指定的退货仓库并由仓库签收确认无误", 13, 150)
    assert len(two) == 2 and two[1].endswith("…")
    assert all(width_of(line, 13) <= 150 for line in two)
    assert wrapped("Approval by the head", 13, 90) == ["Approval by", "the head"]


def test_two_hundred_steps_are_laid_out_once() -> None:
    sketch: dict[str, Any] = {
        f"s{n}": {"label": f"Step {n}", "next": {"a": f"s{n + 1}", "b": f"s{min(n + 7, 199)}"}}
        for n in range(199)
    }
    flow = flow_of(sketch | {"s199": {"kind": "end"}})
    start = time.process_time()
    draw(flow, "en")
    first = time.process_time() - start
    start = time.process_time()
    draw(flow, "en", MARKS)
    assert time.process_time() - start < first / 3
