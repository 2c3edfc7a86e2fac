"""Claims of two currencies and three zones' worth of moments, on both databases."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.catalog.build import build
from app.catalog.model import Catalog
from app.reports.result import Result
from app.reports.run import run
from app.reports.sql import Source
from app.storage.databases import TenantDatabase
from app.storage.publish import publish
from forms.expr import Env, Expr
from forms.values import Money, new_id
from tests.storage.desk import AT, Desk
from tests.web.pack import sources

ZONE = ZoneInfo("Europe/Berlin")
ITEMS = ("bowl", "cup", "jug", "lid", "pot")


@dataclass
class World:
    """A published pack with claims in it, and the same claims as plain rows."""

    db: TenantDatabase
    catalog: Catalog
    desk: Desk
    claims: list[dict[str, Any]]

    def source(self, zone: ZoneInfo = ZONE, me: int | None = None) -> Source:
        env = Env(datetime(2026, 3, 1, tzinfo=UTC), me=me, links={}, aggregates={}, zone=zone)
        return Source(self.catalog, self.desk.live().tables, self.db.dialect, env)

    def run(
        self,
        report: str,
        rows_of: Callable[[str], Sequence[Expr] | None] = lambda form: None,
        *,
        me: int | None = None,
        **chosen: Any,
    ) -> Result:
        return run(self.source(me=me), self.db.query, self.catalog.reports[report], rows_of, chosen)


@pytest.fixture
def world(tenant_db: TenantDatabase) -> World:
    catalog = build(sources()).catalog
    assert catalog is not None
    desk = Desk(tenant_db)
    desk.catalogs[publish(tenant_db, catalog, content=b"pack", at=AT)] = catalog  # type: ignore[assignment]
    made = World(tenant_db, catalog, desk, [])
    chance = random.Random(7)
    clients = [desk.create("client", {"name": name}) for name in ("Ada", "Ben", "Cai")]
    start = datetime(2025, 12, 28, tzinfo=UTC)
    for number in range(60):
        made.claims.append(_claim(desk, chance, clients, start + timedelta(hours=31 * number)))
    return made


def _claim(desk: Desk, chance: random.Random, clients: list[int], at: datetime) -> dict[str, Any]:
    currency = "EUR" if chance.random() < 0.3 else "CNY"
    lines = []
    for _ in range(chance.randint(1, 3)):
        quantity = Decimal(chance.randint(1, 5000)) / 1000
        price = Decimal(chance.randint(1, 99999)) / 10000
        amount = (quantity * price).quantize(Decimal("0.01"))
        lines.append(
            {
                "id": new_id(),
                "item": chance.choice(ITEMS),
                "quantity": quantity,
                "price": Money(price, currency),
                "fault": chance.choice(("broken", "wrong", "unwanted")),
                "amount": Money(amount, currency),
            }
        )
    row = {
        "client": chance.choice(clients),
        "currency": currency,
        "asked_at": at,
        "state": chance.choice(("open", "done")),
        "lines": lines,
        "total": Money(sum((one["amount"].amount for one in lines), Decimal(0)), currency),
    }
    row["id"] = desk.create("claim", row, currency=currency, created_by=len(lines))
    return row
