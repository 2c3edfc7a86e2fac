"""The whole of it: import the shop's orders, then live its returns through their flow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.importers.state import Progress
from app.records.tenant import Tenants
from app.storage.databases import Installation
from tests.shop_year.connectors import Outsiders, Services
from tests.shop_year.journey import Clock, Journey
from tests.shop_year.lived import Lived
from tests.shop_year.year import STEPS, Tell, run_year, timed

OVERLAY = "historic"
BEGINS = datetime(2009, 12, 1, tzinfo=UTC)
"""The first day of the files; orders are there before the first return."""

Watch = Callable[[str, Progress | None, float], None]


def live(
    installation: Installation,
    tenant_id: str,
    definitions: Path,
    files: Path,
    work: Path,
    expected: Lived,
    services: Services | Outsiders,
    tell: Tell = lambda _line: None,
    watch: Watch = lambda _name, _counts, _share: None,
) -> Journey:
    """Make the tenant, import everything but the returns, and live them. The journey is over when
    nothing is left to be done."""
    installation.create(tenant_id)
    clock = Clock(BEGINS)
    tenants = Tenants(installation, clock=clock)
    tenant = tenants.get(tenant_id)
    with timed(tell, "orders, products, stock"):
        run_year(tenant, definitions, files, work, tell, watch, overlay=OVERLAY, steps=STEPS[:-1])
    journey = Journey(tenants, tenant, clock, expected.db, services.outside, work)
    with timed(tell, "what the orders' events gave to do"):
        journey.visit()
    journey.live(lambda share: watch("returns", None, share))
    return journey
