"""What an expression says it reads is exactly what it reads."""

from __future__ import annotations

import pytest

from forms.expr import DECIMAL, MONEY, Expr, Scope, compile_expr

from .shop import FORMS, SHOP, env, scope

RECORD, LINE = scope("return_request"), scope("return_request.lines")
CANDIDATE = Scope(
    FORMS["order.lines"], FORMS["return_request"], FORMS["return_request.lines"], SHOP
)


def made(source: str, where: Scope = RECORD) -> Expr:
    return compile_expr(source, where)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("level + 1", {"level"}),
        ("order.currency", {"order"}),
        ("sum(lines.refund where verdict != 'refuse')", {"lines.refund", "lines.verdict"}),
        ("count(lines)", {"lines"}),
        ("sum(lines.refund where parent.level > 1)", {"lines.refund", "level"}),
        ("all(lines.quantity <= level)", {"lines.quantity", "level"}),
        ("count(lines where true)", {"lines"}),
        ("this", {"id"}),
        ("this.level", {"level"}),
        ("if(level > 1, address, title)", {"level", "address", "title"}),
        ("now()", set()),
        ("me == created_by", {"created_by"}),
    ],
)
def test_names(source: str, names: set[str]) -> None:
    assert made(source).names == names


def test_link_reads() -> None:
    assert made("order.currency == 'CNY'").link_reads == {("order", "currency")}
    assert made("sum(lines.quantity where order_line.total > 0)").link_reads == {
        ("lines.order_line", "total")
    }
    assert made("parent.order.paid > 0", LINE).link_reads == {("parent.order", "paid")}
    deep = compile_expr("order.customer.name", scope("return_request", max_hops=2))
    assert deep.link_reads == {("order", "customer"), ("order.customer", "name")}
    assert deep.names == {"order"}


def test_parent_and_row_names() -> None:
    expr = made("order == parent.order and quantity >= this.quantity", CANDIDATE)
    assert expr.names == {"order", "quantity"}
    assert expr.parent_names == {"order"}
    assert expr.row_names == {"quantity"}
    lines = made("quantity / sum(parent.lines.quantity)", LINE)
    assert (lines.names, lines.parent_names) == ({"quantity"}, {"lines.quantity"})


def test_aggregates() -> None:
    expr = made("returnable(order_line).asked - quantity", LINE)
    assert expr.aggregates == {"returnable"}
    assert expr.aggregate_reads == {("returnable", "order_line")}
    assert made("received(this).counted", scope("exchange.lines")).aggregate_reads == {
        ("received", "this")
    }
    assert made("max(lines.quantity where returnable(order_line).asked > 1)").aggregate_reads == {
        ("returnable", "lines.order_line")
    }


def test_clock_user_and_constants() -> None:
    assert made("today() > applied_on").reads_clock
    assert not made("applied_on == null").reads_clock
    assert made("me == created_by").reads_me
    assert made("1 + 2 > 2").constant
    assert made("money(5, 'CNY')").constant
    assert not made("money(5)").constant
    assert not made("today()").constant
    assert not made("level").constant


@pytest.mark.parametrize(
    ("source", "inexact"),
    [
        ("refund_total", False),
        ("refund_total * 2", True),
        ("round(refund_total * 2)", False),
        ("refund_total + return_freight / 3", True),
        ("if(level > 1, refund_total, 0)", False),
        ("sum(lines.refund)", False),
        ("avg(lines.refund)", True),
        ("sum(lines.quantity * lines.paid)", True),
        ("portion(refund_total, 1, 3, 0)", False),
        ("max(refund_total * 2, return_freight)", True),
        ("money(level)", False),
        ("money(level / 3)", True),
        ("level * 2", False),
    ],
)
def test_inexact_money(source: str, inexact: bool) -> None:
    assert made(source).inexact_money is inexact


def test_expected_types_are_given() -> None:
    expr = compile_expr("level", RECORD, DECIMAL)
    assert str(expr.evaluate({"level": 2}, env())) == "2"
    assert expr.type == DECIMAL
    assert compile_expr("0", RECORD, MONEY).evaluate({}, env(currency="JPY")).currency == "JPY"
