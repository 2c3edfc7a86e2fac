"""The worked cases, told as scenarios and played: each goes its whole way."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog.sources import Sources
from app.scenarios import Report, run_pack
from tests.catalog.support import SHARED_EXAMPLES
from tests.catalog.test_worked_cases import cases

SCENARIOS = Path(__file__).parent / "scenarios"
FORMS = (
    "order customer product division return_request refund exchange receipt return_handling "
    "return_analysis rectification"
).split()
STARTED = {"sales": ("return_handling",), "cs": ("exchange", "return_request")}
"""Who may start what: the cases leave roles to each company."""

pytestmark = pytest.mark.skipif(
    not SHARED_EXAMPLES.exists(), reason="the worked cases lie beside the project"
)


def told() -> Sources:
    """The cases, a role that may start things, and the scenarios of this folder."""
    files = cases()
    week = ", ".join(f"{day}: 09:00-18:00" for day in ("mon", "tue", "wed", "thu", "fri"))
    files["packs/returns/calendars/workdays.yaml"] = (
        f"calendar: workdays\nzone: Asia/Shanghai\nhours: {{{week}}}\n"
    )
    for role, own in STARTED.items():
        more = {form: ", create, update" if form in own else "" for form in FORMS}
        grants = "".join(
            f"  {form}: {{actions: [list, read{rest}]}}\n" for form, rest in more.items()
        )
        files[f"packs/returns/roles/{role}.yaml"] = f"role: {role}\nlabel: {role}\ncan:\n{grants}"
    story = "packs/returns/scenarios/quality_within_15_days.yaml"  # of an order with a customer
    for old, new in (
        ("given:\n", "given:\n  - {create: customer, as: c, with: {name: 陈晓}}\n"),
        ('number: "A1",', 'number: "A1", customer: c,'),
    ):
        files[story] = files[story].replace(old, new)
    for path in sorted(SCENARIOS.glob("*.yaml")):
        files[f"packs/returns/scenarios/{path.name}"] = path.read_text(encoding="utf-8")
    return Sources(files)


@pytest.fixture(scope="module")
def report() -> Report:
    return run_pack(told(), "cases")


def test_every_case_comes_out_as_told(report: Report) -> None:
    found = [str(failure) for one in report.outcomes for failure in one.failures]
    assert found == []
    assert {one.id for one in report.outcomes} >= {
        "quality_within_15_days",
        "factory_return",
        "exchange_in_parts",
        "replacement_first",
    }


def test_the_cases_are_gone_through(report: Report) -> None:
    for form in ("return_handling", "return_analysis", "rectification", "exchange"):
        share = report.steps[form]
        assert share.seen / share.total >= 0.6, (form, share.missed)
