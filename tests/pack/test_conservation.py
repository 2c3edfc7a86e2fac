"""Returned in whatever parts and order: never more than was paid, and all of it exactly."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalog.model import Scenario
from app.catalog.settings import alone, overlaid
from app.catalog.sources import Sources, read_packs
from app.scenarios.play import play
from app.scenarios.script import Script
from app.scenarios.stage import Clock, Theatre
from app.scenarios.world import World
from forms.values import Text
from tests.pack.naming import original

FEE = {"policy": {"settlement": {"params": {"fee_percent": 7, "slight_percent": 63}}}}
NOW = datetime(2026, 3, 9, 2, 0, tzinfo=UTC)

Bought = list[tuple[int, Decimal, int, Decimal]]
"""Of each order line: pieces, price, discount in percent, tax."""

amounts = st.integers(1, 9_999).map(lambda cents: Decimal(cents) / 100)
lines = st.lists(
    st.tuples(st.integers(1, 5), amounts, st.integers(0, 90), amounts), min_size=1, max_size=3
)


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    with Theatre() as made:
        yield made


@pytest.fixture(scope="module")
def packs() -> Sources:
    sources, problems = read_packs(original().folder, ["returns"])
    assert problems == []
    return alone(sources, "conservation", "Asia/Shanghai", "CNY")


def sold(bought: Bought) -> list[dict[str, Any]]:
    """Order lines with their share of a discount, and a tax."""
    return [
        {
            "product": "p",
            "quantity": quantity,
            "unit_price": str(price),
            "discount": str((quantity * price * off / 100).quantize(Decimal("0.01"))),
            "tax": str(tax),
        }
        for quantity, price, off, tax in bought
    ]


def story(bought: Bought, reason: str, grade: str, dice: random.Random) -> Scenario:
    """The pieces of an order come back one return a part, and are settled in another order."""
    order = {"order_no": "SO1", "customer": "c", "placed_at": "2026-03-02T10:00"}
    order |= {"delivered_on": "2026-03-05", "lines": sold(bought)}
    parts: list[tuple[int, int]] = []
    for at, (quantity, *_) in enumerate(bought):
        left = quantity
        while left:
            part = dice.randint(1, left)
            parts.append((at, part))
            left -= part
    dice.shuffle(parts)
    steps: list[dict[str, Any]] = []
    for n, (at, part) in enumerate(parts):
        line = {"order_line": f"o.lines[{at}]", "quantity": part, "reason": reason, "intact": True}
        steps.append(
            {"create": "return_request", "as": f"r{n}", "with": {"customer": "c", "lines": [line]}}
        )
    for n in dice.sample(range(len(parts)), len(parts)):
        found = {
            "lines[0].accepted": parts[n][1],
            "lines[0].grade": grade,
            "lines[0].disposition": "scrap",
        }
        steps += [
            {"send": "carrier.delivered", "to": f"r{n}"},
            {"act": "counted", "on": f"r{n}.receipt"},
            {"act": "done", "on": f"r{n}", "row": "lines[0]", "set": found},
        ]
    given_ = (
        {"create": "customer", "as": "c", "with": {"name": "C"}},
        {"create": "product", "as": "p", "with": {"sku": "P"}},
        {
            "create": "stock_move",
            "with": {"kind": "opening", "lines": [{"product": "p", "quantity": 99}]},
        },
        {"create": "order", "as": "o", "with": order},
    )
    return Scenario("parts", Text("", ""), given_, tuple(steps), "2026-03-09T10:00")


def refunded(world: World, count: int) -> list[tuple[Decimal, Decimal]]:
    """(bought, refunded) of each order line."""
    published = world.tenant.active()
    home = published.tables.aggregates["refundable"]
    columns = [home.columns[name] for name in ("bought", "refunded")]
    found = []
    for at in range(count):
        key = world.names.link(f"o.lines[{at}]")
        sql = f"SELECT {', '.join(columns)} FROM rf_aggregate WHERE aggregate = ? AND key = ?"
        ((bought, back),) = world.tenant.db.query(sql, (home.name, key))
        found.append((Decimal(bought), Decimal(back)))
    return found


def played(
    theatre: Theatre, sources: Sources, told: Scenario, count: int
) -> list[tuple[Decimal, Decimal]]:
    clock = Clock(NOW)
    with theatre.tenant(sources, clock) as tenant:
        outcome, world = play(tenant, clock, told, Script("parts", None), theatre.letters)
        assert [str(one) for one in outcome.failures] == []
        return refunded(world, count)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(bought=lines, seed=st.integers(0, 999))
def test_all_parts_together_are_exactly_what_was_paid(
    theatre: Theatre, packs: Sources, bought: Bought, seed: int
) -> None:
    told = story(bought, "quality", "severe", random.Random(seed))
    for paid, back in played(theatre, packs, told, len(bought)):
        assert back == paid


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(bought=lines, seed=st.integers(0, 999))
def test_with_fees_and_damage_it_is_never_more(
    theatre: Theatre, packs: Sources, bought: Bought, seed: int
) -> None:
    told = story(bought, "unwanted", "slight", random.Random(seed))
    for paid, back in played(theatre, overlaid(packs, FEE), told, len(bought)):
        assert 0 <= back <= paid
