"""Record numbers (流水号): a counter a period, drawn where it costs least.

With gaps allowed, PostgreSQL draws in a statement of its own before the transaction opens, so that
writers do not queue behind each other's commits. The counter itself may then be flushed late: the
record's own commit comes after it in the log and flushes both, so no number is given twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from app.storage.databases import TenantDatabase, Tx
from forms.numbering import Numbering

_ON_CONFLICT = (
    " ON CONFLICT (name, period) DO UPDATE SET value = rf_sequence.value + 1 RETURNING value"
)
NEXT = "INSERT INTO rf_sequence (name, period, value) VALUES (?, ?, 1)" + _ON_CONFLICT
_NEXT_ALONE = (
    "INSERT INTO rf_sequence (name, period, value) SELECT ?, ?, 1"
    " FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unflushed" + _ON_CONFLICT
)


def draw_before(db: TenantDatabase, name: str, period: str) -> int:
    """The next number, in a transaction of its own."""
    sql = _NEXT_ALONE if db.dialect == "postgres" else NEXT
    return int(db.execute_now(sql, (name, period))[0][0])


def draw_inside(tx: Tx, name: str, period: str) -> int:
    """The next number; the counter stays locked until the transaction ends."""
    return int(tx.execute(NEXT, (name, period))[0][0])


def catch_up(db: TenantDatabase, table: str, name: str, numbering: Numbering, day: date) -> None:
    """Move the counter past the highest number in use: a form whose `reset` has changed counts in
    a new period, whose first numbers may have been given already."""
    before, _, rest = numbering.pattern.partition("{seq")
    after = rest.partition("}")[2]
    start = replace(numbering, pattern=before).format(0, day)
    end = replace(numbering, pattern=after).format(0, day)
    rows = db.query(
        f"SELECT number FROM {table} WHERE number >= CAST(? AS TEXT) AND number < CAST(? AS TEXT)"
        " ORDER BY length(number) DESC, number DESC LIMIT 1",
        (start, start + "\U0010ffff"),
    )
    digits = rows[0][0][len(start) : len(rows[0][0]) - len(end)] if rows else ""
    if digits.isdecimal():
        db.execute_now(
            "INSERT INTO rf_sequence (name, period, value) VALUES (?, ?, ?)"
            " ON CONFLICT (name, period) DO UPDATE SET value = excluded.value"
            " WHERE rf_sequence.value < excluded.value",
            (name, numbering.period(day), int(digits)),
        )
