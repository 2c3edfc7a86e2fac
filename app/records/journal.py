"""The journal: each record's own chain of entries, every entry bound to the one before it.

An entry's hash covers the hash before it, who did what and when, and the text of its changes
exactly as stored. So checking needs no re-serialising, and no key of a mapping can move.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

GENESIS = bytes(32)
"""What the first entry of a record is bound to."""

ERASED = ""
"""Text of an entry whose changes retention has removed; its hash stays in the chain."""

INSERT = (
    "INSERT INTO rf_journal (form, record_id, seq, at, actor, actor_name, via, act, release_no,"
    " changes, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
).encode


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: the same value gives the same text."""
    return _encode(value)


class Entry(NamedTuple):
    """One entry as the table has it. `at` is microseconds UTC; `changes` is canonical JSON."""

    form: str
    record_id: int
    seq: int
    at: int
    actor: int | None
    actor_name: str
    via: str
    act: str
    release_no: int
    changes: str
    prev: bytes
    hash: bytes = b""


def entry_hash(entry: Entry) -> bytes:
    """The hash an entry must have, from everything it says (32 bytes)."""
    return chain_hash(
        entry.prev,
        entry.form,
        entry.record_id,
        entry.seq,
        entry.at,
        entry.actor,
        entry.actor_name,
        entry.via,
        entry.act,
        entry.release_no,
        entry.changes,
    )


def chain_hash(
    prev: bytes,
    form: str,
    record_id: int,
    seq: int,
    at: int,
    actor: int | None,
    actor_name: str,
    via: str,
    act: str,
    release_no: int,
    changes: str,
) -> bytes:
    """`entry_hash` for values at hand (the hot path makes no Entry)."""
    head = _encode([form, record_id, seq, at, actor, actor_name, via, act, release_no])
    return sha256(prev + head.encode() + b"\n" + changes.encode()).digest()
