"""Actions of connectors: once, whatever breaks; by whom, with what; told to the record."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from app.access.actor import SYSTEM
from app.jobs.connect import typed
from app.records import outbox
from app.records.acting import act
from app.records.errors import Refused
from app.records.incidents import incidents, retry
from app.records.retention import erase
from app.records.save import create, delete
from app.storage.databases import Installation
from forms.values import Money, encode_id
from tests.jobs.crash.till import sources
from tests.jobs.world import World
from tests.support.sandboxes import Sandbox


def test_a_refund_goes_out_once_and_its_reference_comes_back(world: World):
    rid = world.payout()
    world.work()
    (entry,) = world.booked(rid)
    assert (entry["amount"], entry["currency"]) == ("12.5", "CNY")
    assert world.row(rid, "stage, c_reference") == ("waiting", entry["reference"])
    row = world.call(rid)
    assert (row["status"], row["connection"], row["doubt"]) == ("done", "bank", 0)
    world.work(3, minutes=5)
    assert len(world.booked(rid)) == 1


@pytest.mark.parametrize("how", ["timeout_before", "timeout_after", "fail"])
def test_after_a_time_out_the_bank_is_asked_first(world: World, how: str):
    rid = world.payout()
    world.bank.tell(do=how, hang=1.0)
    world.work()
    row = world.call(rid)
    assert (row["status"], row["doubt"]) == ("unknown", 1)
    assert world.stage(rid) == "paying"
    world.work(2, minutes=1)
    assert len(world.booked(rid)) == 1
    assert world.stage(rid) == "waiting"


def test_a_refusal_leaves_the_way_the_flow_says(world: World):
    world.bank.tell(do="decline")
    rid = world.payout()
    world.work()
    assert world.stage(rid) == "declined"
    assert world.booked(rid) == []


def test_a_busy_bank_is_tried_again_at_its_own_pace_and_not_for_ever(world: World):
    world.bank.tell(always="busy")
    rid = world.payout()
    world.work()
    assert outbox.next_due(world.tenant.db) == world.tenant.now_us() + 1_000_000
    world.work(9, seconds=2)
    row = world.call(rid)
    assert (row["status"], row["attempts"], row["doubt"]) == ("dead", 5, 0)
    assert "busy" in row["last_error"]
    assert world.stage(rid) == "paying"


def test_a_worker_that_was_overtaken_sends_nothing(world: World):
    rid = world.payout()
    (mine,) = [
        one for one in outbox.claim(world.tenant.db, world.tenant.now_us()) if one.topic == "call"
    ]
    world.clock.pass_by(minutes=2)
    world.work()
    assert len(world.booked(rid)) == 1
    assert not outbox.begin(world.tenant.db, mine, world.tenant.now_us(), "bank")


def test_a_secret_that_is_not_given_is_named_and_nothing_leaves(world: World):
    del world.secrets["bank_key"]
    rid = world.payout()
    world.work()
    row = world.call(rid)
    assert row["status"] == "ready"
    assert "bank_key" in row["last_error"] and f"tenants.{world.tenant.id}" in row["last_error"]


def test_a_call_that_nobody_serves_says_so(
    installation: Installation, tenant_id: str, bank: Sandbox
):
    narrow = {
        "packs/till/connections/bank.yaml": (
            "connection: bank\nlabel: Bank\nplugin: payment_sandbox\n"
            "serves: {payment: amount > 100}\n"
        )
    }
    world = World.of(installation, tenant_id, bank, narrow)
    rid = world.payout()
    world.work()
    assert "no connection serves payment.refund" in world.call(rid)["last_error"]


TRANSFER = {
    "packs/till/forms/transfer.yaml": """
form: transfer
label: Transfer
title: "{payee}"
fields:
  payee: {type: text, required: true}
  amount: {type: money, required: true, max: 1000}
  purpose: {type: text}
  proof: {type: text}
""",
    "packs/till/flows/transfer.yaml": """
flow: transfer
stages: {open: {label: Open}, paid: {label: Paid}, refused: {label: Refused}}
steps:
  do_it:
    stage: open
    task: {by: [{role: boss}], edit: [proof]}
    next: {paid: paid, refuse: refused}
  paid: {stage: paid, end: paid}
  refused: {stage: refused, end: declined}
