"""Effects that share a key, and answers that come when the definitions have moved on."""

from __future__ import annotations

import pytest

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.records.acting import act
from app.records.incidents import incidents
from app.records.releases import publish
from app.storage.databases import Installation
from tests.jobs.crash.till import sources
from tests.jobs.test_calls import TRANSFER
from tests.jobs.world import World
from tests.support.sandboxes import Sandbox

FLOW = "packs/till/flows/payout.yaml"
HAND = "packs/till/connections/by_hand.yaml"


def _keyed(bank: Sandbox, tenant_id: str) -> dict[str, str]:
    """The payout's flow with a key of its own: one refund a parcel."""
    text = sources(bank.url, tenant_id).files[FLOW]
    return {
        FLOW: text.replace(
            "with: {amount: amount}",
            "key: \"concat('parcel ', parcel)\", with: {amount: amount, reason: payee}",
        )
    }


def _released(world: World, **files: str) -> None:
    base = sources(world.bank.url, world.tenant.id)
    publish(world.tenant, SYSTEM, Sources({**base.files, **files}, world.tenant.id))


@pytest.fixture
def keyed(installation: Installation, tenant_id: str, bank: Sandbox) -> World:
    return World.of(installation, tenant_id, bank, _keyed(bank, tenant_id))


def test_two_records_with_one_key_are_paid_once_and_both_told(keyed: World) -> None:
    parcel = f"P-{keyed.tenant.id}"
    first, second = keyed.payout(parcel=parcel), keyed.payout(parcel=parcel)
    keyed.work(2, minutes=1)
    third = keyed.payout(parcel=parcel)
    keyed.work(2, minutes=1)
    booked = [one for one in keyed.bank.ledger("refund") if one["key"] == f"parcel {parcel}"]
    assert len(booked) == 1
    told = [keyed.row(one, "stage, c_reference") for one in (first, second, third)]
    assert told == [("waiting", booked[0]["reference"])] * 3
    assert incidents(keyed.tenant) == []


def test_two_records_that_would_wait_for_one_made_by_hand_do_not_hang(
    installation: Installation, tenant_id: str, bank: Sandbox
) -> None:
    world = World.of(installation, tenant_id, bank, {**_keyed(bank, tenant_id), **TRANSFER})
    parcel = f"P-{tenant_id}"
    first, second = world.payout("500", parcel), world.payout("500", parcel)
    world.work(2, minutes=1)
    ((transfer,),) = world.tenant.db.query("SELECT id FROM f_transfer")
    (stuck,) = incidents(world.tenant)
    assert (stuck.record, stuck.code) == (second, "failed.key_reused")
    act(world.tenant, world.boss, "transfer", transfer, "paid", values={"proof": "T-1"})
    world.work()
    assert world.row(first, "stage, c_reference") == ("waiting", "T-1")


def test_what_was_begun_by_hand_is_answered_though_its_connection_is_gone(
    installation: Installation, tenant_id: str, bank: Sandbox
) -> None:
    plain = _keyed(bank, tenant_id)[FLOW].replace("key: \"concat('parcel ', parcel)\", ", "")
    world = World.of(installation, tenant_id, bank, {FLOW: plain, **TRANSFER})
    rid = world.payout("500")
    world.work()
    ((transfer,),) = world.tenant.db.query("SELECT id FROM f_transfer")
    kept = {name: text for name, text in TRANSFER.items() if name != HAND}
    _released(world, **{FLOW: plain, **kept})
    act(world.tenant, world.boss, "transfer", transfer, "paid", values={"proof": "T-77"})
    world.work(2, minutes=1)
    assert world.row(rid, "stage, c_reference") == ("waiting", "T-77")
    assert world.booked(rid) == []
