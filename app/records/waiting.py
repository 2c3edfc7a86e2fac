"""What waits for its time or for a change, over all records: timers and watches."""

from __future__ import annotations

from collections.abc import Iterable

from app.records.flowstate import watch_rule
from app.storage.ports import Reader
from app.storage.sqlgen import marks

_AT_ONCE = 500


def due_timers(reader: Reader, now: int, limit: int = 100) -> list[int]:
    """Ids of the timers whose time has come, oldest first. `now` is microseconds UTC."""
    rows = reader.query(
        "SELECT id FROM rf_due WHERE kind = 'timer' AND status = 'open' AND due_at <= ?"
        f" ORDER BY due_at, id LIMIT {int(limit)}",
        (now,),
    )
    return [row[0] for row in rows]


def next_timer(reader: Reader, after: int | None = None) -> int | None:
    """When the next timer is due, or the next that is due later than `after` (microseconds UTC);
    None for none."""
    later, params = ("due_at IS NOT NULL", ()) if after is None else ("due_at > ?", (after,))
    rows = reader.query(
        "SELECT due_at FROM rf_due WHERE kind = 'timer' AND status = 'open'"
        f" AND {later} ORDER BY due_at LIMIT 1",
        params,
    )
    return rows[0][0] if rows else None


def watchers(reader: Reader, changed: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """(form's lasting name, record id) of the records whose conditions rest on any of these, by
    lasting names: ("order", record id), (table of its lines, line id) or ("aggregate:received",
    key)."""
    rules = sorted({watch_rule(what, key) for what, key in changed})
    found: dict[tuple[str, int], None] = {}
    for at in range(0, len(rules), _AT_ONCE):
        part = rules[at : at + _AT_ONCE]
        rows = reader.query(
            "SELECT form, record_id FROM rf_due WHERE kind = 'watch' AND status = 'open'"
            f" AND rule IN ({marks(len(part))}) ORDER BY id",
            part,
        )
        found |= dict.fromkeys((row[0], row[1]) for row in rows)
    return list(found)
