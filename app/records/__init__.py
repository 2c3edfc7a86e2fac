"""The use cases: what anybody may do with a tenant's records, one transaction each."""

from __future__ import annotations

from app.records.errors import Refused
from app.records.look import Preview, history, preview, read
from app.records.outcome import Choice, HistoryEntry, Saved, View
from app.records.save import create, delete, update
from app.records.tenant import Tenant, Tenants

__all__ = [
    "Choice",
    "HistoryEntry",
    "Preview",
    "Refused",
    "Saved",
    "Tenant",
    "Tenants",
    "View",
    "create",
    "delete",
    "history",
    "preview",
    "read",
    "update",
]
