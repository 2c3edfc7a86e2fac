"""Every expression of the worked cases compiles in the scope it stands in."""

from __future__ import annotations

import pytest

from forms.expr import BOOLEAN, DECIMAL, INTEGER, MONEY, Scope, Type, choice, compile_expr, link

from .shop import FAULT, FORMS, SHOP, VERDICT, scope

REQUEST = scope("return_request")
REQUEST_LINE = scope("return_request.lines")
# A policy on lines reads the line's names, and the record's where the line has none.
JUDGED = Scope({**FORMS["return_request"], **FORMS["return_request.lines"]}, library=SHOP)
CANDIDATE = Scope(
    FORMS["order.lines"],
    parent=FORMS["return_request"],
    row=FORMS["return_request.lines"],
    library=SHOP,
)
EXCHANGE, EXCHANGE_LINE = scope("exchange"), scope("exchange.lines")
HANDLING, HANDLING_LINE = scope("return_handling"), scope("return_handling.goods")
RECTIFICATION = scope("rectification")
EACH_LINE = Scope(
    {**FORMS["return_request"], "line": link("return_request.lines")}, library=SHOP, max_hops=2
)
RECEIPT_LINE_EACH = Scope(
    {**FORMS["receipt"], "line": link("receipt.lines")}, library=SHOP, max_hops=3
)
RECEIPT_CANDIDATE = Scope(FORMS["exchange.lines"], FORMS["receipt"], FORMS["receipt.lines"], SHOP)

EXAMPLES: list[tuple[str, Scope, Type | None]] = [
    ("order.currency", REQUEST, None),
    ("today()", REQUEST, None),
    ("parent.order == order", CANDIDATE, BOOLEAN),
    ("reason.fault != 'customer'", REQUEST_LINE, BOOLEAN),
    ("paid * refund_percent / 100", REQUEST_LINE, MONEY),
    ("sum(lines.refund where verdict != 'refuse')", REQUEST, MONEY),
    (
        "goods_refund + if(freight_payer == 'merchant', coalesce(return_freight, 0), 0)",
        REQUEST,
        MONEY,
    ),
    (
        "verdict != 'refuse' and parent.stage not in ['refused', 'withdrawn', 'expired']",
        REQUEST_LINE,
        BOOLEAN,
    ),
    ("asked > delivered", Scope({"asked": DECIMAL, "delivered": DECIMAL}), BOOLEAN),
    ("delivered - asked", Scope({"asked": DECIMAL, "delivered": DECIMAL}), DECIMAL),
    ("stage != 'cancelled'", scope("refund"), BOOLEAN),
    ("refunded > paid", Scope({"refunded": MONEY, "paid": MONEY}), BOOLEAN),
    ("order.placed_on", REQUEST, None),
    ("days_between(order.delivered_on, applied_on)", JUDGED, INTEGER),
    ("reason.fault", JUDGED, FAULT),
    ("intact", JUDGED, BOOLEAN),
    ("coalesce(fault, reason.fault)", JUDGED, FAULT),
    ("refund_total", REQUEST, MONEY),
    (
        "portion(order_line.total, quantity, order_line.quantity, "
        "returnable(order_line).asked - quantity)",
        REQUEST_LINE,
        MONEY,
    ),
    ("level >= 2", REQUEST, BOOLEAN),
    ("now()", REQUEST, None),
    ("line.disposition", EACH_LINE, None),
    ("line.order_line.sku", EACH_LINE, None),
    ("line.line.order_line.sku", RECEIPT_LINE_EACH, None),
    ("'customer'", EACH_LINE, choice("customer", "merchant")),
    ("refund_total > 0", REQUEST, BOOLEAN),
    ("'original'", REQUEST, choice("original", "bank", "balance")),
    ("portion(order_line.total, received, order_line.quantity, 0)", HANDLING_LINE, MONEY),
    ("sum(goods.credit where liability != 'customer')", HANDLING, MONEY),
    ("all(goods.received <= goods.quantity)", HANDLING, BOOLEAN),
    ("analysis.liability", HANDLING, None),
    ("division.head", HANDLING, None),
    ("credit > 10000", HANDLING, BOOLEAN),
    ("is_empty(rectification) or rectification.stage == 'closed'", HANDLING, BOOLEAN),
    ("max(measures.until)", RECTIFICATION, None),
    ("this", HANDLING, link("return_handling")),
    ("quantity - received(this).counted - missing", EXCHANGE_LINE, DECIMAL),
    ("portion(order_line.total, quantity, order_line.quantity, 0)", EXCHANGE_LINE, MONEY),
    ("portion(price, received(this).accepted, quantity, 0)", EXCHANGE_LINE, MONEY),
    ("quantity * price", scope("exchange.wanted"), MONEY),
    ("sum(wanted.amount) - sum(lines.price)", EXCHANGE, MONEY),
    ("if(advance, sum(lines.price), 0) + max(due_before, 0)", EXCHANGE, MONEY),
    ("if(shipped, sum(wanted.amount), 0) - sum(lines.credit)", EXCHANGE, MONEY),
    ("parent.exchange == exchange", RECEIPT_CANDIDATE, BOOLEAN),
    ("grade != 'perfect'", scope("receipt.lines"), BOOLEAN),
    ("disposition in ['restock', 'scrap']", scope("receipt.lines"), BOOLEAN),
    ("deposit > 0", EXCHANGE, BOOLEAN),
    ("sum(lines.open) == 0", EXCHANGE, BOOLEAN),
    ("sum(wanted.amount) - sum(lines.credit) <= deposit", EXCHANGE, BOOLEAN),
    ("sign(balance)", EXCHANGE, choice("positive", "negative", "zero")),
    ("-balance", EXCHANGE, MONEY),
    ("wanted", EXCHANGE, None),
    ("not is_empty(hold_ref)", EXCHANGE, BOOLEAN),
    ("level >= 3", REQUEST, BOOLEAN),
    ("verdict", REQUEST, VERDICT),
]


@pytest.mark.parametrize(("source", "where", "expected"), EXAMPLES)
def test_examples_compile(source: str, where: Scope, expected: Type | None) -> None:
    assert compile_expr(source, where, expected).source == source
