"""Anchors over the journal: what was written can be proved later.

Every minute a job puts the entries that are new under one Merkle root, in a chained table, and
writes the root to a file outside the database too.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from app.folders import private_folder
from app.records.journal import GENESIS
from app.records.merkle import merkle_root
from app.storage.databases import TenantDatabase

BATCH = 2000
"""Entries under one anchor: the write lock is held for a few milliseconds."""


def anchor_hash(prev: bytes, no: int, at: int, entries: int, root: bytes, heads: str) -> bytes:
    """What binds an anchor to the one before it and to the heads of its records (32 bytes)."""
    head = json.dumps([no, at, entries], separators=(",", ":")).encode()
    return sha256(prev + head + root + sha256(heads.encode()).digest()).digest()


EVERY = 60_000_000
"""Microseconds an entry waits for its anchor."""


def next_anchor(db: TenantDatabase) -> int | None:
    """When the oldest new entry is to be anchored (microseconds UTC), or None."""
    rows = db.query("SELECT MIN(at) FROM rf_journal WHERE anchor_no IS NULL")
    oldest: int | None = rows[0][0]
    return None if oldest is None else oldest + EVERY


def anchor(db: TenantDatabase, now: int, outside: Path | None) -> int:
    """Anchor all entries that are new; number of anchors made. `outside` is the tenant's file.

    Safe to run twice at once and after a crash: roots that did not reach the file follow.
    """
    made = 0
    while _anchor_batch(db, now):
        made += 1
    if outside is not None:
        _write_outside(db, outside)
    return made


_MARK = f"""
UPDATE rf_journal SET anchor_no = ? WHERE anchor_no IS NULL AND (form, record_id, seq) IN (
  SELECT form, record_id, seq FROM rf_journal WHERE anchor_no IS NULL LIMIT {BATCH})
RETURNING form, record_id, seq, hash
"""


def _anchor_batch(db: TenantDatabase, now: int) -> bool:
    if not db.query("SELECT 1 FROM rf_journal WHERE anchor_no IS NULL LIMIT 1"):
        return False
    with db.write() as tx:
        last = tx.execute(f"SELECT no, hash FROM rf_anchor ORDER BY no DESC LIMIT 1{_lock(db)}")
        no, prev = (last[0][0] + 1, bytes(last[0][1])) if last else (1, GENESIS)
        rows = sorted(tx.execute(_MARK, (no,)))
        if not rows:
            return False
        root = merkle_root([bytes(row[3]) for row in rows])
        heads = _pack(rows)
        tx.queue(
            "INSERT INTO rf_anchor (no, at, entries, root, prev, hash, heads)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                no,
                now,
                len(rows),
                root,
                prev,
                anchor_hash(prev, no, now, len(rows), root, heads),
                heads,
            ),
        )
    return True


def _lock(db: TenantDatabase) -> str:
    return " FOR UPDATE" if db.dialect == "postgres" else ""


def _pack(rows: list[tuple[Any, ...]]) -> str:
    """The last entry of each record in the batch: what must not be missing later."""
    heads: dict[tuple[str, int], int] = {}
    for form, record, seq, _ in rows:
        heads[form, record] = seq
    listed = [[form, record, seq] for (form, record), seq in sorted(heads.items())]
    packed = zlib.compress(json.dumps(listed, separators=(",", ":")).encode(), 6)
    return base64.b64encode(packed).decode()


_TAIL = 4096
"""Bytes at the end of the file outside that hold its last lines."""


def _write_outside(db: TenantDatabase, path: Path) -> None:
    """Append the anchors the file does not have yet, one JSON line each, flushed to the disk."""
    written = _last_outside(path)
    rows = db.query(
        "SELECT no, at, entries, root, hash FROM rf_anchor WHERE no > ? ORDER BY no", (written,)
    )
    if not rows:
        return
    private_folder(path.parent)
    with path.open("a", encoding="utf-8") as file:
        if _cut_off(path):
            file.write("\n")
        for no, at, entries, root, digest in rows:
            line = {
                "no": no,
                "at": at,
                "entries": entries,
                "root": bytes(root).hex(),
                "hash": bytes(digest).hex(),
            }
            file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _last_outside(path: Path) -> int:
    """The number of the last anchor in the file, read from its end: the file only grows."""
    if not path.exists():
        return 0
    size = path.stat().st_size
    with path.open("rb") as file:
        for start in (max(0, size - _TAIL), 0):
            file.seek(start)
            for line in reversed(file.read().splitlines()):
                with suppress(ValueError, TypeError, KeyError):
                    return int(json.loads(line)["no"])
    return 0


def _cut_off(path: Path) -> bool:
    """Whether a crash left the last line without its end: what follows needs a line of its own."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def read_outside(path: Path) -> list[dict[str, Any]]:
    """The anchors written outside the database; a line cut off by a crash is left out."""
    found: list[dict[str, Any]] = []
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found
