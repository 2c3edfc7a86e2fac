"""What is open with a record, as rows of one table: one statement writes all of a transition's.

Kinds: "task" and "vote" (a row for each seat), "timer", "watch", "token" (a child scope of the
flow; `token` is the one above it), "incident", "keep" (the day retention ends).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from app.storage.sqlgen import Statement

AT_ONCE = 1000
"""Rows in one statement; SQLite takes 32,766 parameters."""


class OpenRow(NamedTuple):
    """One row, in the order of the columns. Times are microseconds UTC, `data` is JSON."""

    id: int
    form: str
    record_id: int
    kind: str
    status: str = "open"
    token: int = 0
    step: str = ""
    visit: int = 0
    rule: str = ""
    task: int | None = None
    principal: str | None = None
    level: str | None = None
    place: int | None = None
    claimed: int | None = None
    instead_of: int | None = None
    by_user: int | None = None
    outcome: str | None = None
    stage: str | None = None
    opened_at: int | None = None
    due_at: int | None = None
    done_at: int | None = None
    data: str | None = None


COLUMNS = ", ".join(OpenRow._fields)
_KEPT = ("id", "form", "record_id", "kind", "stage", "opened_at")
_SETS = ", ".join(f"{name} = excluded.{name}" for name in OpenRow._fields if name not in _KEPT)
_MARKS = f"({', '.join('?' * len(OpenRow._fields))})"


def keep_row(form: str, record_id: int, due_at: int) -> OpenRow:
    """The day a record's retention ends: one a record, so it bears the record's own id."""
    return OpenRow(record_id, form, record_id, "keep", due_at=due_at)


def put(rows: Sequence[OpenRow]) -> list[Statement]:
    """Write rows, new ones and changed ones alike; each id once."""
    return [
        (_upsert(len(part)), [value for row in part for value in row])
        for part in (rows[at : at + AT_ONCE] for at in range(0, len(rows), AT_ONCE))
    ]


@lru_cache(maxsize=128)
def _upsert(count: int) -> str:
    return (
        f"INSERT INTO rf_due ({COLUMNS}) VALUES {', '.join([_MARKS] * count)}"
        f" ON CONFLICT (id) DO UPDATE SET {_SETS}"
    )


def stable_id(*parts: object) -> int:
    """The same id for the same parts, in any process: what is done again makes the same row."""
    said = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(blake2b(said, digest_size=8).digest(), "big") >> 2
