"""Behind every number stand exactly the rows it counts, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.catalog.build import build
from app.catalog.model import Catalog, Report
from app.reports.behind import Spot, read_spot, rows_behind, spot_args
from app.reports.labels import label_of
from app.reports.result import CURRENCY
from app.reports.run import run
from app.reports.seeing import shown_behind
from app.reports.sql import Source
from forms.values import Money
from tests.reports.conftest import World
from tests.web.pack import sources

_REPORT = """
report: cells
source: claim.lines
filters: {state: parent.state}
group:
%s
measures:
  lines: count
  broken: {count: true, where: fault == 'broken'}
  amount: {sum: amount}
drill: [parent.number, parent.client.name, item, fault, amount]
"""

GROUPS = {
    "day": "  when: {by: parent.asked_at, unit: day}",
    "week": "  when: {by: parent.asked_at, unit: week}",
    "month": "  when: {by: parent.asked_at, unit: month}",
    "quarter": "  when: {by: parent.asked_at, unit: quarter}",
    "year": "  when: {by: parent.asked_at, unit: year}",
    "date": "  due: parent.due_on",
    "link": "  client: parent.client",
    "choices": "  fault: fault\n  state: parent.state",
    "number": "  quantity: quantity",
    "boolean": "  intact: intact",
    "person": "  maker: parent.created_by",
    "text": "  item: item",
}


def _report(groups: str) -> tuple[Catalog, Report]:
    text = _REPORT % groups
    catalog = build(sources().replaced("packs/claims/reports/cells.yaml", text)).catalog
    assert catalog is not None
    return catalog, catalog.reports["cells"]


def _spot(report: Report, ids: list[str], row: list[Any], measure: str) -> Spot:
    """The number of a row, through an address and back."""
    groups = {name: row[ids.index(name)] for name in report.group}
    spot = Spot(groups, measure, row[ids.index(CURRENCY)])
    again, problems = read_spot(report, spot_args(report, spot))
    assert problems == [] and again == spot
    return again


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_the_rows_add_up_to_the_number(world: World, groups: str) -> None:
    catalog, report = _report(groups)
    place = world.source()
    source = Source(catalog, place.tables, place.dialect, place.env)
    chosen = {"state": ["open"]}
    result = run(source, world.db.query, report, lambda form: None, chosen)
    ids = [column.id for column in result.columns]
    assert result.rows
    for row in result.rows[:25]:
        behind = {
            measure: rows_behind(
                source,
                world.db.query,
                report,
                lambda form: None,
                chosen,
                _spot(report, ids, row, measure),
                report.drill,
                500,
            )
            for measure in ("lines", "broken")
        }
        lines = behind["lines"].result.rows
        assert len(lines) == row[ids.index("lines")]
        assert len(behind["broken"].result.rows) == row[ids.index("broken")]
        total = sum((one[4].amount for one in lines), Decimal(0))
        assert Money(total, row[ids.index(CURRENCY)]) == row[ids.index("amount")]
        records = behind["lines"].records
        assert list(records) == sorted(records, reverse=True)
        states = {claim["id"]: claim["state"] for claim in world.claims}
        assert {states[one] for one in records} == {"open"}


def test_columns_that_read_something_hidden_are_left_out(world: World) -> None:
    catalog, report = _report("  item: item")

    def shown(**hidden: frozenset[str]) -> list[str]:
        found = shown_behind(catalog, report, lambda form: hidden.get(form, frozenset()))
        return [one.source for one in found]

    assert len(shown()) == 5
    assert "fault" not in shown(claim=frozenset({"lines.fault"}))
    assert "parent.client.name" not in shown(client=frozenset({"name"}))
    assert shown(claim=frozenset({"lines"})) == ["parent.number", "parent.client.name"]


def test_columns_are_called_by_the_labels_of_their_fields() -> None:
    catalog, report = _report("  item: item")
    labels = [label_of(catalog, report, one) for one in report.drill]
    assert [one.en for one in labels] == ["Number", "Client · Name", "Item", "Fault", "Amount"]
    assert labels[1].zh == "客户 · 名称"
