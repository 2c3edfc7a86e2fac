"""The pack's reports of how returns go: work and promises of the flow, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.access.actor import SYSTEM
from app.access.actors import actor_for_login
from app.access.users import create_user
from app.catalog.sources import read_tenant
from app.jobs.deliver import deliver
from app.records import act, create, publish
from app.records.tenant import Tenant, Tenants
from app.reports.result import Result
from app.reports.run import run
from app.reports.sql import Source
from app.scenarios import untold
from app.scenarios.recorder import Recorder, nowhere
from app.scenarios.stage import Clock
from app.storage.databases import Installation
from tests.pack.naming import original

START = datetime(2026, 3, 9, 1, 0, tzinfo=UTC)


@pytest.fixture
def company(installation: Installation, tenant_id: str) -> Iterator[Tenant]:
    installation.create(tenant_id)
    tenants = Tenants(installation, clock=Clock(START))
    tenant = tenants.get(tenant_id)
    sources, problems = read_tenant(original().folder, "demo")
    assert problems == []
    publish(tenant, SYSTEM, untold(sources))
    yield tenant
    tenants.close()


def report(tenant: Tenant, name: str) -> Result:
    published = tenant.active()
    env = published.env(tenant.now(), None)
    source = Source(published.catalog, published.tables, tenant.db.dialect, env)
    return run(source, tenant.db.query, published.catalog.reports[name], lambda _form: None)


def column(result: Result, key: str, value: str) -> dict[object, object]:
    return {row[result.index(key)]: row[result.index(value)] for row in result.rows}


def test_steps_promises_and_what_is_open_are_counted(company: Tenant, tmp_path: Path) -> None:
    clock = company.clock
    assert isinstance(clock, Clock)
    create_user(company.db, "mei", "Mei", "a long password", roles=["cs_lead"])
    customer = create(company, SYSTEM, "customer", {"name": "Quill"}).id
    product = create(company, SYSTEM, "product", {"sku": "LAMP"}).id
    lines = [{"product": product, "quantity": 9}]
    create(company, SYSTEM, "stock_move", {"kind": "opening", "lines": lines})
    sold = {"product": product, "quantity": 4, "unit_price": 100}
    create(
        company,
        SYSTEM,
        "order",
        {
            "order_no": "SO1",
            "customer": customer,
            "placed_at": "2026-03-02T10:00",
            "delivered_on": "2026-03-05",
            "lines": [sold],
        },
    )
    outside = nowhere(Recorder(clock), company.active().catalog, tmp_path)
    goods = {"product": product, "quantity": 1, "unit_price": 100, "reason": "unwanted"}
    mei = actor_for_login(company.db, "mei")
    for nth in range(3):
        request = {"customer": customer, "lines": [goods]}
        rid = create(company, SYSTEM, "return_request", request).id
        deliver(company, outside)
        if nth == 0:  # called off: its promise is void and counts for nothing
            act(company, mei, "return_request", rid, "withdraw")
    clock.now = START + timedelta(hours=5)
    act(company, mei, "return_request", rid, "approved")
    deliver(company, outside)

    steps = report(company, "cycle_time")
    assert column(steps, "step", "done") == {"approval": 1}
    assert column(steps, "step", "hours") == {"approval": Decimal(5)}
    assert column(steps, "step", "share") == {"approval": Decimal(0)}
    promises = report(company, "sla_kept")
    assert column(promises, "promise", "all") == {"answer": 1}
    assert column(promises, "promise", "rate") == {"answer": Decimal(1)}
    open_ = report(company, "open_returns")
    assert column(open_, "stage", "returns") == {"applied": 1, "returning": 1}
    assert column(open_, "stage", "age") == {"applied": "0-3", "returning": "0-3"}
    assert report(company, "refunds_per_month").rows == []
    assert report(company, "satisfaction").rows == []
