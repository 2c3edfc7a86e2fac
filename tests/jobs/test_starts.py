"""Records that records start: a step that is entered again, and one that was left in time."""

from __future__ import annotations

import pytest

from app.records.acting import act
from app.records.save import create
from app.storage.databases import Installation
from tests.jobs.world import World
from tests.support.sandboxes import Sandbox

FORM = """
form: order
label: {zh: 单, en: Order}
title: "{payee}"
fields:
  payee: {type: text, required: true}
  slip: {type: link, to: slip}
"""
FLOW = """
flow: order
stages:
  asked: {label: {zh: 已申请, en: Asked}}
  printing: {label: {zh: 打印, en: Printing}}
  closed: {label: {zh: 完成, en: Closed}}
steps:
  ask: {stage: asked, task: {by: [{role: clerk}], edit: all}, next: {submit: print}}
  print:
    stage: printing
    start: {form: slip, with: {payee: payee}, save: slip}
    next: {done: look}
  look: {task: {by: [{role: clerk}]}, next: {again: {to: ask, max: 3}, good: closed}}
  closed: {stage: closed, end: closed}
interrupts:
  stop: {label: {zh: 停, en: Stop}, in: [printing], by: [{role: clerk}], to: ask}
"""
ROLE = "can: {order: {actions: [list, read, create, update]}}\n"


@pytest.fixture
def orders(installation: Installation, tenant_id: str, bank: Sandbox) -> World:
    pack = "packs/till"
    more = {
        f"{pack}/forms/order.yaml": FORM,
        f"{pack}/flows/order.yaml": FLOW,
        f"{pack}/roles/clerk.yaml": f"role: clerk\nlabel: Clerk\n{ROLE}",
    }
    return World.of(installation, tenant_id, bank, more)


def slips(world: World) -> list[str]:
    found = world.tenant.db.query("SELECT c_payee FROM f_slip ORDER BY id")
    return [payee for (payee,) in found]


def test_entered_again_it_has_its_record_already(orders: World):
    rid = create(orders.tenant, orders.clerk, "order", {"payee": "Li"}).id
    orders.work()
    act(orders.tenant, orders.clerk, "order", rid, "again")
    act(orders.tenant, orders.clerk, "order", rid, "submit")
    orders.work()
    act(orders.tenant, orders.clerk, "order", rid, "good")
    assert orders.row(rid, "stage", "order") == ("closed",)
    assert slips(orders) == ["Li"]


def test_withdrawn_before_it_began_it_starts_when_it_is_entered_again(orders: World):
    rid = create(orders.tenant, orders.clerk, "order", {"payee": "Li"}).id
    act(orders.tenant, orders.clerk, "order", rid, "stop")
    orders.work()
    assert slips(orders) == []
    act(orders.tenant, orders.clerk, "order", rid, "submit", values={"payee": "Wang"})
    orders.work()
    act(orders.tenant, orders.clerk, "order", rid, "good")
    assert slips(orders) == ["Wang"]
