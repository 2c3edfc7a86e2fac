"""Incidents: found, explained, tried again, gone on without, taken back; each with who and why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

import app.records.incidents
from app.records.errors import Refused
from app.records.flowview import why
from app.records.incidents import Incident, compensate, incident, incidents, retry, settle
from app.records.incoming import keep
from app.records.proof import verify_journal
from app.records.tenant import Tenant
from app.storage.databases import Installation
from forms.values import encode_id
from tests.jobs.world import World
from tests.support.sandboxes import Sandbox


def _dead(world: World) -> tuple[int, str]:
    """A payout whose bank was busy until attempts were used up; the incident's name."""
    world.bank.tell(always="busy")
    rid = world.payout()
    world.work(6, minutes=5)
    world.bank.tell(always="")
    (one,) = incidents(world.tenant)
    assert (one.kind, one.status, one.record, one.attempts) == ("effect", "dead", rid, 5)
    return rid, one.name


def _noted(world: World, rid: int, how: str) -> dict:
    (found,) = [
        (who, said) for act, who, said in world.acts(rid) if said.get("event") == f"incident.{how}"
    ]
    assert found[0] == "Boss"
    return found[1]


def test_what_was_given_up_is_tried_again_under_its_key(world: World):
    rid, name = _dead(world)
    one = incident(world.tenant, name)
    assert one.is_call and one.payload["use"] == "payment.refund" and one.connection == "bank"
    retry(world.tenant, world.boss, name, "the bank is back")
    world.work()
    (entry,) = world.booked(rid)
    assert entry["key"] == one.payload["key"]
    assert world.stage(rid) == "waiting" and incidents(world.tenant) == []
    assert _noted(world, rid, "retry")["comment"] == "the bank is back"
    assert verify_journal(world.tenant, None).findings == ()


def test_with_edited_arguments(world: World):
    rid, name = _dead(world)
    edited = {"amount": {"amount": "11.00", "currency": "CNY"}}
    retry(world.tenant, world.boss, name, "agreed by phone", edited)
    world.work()
    assert world.booked(rid)[0]["amount"] == "11.00"
    before, after = _noted(world, rid, "retry")["effect"]["arguments"]
    assert (before["amount"]["amount"], after) == ("12.5", edited)


def test_somebody_says_that_it_did_happen(world: World):
    rid, name = _dead(world)
    settle(
        world.tenant, world.boss, name, "done", "seen in the bank's console", {"reference": "X9"}
    )
    world.work()
    assert world.row(rid, "stage, c_reference") == ("waiting", "X9")
    assert world.booked(rid) == [] and incidents(world.tenant) == []
    assert _noted(world, rid, "skip")["effect"]["outcome"] == "done"
    with pytest.raises(Refused) as gone:
        settle(world.tenant, world.boss, name, "done", "again")
    assert gone.value.code == "not_found"


def test_or_that_it_failed_and_the_flow_goes_its_way(world: World):
    rid, name = _dead(world)
    settle(world.tenant, world.boss, name, "failed.declined", "account closed")
    assert world.stage(rid) == "declined"


def test_what_nobody_knows_is_asked_about_first_when_tried_again(world: World):
    rid = world.payout()
    world.bank.tell(do="timeout_after", hang=1.0)
    world.work()
    (one,) = incidents(world.tenant)
    assert one.status == "unknown"
    retry(world.tenant, world.boss, one.name, "look again")
    world.work()
    assert len(world.booked(rid)) == 1 and world.stage(rid) == "waiting"


UNDO = {
    "packs/till/flows/payout.yaml": """
flow: payout
stages: {asked: {label: A}, paying: {label: P}, waiting: {label: W}, declined: {label: D}}
steps:
  ask: {stage: asked, task: {by: [{user: created_by}], edit: all}, next: {submit: approval}}
  approval: {approve: {levels: {boss: {by: [{role: boss}]}}}, next: {approved: pay, rejected: over}}
  pay:
    stage: paying
    do:
      hold:
        use: payment.authorise
        with: {amount: amount}
        save: {reference: reference}
        undo: payment.release
      pay: {use: payment.refund, with: {amount: amount}}
    next: {done: rest, failed.declined: over}
  rest: {stage: waiting, end: paid}
  over: {stage: declined, end: declined}
"""
}


def test_a_step_that_is_stuck_is_listed_and_mended(
    installation: Installation, tenant_id: str, bank: Sandbox
):
    """The second action is refused in a way no exit names: the first is taken back."""
    world = World.of(installation, tenant_id, bank, UNDO)
    rid = world.payout()
    world.work()
    assert world.stage(rid) == "waiting"
    stuck = world.payout("0.00")
    world.work()
    (one,) = incidents(world.tenant)
    assert (one.kind, one.status, one.record, one.step) == ("step", "stuck", stuck, "pay")
    assert one.code.startswith("failed.")
    assert one.message.en.startswith("The action failed:")
    assert one.message.zh.startswith("动作失败：")
    (told,) = [e for t in why(world.tenant, world.boss, "payout", stuck) for e in t.trace
               if e["kind"] == "incident"]  # fmt: skip
    assert told["message"] == {"zh": one.message.zh, "en": one.message.en}
    with pytest.raises(Refused) as silent:
        settle(world.tenant, world.boss, one.name, "failed.declined", " ")
    assert silent.value.code == "ask_missing"
    settle(world.tenant, world.boss, one.name, "failed.declined", "nothing to pay")
    assert world.stage(stuck) == "declined" and incidents(world.tenant) == []
    assert ("mend", "Boss") in [(act, who) for act, who, _ in world.acts(stuck)]


