"""The shop's year in the product against the year computed from its files by plain SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.records.proof import verify_aggregates, verify_journal
from app.records.tenant import Tenant
from app.reports.result import Result
from app.reports.run import run
from app.reports.sql import Source
from forms.values import Money
from tests.shop_year.expected import Expected
from tests.shop_year.year import Year

CODES = {"over": "limit_reached", "invalid": "invalid"}
CENT = Decimal("0.01")


def judge(year: Year, expected: Expected) -> dict[tuple[str, str], int]:
    """Assert that everything agrees to the last digit; the return lines by class and verdict."""
    tenant = year.tenant
    verdicts = expected.verdicts()
    refused = year.refused_returns()
    assert set(refused) == {no for no, verdict in verdicts.items() if verdict != "accepted"}
    assert Counter(verdicts[no] for no in refused) == Counter(
        next(v for v, code in CODES.items() if code == _plain(found)) for found in refused.values()
    )
    for row in year.rejects.get("returns", []):
        if verdicts[row["return_no"]] == "over":
            assert row["reject_reason"].startswith("At most "), row
    assert _count(tenant, "return_request") == sum(v == "accepted" for v in verdicts.values())
    assert _count(tenant, "order") == expected.count("orders")
    assert _lines(tenant, "order") == expected.count("order_lines")
    assert stock(tenant) == expected.stock()
    assert _monthly(tenant, "orders_per_month", "orders") == expected.orders_per_month()
    assert _monthly(tenant, "returns_per_month", "returns") == expected.returns_per_month()
    _judge_rate(tenant, expected)
    _judge_top(tenant, expected)
    _judge_books(year)
    return expected.lines_per_class()


def _plain(code: str) -> str:
    return code if code == "limit_reached" else "invalid"


def _judge_rate(tenant: Tenant, expected: Expected) -> None:
    sold, returned = expected.orders_per_month(), expected.returns_per_month()
    result = report(tenant, "return_rate")
    month, rate = result.index("month"), result.index("rate")
    found = {f"{row[month]:%Y-%m}": row[rate] for row in result.rows}
    for key, (_, cents) in returned.items():
        if key in sold:
            exact = (Decimal(cents) / sold[key][1]).quantize(Decimal("0.000001"))
            assert abs(found[key] - exact) <= Decimal("0.000001"), key


def _judge_top(tenant: Tenant, expected: Expected) -> None:
    result = report(tenant, "top_returned_products")
    product, pieces = result.index("product"), result.index("pieces")
    skus = dict(_column(tenant, "product", "sku"))
    pieces_of = expected.returned_pieces()
    found = [(skus[row[product]], int(row[pieces])) for row in result.rows]
    assert all(pieces_of[sku] == count for sku, count in found)
    most = sorted(pieces_of.values(), reverse=True)[: len(found)]
    assert [count for _, count in found] == most


def _judge_books(year: Year) -> None:
    """No bulk path beside the door: a journal row and a key for each accepted record."""
    db = year.tenant.db
    ((entries,),) = db.query("SELECT count(*) FROM rf_journal WHERE act = 'create'")
    ((keys,),) = db.query("SELECT count(*) FROM rf_idempotency")
    assert entries == keys == year.accepted
    assert verify_aggregates(year.tenant) == []
    assert verify_journal(year.tenant, None).findings == ()


def stock(tenant: Tenant) -> dict[str, int]:
    """SKU → stock, as the `stock` aggregate has it; products that never moved are left out."""
    published = tenant.active()
    table = published.tables.aggregates["stock"]
    moved, sold, returned = (table.columns[m] for m in ("moved", "sold", "returned"))
    skus = dict(_column(tenant, "product", "sku"))
    rows = tenant.db.query(
        f"SELECT key, {moved} - {sold} + {returned}, {moved}, {sold}, {returned}"
        " FROM rf_aggregate WHERE aggregate = ?",
        (table.name,),
    )
    return {skus[key]: int(total) // 10**6 for key, total, *parts in rows if any(parts)}


def report(tenant: Tenant, name: str) -> Result:
    """A report as somebody sees it who may read everything."""
    published = tenant.active()
    env = published.env(tenant.now(), None)
    source = Source(published.catalog, published.tables, tenant.db.dialect, env)
    return run(source, tenant.db.query, published.catalog.reports[name], lambda _form: None)


def _monthly(tenant: Tenant, name: str, count: str) -> Mapping[str, tuple[int, int]]:
    result = report(tenant, name)
    month, number, amount = (result.index(c) for c in ("month", count, "amount"))
    return {f"{row[month]:%Y-%m}": (int(row[number]), _cents(row[amount])) for row in result.rows}


def _cents(amount: Money) -> int:
    assert amount.amount == amount.amount.quantize(CENT)
    return int(amount.amount * 100)


def _column(tenant: Tenant, form: str, field: str) -> list[tuple[int, Any]]:
    tables = tenant.active().tables.forms[form]
    column = tables.columns[field].name
    return [(row[0], row[1]) for row in tenant.db.query(f"SELECT id, {column} FROM {tables.table}")]


def _count(tenant: Tenant, form: str) -> int:
    table = tenant.active().tables.forms[form].table
    ((number,),) = tenant.db.query(f"SELECT count(*) FROM {table} WHERE deleted = 0")
    return int(number)


def _lines(tenant: Tenant, form: str) -> int:
    table = tenant.active().tables.forms[form].children["lines"].table
    ((number,),) = tenant.db.query(f"SELECT count(*) FROM {table}")
    return int(number)
