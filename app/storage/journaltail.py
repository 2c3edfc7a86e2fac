"""Which records changed since a moment, told by the order in which journal entries became visible.

No clock is involved: on SQLite it is the entry's row number, on PostgreSQL its transaction. A mark
taken before a read covers every change that read could not see.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.storage.ports import Reader
from app.storage.sqlgen import marks


def mark(reader: Reader, dialect: str) -> int:
    """The mark of this moment: what `changed_since` will find is everything not visible yet, and
    on PostgreSQL perhaps a little more."""
    if dialect == "postgres":
        sql = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"
    else:
        sql = "SELECT coalesce(max(rowid), 0) + 1 FROM rf_journal"
    ((value,),) = reader.query(sql)
    return int(value)


def changed_since(reader: Reader, dialect: str, since: int, keys: Sequence[str]) -> list[int]:
    """Ids of the records of these forms (by journal key) with an entry since the mark."""
    if not keys:
        return []
    order = "tx" if dialect == "postgres" else "rowid"
    sql = (
        f"SELECT DISTINCT record_id FROM rf_journal WHERE {order} >= ?"
        f" AND form IN ({marks(len(keys))}) ORDER BY record_id"
    )
    return [row[0] for row in reader.query(sql, (since, *keys))]
