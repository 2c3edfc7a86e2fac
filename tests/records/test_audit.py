"""Whoever changes the journal behind the product's back is found out, and it is said how."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.records.anchors import anchor, read_outside
from app.records.audit import verify
from app.records.journal import GENESIS, canonical, chain_hash
from app.records.merkle import EMPTY, merkle_root
from app.storage.databases import TenantDatabase

NOW = 1_780_000_000_000_000
TABLES = (("thing", "f_thing"),)
_ENTRY = (
    "INSERT INTO rf_journal (form, record_id, seq, at, actor, actor_name, via, act, release_no,"
    " changes, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _write(
    db: TenantDatabase, record: int, entries: int, first: int = 1, head: bytes = GENESIS
) -> bytes:
    """A record with a row and a chain of entries, as a save writes them."""
    with db.write() as tx:
        for seq in range(first, first + entries):
            changes = canonical({"name": [None, f"{record}-{seq}"]})
            values = ("thing", record, seq, NOW + seq, 7, "Li", "web", "update", 1, changes)
            prev, head = head, chain_hash(head, *values)
            tx.queue(_ENTRY, (*values, prev, head))
        if first == 1:
            tx.queue(
                "INSERT INTO f_thing (id, journal_seq, journal_head) VALUES (?, ?, ?)",
                (record, entries, head),
            )
        else:
            tx.queue(
                "UPDATE f_thing SET journal_seq = ?, journal_head = ? WHERE id = ?",
                (first + entries - 1, head, record),
            )
    return head


@pytest.fixture
def db(tenant_db: TenantDatabase) -> TenantDatabase:
    blob = "BLOB" if tenant_db.dialect == "sqlite" else "BYTEA"
    tenant_db.execute_now(
        f"CREATE TABLE f_thing (id BIGINT PRIMARY KEY, journal_seq BIGINT, journal_head {blob})"
    )
    for record in (1, 2, 3):
        _write(tenant_db, record, 4)
    return tenant_db


@pytest.fixture
def outside(db: TenantDatabase, tmp_path: Path) -> Path:
    path = tmp_path / "anchors" / "acme.jsonl"
    assert anchor(db, NOW, path) == 1
    return path


def _codes(db: TenantDatabase, outside: Path | None) -> set[str]:
    return {finding.code for finding in verify(db, TABLES, outside).findings}


def test_an_untouched_journal_has_no_findings(db, outside):
    found = verify(db, TABLES, outside)
    assert (found.records, found.entries, found.anchors, found.unanchored) == (3, 12, 1, 0)
    assert found.findings == ()


def test_entries_written_later_go_under_the_next_anchor(db, outside):
    head = db.query("SELECT journal_head FROM f_thing WHERE id = 1")[0][0]
    _write(db, 1, 2, first=5, head=bytes(head))
    assert verify(db, TABLES, outside).unanchored == 2
    assert anchor(db, NOW + 60, outside) == 1
    assert anchor(db, NOW + 120, outside) == 0
    assert _codes(db, outside) == set()
    assert [line["no"] for line in read_outside(outside)] == [1, 2]


def test_a_long_file_outside_is_read_from_its_end(db, outside):
    line = outside.read_text()
    outside.write_text("not even JSON\n" * 1000 + line)
    assert anchor(db, NOW + 60, outside) == 0
    assert outside.read_text().endswith("\n" + line)
    outside.write_text(line + "{" * 5000)
    assert anchor(db, NOW + 60, outside) == 0
    assert [one["no"] for one in read_outside(outside)] == [1]


def test_a_line_cut_off_by_a_crash_is_written_again(db, outside):
    whole = outside.read_text()
    outside.write_text(whole[: len(whole) // 2])
    assert anchor(db, NOW + 60, outside) == 0
    assert [line["no"] for line in read_outside(outside)] == [1]
    assert _codes(db, outside) == set()
    size = outside.stat().st_size
    anchor(db, NOW + 120, outside)
    assert outside.stat().st_size == size


def test_an_edited_entry(db, outside):
    db.execute_now(
        "UPDATE rf_journal SET changes = ? WHERE record_id = 1 AND seq = 2",
        ('{"name":[null,"x"]}',),
    )
    assert _codes(db, outside) == {"entry_edited"}


def test_two_entries_that_changed_places(db, outside):
    with db.write() as tx:
        for before, after in ((2, -1), (3, 2), (-1, 3)):
            tx.queue(
                "UPDATE rf_journal SET seq = ? WHERE record_id = 1 AND seq = ?", (after, before)
            )
    assert "entries_swapped" in _codes(db, outside)
    assert "entry_edited" not in _codes(db, outside)


def test_two_entries_whose_contents_were_exchanged(db, outside):
    with db.write() as tx:
        rows = dict(
            tx.execute("SELECT seq, changes FROM rf_journal WHERE record_id = 2 AND seq IN (2, 3)")
        )
        tx.queue("UPDATE rf_journal SET changes = ? WHERE record_id = 2 AND seq = 2", (rows[3],))
        tx.queue("UPDATE rf_journal SET changes = ? WHERE record_id = 2 AND seq = 3", (rows[2],))
    assert _codes(db, outside) == {"entries_swapped"}


def test_a_deleted_entry(db, outside):
    db.execute_now("DELETE FROM rf_journal WHERE record_id = 2 AND seq = 2")
    assert _codes(db, outside) == {"entry_deleted", "anchor_mismatch"}


def test_the_last_entry_deleted(db, outside):
    db.execute_now("DELETE FROM rf_journal WHERE record_id = 3 AND seq = 4")
    assert _codes(db, outside) == {"journal_truncated", "anchor_mismatch"}


def test_the_last_entry_deleted_and_the_row_set_back(db, outside):
    db.execute_now("DELETE FROM rf_journal WHERE record_id = 3 AND seq = 4")
    (head,) = db.query("SELECT hash FROM rf_journal WHERE record_id = 3 AND seq = 3")[0]
    db.execute_now("UPDATE f_thing SET journal_seq = 3, journal_head = ? WHERE id = 3", (head,))
    assert _codes(db, outside) == {"journal_truncated", "anchor_mismatch"}


def test_a_whole_anchored_record_missing(db, outside):
    db.execute_now("DELETE FROM rf_journal WHERE record_id = 2")
    db.execute_now("DELETE FROM f_thing WHERE id = 2")
    assert _codes(db, outside) == {"record_missing", "anchor_mismatch"}


def test_a_row_or_a_journal_missing(db, outside):
    db.execute_now("DELETE FROM f_thing WHERE id = 2")
    db.execute_now("DELETE FROM rf_journal WHERE record_id = 3")
    assert {"row_missing", "journal_missing"} <= _codes(db, outside)


def test_a_chain_rewritten_with_right_hashes_is_given_away_by_its_anchor(db, outside):
    db.execute_now("DELETE FROM rf_journal WHERE record_id = 1")
    db.execute_now("DELETE FROM f_thing WHERE id = 1")
    _write(db, 1, 3)
    db.execute_now("UPDATE rf_journal SET anchor_no = 1 WHERE record_id = 1")
    assert _codes(db, outside) == {"journal_truncated", "anchor_mismatch"}


def test_an_entry_bound_to_another_one(db, outside):
    values = ("thing", 1, 3, NOW + 3, 7, "Li", "web", "update", 1, canonical({}))
    forged = chain_hash(GENESIS, *values)
    db.execute_now(
        "UPDATE rf_journal SET changes = ?, prev = ?, hash = ? WHERE record_id = 1 AND seq = 3",
        (canonical({}), GENESIS, forged),
    )
    assert _codes(db, outside) == {"chain_broken", "anchor_mismatch"}


def test_a_broken_anchor(db, outside):
    db.execute_now("UPDATE rf_anchor SET at = at + 1")
    assert _codes(db, outside) == {"anchor_broken"}


def test_an_anchor_rewritten_in_the_database_differs_from_the_one_outside(db, outside):
    db.execute_now("DELETE FROM rf_anchor")
    db.execute_now("UPDATE rf_journal SET anchor_no = NULL")
    assert _codes(db, outside) == {"anchors_truncated"}
    anchor(db, NOW + 5, None)
    assert _codes(db, outside) == {"root_mismatch"}


def test_anchors_that_did_not_reach_the_file_follow(db, tmp_path):
    path = tmp_path / "later.jsonl"
    anchor(db, NOW, None)
    assert read_outside(path) == []
    anchor(db, NOW, path)
    path.write_text(path.read_text() + '{"no": 2, "at"')
    assert [line["no"] for line in read_outside(path)] == [1]


def test_merkle_roots_depend_on_every_leaf_and_its_place():
    leaves = [bytes([n]) * 32 for n in range(5)]
    assert merkle_root([]) == EMPTY
    roots = {merkle_root(leaves[:n]) for n in range(6)} | {merkle_root(leaves[::-1])}
    assert len(roots) == 7
