"""A report that compares and leads to the rows behind its numbers, as plain pages and files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from app.records import publish
from tests.web.house import House
from tests.web.pack import sources

REPORT = """
report: beside
label: {zh: 对比, en: Beside}
source: claim
filters: {asked: {label: Asked, by: asked_at}}
group:
  month: {label: {zh: 月份, en: Month}, by: asked_at, unit: month}
measures:
  claims: {label: {zh: 单数, en: Claims}, count: true}
  urgent: {label: {zh: 加急, en: Urgent}, count: true, where: urgent}
chart: {type: CHART, x: month, y: [claims]}
compare: previous_period
drill: [number, client, total]
"""


@pytest.fixture(scope="module")
def claims(house: House) -> Iterator[House]:
    for asked, urgent in (
        ("2026-01-05T08:00", True),
        ("2026-02-03T08:00", False),
        ("2026-02-10T08:00", True),
        ("2026-02-20T08:00", False),
    ):
        line = {"item": "bowl", "quantity": 1, "price": 10, "fault": "broken"}
        values = {"client": house.saved["ada"].id, "asked_at": asked, "urgent": urgent}
        if urgent:
            values["why_urgent"] = "it is"
        house.create("claim", {**values, "lines": [line]})
    later = sources()
    for name, chart in (("beside", "column"), ("latest", "number")):
        text = REPORT.replace("CHART", chart).replace("report: beside", f"report: {name}")
        later = later.replaced(f"packs/claims/reports/{name}.yaml", text)
    publish(house.tenant, house.actor("boss"), later)
    house.tenant.refresh()
    yield house
    publish(house.tenant, house.actor("boss"), sources())
    house.tenant.refresh()


def test_the_period_before_is_drawn_listed_and_in_the_file(claims: House) -> None:
    boss = claims.client("boss")
    page = boss.get("/reports/beside").text
    assert "Claims (previous period)" in page and "Claims: change" in page
    assert "+200.00%" in page
    assert "2026-02, Claims: 3" in page and "2026-02, Claims (previous period): 1" in page
    assert '<li class="rf-key color-1">Claims (previous period)</li>' in page
    rows = list(csv.DictReader(io.StringIO(boss.get("/reports/beside.csv").text.lstrip("\ufeff"))))
    assert rows[1]["Claims"] == "3" and rows[1]["Claims (previous period)"] == "1"
    assert rows[1]["Claims: change"] == "2.000000"
    assert rows[0]["Claims: change"] == "–"
    chinese = claims.client("boss", lang="zh").get("/reports/beside").text
    assert "单数（上期）" in chinese and "单数变化" in chinese


def test_a_figure_is_that_of_the_latest_period(claims: House) -> None:
    page = claims.client("boss").get("/reports/latest").text
    assert '<div class="rf-figure">3</div>' in page
    assert "Claims (previous period): 1 · Claims: change: +200.00%" in page
