"""The use cases: what anybody may do with a tenant's records, one transaction each."""

from __future__ import annotations

from app.records.bulk import BulkResult, bulk
from app.records.choose import Titled, choices, titles
from app.records.errors import Refused
from app.records.files import OpenFile, attach, attachments, detach, open_attachment
from app.records.listing import count, each, list_
from app.records.look import Preview, history, preview, read
from app.records.outcome import Choice, HistoryEntry, Saved, View
from app.records.prepare import judges
from app.records.proof import anchors_file, verify_aggregates, verify_journal
from app.records.releases import plan_publish, publish, releases, rollback
from app.records.save import create, delete, update
from app.records.tenant import Tenant, Tenants

__all__ = [
    "BulkResult",
    "Choice",
    "HistoryEntry",
    "OpenFile",
    "Preview",
    "Refused",
    "Saved",
    "Tenant",
    "Tenants",
    "Titled",
    "View",
    "anchors_file",
    "attach",
    "attachments",
    "bulk",
    "choices",
    "count",
    "create",
    "delete",
    "detach",
    "each",
    "history",
    "judges",
    "list_",
    "open_attachment",
    "plan_publish",
    "preview",
    "publish",
    "read",
    "releases",
    "rollback",
    "titles",
    "update",
    "verify_aggregates",
    "verify_journal",
]
