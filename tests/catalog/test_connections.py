"""Connections: capabilities, conditions over arguments, events that find records."""

from __future__ import annotations

import pytest

from app.capabilities import STANDARD, ActionSpec, Capability, offer
from app.catalog.build import build
from forms.expr import Env
from forms.values import Money
from tests.catalog.support import ROOT, built, shown, sources

FORM = """form: refund
label: Refund
fields:
  reference: {type: text}
  settled_at: {type: datetime}
  amount: {type: money, currency: CNY}
  parts: {type: lines, fields: {tracking_no: {type: text}}}
"""
HEAD = "connection: bank\nlabel: Bank\nplugin: payment_sandbox\n"


def files(body: str) -> dict[str, str]:
    return {
        "packs/shop/forms/refund.yaml": FORM,
        "packs/shop/connections/bank.yaml": HEAD + body,
    }


def test_a_connection_is_compiled() -> None:
    catalog = built(
        files(
            "settings: {url: 'http://x', set: {kind: refund}}\nsecrets: {key: payment_key}\n"
            "serves:\n  payment: method == 'original' and currency(amount) == 'CNY'\n"
            "  payment.capture: true\n  carrier: false\n"
            "events:\n  payment.refunded:\n    match: {form: refund, field: reference}\n"
            "    save: {settled_at: at}\n"
        )
    )
    bank = catalog.connections["bank"]
    assert (bank.plugin, bank.secrets) == ("payment_sandbox", {"key": "payment_key"})
    assert bank.settings == {"url": "http://x", "set": {"kind": "refund"}}
    assert list(bank.serves) == ["payment", "payment.capture"]
    assert bank.serves["payment.capture"] is None
    condition = bank.serves["payment"]
    assert condition is not None
    row = {"method": "original", "amount": Money(5, "CNY"), "form": "refund"}
    assert condition.evaluate(row, Env.__new__(Env)) is True
    event = bank.events["payment.refunded"]
    assert (event.form, event.field, event.save) == ("refund", "reference", {"settled_at": "at"})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("serves: {paymnet: true}\n", "unknown_capability"),
        ("serves: {payment.refnud: true}\n", "unknown_capability"),
        ("serves: {payment: metod == 'x'}\n", "expr_unknown_name"),
        ("serves: {payment.capture: method == 'x'}\n", "expr_unknown_name"),
        ("serves: {payment: amount}\n", "expr_expected"),
        ("events: {payment.settled: {match: {form: refund, field: reference}}}\n", "unknown_event"),
        ("events: {payment.refunded: {match: {form: refnd, field: x}}}\n", "unknown_form"),
        ("events: {payment.refunded: {match: {form: refund, field: ref}}}\n", "unknown_field"),
        ("events: {payment.refunded: {match: {form: refund, field: amount}}}\n", "event_key"),
        (
            "events:\n  carrier.lost:\n    match: {form: refund, field: parts.tracking_no}\n"
            "    save: {reference: weight}\n",
            "unknown_part",
        ),
        (
            "events:\n  carrier.lost:\n    match: {form: refund, field: parts.tracking_no}\n"
            "    save: {parts: tracking_no}\n",
            "event_save",
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(body: str, code: str) -> None:
    found = build(sources(files(body))).problems
    assert [p.problem.code for p in found] == [code], [str(p) for p in found]
    assert shown(found)[0].startswith("packs/shop/connections/bank.yaml:")


def test_capabilities_of_plugins_are_known_where_they_are_given() -> None:
    wms = Capability("wms", {"book": ActionSpec({"sku": "text"})})
    text = files("serves: {wms.book: sku == 'x'}\n")
    assert build(sources(text), {**STANDARD, "wms": wms}).problems == []
    assert build(sources(text), STANDARD).problems != []


def test_a_malformed_capability_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed"):
        offer([Capability("wms", {"book": ActionSpec({"sku": "string"})})])
    with pytest.raises(ValueError, match="already known"):
        offer([Capability("payment", {})])


def test_the_page_lists_every_action_and_event_with_its_types() -> None:
    page = (ROOT / "docs" / "definitions" / "connection.md").read_text(encoding="utf-8")
    for capability in STANDARD.values():
        for name, spec in capability.actions.items():
            (line,) = [x for x in page.splitlines() if x.startswith(f"| `{capability.id}.{name}` ")]
            for argument, kind in {**spec.takes, **spec.gives}.items():
                assert f"`{argument}` {kind}" in line
            for code in spec.fails:
                assert f"`{code}`" in line
        for name, told in capability.events.items():
            (line,) = [x for x in page.splitlines() if x.startswith(f"| `{capability.id}.{name}` ")]
            for part, kind in told.data.items():
                assert f"`{part}` {kind}" in line
