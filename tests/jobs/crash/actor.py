"""What people and carriers do, in a process that may die at a fail point."""

from __future__ import annotations

import sys
from pathlib import Path

from app.access.actors import actor_for_login
from app.config import load_config
from app.jobs.queue import open_queue
from app.jobs.wake import Waker
from app.records.acting import act
from app.records.incoming import keep
from app.records.tenant import Tenant, Tenants
from app.storage.control import Control


def approve(tenant: Tenant, rid: int) -> None:
    boss = actor_for_login(tenant.db, "boss", via="web")
    act(tenant, boss, "payout", rid, "approved", key=f"approve-{rid}")


def deliver(tenant: Tenant, parcel: str) -> None:
    event = {
        "id": f"{parcel}-delivered",
        "event": "carrier.delivered",
        "key": parcel,
        "data": {"tracking_no": parcel, "at": "2026-01-02T03:04:05Z"},
    }
    keep(tenant, tenant.active().catalog.connections["carrier"], [event])


def main(config_path: str, tenant_id: str, verb: str, what: str) -> None:
    config = load_config(Path(config_path))
    control = Control(Tenants.of(config).installation.settings)
    waker = Waker(open_queue(config.text("queue.url"), config.data_dir), control.hint_now)
    tenants = Tenants.of(config, waker)
    tenant = tenants.get(tenant_id)
    if verb == "approve":
        approve(tenant, int(what))
    else:
        deliver(tenant, what)
    waker.close()
    tenants.close()
    control.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
