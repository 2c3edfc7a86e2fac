"""What a report tells of a flow: steps, levels, stages and outcomes by their names."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from app.catalog.build import build
from app.catalog.model import Catalog
from app.catalog.sources import Sources
from app.reports.filters import of_report
from app.reports.result import COLUMN, GROUP, Result, ResultColumn
from app.reports.words import Teller
from forms.expr import TEXT
from forms.values import Text
from tests.web.pack import sources

WORK = """report: work
label: Work
source: request.flow
filters:
  where: {label: Where, by: step}
group:
  step: {label: Step, by: step}
  level: {label: Level, by: level}
  stage: {label: Stage, by: parent.stage}
  came: {label: Outcome, by: outcome}
measures:
  all: {label: All, count: true}
drill: [step, parent.stage, parent.number]
"""


def catalog() -> Catalog:
    files = {**sources().files, "packs/claims/reports/work.yaml": WORK}
    built = build(Sources(files, ""))
    assert built.catalog is not None, built.problems
    return built.catalog


def told(lang: str, *rows: list[object]) -> list[list[str]]:
    made = catalog()
    report = made.reports["work"]
    columns = [ResultColumn(one, group.label, GROUP, TEXT) for one, group in report.group.items()]
    result = Result(report, columns, list(rows))
    teller = Teller(result, lang, ZoneInfo("UTC"), made, {})
    assert list(teller.rows()) == [teller.row(row) for row in rows]
    return [teller.row(row) for row in rows]


def test_steps_levels_stages_and_outcomes_are_told_by_their_names() -> None:
    rows = [
        ["approval", "finance", "approving", "approved"],
        ["order", None, "buying", "done"],
        ["answer", None, "closed", "kept"],
        ["gone_since", "", "gone_since", "gone_since"],
    ]
    assert told("zh", *rows)[:3] == [
        ["主管与财务审批", "财务", "审批中", "同意"],
        ["下单", "（无）", "采购中", "完成"],
        ["审批时效", "（无）", "已结束", "已达成"],
    ]
    english = told("en", *rows)
    assert english[0] == ["Approval", "Finance", "Under approval", "Approved"]
    assert english[2][3] == "Kept"
    assert english[3][:3] == ["gone_since", "", "gone_since"]


def test_a_step_is_chosen_by_its_name() -> None:
    made = catalog()
    found = of_report(made, made.reports["work"])
    choices = {one: label.en for one, label in found["where"].options}
    assert choices["order"] == "Order"
    assert "size" not in choices, "no person works there"


def test_the_rows_behind_a_number_are_told_so_too() -> None:
    made = catalog()
    report = made.reports["work"]
    columns = [ResultColumn(one.source, Text(), COLUMN, TEXT) for one in report.drill]
    row: list[object] = ["order", "buying", "R1"]
    for lang, expected in (
        ("zh", ["下单", "采购中", "R1"]),
        ("en", ["Order", "Being bought", "R1"]),
    ):
        teller = Teller(Result(report, columns, [row]), lang, ZoneInfo("UTC"), made, {})
        assert teller.row(row) == expected
