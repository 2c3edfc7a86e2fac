"""The installation's list of tenants, and hints about when each next has work due."""

from __future__ import annotations

import time

from app.storage.ports import StorageSettings, TenantDatabase, check_tenant_id
from app.storage.postgres import PostgresDatabase
from app.storage.sqlite import SqliteDatabase
from app.storage.system import migrate

CONTROL = "control"
"""The name of the control database; no tenant may bear it."""


class Control:
    """The control database. Losing a hint loses no work: sweeps visit every tenant in time.

    It is reached for at the first use, so that a process may start before its database does. Every
    method raises StorageError while that is away.
    """

    def __init__(self, settings: StorageSettings) -> None:
        self._db: TenantDatabase
        if settings.is_postgres:
            self._db = PostgresDatabase(CONTROL, settings)
        else:
            self._db = SqliteDatabase(CONTROL, settings)
        self._migrated = False

    def _ready(self) -> TenantDatabase:
        """The database with its tables, brought up to date once. (Twice at once does no harm.)"""
        if not self._migrated:
            migrate(self._db, "control")
            self._migrated = True
        return self._db

    def enter(self, tenant: str) -> None:
        """See that a tenant is on the list; a new one is looked after at the next sweep."""
        check_tenant_id(tenant)
        now = time.time_ns() // 1000
        self._ready().execute_now(
            "INSERT INTO rf_tenant (id, created_at, next_due) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO NOTHING",
            (tenant, now, now),
        )

    def tenants(self) -> list[str]:
        """All tenants, by id."""
        return [row[0] for row in self._ready().query("SELECT id FROM rf_tenant ORDER BY id")]

    def hint(self, tenant: str, at: int) -> None:
        """Work is due at `at` (microseconds UTC): an earlier hint stays."""
        sql = (
            "UPDATE rf_tenant SET next_due = ? WHERE id = ? AND (next_due IS NULL OR next_due > ?)"
        )
        self._ready().execute_now(sql, (at, tenant, at))

    def hint_now(self, tenant: str) -> None:
        """Work is due at once. A hint that is due already is made anew: the visit under way may
        have looked before this work came, and must not take the hint away."""
        sql = "UPDATE rf_tenant SET next_due = ? WHERE id = ?"
        self._ready().execute_now(sql, (time.time_ns() // 1000, tenant))

    def due(self, now: int) -> list[str]:
        """The tenants with work due, longest waiting first."""
        sql = "SELECT id FROM rf_tenant WHERE next_due <= ? ORDER BY next_due"
        return [row[0] for row in self._ready().query(sql, (now,))]

    def visited(self, tenant: str, next_due: int | None, now: int) -> None:
        """A sweep that began at `now` found the tenant's next work due at `next_due`. A hint that
        came in meanwhile (later than `now`) stays if it is earlier."""
        old, values = "next_due IS NULL OR next_due <= ?", [next_due, tenant, now]
        if next_due is not None:
            old, values = f"{old} OR ? < next_due", [*values, next_due]
        self._ready().execute_now(
            f"UPDATE rf_tenant SET next_due = ? WHERE id = ? AND ({old})", values
        )

    def close(self) -> None:
        """Close the connections."""
        self._db.close()
