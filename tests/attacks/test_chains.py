"""Flows that start each other: the chain ends in an incident, on each database."""

from __future__ import annotations

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.hooks import load_plugins
from app.jobs.calls import MOST_ABOVE
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.jobs.notify import NOWHERE
from app.records.incidents import incidents
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenant
from app.storage.databases import Installation
from tests.records.shop import Clock

FORM = 'form: %s\ntitle: "{note}"\nfields: {note: {type: text}}\n'
FLOW = """flow: %s
stages: {open: {label: Open}}
steps:
  again: {stage: open, start: {form: %s, with: {note: note}, wait: %s}, next: {%s: over}}
  over: {stage: open, end: over}
"""


def opened(installation: Installation, tenant_id: str, wait: bool) -> Tenant:
    """Two forms; a record of the one starts a record of the other."""
    how = ("true", "over") if wait else ("false", "done")
    files = {"packs/p/pack.yaml": "pack: p\nlabel: P\n"}
    for one, other in (("ping", "pong"), ("pong", "ping")):
        files[f"packs/p/forms/{one}.yaml"] = FORM % one
        files[f"packs/p/flows/{one}.yaml"] = FLOW % (one, other, *how)
    files[f"tenants/{tenant_id}/tenant.yaml"] = f"tenant: {tenant_id}\nlabel: T\npacks: [p]\n"
    db = installation.create(tenant_id)
    tenant = Tenant(db, installation.attachments(tenant_id), clock=Clock())
    publish(tenant, SYSTEM, Sources(files, tenant_id))
    return tenant


def test_records_that_start_each_other_come_to_an_end(
    installation: Installation, tenant_id: str
) -> None:
    for wait in (True, False):
        tenant = opened(installation, f"{tenant_id}_{'w' if wait else 'n'}", wait)
        create(tenant, SYSTEM, "ping", {"note": "x"})
        outside = Outside(load_plugins([]), lambda _: {}, NOWHERE)
        for _ in range(5 * MOST_ABOVE):
            deliver(tenant, outside)
        made = sum(
            tenant.db.query(f"SELECT count(*) FROM f_{form}")[0][0] for form in ("ping", "pong")
        )
        assert made == MOST_ABOVE + 1
        (stuck,) = incidents(tenant)
        assert "chain_too_long" in str(stuck)
