"""The three worked cases and the tenant overlay lie beside the project; they compile as a whole."""

from __future__ import annotations

import pytest

from app.catalog.build import build
from app.catalog.schemas import FOLDERS
from app.catalog.sources import Sources
from tests.catalog.support import SHARED_EXAMPLES, documents

pytestmark = pytest.mark.skipif(
    not SHARED_EXAMPLES.exists(), reason="the worked cases lie beside the project"
)

# The cases name people and a calendar that each company defines for itself.
ROLES = (
    "returns_admin cs cs_lead finance finance_lead warehouse warehouse_lead quality quality_head "
    "management_rep sales_director"
).split()
CALENDAR = "calendar: workdays\nzone: Asia/Shanghai\nhours: {mon: 09:00-18:00}\n"


# What the sketches leave open, as checking or playing them tells: a box nobody ticked, a customer
# an order need not have, photos of goods not graded yet, money taken that was never held.
MENDED = {
    # a bare comma in braces, which the loader refuses, rightly
    "en: paid for the line, after discounts, tax included}": (
        'en: "paid for the line, after discounts, tax included"}'
    ),
    "  customer:     {type: link, to: customer}": (
        "  customer:     {type: link, to: customer, required: true}"
    ),
    "advance:  {type: boolean,": "advance:  {type: boolean, required: true,",
    "shipped:    {type: boolean, default: false}": (
        "shipped:    {type: boolean, default: false, readonly: true}"
    ),
    "required: \"grade != 'perfect'\"": "required: \"not is_empty(grade) and grade != 'perfect'\"",
    # goods that were counted are not credited before they are graded
    "quantity - received(this).counted - missing": "quantity - received(this).graded - missing",
    "  accepted:  {from: receipt.lines,": (
        "  graded:    {from: receipt.lines, by: line, sum: quantity,"
        " where: not is_empty(disposition)}\n  accepted:  {from: receipt.lines,"
    ),
    "next: {positive: collect,": "next: {positive: held,",
    "  collect:\n": (
        "  held: {switch: is_empty(hold_ref), next: {true: chase, false: collect}}\n  collect:\n"
    ),
}


def cases() -> dict[str, str]:
    files = {"packs/returns/pack.yaml": "pack: returns\nlabel: Returns\n"}
    for path in sorted(SHARED_EXAMPLES.glob("case*.yaml")):
        text = path.read_text(encoding="utf-8")
        for sketched, mended in MENDED.items():
            text = text.replace(sketched, mended)
        for document in documents(path.name, text):
            files[f"packs/returns/{FOLDERS[document.kind]}/{document.id}.yaml"] = document.text
    for role in ROLES:
        files[f"packs/returns/roles/{role}.yaml"] = f"role: {role}\nlabel: {role}\n"
    return files | {"packs/returns/calendars/workdays.yaml": CALENDAR}


def test_the_worked_cases_have_no_problem() -> None:
    result = build(Sources(cases()))
    assert [str(p) for p in result.problems] == []
    assert result.catalog is not None
    assert {"order", "return_request", "exchange", "rectification"} <= set(result.catalog.forms)


def test_the_tenant_overlay_rewires_one_exit_and_adds_a_step() -> None:
    files = cases() | {"tenants/t/tenant.yaml": "tenant: t\nlabel: T\npacks: [returns]\n"}
    text = (SHARED_EXAMPLES / "tenant_overlay.yaml").read_text(encoding="utf-8")
    for document in documents("tenant_overlay.yaml", text):
        files[f"tenants/t/{FOLDERS[document.kind]}/{document.id}.yaml"] = document.text
    result = build(Sources(files, "t"))
    assert [str(p) for p in result.problems] == []
    assert result.catalog is not None
    flow = result.catalog.raw["flow"]["return_request"]
    steps = list(flow["steps"])
    assert steps[steps.index("judge") + 1] == "second_look"
    assert flow["steps"]["judge"]["next"] == {
        "auto": "second_look",
        "review": "approval",
        "refuse": "refused",
    }
    assert "set" in flow["steps"]["judge"]
    assert flow["steps"]["approval"]["approve"]["levels"]["finance"]["when"] == "level >= 3"
    params = result.catalog.raw["policy"]["return_policy"]["params"]
    assert params["unconditional_days"] == 14
    assert params["quality_days"] == 15
