"""Records on their way while another release is in force: one from before their form was there, one
whose flows wait for nothing they wait for, one in which what they look at bears another name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.hooks import load_plugins
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.jobs.notify import NOWHERE
from app.jobs.timers import run_timers
from app.records.closed import renamed
from app.records.incidents import incidents, retry
from app.records.look import read
from app.records.releases import publish, rollback
from app.records.retention import run_due
from app.records.save import create, update
from app.records.signals import arrive, changed
from app.records.targets import moment
from app.records.tenant import Tenant
from app.storage.databases import Installation
from flows.events import Arrived
from tests.records.shop import Clock

GATE = "form: gate\nlabel: Gate\nfields: {open: {type: boolean, default: false}}\n"
PART = "form: part\nlabel: Part\nfields: {gate: {type: link, to: gate}, amount: {type: decimal}}\n"
ORDER = "form: order\nlabel: Order\nfields: {gate: {type: link, to: gate, required: true}}\n"
FLOW = """
flow: order
stages: {waiting: {label: Waiting}, through: {label: Through}, late: {label: Late}}
steps:
  wait: {stage: waiting, wait: %s, due: {in: 9d}, next: {%s: through, late: late}}
  through: {stage: through, end: through}
  late: {stage: late, end: late}
"""
FILLED = """
aggregate: filled
label: Filled
per: gate
measures: {amount: {from: part, by: gate, sum: amount}}
"""
UNTIL_OPEN = FLOW % ("{until: gate.open}", "until")
UNTIL_FULL = FLOW % ("{until: filled(gate).amount >= 5}", "until")
FOR_PARCEL = FLOW % ("{for: [carrier.delivered]}", "carrier.delivered")

WORK = """
  work:
    wait: {for: [carrier.delivered]}
    due: {in: 2wd}
    next: {carrier.delivered: through, late: late}
