"""However an order comes back, in parts and in any order: never more is paid out than was paid in,
and what comes back wholly at nobody's cost is paid back wholly, to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access.actor import SYSTEM
from app.catalog.sources import Sources, read_tenant
from app.jobs.deliver import deliver
from app.records import Refused, create, publish, read
from app.records.tenant import Tenant
from app.scenarios import untold
from app.storage.databases import Installation
from forms.values import Money
from tests.records.shop import Clock
from tests.shop_year.connectors import Services

ROOT = Path(__file__).resolve().parents[2]
FEE = Decimal(15)
OURS, THEIRS = "quality", "unwanted"
OVERLAY = {
    "policies/handling.yaml": "policy: handling\nextends: returns\nparams: {keep_below: 9000000}\n",
    "policies/refund_terms.yaml": (
        "policy: refund_terms\nextends: returns\n"
        "params: {unchecked_up_to: 9000000, finance_up_to: 9500000}\n"
    ),
    "policies/settlement.yaml": (
        f"policy: settlement\nextends: returns\nparams: {{fee_percent: {FEE}}}\n"
    ),
}
"""Goods may stay with the customer, so that a request is settled at once; refunds go out unseen."""

CENT = Decimal("0.01")
_numbers = count(1)


@dataclass(frozen=True)
class Part:
    """A partial return: units of each order line, whose fault it is, what its freight cost."""

    units: tuple[int, ...]
    ours: bool
    freight: Decimal
    delivered: bool
    """Whether the worker gets to it before the next part is asked for."""


@dataclass(frozen=True)
class Bought:
    """An order: its lines (units, price, discount per cent, tax per cent), what one unit measures,
    the shipping paid, and its parts in the order in which they come back."""

    lines: tuple[tuple[int, Decimal, int, int], ...]
    unit: Decimal
    shipping: Decimal
    parts: tuple[Part, ...]


@st.composite
def orders(draw: st.DrawFn) -> Bought:
    """An order and a partition of all its units."""
    line = st.tuples(
        st.integers(1, 7),
        st.decimals(Decimal("0.0001"), Decimal("99.9999"), places=4),
        st.sampled_from((0, 0, 7, 33, 100)),
        st.sampled_from((0, 0, 13, 20)),
    )
    lines = draw(st.lists(line, min_size=1, max_size=3))
    many = draw(st.integers(1, 4))
    of = [draw(st.lists(st.integers(0, many - 1), min_size=n, max_size=n)) for n, *_ in lines]
    faults = draw(st.sampled_from(("ours", "theirs", "mixed")))
    parts = []
    for number in range(many):
        units = tuple(where.count(number) for where in of)
        if any(units):
            ours = faults == "ours" or (faults == "mixed" and draw(st.booleans()))
            freight = draw(st.sampled_from((Decimal(0), Decimal("4.99"))))
            parts.append(Part(units, ours, freight, draw(st.booleans())))
    shipping = draw(st.sampled_from((Decimal(0), Decimal("9.90"))))
    unit = draw(st.sampled_from((Decimal(1), Decimal("0.25"))))
    return Bought(tuple(lines), unit, shipping, tuple(parts))


class Till:
    """A tenant with the pack, and what came of an order there."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant, self.services = tenant, Services(declining=False)
        self.customer = self.make("customer", name="Chen").id
        self.product = self.make("product", sku="LAMP", name="Lamp", kind="goods").id
        stock = [{"product": self.product, "quantity": "1000000"}]
        self.make("stock_move", kind="opening", lines=stock)

    def make(self, form: str, **values: Any) -> Any:
        return create(self.tenant, SYSTEM, form, values)

    def work(self) -> None:
        while deliver(self.tenant, self.services.outside):
            pass

    def order(self, bought: Bought) -> tuple[int, dict[str, Any]]:
        lines = []
        for units, price, discount, tax in bought.lines:
            gross = units * bought.unit * price
            lines.append(
                {
                    "product": self.product,
                    "quantity": units * bought.unit,
                    "unit_price": price,
                    "discount": (gross * discount / 100).quantize(Decimal("0.0001"), "ROUND_DOWN"),
                    "tax": (gross * tax / 100).quantize(CENT),
                }
            )
        today = self.tenant.now().date()
        made = self.make(
            "order",
            order_no=f"SO{next(_numbers)}",
            customer=self.customer,
            shipped_on=today,
            delivered_on=today,
            freight=bought.shipping,
            lines=lines,
        )
        return made.id, read(self.tenant, SYSTEM, "order", made.id).row

    def ask(self, bought: Bought, row: dict[str, Any], part: Part) -> int:
        lines = [
            {
                "order_line": line["id"],
                "quantity": units * bought.unit,
                "reason": OURS if part.ours else THEIRS,
                "intact": True,
            }
            for line, units in zip(row["lines"], part.units, strict=True)
            if units
        ]
        return int(
            self.make(
                "return_request",
                customer=self.customer,
                return_freight=part.freight,
                lines=lines,
            ).id
        )


