"""Events from outside: signed, each once, to the record they name, also when they are early."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.jobs.timers import run_timers
from app.records.incoming import find, keep
from app.records.releases import publish
from app.storage.ddl import Index, existing_indexes
from tests.jobs.crash.till import sources
from tests.jobs.world import World


def event(number: str = "e1", key: str = "P1", name: str = "carrier.delivered") -> dict:
    data = {"tracking_no": key, "at": "2026-01-02T03:04:05Z"}
    return {"id": number, "event": name, "key": key, "data": data}


def arrived(world: World, *events: dict) -> None:
    keep(world.tenant, world.tenant.active().catalog.connections["carrier"], events)


def test_an_event_moves_its_record_and_saves_what_it_carries(world: World):
    rid = world.payout()
    world.work()
    arrived(world, event())
    world.work()
    assert world.row(rid, "stage, c_arrived_at") == ("closed", "2026-01-02T03:04:05Z")
    assert [act for act, _, _ in world.acts(rid)].count("event") == 1


def test_told_twice_it_counts_once(world: World):
    rid = world.payout()
    world.work()
    arrived(world, event(), event())
    world.work()
    arrived(world, event())
    world.work(2, minutes=1)
    assert [act for act, _, _ in world.acts(rid)].count("event") == 1
    assert world.tenant.db.query("SELECT status FROM rf_event") == [("used",)]


def test_text_no_database_keeps_holds_up_neither_the_event_nor_those_beside_it(world: World):
    rid = world.payout()
    world.work()
    odd = event("half \ud83d a letter, and \x00", "P\x002")
    odd["data"]["at"] = "\ud83d"
    arrived(world, odd, {**event("e2"), "data": {"tracking_no": "P1", "at": "noon\x00"}})
    world.work()
    assert world.row(rid, "stage, c_arrived_at") == ("closed", "noon\ufffd")


def test_before_its_wait_it_is_kept_and_looked_at_when_the_wait_opens(world: World):
    rid = world.payout()
    arrived(world, event())
    world.bank.tell(do="busy")
    world.work()
    assert world.stage(rid) == "paying"
    assert world.tenant.db.query("SELECT status FROM rf_event") == [("early",)]
    world.work(2, minutes=1)
    assert world.stage(rid) == "closed"


def test_before_its_record_holds_the_key_it_is_tried_again_soon(world: World):
    rid = world.payout(parcel="later")
    world.work()
    arrived(world, event(key="P77"))
    world.work()
    world.tenant.db.execute_now("UPDATE f_payout SET c_parcel = 'P77' WHERE id = ?", (rid,))
    world.work(2, seconds=2)
    assert world.stage(rid) == "closed"


def test_after_the_end_it_is_late_and_changes_nothing(world: World):
    rid = world.payout()
    world.work()
    arrived(world, event())
    world.work()
    before = world.acts(rid)
    arrived(world, event("e2"))
    world.work()
    assert world.acts(rid) == before
    assert ("carrier:e2", "late") in world.tenant.db.query("SELECT id, status FROM rf_event")


def test_what_nobody_asked_for_is_done_with(world: World):
    arrived(world, event(name="carrier.collected"))
    world.work()
    rows = world.tenant.db.query("SELECT status FROM rf_outbox WHERE topic = 'event'")
    assert rows == [("done",)]


def test_the_newest_record_with_the_key_is_meant(world: World):
    world.payout()
    newer = world.payout()
    assert find(world.tenant, "payout", "parcel", "P1") == ("payout", newer, frozenset())
    assert find(world.tenant, "payout", "parcel", "' OR 1=1") is None
    for form, field in (("nothing", "parcel"), ("payout", "nothing"), ("payout", "lines.x")):
        assert find(world.tenant, form, field, "P1") is None


def test_the_field_that_events_name_is_indexed_as_long_as_they_do(world: World):
    db, name = world.tenant.db, Index("f_payout", ("c_parcel", "id"), where="deleted = 0").name
    assert name in existing_indexes(db)
    if db.dialect == "sqlite":
        asked = (
            "SELECT id FROM f_payout WHERE c_parcel = ? AND deleted = 0 ORDER BY id DESC LIMIT 1"
        )
        assert name in str(db.query(f"EXPLAIN QUERY PLAN {asked}", ("P1",)))
    files = dict(sources(world.bank.url, world.tenant.id).files)
    carrier = files["packs/till/connections/carrier.yaml"]
    several = {
        **files,
        "packs/till/forms/payout.yaml": files["packs/till/forms/payout.yaml"].replace(
            "parcel: {type: text}", "parcel: {type: text, lines: 3}"
        ),
    }
    silent = {**files, "packs/till/connections/carrier.yaml": carrier.partition("events:")[0]}
    for changed, there in ((silent, False), (files, True), (several, False)):
        publish(world.tenant, SYSTEM, Sources(changed, world.tenant.id))
        assert (name in existing_indexes(db)) is there


@pytest.mark.parametrize("key", [5, "5", None, "", {"a": 1}])
def test_any_key_is_only_a_value(world: World, key: object):
    assert find(world.tenant, "payout", "parcel", key) is None


def test_an_event_that_fails_holds_up_neither_others_nor_timers(world: World):
    broken, fine, late = (world.payout(parcel=name) for name in ("P1", "P2", "P3"))
    world.work()
    db = world.tenant.db
    for number, rid in (("e1", broken), ("e2", fine)):
        db.execute_now(
            "INSERT INTO rf_event (id, form, record_id, name, data, status, at)"
            " VALUES (?, ?, ?, 'carrier.delivered', ?, 'new', 1)",
            (number, *world.row(rid, "'payout', id"), '{"save": {}, "data": {}}'),
        )
    db.execute_now("UPDATE f_payout SET flow = 'broken' WHERE id = ?", (broken,))
    db.execute_now("UPDATE rf_due SET due_at = 1 WHERE kind = 'timer' AND record_id = ?", (late,))
    with capture_logs() as logs:
        run_timers(world.tenant, lambda: False)
    assert "event failed" in [line["event"] for line in logs]
    assert world.stage(fine) == "closed"


def test_an_event_of_a_record_that_is_gone_is_over(world: World):
    world.tenant.db.execute_now(
        "INSERT INTO rf_event (id, form, record_id, name, data, status, at)"
        " VALUES ('e1', 'payout', 7, 'carrier.delivered', ?, 'new', 1)",
        ('{"save": {}, "data": {}}',),
    )
    run_timers(world.tenant, lambda: False)
    assert world.tenant.db.query("SELECT status FROM rf_event") == [("late",)]
