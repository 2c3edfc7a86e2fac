"""An installation's databases: one for each tenant, and the one that lists the tenants."""

from __future__ import annotations

import threading
from pathlib import Path

from app.config import Config
from app.storage.errors import UnknownTenant
from app.storage.ports import (
    Dialect,
    Params,
    Reader,
    Row,
    StorageSettings,
    TenantDatabase,
    Tx,
    check_tenant_id,
    run_again,
)
from app.storage.postgres import PostgresDatabase, schema_exists
from app.storage.sqlite import SqliteDatabase, database_path
from app.storage.system import migrate

__all__ = [
    "Dialect",
    "Installation",
    "Params",
    "Reader",
    "Row",
    "StorageSettings",
    "TenantDatabase",
    "Tx",
    "run_again",
    "storage_settings",
]


class Installation:
    """The databases of all tenants, opened at first use and kept open."""

    def __init__(self, settings: StorageSettings) -> None:
        self.settings = settings
        self._open: dict[str, TenantDatabase] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, config: Config) -> Installation:
        """The databases the installation's settings name."""
        return cls(storage_settings(config))

    def open(self, tenant: str) -> TenantDatabase:
        """The tenant's database, its system tables brought up to date.

        Raises UnknownTenant when `create` never made it.
        """
        found = self._open.get(tenant)
        if found is not None:
            return found
        with self._lock:
            if tenant not in self._open:
                check_tenant_id(tenant)
                if not self._exists(tenant):
                    raise UnknownTenant(f"no tenant {tenant!r} in this installation")
                self._open[tenant] = self._connect(tenant)
            return self._open[tenant]

    def create(self, tenant: str) -> TenantDatabase:
        """Make the tenant's database where it does not exist yet, and open it."""
        with self._lock:
            if tenant not in self._open:
                check_tenant_id(tenant)
                self._open[tenant] = self._connect(tenant)
            return self._open[tenant]

    def attachments(self, tenant: str) -> Path:
        """The folder that holds the tenant's attached files."""
        return self.settings.folder / "files" / check_tenant_id(tenant)

    def close(self) -> None:
        """Close all databases."""
        with self._lock:
            for database in self._open.values():
                database.close()
            self._open.clear()

    def _connect(self, tenant: str) -> TenantDatabase:
        database = self._bare(tenant)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return database

    def _bare(self, tenant: str) -> TenantDatabase:
        if self.settings.is_postgres:
            return PostgresDatabase(tenant, self.settings)
        return SqliteDatabase(tenant, self.settings)

    def _exists(self, tenant: str) -> bool:
        if self.settings.is_postgres:
            return schema_exists(tenant, self.settings)
        return database_path(tenant, self.settings).exists()


def storage_settings(config: Config) -> StorageSettings:
    """The part of the installation's settings that storage needs."""
    return StorageSettings(
        folder=config.data_dir,
        url=config.text("database.url"),
        connections=config.number("database.pool"),
    )