@pytest.fixture
def till(installation: Installation, tenant_id: str) -> Till:
    read_, problems = read_tenant(ROOT / "definitions", "demo")
    assert problems == []
    files = {**read_.files, **{f"tenants/demo/{name}": text for name, text in OVERLAY.items()}}
    db = installation.create(tenant_id)
    clock = Clock(datetime(2026, 3, 9, 2, 0, tzinfo=UTC))
    tenant = Tenant(db, installation.attachments(tenant_id), clock=clock)
    publish(tenant, SYSTEM, untold(Sources(files, "demo")))
    return Till(tenant)


def test_parts_never_come_to_more_than_was_paid(till: Till) -> None:
    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(orders())
    def holds(bought: Bought) -> None:
        _check(till, bought)

    holds()


def _check(till: Till, bought: Bought) -> None:
    order_id, row = till.order(bought)
    paid = row["paid"].amount
    requests = []
    for part in bought.parts:
        requests.append(till.ask(bought, row, part))
        if part.delivered:
            till.work()
    till.work()
    lines: dict[int, Decimal] = {line["id"]: Decimal(0) for line in row["lines"]}
    worth = dict(lines)
    other = Decimal(0)
    for rid, part in zip(requests, bought.parts, strict=True):
        found = read(till.tenant, SYSTEM, "return_request", rid).row
        for line in found["lines"]:
            worth[line["order_line"]] += line["worth"].amount
            fee = Decimal(0) if part.ours else line["worth"].amount * FEE / 100
            assert line["fee"].amount == fee.quantize(CENT, "ROUND_DOWN")
        owed = sum((line["refund"].amount for line in found["lines"]), Decimal(0))
        back = part.freight if part.ours else Decimal(0)
        assert found["refund_total"] == Money(owed + back, "CNY")
        if found["refund"] is None:
            assert (owed + back, found["stage"]) == (0, "unpaid")
            continue
        refund = read(till.tenant, SYSTEM, "refund", found["refund"]).row
        assert (refund["stage"], refund["total"].amount) == ("paid", owed + back)
        other += refund["other"].amount
        for line in refund["lines"] or ():
            lines[line["order_line"]] += line["amount"].amount
    totals = {line["id"]: line["total"].amount for line in row["lines"]}
    assert worth == totals, "the parts of a line are worth the line"
    assert all(lines[key] <= total for key, total in totals.items())
    assert other == sum((part.freight for part in bought.parts if part.ours), Decimal(0))
    if all(part.ours for part in bought.parts):
        assert lines == totals, "a full return at our fault is paid back wholly"
    if bought.shipping:
        _shipping(till, order_id, bought.shipping)
    assert sum(lines.values()) + bought.shipping <= paid
    first = row["lines"][0]["id"]
    _nothing_more(till, bought, row, totals[first] - lines[first])


def _shipping(till: Till, order_id: int, shipping: Decimal) -> None:
    """What was paid for shipping goes back once, in two parts, and no cent further."""
    first = shipping / 3
    for amount in (first.quantize(CENT), shipping - first.quantize(CENT)):
        till.make("refund", customer=till.customer, lines=[{"order": order_id, "freight": amount}])
    with pytest.raises(Refused) as refused:
        till.make("refund", customer=till.customer, lines=[{"order": order_id, "freight": CENT}])
    assert refused.value.code == "limit_reached"
    till.work()


def _nothing_more(till: Till, bought: Bought, row: dict[str, Any], left: Decimal) -> None:
    """Neither another unit nor another cent: the totals refuse it."""
    line = row["lines"][0]
    units = (1, *(0 for _ in bought.lines[1:]))
    with pytest.raises(Refused) as refused:
        till.ask(bought, row, Part(units, True, Decimal(0), True))
    assert refused.value.code == "limit_reached"
    with pytest.raises(Refused) as refused:
        part = {"order_line": line["id"], "amount": left + CENT}
        till.make("refund", customer=till.customer, lines=[part])
    assert refused.value.code == "limit_reached"
