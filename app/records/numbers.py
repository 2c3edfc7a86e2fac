"""Record numbers (流水号): a counter a period, drawn where it costs least.

With gaps allowed, PostgreSQL draws in a statement of its own before the transaction opens, so that
writers do not queue behind each other's commits. The counter itself may then be flushed late: the
record's own commit comes after it in the log and flushes both, so no number is given twice.
"""

from __future__ import annotations

from app.storage.databases import TenantDatabase, Tx

_ON_CONFLICT = (
    " ON CONFLICT (name, period) DO UPDATE SET value = rf_sequence.value + 1 RETURNING value"
)
NEXT = "INSERT INTO rf_sequence (name, period, value) VALUES (?, ?, 1)" + _ON_CONFLICT
_NEXT_ALONE = (
    "INSERT INTO rf_sequence (name, period, value) SELECT ?, ?, 1"
    " FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unflushed" + _ON_CONFLICT
)


def draw_before(db: TenantDatabase, name: str, period: str) -> int:
    """The next number, in a transaction of its own (PostgreSQL)."""
    return int(db.execute_now(_NEXT_ALONE, (name, period))[0][0])


def draw_inside(tx: Tx, name: str, period: str) -> int:
    """The next number; the counter stays locked until the transaction ends."""
    return int(tx.execute(NEXT, (name, period))[0][0])
