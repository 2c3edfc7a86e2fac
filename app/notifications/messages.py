"""Messages inside the product: the rows behind the bell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.storage.ports import Reader, TenantDatabase

KEEP = 400 * 24 * 3600 * 1_000_000
"""Microseconds a message that was read is kept."""
PAGE = 50
UNREAD_CAP = 99
_BATCH = 2000

INSERT = (
    "INSERT INTO rf_message"
    " (id, once, principal, notification, form, record_id, subject, body, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (once) DO NOTHING"
)
_COLUMNS = "id, principal, notification, form, record_id, subject, body, created_at, read_at"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `form` is the form's key; times are microseconds UTC."""

    id: int
    principal: str
    notification: str
    form: str
    record_id: int
    subject: str
    body: str
    created_at: int
    read_at: int | None


def unread(db: Reader, principal: str) -> int:
    """How many unread messages somebody has, counted up to UNREAD_CAP + 1."""
    rows = db.query(
        "SELECT count(*) FROM (SELECT 1 FROM rf_message WHERE principal = ? AND read_at IS NULL"
        f" LIMIT {UNREAD_CAP + 1}) AS found",
        (principal,),
    )
    return int(rows[0][0])


def messages(
    db: Reader, principal: str, *, before: int | None = None, limit: int = PAGE
) -> list[Message]:
    """Somebody's messages, the newest first; `before` is the last id of the page before."""
    older = " AND id < ?" if before is not None else ""
    rows = db.query(
        f"SELECT {_COLUMNS} FROM rf_message WHERE principal = ?{older} ORDER BY id DESC LIMIT ?",
        (principal, *([before] if before is not None else []), limit),
    )
    return [Message(*row) for row in rows]


def about(
    db: Reader, principals: Sequence[str], form: str, record_id: int, limit: int = PAGE
) -> list[Message]:
    """What somebody was told of one record, oldest first."""
    if not principals:
        return []
    marks = ", ".join("?" * len(principals))
    rows = db.query(
        f"SELECT {_COLUMNS} FROM rf_message WHERE form = ? AND record_id = ?"
        f" AND principal IN ({marks}) ORDER BY id LIMIT ?",
        (form, record_id, *principals, limit),
    )
    return [Message(*row) for row in rows]


def one(db: Reader, principal: str, message_id: int) -> Message | None:
    """One of somebody's own messages."""
    rows = db.query(
        f"SELECT {_COLUMNS} FROM rf_message WHERE id = ? AND principal = ?",
        (message_id, principal),
    )
    return Message(*rows[0]) if rows else None


def mark_read(db: TenantDatabase, principal: str, now: int, message_id: int | None = None) -> None:
    """Mark one of somebody's own messages as read, or all of them."""
    which, params = (" AND id = ?", [message_id]) if message_id is not None else ("", [])
    db.execute_now(
        f"UPDATE rf_message SET read_at = ? WHERE principal = ? AND read_at IS NULL{which}",
        (now, principal, *params),
    )


def forget(db: TenantDatabase, now: int) -> None:
    """Drop what was read long ago, and throttles nobody waits for, in small portions."""
    old = "read_at < ?"
    while db.query(f"SELECT 1 FROM rf_message WHERE {old} LIMIT 1", (now - KEEP,)):
        db.execute_now(
            f"DELETE FROM rf_message WHERE id IN (SELECT id FROM rf_message WHERE {old}"
            f" LIMIT {_BATCH})",
            (now - KEEP,),
        )
    db.execute_now("DELETE FROM rf_throttle WHERE at < ?", (now - KEEP,))
