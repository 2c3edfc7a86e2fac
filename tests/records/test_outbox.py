"""An effect is run by one worker at a time, and whoever lost its lease changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.records import outbox
from app.storage.databases import TenantDatabase
from forms.values import new_id

NOW = 1_780_000_000_000_000


def _put(db: TenantDatabase, count: int, due: int = NOW) -> None:
    with db.write() as tx:
        for n in range(count):
            one = new_id()
            tx.queue(
                outbox.INSERT, (one, f"thing:{one}:{n}", "record", "thing", one, "{}", due, NOW)
            )


def _status(db: TenantDatabase) -> list[tuple]:
    return db.query("SELECT status, attempts, fence FROM rf_outbox ORDER BY id")


def test_an_effect_is_claimed_once_and_finished(tenant_db):
    _put(tenant_db, 1)
    (one,) = outbox.claim(tenant_db, NOW)
    assert outbox.claim(tenant_db, NOW) == []
    assert _status(tenant_db) == [("running", 1, 1)]
    assert outbox.finish(tenant_db, one, NOW)
    assert _status(tenant_db) == [("done", 1, 1)]
    assert outbox.next_due(tenant_db) is None


def test_whoever_lost_the_lease_changes_nothing(tenant_db):
    _put(tenant_db, 1)
    (first,) = outbox.claim(tenant_db, NOW)
    later = NOW + outbox.LEASE + 1
    (second,) = outbox.claim(tenant_db, later)
    assert second.fence == 2
    assert not outbox.finish(tenant_db, first, later)
    assert outbox.fail(tenant_db, first, later, "late") == "lost"
    assert outbox.finish(tenant_db, second, later)


def test_failures_pause_longer_each_time_and_end_dead(tenant_db):
    _put(tenant_db, 1)
    now, pauses = NOW, []
    for _ in range(outbox.MAX_ATTEMPTS):
        (one,) = outbox.claim(tenant_db, now)
        status = outbox.fail(tenant_db, one, now, "no route")
        due = outbox.next_due(tenant_db)
        if due is not None:
            pauses.append(due - now)
            assert outbox.claim(tenant_db, due - 1) == []
            now = due
    assert status == "dead"
    assert pauses == sorted(pauses) and pauses[0] == outbox.FIRST_PAUSE
    assert max(pauses) <= outbox.LONGEST_PAUSE
    assert tenant_db.query("SELECT last_error FROM rf_outbox") == [("no route",)]


def test_what_nobody_knows_is_asked_about_and_left_to_people_in_the_end(tenant_db):
    _put(tenant_db, 1)
    (one,) = outbox.claim(tenant_db, NOW)
    assert one.doubt == 0
    assert outbox.begin(tenant_db, one, NOW, "bank")
    assert outbox.unknown(tenant_db, one, NOW, "timed out")
    assert outbox.claim(tenant_db, NOW) == []
    due = outbox.next_due(tenant_db)
    (again,) = outbox.claim(tenant_db, due)
    assert (again.doubt, again.connection, again.attempts) == (1, "bank", 2)
    assert outbox.unknown(tenant_db, again, due, "timed out", limit=2)
    assert outbox.next_due(tenant_db) is None
    assert outbox.claim(tenant_db, NOW + 10**15) == []


def test_a_lease_that_ran_out_leaves_a_doubt_which_a_plain_failure_takes_away(tenant_db):
    _put(tenant_db, 1)
    (first,) = outbox.claim(tenant_db, NOW)
    later = NOW + outbox.LEASE + 1
    (second,) = outbox.claim(tenant_db, later)
    assert second.doubt == 1
    assert not outbox.begin(tenant_db, first, later, "bank")
    assert outbox.fail(tenant_db, second, later, "refused", pause=5, limit=9) == "ready"
    (third,) = outbox.claim(tenant_db, later + 5)
    assert third.doubt == 0


def test_an_outcome_and_its_effect_are_settled_together(tenant_db):
    _put(tenant_db, 1)
    (one,) = outbox.claim(tenant_db, NOW)
    with tenant_db.write() as tx:
        assert tx.execute(*outbox.settling(one, NOW))
    with tenant_db.write() as tx:
        assert not tx.execute(*outbox.settling(one, NOW))
    assert _status(tenant_db) == [("done", 1, 1)]


def test_an_event_becomes_one_effect_a_listener(tenant_db):
    _put(tenant_db, 1)
    (one,) = outbox.claim(tenant_db, NOW)
    topics = [("record:a", new_id()), ("record:b", new_id())]
    assert outbox.fan_out(tenant_db, one, topics, NOW)
    assert not outbox.fan_out(tenant_db, one, topics, NOW)
    claimed = outbox.claim(tenant_db, NOW)
    assert [c.topic for c in claimed] == ["record:a", "record:b"]
    assert len({c.once for c in claimed}) == 2


@pytest.mark.parametrize("workers", [4])
def test_many_workers_never_take_the_same_effect(tenant_db, workers):
    _put(tenant_db, 60)

    def work(_: int) -> list[int]:
        taken = []
        while claimed := outbox.claim(tenant_db, NOW, limit=5):
            taken += [one.id for one in claimed]
            for one in claimed:
                assert outbox.finish(tenant_db, one, NOW)
        return taken

    with ThreadPoolExecutor(workers) as pool:
        taken = [one for part in pool.map(work, range(workers)) for one in part]
    assert len(taken) == len(set(taken)) == 60


def test_what_is_long_done_is_forgotten(tenant_db):
    _put(tenant_db, 3)
    for one in outbox.claim(tenant_db, NOW, limit=2):
        outbox.finish(tenant_db, one, NOW)
    outbox.forget(tenant_db, NOW + outbox.KEEP_DONE)
    assert len(_status(tenant_db)) == 3
    outbox.forget(tenant_db, NOW + outbox.KEEP_DONE + 1)
    assert _status(tenant_db) == [("ready", 0, 0)]


def test_what_was_withdrawn_long_ago_is_forgotten(tenant_db):
    _put(tenant_db, 2)
    tenant_db.execute_now(
        "UPDATE rf_outbox SET status = 'cancelled', done_at = ? WHERE once ="
        " (SELECT MIN(once) FROM rf_outbox)",
        (NOW,),
    )
    outbox.forget(tenant_db, NOW + outbox.KEEP_DONE)
    assert len(_status(tenant_db)) == 2
    outbox.forget(tenant_db, NOW + outbox.KEEP_DONE + 1)
    assert _status(tenant_db) == [("ready", 0, 0)]


def test_withdrawing_leaves_alone_what_may_have_happened(tenant_db):
    for number, doubt in ((1, 0), (2, 1)):
        row = (number, f"call{number}", "call", "f", 1, "{}", NOW, NOW)
        tenant_db.execute_now(outbox.INSERT, row)
        tenant_db.execute_now("UPDATE rf_outbox SET doubt = ? WHERE id = ?", (doubt, number))
    tenant_db.execute_now(outbox.REVOKE, (NOW, "f", 1))
    rows = tenant_db.query("SELECT status FROM rf_outbox ORDER BY id")
    assert rows == [("cancelled",), ("ready",)]
