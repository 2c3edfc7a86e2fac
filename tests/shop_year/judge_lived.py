"""The year lived through its flow against what plain SQL makes of the files and the people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.records.incidents import incidents
from app.records.proof import verify_aggregates, verify_journal
from app.records.tenant import Tenant
from forms.values import encode_id
from tests.shop_year.connectors import Outsiders, Services
from tests.shop_year.explain import explain
from tests.shop_year.journey import REFUND, REQUEST, Journey
from tests.shop_year.lived import Lived

CODES = {"over": "limit_reached", "invalid": "invalid"}
FLOWS = (REQUEST, REFUND, "receipt", "exchange", "bank_transfer")
CENTS = 100  # money is stored in ten-thousandths
UNSEEN_CENTS, FINANCE_CENTS = 1_000_00, 10_000_00
"""Up to here a refund is paid unseen; up to here one person in finance reviews it."""


def judge_lived(
    journey: Journey, expected: Lived, services: Services | Outsiders
) -> dict[str, Any]:
    """Assert that everything agrees to the cent; what was counted on the way."""
    tenant = journey.tenant
    _judge_outcomes(journey, expected)
    _judge_refunds(tenant, expected)
    _judge_never_more(tenant)
    assert _stock(tenant) == {sku: n for sku, n in expected.stock().items() if n}
    assert _zone(tenant) == [], "everything that was checked has left the returns zone"
    _judge_services(tenant, expected, services)
    _judge_books(tenant)
    return {"outcomes": expected.outcomes(), "traces": {f: explain(tenant, f) for f in FLOWS}}


def names(tenant: Tenant, form: str, lines: str | None = None) -> dict[str, str]:
    """Where a form keeps its fields: field → column, "" → table."""
    tables = tenant.active().tables.forms[form]
    home = tables if lines is None else tables.children[lines]
    return {field: column.name for field, column in home.columns.items()} | {"": home.table}


def _judge_outcomes(journey: Journey, expected: Lived) -> None:
    """Every return ends as it must, was judged as it must be, and goes to whom it must."""
    found = expected.db.execute("SELECT return_no, outcome, verdict, level FROM lived")
    wanted = {number: tuple(rest) for number, *rest in found}
    for number, (outcome, *_) in wanted.items():
        assert (journey.refused.get(number) == CODES.get(outcome)) or outcome not in CODES, number
    assert {n for n, (outcome, *_) in wanted.items() if outcome in CODES} == set(journey.refused)
    at = names(journey.tenant, REQUEST)
    rows = journey.tenant.db.query(
        f"SELECT {at['reference']}, stage, {at['verdict']}, {at['level']} FROM {at['']}"
    )
    came = {number: tuple(rest) for number, *rest in rows}
    differ = {
        number: (came.get(number), rest)
        for number, rest in wanted.items()
        if rest[0] not in CODES and came.get(number) != rest
    }
    assert not differ, differ
    assert len(came) == len(wanted) - len(journey.refused)


def _judge_refunds(tenant: Tenant, expected: Lived) -> None:
    """What was refunded for every return, to the cent, and who had to look at it."""
    request, refund = names(tenant, REQUEST), names(tenant, REFUND)
    rows = tenant.db.query(
        f"SELECT q.{request['reference']}, sum(r.{refund['total']}) FROM {refund['']} AS r"
        f" JOIN {request['']} AS q ON q.id = r.{refund['request']}"
        f" WHERE r.stage = 'paid' GROUP BY 1"
    )
    paid = {number: _cents(total) for number, total in rows}
    wanted = expected.db.execute(
        "SELECT return_no, refund + repaid FROM lived WHERE refund + repaid > 0"
    )
    assert paid == dict(wanted.fetchall())
    rows = tenant.db.query(f"SELECT {refund['review']}, {refund['total']} FROM {refund['']}")
    assert [row for row in rows if row[0] != _review(_cents(row[1]))] == []


def _review(cents: int) -> str:
    """Who has to look at a refund, by its amount."""
    if cents <= UNSEEN_CENTS:
        return "unneeded"
    return "one" if cents <= FINANCE_CENTS else "two"


def _judge_never_more(tenant: Tenant) -> None:
    """Refunded is never above paid: per order line, per order, in total."""
    line, order = names(tenant, "order", "lines"), names(tenant, "order")
    part, refund = names(tenant, REFUND, "lines"), names(tenant, REFUND)
    given = (
        f"SELECT p.{part['order_line']} AS line, p.{part['order']} AS ordered,"
        f" p.{part['amount']} AS amount FROM {part['']} AS p JOIN {refund['']} AS r"
        " ON r.id = p.record_id WHERE r.stage = 'paid'"
    )
    over_line = tenant.db.query(
        f"SELECT l.id FROM ({given}) AS g JOIN {line['']} AS l ON l.id = g.line"
        f" GROUP BY l.id, l.{line['total']} HAVING sum(g.amount) > l.{line['total']}"
    )
    over_order = tenant.db.query(
        f"SELECT o.id FROM ({given}) AS g JOIN {order['']} AS o ON o.id = g.ordered"
        f" GROUP BY o.id, o.{order['paid']} HAVING sum(g.amount) > o.{order['paid']}"
    )
    assert over_line == []
    assert over_order == []
    ((paid,),) = tenant.db.query(f"SELECT sum({order['paid']}) FROM {order['']}")
    ((back,),) = tenant.db.query(
        f"SELECT coalesce(sum({refund['total']}), 0) FROM {refund['']} WHERE stage = 'paid'"
    )
    assert back <= paid


def _stock(tenant: Tenant) -> dict[str, int]:
    """SKU → stock by the kept totals, which agree with a recount of the bookings."""
    kept = tenant.active().tables.aggregates["stock"]
    moved, back, taken, sold = (
        kept.columns[name] for name in ("moved", "put_back", "taken", "sold")
    )
    product = names(tenant, "product")
    rows = tenant.db.query(
        f"SELECT p.{product['sku']}, a.{moved} + a.{back} - a.{taken} - a.{sold}"
        f" FROM rf_aggregate AS a JOIN {product['']} AS p ON p.id = a.key WHERE a.aggregate = ?",
        (kept.name,),
    )
    totals = {sku: int(total) // 10**6 for sku, total in rows if total}
    assert totals == _recounted(tenant)
    return totals


def _recounted(tenant: Tenant) -> dict[str, int]:
    product, booking = names(tenant, "product"), names(tenant, "stock_booking")
    moves, lines = names(tenant, "stock_move", "lines"), names(tenant, "order", "lines")
    rows = tenant.db.query(
        f"SELECT p.{product['sku']}, sum(s.quantity) FROM ("
        f" SELECT {moves['product']} AS product, {moves['quantity']} AS quantity FROM {moves['']}"
        f" UNION ALL SELECT {lines['product']}, -{lines['delivered']} FROM {lines['']}"
        f" WHERE {lines['tracked']} = 1"
        f" UNION ALL SELECT {booking['product']}, CASE WHEN {booking['zone']} = 'saleable' THEN 1"
        f" WHEN {booking['from_zone']} = 'saleable' THEN -1 ELSE 0 END * {booking['quantity']}"
        f" FROM {booking['']}) AS s JOIN {product['']} AS p ON p.id = s.product GROUP BY 1"
    )
    return {sku: int(total) // 10**6 for sku, total in rows if total}


def _zone(tenant: Tenant) -> list[tuple[Any, ...]]:
    """Products of which the returns zone still holds some."""
    kept = tenant.active().tables.aggregates["stock"]
    isolated, cleared = kept.columns["isolated"], kept.columns["cleared"]
    return tenant.db.query(
        f"SELECT key FROM rf_aggregate WHERE aggregate = ? AND {isolated} <> {cleared}",
        (kept.name,),
    )


def _judge_services(tenant: Tenant, expected: Lived, services: Services | Outsiders) -> None:
    """What left the house, by the services' own books and by what stands for them inside."""
    refund = names(tenant, REFUND)
    rows = tenant.db.query(
        f"SELECT id, {refund['method']}, {refund['total']} FROM {refund['']} WHERE stage = 'paid'"
    )
    by_method: dict[str, dict[str, int]] = {"original": {}, "bank": {}, "balance": {}}
    for rid, method, total in rows:
        by_method[method][encode_id(rid)] = _cents(total)
    assert services.paid() == by_method["original"]
    for form, method in (("bank_transfer", "bank"), ("store_credit", "balance")):
        at = names(tenant, form)
        kept = tenant.db.query(f"SELECT {at['amount']} FROM {at['']}")
        assert Counter(_cents(one) for (one,) in kept) == Counter(by_method[method].values())
    (taken,) = expected.db.execute("SELECT coalesce(sum(taken), 0) FROM lived").fetchone()
    assert services.captured() == taken
    assert services.twice() == []


def _judge_books(tenant: Tenant) -> None:
    """Nothing is open, nothing is stuck, and every book verifies."""
    assert incidents(tenant) == []
    left = tenant.db.query(
        "SELECT kind, step, count(*) FROM rf_due WHERE status IN ('open', 'waiting')"
        " AND kind <> 'keep' GROUP BY kind, step"
    )
    assert left == []
    states: Mapping[str, int] = dict(
        tenant.db.query("SELECT status, count(*) FROM rf_outbox GROUP BY status")
    )
    assert set(states) <= {"done", "cancelled"}, states
    assert verify_aggregates(tenant) == []
    assert verify_journal(tenant, None).findings == ()


def _cents(stored: Any) -> int:
    cents, rest = divmod(Decimal(stored), CENTS)
    assert rest == 0
    return int(cents)
