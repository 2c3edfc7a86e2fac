"""Formulas computed after a flow wrote fields come out as a validation would have them."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from forms.expr import Env
from forms.model import Row
from forms.recompute import recompute
from forms.validate import validate
from forms.values import Money
from tests.forms.shop import NOW, shop

FORM = shop()["return_request"]
ORDER = {"customer": 60, "currency": "CNY"}


def env() -> Env:
    links: dict[str, dict[int, dict[str, Any]]] = {
        "order": {5: ORDER, 6: {"customer": 61, "currency": "CNY"}},
        "order.lines": {51: {"order": 5}, 52: {"order": 5}},
        "customer": {60: {"name": "Li"}, 61: {"name": "Wu"}},
    }
    return Env(NOW, links=links, currency="USD")


def load(wanted: object) -> None:
    """Everything is there already."""


def submitted(paid: list[Decimal], percent: Decimal) -> dict[str, Any]:
    lines = [
        {
            "order_line": 51 + n,
            "quantity": Decimal(1),
            "reason": "quality",
            "percent": percent,
            "paid": Money(amount, "CNY"),
        }
        for n, amount in enumerate(paid)
    ]
    return {"order": 5, "address": "here", "lines": lines, "freight": Money(Decimal(3), "CNY")}


def made(paid: list[Decimal], percent: Decimal) -> Row:
    outcome = validate(FORM, submitted(paid, percent), moment="save", env=env(), load=load)
    assert [e.code for e in outcome.errors if e.path[0] == "lines" and e.code != "bad_link"] == []
    return outcome.values


cents = st.decimals(0, 900, places=2)


@settings(max_examples=60, deadline=None)
@given(st.lists(cents, min_size=1, max_size=2), st.decimals(0, 100, places=1), cents)
def test_a_written_field_gives_what_a_validation_gives(
    paid: list[Decimal], percent: Decimal, now: Decimal
) -> None:
    row = made(paid, percent)
    again = deepcopy(row)
    again["lines"][0]["paid"] = Money(now, "CNY")
    before = deepcopy(again)
    surroundings = env()
    assert recompute(FORM, again, before, surroundings).errors == []
    assert surroundings.currency == "CNY"
    whole = validate(
        FORM,
        {"lines": [{"id": one["id"], "paid": one["paid"]} for one in before["lines"]]},
        previous=row,
        moment="save",
        env=env(),
        load=load,
    ).values
    for name in ("goods", "total"):
        assert again[name] == whole[name]
    assert [one["refund"] for one in again["lines"]] == [one["refund"] for one in whole["lines"]]


def test_computing_again_changes_nothing() -> None:
    row = made([Decimal("9.99")], Decimal("33.3"))
    again = deepcopy(row)
    recompute(FORM, again, again, env())
    assert again == row


def test_a_link_that_was_written_fills_what_it_fills() -> None:
    row = made([Decimal(1)], Decimal(100))
    assert row["customer"] == 60
    moved = {**deepcopy(row), "order": 6}
    recompute(FORM, moved, row, env())
    assert moved["customer"] == 61


def test_what_cannot_be_computed_is_told_with_its_place() -> None:
    row = made([Decimal(1)], Decimal(100))
    row["lines"][0]["paid"] = Money(Decimal(10) ** 13, "CNY")
    row["lines"][0]["percent"] = Decimal(10) ** 9
    [(path, _), *_] = recompute(FORM, row, row, env()).errors
    assert path == ("lines", 0, "refund")
    assert row["lines"][0]["refund"] is None
