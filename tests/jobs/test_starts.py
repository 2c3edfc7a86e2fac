"""Records that records start: a step that is entered again, and one that was left in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.access.actor import SYSTEM
from app.config import load_config
from app.records.acting import act
from app.records.flowstate import read_top
from app.records.incidents import incidents
from app.records.origins import awaited
from app.records.save import create, delete
from app.records.signals import mend
from app.records.tenant import Tenants
from app.storage.databases import Installation
from app.web.factory import create_app
from flows.events import Mend
from flows.state import SYSTEM as NOBODY
from flows.state import Origin
from forms.values import encode_id
from tests.jobs.crash.till import GOOD
from tests.jobs.world import World
from tests.support.sandboxes import Sandbox
from tests.web.house import Visitor, token

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
WAITING = """
form: trip
label: {zh: 行程, en: Trip}
title: "{payee}"
fields: {payee: {type: text, required: true}}
"""
TRIP = """
flow: trip
stages:
  going: {label: {zh: 进行, en: Going}}
  over: {label: {zh: 完成, en: Over}}
interrupts:
  stop: {label: {zh: 停, en: Stop}, in: [going], by: [{role: clerk}], to: over}
steps:
  ask: {stage: going, start: {form: stay, with: {payee: payee}, wait: true}, next: {slept: over}}
  over: {stage: over, end: over}
"""
STAY = """
flow: stay
stages: {open: {label: Open}, slept: {label: Slept}}
steps:
  sleep: {stage: open, task: {by: [{role: clerk}]}, next: {done: slept}}
  slept: {stage: slept, end: slept}
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


@pytest.fixture
def trips(installation: Installation, tenant_id: str, bank: Sandbox) -> World:
    pack = "packs/till"
    both = ("trip", "stay")
    rights = ", ".join(f"{form}: {{actions: [list, read, create, delete]}}" for form in both)
    more = {
        f"{pack}/forms/trip.yaml": WAITING,
        f"{pack}/forms/stay.yaml": WAITING.replace("trip", "stay").replace("Trip", "Stay"),
        f"{pack}/flows/trip.yaml": TRIP,
        f"{pack}/flows/stay.yaml": STAY,
        f"{pack}/roles/clerk.yaml": f"role: clerk\nlabel: Clerk\ncan: {{{rights}}}\n",
    }
    return World.of(installation, tenant_id, bank, more)


def _begun(world: World) -> tuple[int, int]:
    """A trip that waits for its stay: their ids."""
    trip = create(world.tenant, world.clerk, "trip", {"payee": "Li"}).id
    world.work()
    ((stay,),) = world.tenant.db.query("SELECT id FROM f_stay WHERE deleted = 0")
    return trip, stay


def _origin(world: World, stay: int) -> Origin:
    return Origin(**read_top(world.row(stay, "flow", "stay")[0]).data["origin"])


def test_deleted_before_its_end_its_step_is_stuck_and_starts_another(trips: World):
    trip, stay = _begun(trips)
    delete(trips.tenant, trips.clerk, "stay", stay, version=None)
    trips.work()
    (stuck,) = incidents(trips.tenant)
    assert (stuck.record, stuck.step, stuck.code) == (trip, "ask", "failed.deleted")
    mend(trips.tenant, SYSTEM, "trip", trip, Mend(NOBODY, 0, "retry", ""))
    trips.work()
    ((other,),) = trips.tenant.db.query("SELECT id FROM f_stay WHERE deleted = 0")
    assert other != stay
    act(trips.tenant, trips.clerk, "stay", other, "done")
    trips.work()
    assert trips.row(trip, "stage", "trip") == ("over",)


def test_what_was_started_lives_on_when_its_step_is_left(trips: World):
    trip, stay = _begun(trips)
    assert awaited(trips.tenant, _origin(trips, stay))
    act(trips.tenant, trips.clerk, "trip", trip, "stop")
    trips.work()
    assert trips.row(stay, "stage", "stay") == ("open",)
    assert not awaited(trips.tenant, _origin(trips, stay))
    before = trips.row(trip, "version, journal_seq", "trip")
    act(trips.tenant, trips.clerk, "stay", stay, "done")
    trips.work()
    assert trips.row(stay, "stage", "stay") == ("slept",)
    assert trips.row(trip, "version, journal_seq", "trip") == before


def test_its_page_says_who_started_it_and_whether_anybody_waits(
    trips: World, installation: Installation, tmp_path: Path
):
    trip, stay = _begun(trips)
    path = tmp_path / "config.yaml"
    path.write_text(f"tenants: {{{trips.tenant.id}: {{}}}}")
    app = create_app(load_config(path, {}), Tenants(installation, clock=trips.clock))
    visitor = Visitor(app.test_client(), f"/t/{trips.tenant.id}")
    visitor.client.set_cookie("rf_lang", "en", path=visitor.root)
    data = {"login": "clerk", "password": GOOD, "csrf_token": token(visitor.get("/sign-in"))}
    assert visitor.post("/sign-in", data).status_code == 302
    page = visitor.get(f"/forms/stay/{encode_id(stay)}").text
    assert f"/forms/trip/{encode_id(trip)}" in page and ">Trip Li</a>" in page
    assert "It waits for the end of this one." in page
    act(trips.tenant, trips.clerk, "trip", trip, "stop")
    page = visitor.get(f"/forms/stay/{encode_id(stay)}").text
    assert "does not wait for this one any more" in page
    visitor.client.set_cookie("rf_lang", "zh", path=visitor.root)
    assert "对方已继续，不再等待本单据" in visitor.get(f"/forms/stay/{encode_id(stay)}").text
    act(trips.tenant, trips.clerk, "stay", stay, "done")
    page = visitor.get(f"/forms/stay/{encode_id(stay)}").text
    assert "发起单据" in page and "不再等待" not in page


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
