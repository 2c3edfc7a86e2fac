"""Events from outside: signed, each once, to the record they name, also when they are early."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from app.jobs.timers import run_timers
from app.records.incoming import find, keep
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