"""
WEEK = """
calendar: week
label: Week
zone: Asia/Shanghai
hours: {mon: 09:00-17:00, tue: 09:00-17:00, wed: 09:00-17:00, thu: 09:00-17:00, fri: 09:00-17:00}
"""

OTHER = {"forms/order": "form: order\nlabel: Order\nfields: {text: {type: text}}\n"}


@dataclass
class House:
    tenant: Tenant
    clock: Clock

    def publish(self, flow: str = "", *, was: str = "", **files: str) -> int:
        forms = {"forms/gate": GATE, "forms/part": PART}
        if flow:
            forms |= {"forms/order": ORDER, "flows/order": flow}
        made: Mapping[str, str] = {**forms, "aggregates/filled": FILLED, **files}
        found = {f"packs/yard/{name}.yaml": text for name, text in made.items() if text}
        if was:
            found = {
                path.replace("forms/gate", "forms/door"): text.replace("to: gate", "to: door")
                .replace("per: gate", "per: door")
                .replace("form: gate\n", f"form: door\nwas: {was}\n")
                for path, text in found.items()
            }
        tenant = self.tenant.id
        found["packs/yard/pack.yaml"] = "pack: yard\nlabel: Yard\nversion: '1'\n"
        found[f"tenants/{tenant}/tenant.yaml"] = (
            f"tenant: {tenant}\nlabel: Yard\npacks: [yard]\nzone: Asia/Shanghai\ncurrency: CNY\n"
        )
        return publish(self.tenant, SYSTEM, Sources(found, tenant))

    def make(self, form: str, **values: object) -> int:
        return create(self.tenant, SYSTEM, form, values).id

    def work(self) -> None:
        outside = Outside(load_plugins([]), lambda tenant: {}, NOWHERE)
        deliver(self.tenant, outside)
        run_timers(self.tenant, lambda: False)
        deliver(self.tenant, outside)

    def stage(self, record: int) -> str:
        ((found,),) = self.tenant.db.query("SELECT stage FROM f_order WHERE id = ?", (record,))
        return str(found)


@pytest.fixture
def house(installation: Installation, tenant_id: str) -> House:
    clock = Clock()
    db = installation.create(tenant_id)
    return House(Tenant(db, installation.attachments(tenant_id), clock=clock), clock)


def test_going_back_to_before_a_form_was_there_loses_no_timer(house: House) -> None:
    before = house.publish()
    house.publish(FOR_PARCEL)
    order = house.make("order", gate=house.make("gate"))
    rollback(house.tenant, SYSTEM, before)
    house.clock.pass_by(days=10)
    house.work()
    assert house.stage(order) == "late"


def test_a_calendar_that_is_gone_still_counts_for_who_began_with_it(house: House) -> None:
    flow = f"{UNTIL_OPEN}calendar: week\n".replace("until: through,", "until: work,")
    flow = flow.replace("\n  through:", f"{WORK}  through:")
    house.publish(flow, **{"calendars/week": WEEK})
    gate = house.make("gate")
    order = house.make("order", gate=gate)
    house.publish(UNTIL_OPEN)
    update(house.tenant, SYSTEM, "gate", gate, {"open": True}, version=None)
    house.work()
    ((due,),) = house.tenant.db.query(
        "SELECT due_at FROM rf_due WHERE record_id = ? AND rule = 'due' AND status = 'open'"
        " AND step = 'work'",
        (order,),
    )
    assert moment(due) == datetime(2026, 11, 24, 9, tzinfo=UTC)  # Tuesday at five, in Shanghai


def test_going_back_to_before_a_form_was_there_loses_no_event(house: House) -> None:
    before = house.publish()
    house.publish(FOR_PARCEL)
    order = house.make("order", gate=house.make("gate"))
    rollback(house.tenant, SYSTEM, before)
    assert arrive(house.tenant, "order", order, Arrived("carrier.delivered", "e")) == "used"
    assert house.stage(order) == "through"


def test_going_back_to_before_a_form_was_there_keeps_nothing_longer(house: House) -> None:
    before = house.publish()
    house.publish(FOR_PARCEL, **{"forms/order": f"{ORDER}keep: 1y\n"})
    order = house.make("order", gate=house.make("gate"))
    rollback(house.tenant, SYSTEM, before)
    house.clock.pass_by(days=400)
    assert run_due(house.tenant) == 1
    assert house.tenant.db.query("SELECT c_gate, deleted FROM f_order WHERE id = ?", (order,)) == [
        (None, 1)
    ]


def test_a_record_that_cannot_be_erased_holds_up_no_other(house: House) -> None:
    house.publish(FOR_PARCEL, **{"forms/order": f"{ORDER}keep: 1y\n"})
    orders = [house.make("order", gate=house.make("gate")) for _ in range(3)]
    db = house.tenant.db
    db.execute_now("UPDATE f_order SET flow = '{' WHERE id = ?", (orders[0],))  # beyond reading
    house.clock.pass_by(days=400)
    assert run_due(house.tenant) == 2
    rows = db.query("SELECT id FROM f_order WHERE deleted = 1 ORDER BY id")
    assert [row[0] for row in rows] == orders[1:]


def test_a_total_nobody_waits_for_any_more_still_wakes_who_waited_before(house: House) -> None:
    house.publish(UNTIL_FULL)
    gate = house.make("gate")
    order = house.make("order", gate=gate)
    house.publish(FOR_PARCEL)
    house.make("part", gate=gate, amount=5)
    house.work()
    assert house.stage(order) == "through"


def test_a_record_whose_form_has_another_name_now_wakes_who_waited_for_it(house: House) -> None:
    house.publish(UNTIL_OPEN)
    gate = house.make("gate")
    order = house.make("order", gate=gate)
    house.publish(UNTIL_OPEN, was="gate")
    update(house.tenant, SYSTEM, "door", gate, {"open": True}, version=None)
    house.work()
    assert house.stage(order) == "through"


def test_a_total_that_is_kept_no_more_stops_who_looks_at_it_where_people_see_it(
    house: House,
) -> None:
    with_total = house.publish(UNTIL_FULL)
    order = house.make("order", gate=house.make("gate"))
    house.publish(FOR_PARCEL, **{"aggregates/filled": ""})
    full = house.make("gate")
    update(house.tenant, SYSTEM, "order", order, {"gate": full}, version=None)
    (found,) = incidents(house.tenant)
    assert "filled" in found.message.en
    rollback(house.tenant, SYSTEM, with_total)
    house.make("part", gate=full, amount=5)
    retry(house.tenant, SYSTEM, found.name, "the total is there again")
    assert house.stage(order) == "through"


def test_a_total_that_lost_a_measure_is_not_read_as_nothing(house: House) -> None:
    house.publish(UNTIL_FULL.replace(">= 5", "== 0 and gate.open"))
    gate = house.make("gate")
    order = house.make("order", gate=gate)
    house.publish(FOR_PARCEL, **{"aggregates/filled": FILLED.replace("amount: {", "value: {")})
    house.make("part", gate=gate, amount=5)
    update(house.tenant, SYSTEM, "gate", gate, {"open": True}, version=None)
    house.work()
    assert house.stage(order) == "waiting"
    (found,) = incidents(house.tenant)
    assert "does not keep the aggregate filled" in found.message.en


@pytest.mark.parametrize("how", ["renamed", "taken_out"])
def test_a_form_that_bears_the_name_of_another_takes_nothing_of_it(house: House, how: str) -> None:
    house.publish(FOR_PARCEL)
    old = house.make("order", gate=house.make("gate"))
    renamed = {
        "forms/job": ORDER.replace("form: order\n", "form: job\nwas: order\n"),
        "flows/job": FOR_PARCEL.replace("flow: order", "flow: job"),
    }
    files = renamed if how == "renamed" else {}
    house.publish(**files)
    house.publish(FOR_PARCEL.replace("in: 9d", "in: 8d"), **files)
    new = house.make("order", gate=house.make("gate"))
    house.clock.pass_by(days=10)
    house.work()
    tables = [house.tenant.active().tables.forms["order"].table, "f_order"]
    assert len(set(tables)) == 2
    for table, record in zip(tables, (new, old), strict=True):
        sql = f"SELECT stage FROM {table} WHERE id = ?"
        assert house.tenant.db.query(sql, (record,)) == [("late",)]


def test_the_end_of_a_record_is_told_to_who_started_it_whatever_bears_its_name_now(
    house: House,
) -> None:
    sub = {
        "forms/sub": "form: sub\nlabel: Sub\nfields: {text: {type: text}}\n",
        "flows/sub": FOR_PARCEL.replace("flow: order", "flow: sub"),
    }
    starts = FLOW % ("{for: [carrier.delivered]}", "carrier.delivered")
    starts = starts.replace(
        "wait: {for: [carrier.delivered]}", "start: {form: sub, with: {}, wait: true}"
    ).replace("carrier.delivered: through, late: late", "through: through, late: late")
    starts = starts.replace(", due: {in: 9d}", "")
    house.publish(starts, **sub)
    order = house.make("order", gate=house.make("gate"))
    house.work()
    ((started,),) = house.tenant.db.query("SELECT id FROM f_sub")
    renamed = ORDER.replace("form: order\n", "form: job\nwas: order\n")
    job = {"forms/job": renamed, "flows/job": starts.replace("flow: order", "flow: job")}
    house.publish(**sub, **job)
    house.publish(FOR_PARCEL, **sub, **job)
    assert house.tenant.active().tables.forms["job"].key == "order"
    arrive(house.tenant, "sub", started, Arrived("carrier.delivered", "e"))
    house.work()
    assert house.stage(order) == "through"


def test_what_was_written_before_a_form_was_taken_out_outlives_its_coming_back(
    house: House,
) -> None:
    first = house.publish(FOR_PARCEL)
    gate = house.make("gate")
    old = house.make("order", gate=gate)
    house.publish()
    for days in (8, 7, 6):
        house.publish(FOR_PARCEL.replace("in: 9d", f"in: {days}d"))
    rollback(house.tenant, SYSTEM, first)
    assert read(house.tenant, SYSTEM, "order", old).row["gate"] == gate


@pytest.mark.parametrize("how", ["none bears its name", "another bears its name"])
def test_who_resolves_incidents_does_so_also_where_the_form_is_not_in_force(
    house: House, how: str
) -> None:
    house.publish(UNTIL_FULL)
    gate = house.make("gate")
    order = house.make("order", gate=gate)
    house.publish(**{"aggregates/filled": ""})
    assert changed(house.tenant, "order", order)
    (found,) = incidents(house.tenant)
    house.publish(**(OTHER if how == "another bears its name" else {}))
    house.make("part", gate=gate, amount=5)
    retry(house.tenant, SYSTEM, found.name, "the total is there again")
    assert house.stage(order) == "through" and incidents(house.tenant) == []
    acts = "SELECT act, actor_name FROM rf_journal WHERE record_id = ? ORDER BY seq DESC LIMIT 1"
    assert house.tenant.db.query(acts, (order,)) == [("mend", SYSTEM.name)]


def test_what_starts_a_record_of_a_form_that_was_renamed_starts_it_under_its_new_names(
    house: House,
) -> None:
    lines = "pieces: {type: lines, fields: {size: {type: integer}}}"
    assert renamed(
        {"text": "a", "pieces": [{"id": "1", "size": 2}], "gone": []},
        {"text": "words", "pieces": "parts", "pieces.size": "parts.length", "gone": None},
    ) == {"words": "a", "parts": [{"id": "1", "length": 2}], "gone": []}
    starts = FLOW % ("{for: [carrier.delivered]}", "carrier.delivered")
    starts = starts.replace(
        "wait: {for: [carrier.delivered]}",
        "start: {form: sub, with: {text: \"'a word'\"}, save: sub}",
    ).replace("carrier.delivered: through, late: late", "done: through, late: late")
    starts = starts.replace(", due: {in: 9d}", "").replace(", late: late", "")
    starts = starts.replace("  late: {stage: late, end: late}\n", "")
    starts = starts.replace(", late: {label: Late}", "")
    order = ORDER.replace("required: true}", "required: true}, sub: {type: link, to: sub}")
    sub = f"form: sub\nlabel: Sub\nfields: {{text: {{type: text}}, {lines}}}\n"
    house.publish(starts, **{"forms/order": order, "forms/sub": sub})
    record = house.make("order", gate=house.make("gate"))
    again = sub.replace("form: sub\n", "form: memo\nwas: sub\n").replace(
        "text: {type: text}", "words: {type: text, was: text}"
    )
    house.publish(**{"forms/order": order.replace("to: sub", "to: memo"), "forms/memo": again})
    house.work()
    assert incidents(house.tenant) == [] and house.stage(record) == "through"
    ((made,),) = house.tenant.db.query("SELECT id FROM f_sub")
    assert read(house.tenant, SYSTEM, "memo", made).row["words"] == "a word"
