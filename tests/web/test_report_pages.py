"""A report that compares and leads to the rows behind its numbers, as plain pages and files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html import unescape

import pytest

from app.records import delete, publish
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


def _rows(text: str) -> list[list[str]]:
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    tag = re.compile(r"<[^>]+>")
    return [
        [unescape(tag.sub("", one)) for one in re.findall(r"<td.*?</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


def _links(text: str) -> dict[str, str]:
    """Links of a report's table: "<row>.<column>" → address."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    found = {}
    for n, row in enumerate(re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)):
        for m, cell in enumerate(re.findall(r"<td.*?</td>", row, re.DOTALL)):
            for link in re.findall(r'href="([^"]+)"', cell):
                found[f"{n}.{m}"] = unescape(link)
    return found


def test_each_number_leads_to_exactly_its_rows(claims: House) -> None:
    boss = claims.client("boss")
    page = boss.get("/reports/beside?f.asked.to=2026-02-15")
    links, numbers = _links(page.text), _rows(page.text)
    assert numbers[1][:2] == ["2026-02", "2"] and numbers[1][2] == "1"
    for cell in ("0.0", "0.1", "1.0", "1.1", "1.2", "1.4"):
        row, column = cell.split(".")
        behind = boss.get(links[cell])
        assert behind.status_code == 200
        wanted = numbers[int(row)][max(int(column), 1)]
        assert str(len(_rows(behind.text))) == wanted, (cell, links[cell])
    assert "1.3" not in links  # a change is made of two numbers
    urgent = boss.get(links["1.4"])
    ((number, client, total),) = _rows(urgent.text)
    assert (client, total) == ("Ada", "10.00 CNY")
    for word in ("Month: 2026-02", "Urgent", "Asked: … – 2026-02-15"):
        assert word in urgent.text
    heads = re.findall(r'<th scope="col"[^>]*>([^<]+)', urgent.text)
    assert heads == ["Number", "Client", "Total"]
    (record,) = set(_links(urgent.text).values())
    assert number in boss.get(record).text


def test_only_rows_of_the_reader_are_behind_a_number(claims: House) -> None:
    own, address = claims.client("own"), "/reports/beside/rows?g.month=2026-02-01"
    assert _rows(own.get(address).text) == []
    line = {"item": "cup", "quantity": 1, "price": 3, "fault": "broken"}
    values = {"client": claims.saved["ben"].id, "asked_at": "2026-02-11T08:00", "lines": [line]}
    saved = claims.create("claim", values, login="own")
    try:
        ((number, _client, total),) = _rows(own.get(address).text)
        assert total == "3.00 CNY" and number == saved.number
        assert own.get("/reports/beside/rows.csv?g.month=2026-02-01").status_code == 403
        assert ".csv" not in own.get(address).text
        assert claims.client("nobody").get(address).status_code == 403
        file = claims.client("boss").get("/reports/beside/rows.csv?g.month=2026-02-01&m=claims")
        assert len(list(csv.reader(io.StringIO(file.text)))) == 5
    finally:
        delete(claims.tenant, claims.actor("boss"), "claim", saved.id, version=saved.version)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("g.mnth=2026-02-01", "did you mean month?"),
        ("g.month=then", "is no value of this group"),
        ("m=clams", "did you mean claims?"),
        ("f.asked.from=x", "is no date"),
    ],
)
def test_an_address_of_no_number_is_told(claims: House, query: str, said: str) -> None:
    boss = claims.client("boss")
    for page in (f"/reports/beside/rows?{query}", f"/reports/beside/rows.csv?{query}"):
        answer = boss.get(page)
        assert answer.status_code == 400 and said in answer.text


def test_reports_without_drill_lead_nowhere(claims: House) -> None:
    boss = claims.client("boss")
    assert boss.get("/reports/per_month/rows").status_code == 404
    assert _links(boss.get("/reports/per_month").text) == {}


def test_a_number_of_another_report_leads_there(claims: House) -> None:
    boss = claims.client("boss")
    links = _links(boss.get("/reports/rate").text)
    assert any(one.endswith("/reports/per_month") for one in links.values())


def test_many_rows_go_by_pages(claims: House) -> None:
    boss = claims.client("boss")
    line = {"item": "lid", "quantity": 1, "price": 1, "fault": "broken"}
    values = {"client": claims.saved["ben"].id, "asked_at": "2024-05-05T08:00", "lines": [line]}
    for _ in range(101):
        claims.create("claim", values)
    first = boss.get("/reports/beside/rows?g.month=2024-05-01")
    (link,) = re.findall(r'href="([^"]+)" rel="next"', first.text)
    second = boss.get(unescape(link))
    seen = [row[0] for page in (first, second) for row in _rows(page.text)]
    assert len(seen) == len(set(seen)) == 101
