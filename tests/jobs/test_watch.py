"""Conditions that rest on other records look again, each on its own."""

from __future__ import annotations

from typing import Any

import pytest

from app.jobs import deliver
from app.records import outbox
from app.records.save import create, update
from app.storage.databases import Installation
from tests.jobs.world import World
from tests.support.sandboxes import Sandbox

GATE = """
form: gate
label: {zh: 门, en: Gate}
fields:
  open: {type: boolean, default: false}
"""
FORM = """
form: order
label: {zh: 单, en: Order}
fields:
  gate: {type: link, to: gate, required: true}
"""
FLOW = """
flow: order
stages:
  waiting: {label: {zh: 等待, en: Waiting}}
  through: {label: {zh: 通过, en: Through}}
steps:
  wait:
    stage: waiting
    wait: {until: gate.open}
    due: {in: 9d}
    next: {until: through, late: through}
  through: {stage: through, end: through}
"""
ROLE = """
role: clerk
label: Clerk
can:
  order: {actions: [list, read, create, update]}
  gate: {actions: [list, read, create, update]}
"""


@pytest.fixture
def gates(installation: Installation, tenant_id: str, bank: Sandbox) -> World:
    pack = "packs/till"
    more = {
        f"{pack}/forms/gate.yaml": GATE,
        f"{pack}/forms/order.yaml": FORM,
        f"{pack}/flows/order.yaml": FLOW,
        f"{pack}/roles/clerk.yaml": ROLE,
    }
    return World.of(installation, tenant_id, bank, more)


def test_many_that_wait_for_one_are_told_in_portions_and_each_once(
    gates: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = create(gates.tenant, gates.clerk, "gate", {}).id
    gates.work()
    orders = [create(gates.tenant, gates.clerk, "order", {"gate": gate}).id for _ in range(5)]
    gates.work()
    monkeypatch.setattr(deliver, "PORTION", 2)
    split, left = outbox.fan_out, [1]

    def cut_off_once(*args: Any) -> bool:
        if left:
            left.pop()
            raise ConnectionError("in the middle")
        return split(*args)

    monkeypatch.setattr(outbox, "fan_out", cut_off_once)
    update(gates.tenant, gates.clerk, "gate", gate, {"open": True}, version=None)
    deliver.deliver(gates.tenant, gates.outside)
    told = "SELECT count(*) FROM rf_outbox WHERE topic = 'changed'"
    assert gates.tenant.db.query(told) == [(4,)]
    gates.work(2, minutes=1)
    assert [gates.row(one, "stage", "order")[0] for one in orders] == ["through"] * 5
    assert gates.tenant.db.query(told) == [(5,)]


def test_a_condition_that_cannot_look_again_holds_up_no_other(gates: World) -> None:
    gate = create(gates.tenant, gates.clerk, "gate", {}).id
    orders = [create(gates.tenant, gates.clerk, "order", {"gate": gate}).id for _ in range(3)]
    gates.work()
    db = gates.tenant.db
    db.execute_now("UPDATE f_order SET flow = '{' WHERE id = ?", (orders[0],))  # beyond reading
    update(gates.tenant, gates.clerk, "gate", gate, {"open": True}, version=None)
    gates.work()
    stages = [gates.row(one, "stage", "order")[0] for one in orders]
    assert stages == ["waiting", "through", "through"]
    left = db.query("SELECT topic, record_id FROM rf_outbox WHERE status <> 'done'")
    assert left == [("changed", orders[0])], "it alone is tried again"