def test_what_was_done_is_taken_back(installation: Installation, tenant_id: str, bank: Sandbox):
    """The hold stands when the refund is given up: it is released, and the step is left."""
    world = World.of(installation, tenant_id, bank, UNDO)
    rid = world.payout()
    world.bank.tell(do="slow", hang=0)
    world.bank.tell(do="busy", times=5)
    world.work(7, minutes=5)
    (one,) = incidents(world.tenant)
    compensate(world.tenant, world.boss, one.name, "failed.declined", "too late")
    world.work(2, minutes=1)
    assert world.stage(rid) == "declined" and incidents(world.tenant) == []
    hold, release = [e for e in world.bank.ledger() if e["key"].startswith(encode_id(rid))]
    assert (hold["kind"], release["kind"], release["hold"]) == (
        "hold",
        "release",
        hold["reference"],
    )


def test_an_event_that_finds_no_record_shows_after_a_while(world: World):
    carrier = world.tenant.active().catalog.connections["carrier"]
    event = {"id": "e1", "event": "carrier.delivered", "key": "NO-SUCH", "data": {}}
    keep(world.tenant, carrier, [event])
    world.work(4, minutes=1)
    (one,) = incidents(world.tenant)
    assert (one.status, one.record) == ("ready", 0) and "NO-SUCH" in one.message.en
    assert one.message.zh.startswith("没有单据") and "NO-SUCH" in one.message.zh
    settle(world.tenant, world.boss, one.name, "done", "not ours")
    assert incidents(world.tenant) == []
    world.work(2, hours=1)
    assert world.tenant.db.query("SELECT count(*) FROM rf_event") == [(0,)]


def test_only_those_with_the_right_may(world: World):
    _, name = _dead(world)
    for work in (
        lambda: retry(world.tenant, world.clerk, name, "please"),
        lambda: settle(world.tenant, world.clerk, name, "done", "please"),
        lambda: compensate(world.tenant, world.clerk, name, "done", "please"),
    ):
        with pytest.raises(Refused) as refused:
            work()
        assert refused.value.code == "forbidden"


def test_there_is_no_other(world: World):
    for name in ("effect-0000000000000", "step-0000000000001", "x", "effect-", "other-0cn2"):
        with pytest.raises(Refused):
            incident(world.tenant, name)


def test_of_two_who_decide_at_once_one_is_heard(world: World, monkeypatch: pytest.MonkeyPatch):
    """Both have it before them; what the second wanted is not written down as if it had been."""
    rid, name = _dead(world)
    both = Barrier(2)
    find = app.records.incidents.incident

    def found(tenant: Tenant, name: str) -> Incident:
        one = find(tenant, name)
        both.wait(10)
        return one

    monkeypatch.setattr(app.records.incidents, "incident", found)

    def decide(outcome: str) -> str:
        try:
            settle(world.tenant, world.boss, name, outcome, outcome)
        except Refused as refused:
            return refused.code
        return outcome

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(decide, ["done", "failed.declined"]))
    assert "not_found" in told
    (heard,) = [one for one in told if one != "not_found"]
    world.work()
    assert _noted(world, rid, "skip")["effect"]["outcome"] == heard
    assert world.stage(rid) == {"done": "waiting", "failed.declined": "declined"}[heard]


def test_what_is_said_for_a_deleted_record_closes_the_incident(world: World):
    rid, name = _dead(world)
    world.tenant.db.execute_now("UPDATE f_payout SET deleted = 1 WHERE id = ?", (rid,))
    settle(world.tenant, world.boss, name, "done", "nobody waits for it")
    assert incidents(world.tenant) == []


def test_a_doubt_outlives_a_secret_that_is_gone(world: World):
    """It may have happened: whatever stands in the way meanwhile, the bank is asked first."""
    rid = world.payout()
    world.bank.tell(do="timeout_after", hang=1.0)
    world.work()
    secret = world.secrets.pop("bank_key")
    world.work(2, minutes=5)
    ((doubt, status),) = world.tenant.db.query(
        "SELECT doubt, status FROM rf_outbox WHERE record_id = ? AND topic = 'call'", (rid,)
    )
    assert (doubt, status) == (1, "unknown")
    world.secrets["bank_key"] = secret
    world.work(4, minutes=10)
    assert len(world.booked(rid)) == 1 and world.stage(rid) == "waiting"
