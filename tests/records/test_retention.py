"""When its time is up a record's content goes, and the journal still proves it was not tampered."""

from __future__ import annotations

import io

import pytest

from app.records.anchors import anchor
from app.records.files import attach, open_attachment
from app.records.look import read
from app.records.proof import verify_aggregates, verify_journal
from app.records.retention import NEXT, erase, next_due, run_due
from app.records.save import create, delete, update
from app.storage.errors import Conflict
from tests.records.shop import BOSS, Shop, refused

TWO_YEARS = 366 * 2 + 1


def test_a_record_is_erased_when_its_time_is_up(shop: Shop, tmp_path):
    file = attach(shop.tenant, BOSS, "claim", "evidence", io.BytesIO(b"secret"), "s.txt")
    saved = create(shop.tenant, BOSS, "claim", shop.claim("2", "1", contact="Li", evidence=[file]))
    update(shop.tenant, BOSS, "claim", saved.id, {"contact": "Wang"}, version=1)
    anchor(shop.db, shop.tenant.now_us(), tmp_path / "a")
    assert run_due(shop.tenant) == 0
    shop.clock.at = shop.clock.at.replace(year=2028, month=11, day=21, hour=15)
    assert run_due(shop.tenant) == 0
    shop.clock.pass_by(hours=2)
    assert next_due(shop.tenant) <= shop.tenant.now_us()
    assert run_due(shop.tenant) == 1
    assert run_due(shop.tenant) == 0 and next_due(shop.tenant) is None
    refused("not_found", read, shop.tenant, BOSS, "claim", saved.id)
    refused("not_found", open_attachment, shop.tenant, BOSS, "claim", saved.id, file)
    rows = shop.db.query(
        "SELECT act, changes FROM rf_journal WHERE record_id = ? ORDER BY seq", (saved.id,)
    )
    assert rows == [("create", ""), ("update", ""), ("erase", "{}")]
    live = shop.tenant.active().tables.forms["claim"]
    columns = [column.name for column in live.columns.values()]
    (kept,) = shop.db.query(
        f"SELECT {', '.join(columns)} FROM {live.table} WHERE id = ?", (saved.id,)
    )
    assert set(kept) == {None}
    assert shop.count(live.children["lines"].table) == 0
    assert [shop.measures("claimable", key)[1] for key in shop.lines] == [0, 0, 0]
    anchor(shop.db, shop.tenant.now_us(), tmp_path / "a")
    assert verify_journal(shop.tenant, tmp_path / "a").findings == ()
    assert verify_aggregates(shop.tenant) == []
    shop.db.execute_now("DELETE FROM rf_journal WHERE record_id = ? AND act = 'erase'", (saved.id,))
    codes = {finding.code for finding in verify_journal(shop.tenant, tmp_path / "a").findings}
    assert {"entry_edited", "journal_truncated"} <= codes


def test_a_deleted_record_is_erased_too_and_gives_back_nothing_twice(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("2"))
    delete(shop.tenant, BOSS, "claim", saved.id, version=1)
    shop.clock.pass_by(days=TWO_YEARS)
    assert run_due(shop.tenant) == 1
    assert shop.measures("claimable", shop.lines[0])[1] == 0


def test_erasing_is_never_refused_by_a_limit(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("5"))
    shop.db.execute_now("UPDATE rf_aggregate SET m0 = 0 WHERE key = ?", (shop.lines[0],))
    shop.clock.pass_by(days=TWO_YEARS)
    assert run_due(shop.tenant) == 1
    assert shop.count("f_claim") == 1 and saved.version == 1


def test_a_save_that_comes_between_lets_erasing_run_again(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1"))
    other = shop.reopen()
    shop.clock.pass_by(days=TWO_YEARS)
    still = shop.tenant.clock

    def clock():  # read the record, then the time: somebody saves in between, once
        shop.tenant.clock = still
        update(other, BOSS, "claim", saved.id, {"contact": "Li"}, version=1)
        return still()

    key = shop.tenant.active().tables.forms["claim"].key
    shop.tenant.clock = clock
    with pytest.raises(Conflict):
        erase(shop.tenant, key, saved.id)
    assert read(shop.tenant, BOSS, "claim", saved.id).row["contact"] == "Li"
    assert run_due(shop.tenant) == 1
    refused("not_found", read, shop.tenant, BOSS, "claim", saved.id)


def test_the_next_is_found_by_the_index_however_many_wait(shop: Shop):
    if shop.db.dialect == "sqlite":
        plan = " ".join(str(row) for row in shop.db.query("EXPLAIN QUERY PLAN " + NEXT))
        assert "rf_due_time (kind=?" in plan, plan
