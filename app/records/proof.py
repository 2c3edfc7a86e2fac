"""Proving a tenant's books: journal chains and anchors, aggregates against their rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.records.audit import Verified, verify
from app.storage import aggregates
from app.storage.aggregates import Difference

if TYPE_CHECKING:
    from app.records.tenant import Tenant


def verify_audit(tenant: Tenant, outside: Path | None) -> Verified:
    """Verify every chain, every anchor, and the roots kept outside the database.

    `outside`: the file of roots; None leaves that comparison out.
    """
    forms = tenant.refresh().tables.forms.values()
    return verify(tenant.db, [(form.key, form.table) for form in forms], outside)


def verify_aggregates(tenant: Tenant) -> list[Difference]:
    """Recompute every aggregate in force from the rows; the keys that differ, none if all agree."""
    published = tenant.refresh()
    found: list[Difference] = []
    for one in published.catalog.aggregates.values():
        table = published.tables.aggregates[one.id]
        shape = aggregates.compile_aggregate(
            one, published.catalog.forms, published.tables, tenant.db.dialect
        )
        found += aggregates.verify(tenant.db, shape, table)
    return found
