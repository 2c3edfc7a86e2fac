"""Sessions: a random cookie value for the browser, only its hash in the tenant's database.

The hash takes in the tenant's id: a cookie of one tenant is nothing in another, even if a row were
copied over.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.access.actor import Actor
from app.access.clock import HOUR, MINUTE, moment
from app.access.database import Database, Tx
from app.access.departments import department_path
from app.storage.errors import Busy, Conflict

TOUCH = MINUTE
"""A session's `seen_at` is written at most this often."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lives unused, and in all (microseconds)."""

    idle: int = 4 * HOUR
    absolute: int = 16 * HOUR


LIFETIME = Lifetime()


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its owner sees it. `id` is the hash, which is no key to anything."""

    id: str
    user_id: int
    created_at: int
    seen_at: int
    expires_at: int
    ip: str
    agent: str


def session_id(tenant: str, value: str) -> str:
    """The hash under which a cookie's value is stored."""
    return hashlib.sha256(f"session\0{tenant}\0{value}".encode()).hexdigest()


def open_session(
    tx: Tx,
    tenant: str,
    user_id: int,
    *,
    ip: str,
    agent: str,
    now: int,
    lifetime: Lifetime = LIFETIME,
) -> str:
    """Start a session inside a transaction; gives the new cookie value."""
    value = secrets.token_urlsafe(32)
    tx.execute(
        "INSERT INTO rf_session (id, user_id, created_at, seen_at, expires_at, ip, agent) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (session_id(tenant, value), user_id, now, now, now + lifetime.absolute, ip[:64],
         _printable(agent)),
    )  # fmt: skip
    return value


def actor_of_session(
    db: Database,
    value: str,
    *,
    now: int | None = None,
    lifetime: Lifetime = LIFETIME,
    used: bool = True,
) -> Actor | None:
    """The actor behind a cookie value; None where the session is unknown, over, or idle too long.

    One read (two with a department); `seen_at` is renewed at most once a minute, and only where
    the session is `used`: what a page asks by itself keeps nobody signed in.
    """
    at, key = moment(now), session_id(db.tenant, value)
    rows = db.query(
        "SELECT s.user_id, s.seen_at, u.name, u.login, u.lang, u.department_id, r.role "
        "FROM rf_session s JOIN rf_user u ON u.id = s.user_id "
        "LEFT JOIN rf_user_role r ON r.user_id = u.id "
        "WHERE s.id = ? AND s.expires_at > ? AND s.seen_at > ? AND u.active = 1",
        (key, at, at - lifetime.idle),
    )
    if not rows:
        return None
    user_id, seen_at, name, login, lang, department_id, _ = rows[0]
    if used and at - seen_at > TOUCH:
        with suppress(Busy, Conflict):  # the next request writes it
            db.execute_now("UPDATE rf_session SET seen_at = ? WHERE id = ?", (at, key))
    return Actor(
        user_id=user_id,
        name=name,
        login=login,
        roles=frozenset(row[6] for row in rows if row[6] is not None),
        departments=department_path(db, department_id),
        via="web",
        lang=lang,
    )


def rotate_session(db: Database, value: str) -> str:
    """Give a living session another cookie value; the old one is worth nothing. Same lifetime."""
    fresh = secrets.token_urlsafe(32)
    db.execute_now(
        "UPDATE rf_session SET id = ? WHERE id = ?",
        (session_id(db.tenant, fresh), session_id(db.tenant, value)),
    )
    return fresh


def close_session(db: Database, value: str) -> None:
    """Sign out: the cookie value is worth nothing from now on."""
    db.execute_now("DELETE FROM rf_session WHERE id = ?", (session_id(db.tenant, value),))


def list_sessions(db: Database, user_id: int, *, now: int | None = None) -> list[Session]:
    """A user's living sessions, the latest used first."""
    rows = db.query(
        "SELECT id, user_id, created_at, seen_at, expires_at, ip, agent FROM rf_session "
        "WHERE user_id = ? AND expires_at > ? ORDER BY seen_at DESC",
        (user_id, moment(now)),
    )
    return [_session(row) for row in rows]


def revoke_session(db: Database, user_id: int, session: str) -> bool:
    """End one of a user's own sessions by its `id`; says whether there was one."""
    rows = db.execute_now(
        "DELETE FROM rf_session WHERE id = ? AND user_id = ? RETURNING id", (session, user_id)
    )
    return bool(rows)


def revoke_sessions(db: Database, user_id: int, *, keep: str = "") -> int:
    """End all sessions of a user but the one with the cookie value `keep`; gives how many."""
    kept = session_id(db.tenant, keep) if keep else ""
    rows = db.execute_now(
        "DELETE FROM rf_session WHERE user_id = ? AND id <> ? RETURNING id", (user_id, kept)
    )
    return len(rows)


def sweep_sessions(db: Database, *, now: int | None = None) -> None:
    """Remove sessions that are over."""
    db.execute_now("DELETE FROM rf_session WHERE expires_at <= ?", (moment(now),))


def _session(row: Sequence[Any]) -> Session:
    return Session(*row)


def _printable(agent: str) -> str:
    return "".join(char for char in agent if char.isprintable())[:200]
