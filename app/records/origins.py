"""Records that records start: what the one that waits is owed, and how the other sees it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from app.records.flowstate import read_top
from app.records.transition import Effect
from app.storage.sqlgen import Head
from flows.events import GONE
from flows.state import TOP, Origin

if TYPE_CHECKING:
    from app.records.tenant import Tenant


def owed(head: Head) -> list[Effect]:
    """What has to be said when a record (as it was) goes away before its end: somebody waits."""
    if head.flow is None:
        return []
    top = read_top(head.flow)
    origin = top.data.get("origin")
    if origin is None or top.outcome is not None or not Origin(**origin).wait:
        return []
    body = json.dumps({"origin": asdict(Origin(**origin)), "outcome": GONE})
    return [Effect("ended", f"ended:{head.id}:{head.journal_seq + 1}", body)]


def awaited(tenant: Tenant, origin: Origin) -> bool:
    """Whether the step that started a record is still there to hear of its end."""
    home = tenant.current().tables.form_of(origin.form)
    if home is None or not origin.wait:
        return False
    rows = tenant.db.query(
        f"SELECT flow FROM {home.table} WHERE id = ? AND deleted = 0", (origin.record,)
    )
    if not rows or rows[0][0] is None:
        return False
    top = read_top(rows[0][0])
    if origin.token == TOP or top.outcome is not None:
        return top.outcome is None and (top.step, top.visit) == (origin.step, origin.visit)
    return bool(
        tenant.db.query(
            "SELECT 1 FROM rf_due WHERE id = ? AND kind = 'token' AND status = 'open'"
            " AND step = ? AND visit = ?",
            (origin.token, origin.step, origin.visit),
        )
    )
