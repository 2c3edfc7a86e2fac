"""Proving a tenant's data: the journal is whole, and kept totals are what the rows add up to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.records import audit
from app.storage.aggregates import Difference, compile_aggregate, verify

if TYPE_CHECKING:
    from app.records.tenant import Tenant


def anchors_file(data_dir: Path, tenant_id: str) -> Path:
    """Where the roots of a tenant's journal are written outside its database."""
    return data_dir / "anchors" / f"{tenant_id}.jsonl"


def verify_journal(tenant: Tenant, outside: Path | None) -> audit.Verified:
    """Check every chain, head and anchor of the tenant, also of forms no release has any more.

    `outside`: the file with the roots (`anchors_file`); None leaves that comparison out.
    """
    rows = tenant.db.query(
        "SELECT DISTINCT type_id, table_name FROM rf_column WHERE lines = '' AND field = ''"
        " AND dropped_at IS NULL ORDER BY type_id"
    )
    return audit.verify(tenant.db, [(key, table) for key, table in rows], outside)


def verify_aggregates(tenant: Tenant) -> list[Difference]:
    """Recompute every total from the rows with SQL; what differs from what is kept."""
    live = tenant.refresh()
    found: list[Difference] = []
    for aggregate in live.catalog.aggregates.values():
        shape = compile_aggregate(aggregate, live.catalog.forms, live.tables, tenant.db.dialect)
        found += verify(tenant.db, shape, live.tables.aggregates[aggregate.id])
    return found
