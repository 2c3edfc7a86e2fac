"""Charts carry nothing a strict content policy would refuse, and say their numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from app.reports.chart import KINDS, Series, draw

LABELS = ["2026-01", "2026-02", "<b>&\"'", "红色玻璃杯四只装带礼盒特别长的名称用来截断的"]
SERIES = [
    Series("Orders", [1.0, None, 3.0, 4.0], ["1", "–", "3", "4"]),
    Series("退货", [0.5, 2.0, 1.0, 0.0], ["0.5", "2", "1", "0"]),
]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_runs_or_styles_inline(kind: str) -> None:
    series = SERIES[1:] if kind == "pie" else SERIES
    text = draw(kind, "Orders & returns", LABELS, series, chart_id="c1")
    root = ElementTree.fromstring(text)
    for node in root.iter():
        assert node.tag.rpartition("}")[2] not in {"script", "style", "foreignObject", "a", "desc"}
        for name in node.attrib:
            assert not name.startswith("on")
            assert name not in {"style", "href", "{http://www.w3.org/1999/xlink}href"}
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "c1"
    assert root.find("{http://www.w3.org/2000/svg}title").text == "Orders & returns"  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KINDS)
def test_every_mark_says_its_number(kind: str) -> None:
    text = draw(kind, "t", LABELS, SERIES[1:], chart_id="c1")
    titles = [
        node.text or "" for node in ElementTree.fromstring(text).iter() if "title" in node.tag
    ]
    for label, shown in zip(LABELS, SERIES[1].shown, strict=True):
        assert f"{label}: {shown}" in titles


def test_an_empty_chart_is_still_a_picture() -> None:
    assert draw("column", "t", [], [Series("a", [], [])], chart_id="c1").startswith("<svg")