""",
    "packs/till/roles/boss.yaml": (
        "role: boss\nlabel: Boss\nadmin: [incidents]\ncan:\n"
        "  payout: {actions: [list, read, create, update]}\n"
        "  transfer: {actions: [list, read, update]}\n"
    ),
    "packs/till/connections/by_hand.yaml": """
connection: by_hand
label: By hand
plugin: records
settings:
  form: transfer
  values: {payee: reason, amount: amount}
  set: {purpose: refund}
  wait: true
  done: [paid]
  give: {reference: proof}
  fails: {invalid: declined}
serves: {payment.refund: amount > 100}
""",
}


@pytest.fixture
def by_hand(installation: Installation, tenant_id: str, bank: Sandbox) -> World:
    return World.of(installation, tenant_id, bank, {**TRANSFER, **_with_reason(bank, tenant_id)})


def _with_reason(bank: Sandbox, tenant_id: str) -> dict[str, str]:
    text = sources(bank.url, tenant_id).files["packs/till/flows/payout.yaml"]
    return {
        "packs/till/flows/payout.yaml": text.replace(
            "with: {amount: amount}", "with: {amount: amount, reason: payee}"
        )
    }


def test_a_record_can_stand_in_for_a_service(by_hand: World):
    rid = by_hand.payout("500")
    by_hand.work(2, minutes=1)
    assert by_hand.call(rid)["status"] == "waiting"
    ((transfer, payee, purpose),) = by_hand.tenant.db.query(
        "SELECT id, c_payee, c_purpose FROM f_transfer"
    )
    assert (payee, purpose) == ("Li", "refund")
    assert by_hand.booked(rid) == []
    boss = by_hand.boss
    act(by_hand.tenant, boss, "transfer", transfer, "paid", values={"proof": "T-77"})
    by_hand.work()
    assert by_hand.row(rid, "stage, c_reference") == ("waiting", "T-77")
    assert by_hand.call(rid)["status"] == "done"
    by_hand.work(2, minutes=1)
    assert by_hand.tenant.db.query("SELECT count(*) FROM f_transfer") == [(1,)]


def test_another_end_of_that_record_is_a_failure(by_hand: World):
    rid = by_hand.payout("500")
    by_hand.work()
    ((transfer,),) = by_hand.tenant.db.query("SELECT id FROM f_transfer")
    act(by_hand.tenant, by_hand.boss, "transfer", transfer, "refuse")
    by_hand.work()
    assert by_hand.stage(rid) == "declined"


def test_a_record_that_is_deleted_before_its_end_leaves_an_incident(by_hand: World):
    rid = by_hand.payout("500")
    by_hand.work()
    ((transfer,),) = by_hand.tenant.db.query("SELECT id FROM f_transfer")
    delete(by_hand.tenant, SYSTEM, "transfer", transfer, version=None)
    by_hand.work()
    (stuck,) = incidents(by_hand.tenant)
    assert (stuck.record, stuck.code) == (rid, "failed.deleted")
    assert stuck.message.en == "The record it waited for was deleted"
    assert by_hand.call(rid)["status"] == "done"
    retry(by_hand.tenant, by_hand.boss, stuck.name, "deleted by mistake")
    by_hand.work()
    ((again,),) = by_hand.tenant.db.query("SELECT id FROM f_transfer WHERE deleted = 0")
    act(by_hand.tenant, by_hand.boss, "transfer", again, "paid", values={"proof": "T-78"})
    by_hand.work()
    assert by_hand.row(rid, "stage, c_reference") == ("waiting", "T-78")
    assert incidents(by_hand.tenant) == []


def test_or_goes_the_way_the_connection_names(
    installation: Installation, tenant_id: str, bank: Sandbox
):
    name = "packs/till/connections/by_hand.yaml"
    text = TRANSFER[name].replace("{invalid: declined}", "{deleted: declined}")
    more = {**TRANSFER, **_with_reason(bank, tenant_id), name: text}
    world = World.of(installation, tenant_id, bank, more)
    rid = world.payout("500")
    world.work()
    ((transfer,),) = world.tenant.db.query("SELECT id FROM f_transfer")
    delete(world.tenant, SYSTEM, "transfer", transfer, version=None)
    world.work()
    assert world.stage(rid) == "declined"


def test_one_that_is_erased_by_its_retention_tells_it_too(by_hand: World):
    rid = by_hand.payout("500")
    by_hand.work()
    ((transfer,),) = by_hand.tenant.db.query("SELECT id FROM f_transfer")
    erase(by_hand.tenant, "transfer", transfer)
    by_hand.work()
    assert [one.code for one in incidents(by_hand.tenant)] == ["failed.deleted"]
    assert by_hand.stage(rid) == "paying"


def test_one_that_ended_before_has_told_all_there_is(by_hand: World):
    rid = by_hand.payout("500")
    by_hand.work()
    ((transfer,),) = by_hand.tenant.db.query("SELECT id FROM f_transfer")
    act(by_hand.tenant, by_hand.boss, "transfer", transfer, "paid", values={"proof": "T"})
    delete(by_hand.tenant, SYSTEM, "transfer", transfer, version=None)
    by_hand.work()
    assert by_hand.stage(rid) == "waiting" and incidents(by_hand.tenant) == []


def test_a_record_that_cannot_be_made_is_a_failure_of_the_actions_own(by_hand: World):
    rid = by_hand.payout("5000")
    by_hand.work()
    assert by_hand.stage(rid) == "declined"


def test_conditions_read_plain_arguments_by_their_types():
    found = typed(
        "payment.refund",
        {"amount": {"amount": "12.30", "currency": "CNY"}, "method": "bank", "order": None},
    )
    assert found["amount"] == Money(Decimal("12.30"), "CNY")
    assert (found["method"], found["order"], found["reference"]) == ("bank", None, None)
    assert typed("payment.refund", {"amount": "much"})["amount"] is None
    assert typed("nothing.known", {"x": 1}) == {}


def test_a_started_record_is_made_once_and_told(world: World):
    rid = world.payout()
    world.work()
    ((slip, payee),) = world.tenant.db.query("SELECT id, c_payee FROM f_slip")
    assert payee == "Li" and world.row(rid, "c_slip") == (slip,)
    world.tenant.db.execute_now("UPDATE rf_outbox SET status = 'ready' WHERE topic = 'start'")
    world.work()
    assert world.tenant.db.query("SELECT count(*) FROM f_slip") == [(1,)]


def test_the_payload_holds_no_secret(world: World):
    rid = world.payout()
    world.work()
    everything = json.dumps(world.tenant.db.query("SELECT payload, last_error FROM rf_outbox"))
    assert world.secrets["bank_key"] not in everything
    assert encode_id(rid) in everything


def test_the_system_makes_records_for_flows(world: World):
    saved = create(world.tenant, SYSTEM, "slip", {"payee": "Wang"})
    assert world.row(saved.id, "stage", "slip") == ("printed",)


def test_a_call_that_kills_every_worker_is_left_to_people_and_asked_about_first(world: World):
    rid = world.payout()
    for _ in range(2 * outbox.MAX_ATTEMPTS):
        for one in outbox.claim(world.tenant.db, world.tenant.now_us()):
            if one.topic == "call":
                outbox.begin(world.tenant.db, one, world.tenant.now_us(), "bank")
            else:
                outbox.finish(world.tenant.db, one, world.tenant.now_us())
        world.clock.pass_by(minutes=2)
    world.work()
    assert world.call(rid)["status"] == "unknown" and world.booked(rid) == []
    (left,) = incidents(world.tenant)
    retry(world.tenant, world.boss, left.name, "mended")
    world.work()
    assert world.stage(rid) == "waiting" and len(world.booked(rid)) == 1


def test_a_record_is_not_deleted_while_its_money_is_on_the_way(world: World):
    rid = world.payout()
    world.bank.tell(do="timeout_after")
    world.work()
    assert world.call(rid)["status"] == "unknown"
    with pytest.raises(Refused) as refused:
        delete(world.tenant, SYSTEM, "payout", rid, version=None)
    assert refused.value.code == "in_use" and "payment.refund" in refused.value.message.en
    world.work(2, minutes=1)
    assert world.stage(rid) == "waiting" and len(world.booked(rid)) == 1
    delete(world.tenant, SYSTEM, "payout", rid, version=None)


def test_one_whose_money_has_not_gone_out_is_deleted_with_it(world: World):
    rid = world.payout()
    world.tenant.db.execute_now("UPDATE rf_outbox SET due_at = due_at + 1 WHERE topic = 'call'")
    delete(world.tenant, SYSTEM, "payout", rid, version=None)
    world.work(2, minutes=1)
    assert world.call(rid)["status"] == "cancelled" and world.booked(rid) == []
