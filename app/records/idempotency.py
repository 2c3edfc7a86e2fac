"""The same request twice gives the same answer once: keys, scoped by who sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from app.records.outbox import SHARED
from app.storage.databases import TenantDatabase

ENTER = (
    "INSERT INTO rf_idempotency"
    " (scope, key, request_hash, form, record_id, result, created_at)"
    " SELECT ?, ?, ?, ?, ?, ?, ? FROM {state} AS s WHERE s.epoch = ?"
    " ON CONFLICT (scope, key) DO NOTHING RETURNING 1"
)
"""Takes a key and checks the epoch in one statement: no row where either fails."""
ANSWER = "UPDATE rf_idempotency SET result = ? WHERE scope = ? AND key = ?"
FIND = "SELECT request_hash, result FROM rf_idempotency WHERE scope = ? AND key = ?"
_BATCH = 2000
_OLD = (
    "FROM rf_idempotency AS i WHERE i.created_at < ?"
    " AND NOT EXISTS (SELECT 1 FROM rf_outbox AS o WHERE o.once = i.key)"
    " AND NOT EXISTS (SELECT 1 FROM rf_outbox AS o"
    f" WHERE o.once >= i.key || '{SHARED}' AND o.once < i.key || '{chr(ord(SHARED) + 1)}')"
)
_FORGET = (
    "DELETE FROM rf_idempotency WHERE (scope, key) IN"
    f" (SELECT i.scope, i.key {_OLD} LIMIT {_BATCH})"
)

MAX_KEY = 200
"""Characters a key may have."""

KEEP = 7 * 24 * 3600 * 1_000_000
"""Microseconds a key is remembered."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)


def scope_of(user_id: int | None, via: str) -> str:
    """Whose key it is: two people never share one, nor do the desk and the API."""
    return f"{user_id}:{via}"


def request_hash(verb: str, form: str, record_id: int | None, body: Mapping[str, Any]) -> str:
    """What was asked, as hex SHA-256: key order and number formatting of JSON do not matter."""
    return sha256(_encode.encode([verb, form, record_id, body]).encode()).hexdigest()


def forget(db: TenantDatabase, now: int) -> None:
    """Drop keys older than KEEP (microseconds UTC), in portions that hold nobody up.

    The key of an effect stays as long as its row in the outbox: somebody may run it again weeks
    later, and it makes its record once.
    """
    old = f"SELECT 1 {_OLD} LIMIT 1"
    while db.query(old, (now - KEEP,)):
        db.execute_now(_FORGET, (now - KEEP,))
