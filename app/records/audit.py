"""The proof that nobody changed the journal.

Each record's entries are a chain whose head is in the record's row; anchors (`app.records.anchors`)
hold the chains together, in the database and outside it. `verify` walks all three and tells what
was done to what.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from app.records.anchors import anchor_hash, read_outside
from app.records.journal import ERASED, GENESIS, Entry, entry_hash
from app.records.merkle import MerkleTree
from app.storage.databases import Reader, TenantDatabase
from forms.values import encode_id

SYSTEM = "@"
"""Journal names that begin so (releases) belong to no table of records."""

CODES = {
    "entry_edited": "what an entry says is not what was hashed",
    "entries_swapped": "entries have changed places",
    "entry_deleted": "an entry is missing between others",
    "journal_truncated": "the last entries of a record are missing",
    "record_missing": "a record that was anchored is gone, with its whole journal",
    "row_missing": "a record has a journal but no row",
    "journal_missing": "a record has a row but no journal",
    "chain_broken": "an entry is not bound to the one before it",
    "anchor_broken": "the anchors' own chain is broken",
    "anchor_mismatch": "the anchored entries are not those that were anchored",
    "root_mismatch": "the database's anchor is not the one written outside the database",
    "anchors_truncated": "anchors written outside the database are missing in it",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing `verify` found: a code of CODES, where, and a line in English for the report."""

    code: str
    form: str
    record: str
    seq: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` looked at and what it found; no findings means the journal is whole."""

    records: int
    entries: int
    anchors: int
    unanchored: int
    findings: tuple[Finding, ...]


def verify(db: TenantDatabase, tables: Iterable[tuple[str, str]], outside: Path | None) -> Verified:
    """Check every chain, head, anchor and outside root; `tables` is (form id, table name).

    Reads one snapshot, so it may run beside writers. Memory grows with the number of records,
    not of entries.
    """
    findings: list[Finding] = []
    with db.read() as reader:
        rows = _heads_in_rows(reader, tables)
        anchors = reader.query(
            "SELECT no, at, entries, root, prev, hash, heads FROM rf_anchor ORDER BY no"
        )
        anchored_heads = _check_anchor_chain(anchors, findings)
        state = _Walk(rows, anchored_heads, findings)
        for key, chain in groupby(
            _entries(reader), key=lambda found: (found[0].form, found[0].record_id)
        ):
            state.chain(key, list(chain))
        state.missing()
        _check_roots(anchors, state.trees, findings)
        if outside is not None:
            _check_outside(anchors, read_outside(outside), findings)
    return Verified(len(rows), state.entries, len(anchors), state.unanchored, tuple(findings))


def _heads_in_rows(
    reader: Reader, tables: Iterable[tuple[str, str]]
) -> dict[tuple[str, int], tuple[int, bytes]]:
    found: dict[tuple[str, int], tuple[int, bytes]] = {}
    for form, table in tables:
        for record, seq, head in reader.query(f"SELECT id, journal_seq, journal_head FROM {table}"):
            found[form, record] = (seq, bytes(head))
    return found


_PAGE = 5000


def _entries(reader: Reader) -> Iterator[tuple[Entry, int | None]]:
    """All entries in order of form, record and number, a page at a time."""
    last: tuple[str, int, int] = ("", 0, 0)
    while True:
        page = reader.query(
            "SELECT form, record_id, seq, at, actor, actor_name, via, act, release_no, changes,"
            " prev, hash, anchor_no FROM rf_journal WHERE (form, record_id, seq) > (?, ?, ?)"
            f" ORDER BY form, record_id, seq LIMIT {_PAGE}",
            last,
        )
        for row in page:
            *said, prev, digest, anchor_no = row
            yield Entry._make((*said, bytes(prev), bytes(digest))), anchor_no
        if len(page) < _PAGE:
            return
        last = page[-1][0], page[-1][1], page[-1][2]


class _Walk:
    """The walk over all chains, with what it has counted and still has to see."""

    def __init__(
        self,
        rows: dict[tuple[str, int], tuple[int, bytes]],
        anchored: dict[tuple[str, int], int],
        findings: list[Finding],
    ) -> None:
        self.rows, self.anchored, self.findings = rows, anchored, findings
        self.seen: set[tuple[str, int]] = set()
        self.entries = self.unanchored = 0
        self.trees: dict[int, MerkleTree] = {}

    def chain(self, key: tuple[str, int], chain: list[tuple[Entry, int | None]]) -> None:
        """Check one record's entries, its row's head and what the anchors know of it."""
        self.seen.add(key)
        self.entries += len(chain)
        for entry, anchor_no in chain:
            if anchor_no is None:
                self.unanchored += 1
            else:
                self.trees.setdefault(anchor_no, MerkleTree()).add(entry.hash)
        entries = [entry for entry, _ in chain]
        intact = self._hashes(entries)
        self._links(entries, intact)
        self._end(key, entries)

    def _hashes(self, entries: list[Entry]) -> bool:
        erased = max((e.seq for e in entries if e.act == "erase"), default=0)
        wrong = [
            entry
            for entry in entries
            if not (entry.changes == ERASED and entry.seq < erased)
            and entry_hash(entry) != entry.hash
        ]
        swapped = _swapped(wrong)
        for entry in wrong:
            self._say("entries_swapped" if entry.seq in swapped else "entry_edited", entry)
        return not wrong

    def _links(self, entries: list[Entry], intact: bool) -> None:
        before, last = GENESIS, 0
        for entry in entries:
            if entry.seq != last + 1:
                self._say("entry_deleted", entry, f"{last + 1} to {entry.seq - 1} are missing")
            elif entry.prev != before and intact:
                self._say("chain_broken", entry)
            before, last = entry.hash, entry.seq

    def _end(self, key: tuple[str, int], entries: list[Entry]) -> None:
        last = entries[-1]
        row = self.rows.get(key)
        anchored = self.anchored.get(key, 0)
        if row is None and not key[0].startswith(SYSTEM):
            self._say("row_missing", last)
        if anchored > last.seq or (row is not None and row[0] > last.seq):
            expected = max(anchored, row[0] if row else 0)
            self._say("journal_truncated", last, f"{last.seq + 1} to {expected} are missing")
        elif row is not None and row != (last.seq, last.hash):
            self._say("chain_broken", last, "the record's row names another last entry")

    def missing(self) -> None:
        """Records the anchors or the rows know, but the journal does not."""
        for form, record in sorted(self.rows.keys() - self.seen):
            self._report("journal_missing", form, record, None)
        for form, record in sorted(self.anchored.keys() - self.seen - self.rows.keys()):
            self._report("record_missing", form, record, None)

    def _say(self, code: str, entry: Entry, more: str = "") -> None:
        self._report(code, entry.form, entry.record_id, entry.seq, more)

    def _report(self, code: str, form: str, record: int, seq: int | None, more: str = "") -> None:
        text = f"{CODES[code]}; {more}" if more else CODES[code]
        self.findings.append(Finding(code, form, encode_id(record), seq, text))


def _swapped(wrong: list[Entry]) -> set[int]:
    """Numbers of the entries that would be right in another one's place, or with its changes."""
    found: set[int] = set()
    for one in wrong[:100]:
        for other in wrong[:100]:
            if one is other:
                continue
            moved = one._replace(seq=other.seq)
            traded = one._replace(changes=other.changes)
            if entry_hash(moved) == one.hash or entry_hash(traded) == one.hash:
                found |= {one.seq, other.seq}
    return found


def _check_anchor_chain(
    anchors: list[tuple[Any, ...]], findings: list[Finding]
) -> dict[tuple[str, int], int]:
    """Check the anchors' own chain; the last anchored entry of each record comes back."""
    heads: dict[tuple[str, int], int] = {}
    before, last = GENESIS, 0
    for no, at, entries, root, prev, digest, packed in anchors:
        whole = (
            no == last + 1
            and bytes(prev) == before
            and anchor_hash(bytes(prev), no, at, entries, bytes(root), packed) == bytes(digest)
        )
        if not whole:
            findings.append(_anchor_finding("anchor_broken", no))
        before, last = bytes(digest), no
        try:
            listed = json.loads(zlib.decompress(base64.b64decode(packed)))
        except (ValueError, zlib.error):
            continue
        for form, record, seq in listed:
            heads[form, record] = max(seq, heads.get((form, record), 0))
    return heads


def _check_roots(
    anchors: list[tuple[Any, ...]], trees: dict[int, MerkleTree], findings: list[Finding]
) -> None:
    for no, _, entries, root, *_ in anchors:
        tree = trees.get(no, MerkleTree())
        if tree.leaves != entries or tree.root() != bytes(root):
            findings.append(_anchor_finding("anchor_mismatch", no))


def _check_outside(
    anchors: list[tuple[Any, ...]], outside: list[dict[str, Any]], findings: list[Finding]
) -> None:
    inside = {row[0]: (bytes(row[3]).hex(), bytes(row[5]).hex()) for row in anchors}
    for line in outside:
        found = inside.get(line["no"])
        if found is None:
            findings.append(_anchor_finding("anchors_truncated", line["no"]))
        elif found != (line["root"], line["hash"]):
            findings.append(_anchor_finding("root_mismatch", line["no"]))


def _anchor_finding(code: str, no: int) -> Finding:
    return Finding(code, "", "", no, CODES[code])
