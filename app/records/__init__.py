"""The use cases: what anybody may do with a tenant's records, one transaction each."""

from __future__ import annotations

from app.records.acting import (
    act,
    add_approver,
    claim,
    comment,
    give_back,
    transfer,
)
from app.records.bulk import BulkResult, act_on_many, bulk
from app.records.choose import Titled, choices, titles
from app.records.delegations import (
    Delegation,
    change_delegation,
    delegate,
    delegation,
    delegations,
    end_delegation,
    every_delegation,
    standing_in,
)
from app.records.deputies import delegable, deputies, deputy
from app.records.errors import Refused
from app.records.files import OpenFile, attach, attachments, open_attachment
from app.records.flowview import FlowView, TaskView, TraceEntry, decisions, flow_of, trace, why
from app.records.inbox import Counts, TaskRow, Tasks, counts, inbox
from app.records.listing import count, each, list_
from app.records.look import Preview, history, preview, read
from app.records.outcome import Choice, HistoryEntry, Saved, View
from app.records.prepare import judges
from app.records.proof import anchors_file, verify_aggregates, verify_journal
from app.records.releases import plan_publish, publish, releases, rollback
from app.records.save import create, delete, update
from app.records.signals import answer, arrive, changed, child_ended, fire, mend
from app.records.tenant import Tenant, Tenants

__all__ = [
    "BulkResult",
    "Choice",
    "Counts",
    "Delegation",
    "FlowView",
    "HistoryEntry",
    "OpenFile",
    "Preview",
    "Refused",
    "Saved",
    "TaskRow",
    "TaskView",
    "Tasks",
    "Tenant",
    "Tenants",
    "Titled",
    "TraceEntry",
    "View",
    "act",
    "act_on_many",
    "add_approver",
    "anchors_file",
    "answer",
    "arrive",
    "attach",
    "attachments",
    "bulk",
    "change_delegation",
    "changed",
    "child_ended",
    "choices",
    "claim",
    "comment",
    "count",
    "counts",
    "create",
    "decisions",
    "delegable",
    "delegate",
    "delegation",
    "delegations",
    "delete",
    "deputies",
    "deputy",
    "each",
    "end_delegation",
    "every_delegation",
    "fire",
    "flow_of",
    "give_back",
    "history",
    "inbox",
    "judges",
    "list_",
    "mend",
    "open_attachment",
    "plan_publish",
    "preview",
    "publish",
    "read",
    "releases",
    "rollback",
    "standing_in",
    "titles",
    "trace",
    "transfer",
    "update",
    "verify_aggregates",
    "verify_journal",
    "why",
]
