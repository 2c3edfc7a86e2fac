"""Timers: each once, however late; a stuck one holds up nobody; the due ones are found at once."""

from __future__ import annotations

import time

from structlog.testing import capture_logs

from app.jobs.timers import STUCK_PAUSE, Resting, run_timers
from app.jobs.worker import Worker
from app.records.openrows import COLUMNS, OpenRow
from app.records.signals import fire
from app.records.waiting import due_timers, next_timer
from app.storage.control import Control
from app.storage.databases import Installation, TenantDatabase
from forms.values import new_ids
from tests.jobs.world import World

OPEN_TIMERS = 100_000
TENANTS = 1000


def test_a_timer_fires_once_and_is_caught_up_after_a_pause(world: World):
    rid = world.payout()
    world.work()
    assert world.stage(rid) == "waiting"
    due = next_timer(world.tenant.db)
    assert due is not None
    world.clock.pass_by(days=300)
    world.work(3, days=1)
    assert world.stage(rid) == "expired"
    assert [act for act, _, _ in world.acts(rid)].count("timer") == 1
    assert next_timer(world.tenant.db) is None


def test_a_stuck_timer_holds_up_nobody(world: World):
    broken, fine = world.payout(), world.payout()
    world.work()
    db = world.tenant.db
    db.execute_now("UPDATE rf_due SET due_at = 1 WHERE kind = 'timer' AND record_id = ?", (broken,))
    db.execute_now("UPDATE f_payout SET flow = 'broken' WHERE id = ?", (broken,))
    world.clock.pass_by(days=31)
    with capture_logs() as logs:
        again = run_timers(world.tenant, lambda: False)
    assert [line["event"] for line in logs] == ["timer failed"]
    assert again == world.tenant.now_us() + STUCK_PAUSE
    assert world.stage(fine) == "expired"
    assert world.stage(broken) == "waiting"


def test_a_stuck_timer_is_tried_at_longer_intervals_and_the_next_one_in_time(world: World):
    broken, fine = world.payout(), world.payout()
    world.work()
    db = world.tenant.db
    db.execute_now("UPDATE rf_due SET due_at = 1 WHERE kind = 'timer' AND record_id = ?", (broken,))
    db.execute_now("UPDATE f_payout SET flow = 'broken' WHERE id = ?", (broken,))
    now = world.tenant.now_us()
    soon = "UPDATE rf_due SET due_at = ? WHERE kind = 'timer' AND record_id = ?"
    db.execute_now(soon, (now + 15_000_000, fine))
    resting: Resting = {}
    again: list[int | None] = []
    with capture_logs() as logs:
        for _ in range(4):  # at once, five, ten and fifteen seconds later
            again.append(run_timers(world.tenant, lambda: False, resting))
            world.clock.pass_by(seconds=5)
    assert [line["event"] for line in logs] == ["timer failed"] * 2
    seconds = [None if at is None else (at - now) / 1e6 for at in again]
    assert seconds == [10, 10, 15, 30]
    assert world.stage(fine) == "expired"
    db.execute_now("UPDATE rf_due SET status = 'cancelled' WHERE record_id = ?", (broken,))
    world.clock.pass_by(minutes=1)
    assert run_timers(world.tenant, lambda: False, resting) is None and resting == {}


def test_a_timer_that_was_moved_since_it_was_found_keeps_its_new_time(world: World):
    rid = world.payout()
    world.work()
    (found,) = world.tenant.db.query("SELECT id, due_at FROM rf_due WHERE kind = 'timer'")
    world.clock.pass_by(days=1)
    assert fire(world.tenant, found[0]) is False
    assert next_timer(world.tenant.db) == found[1]
    world.clock.pass_by(days=30)
    world.work()
    assert world.stage(rid) == "expired"


def test_who_is_asked_to_stop_fires_no_more(world: World):
    rid = world.payout()
    world.work()
    world.clock.pass_by(days=31)
    now = world.tenant.now_us()
    assert run_timers(world.tenant, lambda: True) == now
    assert world.stage(rid) == "waiting"


def test_the_due_ones_of_100_000_are_found_in_5_ms(tenant_db: TenantDatabase):
    ids, now = new_ids(OPEN_TIMERS), 1_000_000
    marks = f"({', '.join('?' * len(OpenRow._fields))})"
    with tenant_db.write() as tx:
        for at in range(0, OPEN_TIMERS, 1000):
            part = ids[at : at + 1000]
            rows = [
                OpenRow(one, "f", one, "timer", rule="due", due_at=now + n - 20)
                for n, one in enumerate(part, at)
            ]
            tx.queue(
                f"INSERT INTO rf_due ({COLUMNS}) VALUES {', '.join([marks] * len(rows))}",
                [value for row in rows for value in row],
            )
    if tenant_db.dialect == "postgres":
        tenant_db.execute_now("ANALYZE rf_due")
    best = 1.0
    for _ in range(20):
        began = time.perf_counter()
        found = due_timers(tenant_db, now)
        best = min(best, time.perf_counter() - began)
    assert len(found) == 21
    assert best < 0.005


def test_1000_tenants_with_nothing_due_cost_nothing(installation: Installation, tmp_path):
    control = Control(installation.settings)
    control.tenants()
    try:
        marks = ", ".join(["(?, 0)"] * TENANTS)
        control._db.execute_now(
            f"INSERT INTO rf_tenant (id, created_at) VALUES {marks}",
            [f"idle{number}" for number in range(TENANTS)],
        )
        worker = Worker(_Closed(), control, None, tmp_path)  # type: ignore[arg-type]
        worker.sweep_due()
        best = 1.0
        for _ in range(5):
            began = time.process_time()
            worker.sweep_due()
            best = min(best, time.process_time() - began)
        assert best < 0.05
    finally:
        control._db.execute_now("DELETE FROM rf_tenant WHERE id LIKE 'idle%'")
        control.close()


class _Closed:
    """Tenants nobody may open: nothing is due."""

    def get(self, tenant_id: str) -> None:
        raise AssertionError(tenant_id)

    def now_us(self) -> int:
        return time.time_ns() // 1000
