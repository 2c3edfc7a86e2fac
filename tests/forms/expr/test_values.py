"""Values that depend on the world around a row: links, parents, zones, currencies."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from forms.expr import Env, EvalError, Scope, compile_expr
from forms.values import Money

from .shop import FORMS, SHOP, env, scope

RECORD, LINE = scope("return_request"), scope("return_request.lines")


def value(
    source: str, row: dict[str, Any], around: Env | None = None, where: Scope = RECORD
) -> Any:
    return compile_expr(source, where).evaluate(row, around or env())


def test_a_missing_link_reads_as_null() -> None:
    around = env(links={"order": {1: {"currency": "CNY"}}})
    assert value("order.currency", {"order": 1}, around) == "CNY"
    assert value("order.currency", {"order": 2}, around) is None
    assert value("order.currency", {"order": None}, around) is None
    assert value("order.currency", {"order": 1}) is None
    assert value("order.currency", {}) is None


def test_an_aggregate_without_a_row_is_zero_and_without_a_key_null() -> None:
    counted = env(aggregates={"returnable": {5: {"asked": Decimal(2)}}})
    assert value("returnable(order_line).asked", {"order_line": 5}, counted, LINE) == 2
    assert value("returnable(order_line).asked", {"order_line": 6}, counted, LINE) == 0
    assert value("returnable(order_line).asked", {"order_line": None}, counted, LINE) is None


def test_lines_of_the_parent() -> None:
    rows = [{"quantity": Decimal(1), "reason": "quality"}, {"quantity": Decimal(3)}]
    around = env(parent={"lines": rows, "level": 2})
    share = "quantity / sum(parent.lines.quantity)"
    assert value(share, {"quantity": Decimal(1)}, around, LINE) == Decimal("0.25")
    same = "count(parent.lines where reason == this.reason)"
    assert value(same, {"reason": "quality"}, around, LINE) == 1
    assert value("sum(parent.lines.quantity where parent.level == 2)", {}, around, LINE) == 4


def test_the_row_being_edited() -> None:
    where = Scope(
        FORMS["order.lines"], FORMS["return_request"], FORMS["return_request.lines"], SHOP
    )
    around = env(parent={"order": 9}, this_row={"quantity": Decimal(2), "id": 77})
    expr = "parent.order == order and quantity >= this.quantity"
    assert value(expr, {"order": 9, "quantity": Decimal(2)}, around, where) is True
    assert value(expr, {"order": 8, "quantity": Decimal(2)}, around, where) is False


def test_days_begin_where_the_business_is() -> None:
    late = {"received_at": datetime(2026, 3, 18, 17, 30, tzinfo=UTC)}
    shanghai = Env(datetime(2026, 3, 18, 17, tzinfo=UTC), zone=ZoneInfo("Asia/Shanghai"))
    assert value("date(received_at)", late) == date(2026, 3, 18)
    assert value("date(received_at)", late, shanghai) == date(2026, 3, 19)
    assert value("today()", {}, shanghai) == date(2026, 3, 19)
    noon = value("datetime('2026-03-19T12:00')", {}, shanghai)
    assert noon == datetime(2026, 3, 19, 4, tzinfo=UTC)


def test_a_choice_outside_the_options_has_no_place_in_the_order() -> None:
    assert value("verdict > 'refuse'", {"verdict": "gone"}) is None
    assert value("verdict != 'refuse'", {"verdict": "gone"}) is True
    assert value("reason.fault", {"reason": "gone"}, where=LINE) is None


def test_amounts_without_a_currency_take_that_of_what_they_meet() -> None:
    yen = {"return_freight": Money(Decimal(5), "JPY"), "refund_total": None}
    assert value("coalesce(return_freight, 0)", yen) == Money(Decimal(5), "JPY")
    assert value("coalesce(refund_total, 0)", yen) == Money(Decimal(0), "CNY")
    assert value("coalesce(refund_total, 0) + return_freight", yen) == Money(Decimal(5), "JPY")
    assert value("sum(lines.refund)", {"lines": None}) == Money(Decimal(0), "CNY")
    assert value("currency(coalesce(refund_total, 0))", yen) == "CNY"
    assert value("refund_total", yen) is None


def test_an_error_knows_its_place_in_both_languages() -> None:
    row = {"return_freight": Money(Decimal(5), "JPY"), "refund_total": Money(Decimal(5), "CNY")}
    with pytest.raises(EvalError) as caught:
        value("level == 1 or refund_total > return_freight", row)
    assert caught.value.code == "expr_mixed_currency"
    assert caught.value.offset == len("level == 1 or refund_total ")
    assert "CNY" in caught.value.message.zh
    assert "JPY" in caught.value.message.en


def test_nobody_elses_decimal_context_matters() -> None:
    row = {"refund_total": Money(Decimal("12345678901234.5678"), "CNY"), "level": 3}
    with localcontext() as context:
        context.prec = 3
        found = value("refund_total * 1.000001 + refund_total / level", row)
    assert found.amount == Decimal("12345691246913.4690345678") + Decimal(
        "4115226300411.522600000000"
    )


@pytest.mark.parametrize("parts", [[1, 1, 1], [3], [0.5, 0.25, 2.25], [2, 0, 1]])
def test_portions_add_up(parts: list[float]) -> None:
    total, done, paid = Money(Decimal("99.99"), "CNY"), Decimal(0), Decimal(0)
    for part in parts:
        row = {"paid": total, "quantity": Decimal(str(part)), "refund_percent": done}
        share = value("portion(paid, quantity, 3, refund_percent)", row, where=LINE)
        paid, done = paid + share.amount, done + Decimal(str(part))
    assert paid == Decimal("99.99")
