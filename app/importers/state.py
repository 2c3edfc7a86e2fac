"""How far an import has come, kept in the tenant's database so that it can go on after a kill."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.records.tenant import Tenant
from forms.values import new_id


@dataclass(slots=True)
class Progress:
    """Counts of one import: records by what became of them, and the last line done with."""

    id: int
    position: int = 0
    accepted: int = 0
    rejected: int = 0
    skipped: int = 0
    lines: int = 0
    resumed: bool = False
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """All records done with."""
        return self.accepted + self.rejected + self.skipped


def begin(tenant: Tenant, import_id: str, file_hash: str) -> Progress:
    """Start, or take up where the same import of the same files was cut off."""
    rows = tenant.db.query(
        "SELECT id, position, accepted, rejected, skipped, detail FROM rf_import"
        " WHERE import_id = ? AND file_hash = ? AND status = 'running' ORDER BY id DESC LIMIT 1",
        (import_id, file_hash),
    )
    if rows:
        run_id, position, accepted, rejected, skipped, detail = rows[0]
        told = json.loads(detail)
        return Progress(
            run_id, position, accepted, rejected, skipped, told["lines"], True, told["codes"]
        )
    progress = Progress(new_id())
    now = tenant.now_us()
    tenant.db.execute_now(
        "INSERT INTO rf_import (id, import_id, file_hash, position, accepted, rejected, skipped,"
        " status, started_at, updated_at, detail) VALUES (?, ?, ?, 0, 0, 0, 0, 'running', ?, ?, ?)",
        (progress.id, import_id, file_hash, now, now, _detail(progress)),
    )
    return progress


def save(tenant: Tenant, progress: Progress, status: str = "running") -> None:
    """Write down how far it has come."""
    tenant.db.execute_now(
        "UPDATE rf_import SET position = ?, accepted = ?, rejected = ?, skipped = ?, status = ?,"
        " updated_at = ?, detail = ? WHERE id = ?",
        (
            progress.position,
            progress.accepted,
            progress.rejected,
            progress.skipped,
            status,
            tenant.now_us(),
            _detail(progress),
            progress.id,
        ),
    )


def done_before(tenant: Tenant, keys: Sequence[str]) -> set[str]:
    """Which of these idempotency keys belong to records that were made before the kill."""
    marks = ", ".join("?" * len(keys))
    if not keys:
        return set()
    found = tenant.db.query(f"SELECT key FROM rf_idempotency WHERE key IN ({marks})", tuple(keys))
    return {key for (key,) in found}


def _detail(progress: Progress) -> str:
    return json.dumps({"lines": progress.lines, "codes": progress.codes})
