"""An action whose branch was cancelled while it was under way: known once it is answered."""

from __future__ import annotations

import pytest

from app.records.acting import act
from app.records.errors import Refused
from app.records.flowview import flow_of
from app.records.save import create
from app.storage.databases import Installation
from forms.values import encode_id
from tests.jobs.world import World
from tests.support.sandboxes import Sandbox

FORM = """
form: hold
label: Hold
title: "{payee}"
fields:
  payee: {type: text, required: true}
  amount: {type: money, required: true}
  reference: {type: text}
"""
FLOW = """
flow: hold
stages: {open: {label: Open}, gone: {label: Gone}}
interrupts:
  stop: {label: Stop, by: [{role: clerk}], in: [open], to: gone, undo: true}
steps:
  both:
    stage: open
    parallel:
      join: all
      branches:
        money:
          take:
            do:
              take: {use: payment.authorise, with: {amount: amount}, save: {reference: reference}%s}
            next: {done: fine}
          fine: {end: done}
        goods:
          look: {task: {by: [{role: clerk}]}, next: {good: fine, bad: broken}}
          fine: {end: done}
          broken: {end: broken}
    next: {done: wait, broken: wait}
  wait: {task: {by: [{role: clerk}]}, next: {done: gone}}
  gone: {stage: gone, end: gone}
"""


def _world(installation: Installation, tenant_id: str, bank: Sandbox, undo: str) -> World:
    pack = "packs/till"
    more = {
        f"{pack}/forms/hold.yaml": FORM,
        f"{pack}/flows/hold.yaml": FLOW % undo,
        f"{pack}/roles/clerk.yaml": (
            "role: clerk\nlabel: Clerk\ncan: {hold: {actions: [list, read, create]}}\n"
        ),
    }
    return World.of(installation, tenant_id, bank, more)


def _cut(world: World) -> int:
    """The bank is busy at first; meanwhile the goods turn out to be bad."""
    world.bank.tell(do="busy")
    rid = create(world.tenant, world.clerk, "hold", {"payee": "Li", "amount": "9"}).id
    world.work()
    (task,) = flow_of(world.tenant, world.clerk, "hold", rid).tasks
    act(world.tenant, world.clerk, "hold", rid, "bad", task=task.task.id)
    world.work(2, minutes=1)
    assert _ledger(world, rid) == ["hold"]
    assert world.row(rid, "c_reference", "hold") == (None,)
    return rid


def _ledger(world: World, rid: int) -> list[str]:
    """What the bank booked for a record."""
    name = encode_id(rid)
    return [one["kind"] for one in world.bank.ledger() if str(one.get("key", "")).startswith(name)]


def test_it_is_known_and_an_interrupt_takes_it_back(
    installation: Installation, tenant_id: str, bank: Sandbox
):
    world = _world(installation, tenant_id, bank, ", undo: payment.release")
    rid = _cut(world)
    act(world.tenant, world.clerk, "hold", rid, "stop")
    world.work()
    assert _ledger(world, rid) == ["hold", "release"]
    assert world.row(rid, "stage", "hold") == ("gone",)


def test_what_cannot_be_taken_back_holds_the_interrupt_off(
    installation: Installation, tenant_id: str, bank: Sandbox
):
    world = _world(installation, tenant_id, bank, "")
    rid = _cut(world)
    with pytest.raises(Refused) as refused:
        act(world.tenant, world.clerk, "hold", rid, "stop")
    assert refused.value.code == "cannot_withdraw"


def test_a_branch_that_is_opened_anew_hears_the_answer_under_way(
    installation: Installation, tenant_id: str, bank: Sandbox
):
    flow = FLOW.replace("broken: wait}", "broken: {to: both, max: 1}}") % ""
    flow = flow.replace("{amount: amount},", "{amount: amount}, key: payee,")
    more = {"packs/till/forms/hold.yaml": FORM, "packs/till/flows/hold.yaml": flow}
    role = "role: clerk\nlabel: Clerk\ncan: {hold: {actions: [list, read, create]}}\n"
    world = World.of(installation, tenant_id, bank, {**more, "packs/till/roles/clerk.yaml": role})
    world.bank.tell(do="busy")
    rid = create(world.tenant, world.clerk, "hold", {"payee": "Li", "amount": "9"}).id
    world.work()
    for outcome in ("bad", "good"):
        (task,) = flow_of(world.tenant, world.clerk, "hold", rid).tasks
        act(world.tenant, world.clerk, "hold", rid, outcome, task=task.task.id)
    assert world.row(rid, "c_reference", "hold") == (None,)
    world.work(2, minutes=1)
    assert world.row(rid, "c_reference", "hold") != (None,)
    (task,) = flow_of(world.tenant, world.clerk, "hold", rid).tasks
    assert task.task.step == "wait"
    assert len([one for one in world.bank.ledger() if one.get("key") == "Li"]) == 1
