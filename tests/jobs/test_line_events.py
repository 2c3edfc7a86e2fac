"""A label a line, from the carrier's process; what it tells over HTTP moves its own line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from app.config import load_config
from app.records.acting import act
from app.records.flowview import flow_of
from app.records.incoming import find
from app.records.save import create
from app.records.signals import arrive
from app.records.tenant import Tenants
from app.storage.databases import Installation
from app.storage.ddl import Index, existing_indexes
from app.web.factory import create_app
from flows.events import Arrived
from tests.jobs.world import World
from tests.records.test_flow_race import together
from tests.support.sandboxes import SECRET, Sandbox, running

FORM = """
form: trip
label: Trip
title: "{to}"
fields:
  to: {type: text, required: true}
  boxes:
    type: lines
    fields:
      what: {type: text, required: true}
      tracking: {type: text}
      came_at: {type: datetime}
"""
FLOW = """
flow: trip
stages: {going: {label: Going}, there: {label: There}}
steps:
  send:
    stage: going
    each:
      over: boxes
      as: box
      steps:
        label:
          do:
            label: {use: carrier.create_label, with: {address: to},
                    save: {boxes.tracking: tracking_no}}
          next: {done: hand, failed.bad_address: over}
        hand:
          task: {by: [{role: clerk}]}
          due: {in: 2d}
          next: {handed: road, late: road}
        road:
          wait: {for: [carrier.delivered]}
          due: {in: 30d}
          next: {carrier.delivered: over, late: over}
        over: {end: done}
    next: {done: there}
  there: {stage: there, end: there}
"""
ROLE = """
role: driver
label: Driver
can: {trip: {actions: [list, read, create, update]}}
"""
CONNECTION = """
connection: carrier
label: Carrier
plugin: carrier_sandbox
settings: {url: "%s", callback: "%s", timeout: 5}
secrets: {key: carrier_key}
serves: {carrier: true}
events:
  carrier.delivered:
    match: {form: trip, field: boxes.tracking}
    save: {boxes.came_at: at}
"""


@dataclass
class Road:
    """A carrier, and a tenant whose trips go with it."""

    world: World
    carrier: Sandbox

    def trip(self, *boxes: str) -> int:
        values = {"to": "Main St 1", "boxes": [{"what": what} for what in boxes]}
        rid = create(self.world.tenant, self.world.clerk, "trip", values).id
        self.world.work()
        return rid

    def boxes(self, rid: int) -> dict[str, tuple[str, bool]]:
        """What → (tracking number, whether it came)."""
        rows = self.world.tenant.db.query(
            "SELECT c_what, c_tracking, c_came_at FROM f_trip__boxes WHERE record_id = ?", (rid,)
        )
        return {what: (tracking, came is not None) for what, tracking, came in rows}

    def hand(self, rid: int, *names: str) -> None:
        """The clerk hands boxes over."""
        world = self.world
        sql = "SELECT id, c_what FROM f_trip__boxes WHERE record_id = ?"
        rows = dict(world.tenant.db.query(sql, (rid,)))
        for view in flow_of(world.tenant, world.clerk, "trip", rid).tasks:
            if rows[view.row] in names:
                act(world.tenant, world.clerk, "trip", rid, "handed", task=view.task.id)

    def deliver(self, rid: int, box: str, times: int = 1) -> None:
        """The carrier's own process tells that a box was delivered."""
        number = self.boxes(rid)[box][0]
        told = self.carrier.tell(
            "control/events", tracking_no=number, event="delivered", times=times
        )
        assert told == {"answers": [202] * times}

    def packed(self, *boxes: str) -> int:
        """A trip whose boxes all went into one parcel."""
        rid = self.trip(*boxes)
        sql = "UPDATE f_trip__boxes SET c_tracking = ? WHERE record_id = ?"
        self.world.tenant.db.execute_now(sql, (self.boxes(rid)[boxes[0]][0], rid))
        return rid

    def events(self) -> list[tuple[str, ...]]:
        return self.world.tenant.db.query("SELECT status FROM rf_event ORDER BY at, id")

    def ids(self, rid: int) -> frozenset[int]:
        sql = "SELECT id FROM f_trip__boxes WHERE record_id = ?"
        return frozenset(row[0] for row in self.world.tenant.db.query(sql, (rid,)))

    def heard(self, rid: int) -> int:
        """How often an event moved the trip."""
        return [act for act, _, _ in self.world.acts(rid)].count("event")

    def came(self, rid: int) -> list[str]:
        return sorted(what for what, (_, there) in self.boxes(rid).items() if there)

    def on_the_road(self, rid: int) -> int:
        """How many boxes the flow waits for."""
        rows = self.world.tenant.db.query(
            "SELECT count(*) FROM rf_due WHERE record_id = ? AND kind = 'token' AND step = 'road'"
            " AND status = 'open'",
            (rid,),
        )
        return int(rows[0][0])


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running("carrier_sandbox", tmp_path_factory.mktemp("carrier") / "ledger.jsonl") as box:
        yield box


@pytest.fixture
def road(
    installation: Installation, tenant_id: str, bank: Sandbox, carrier: Sandbox, tmp_path: Path
) -> Iterator[Road]:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"outgoing: {{allow: [127.0.0.0/8]}}\ntenants: {{{tenant_id}: {{secrets:"
        f" {{bank_key: b, carrier_key: {SECRET}}}}}}}"
    )
    server = make_server("127.0.0.1", 0, lambda environ, start: [])
    callback = f"http://127.0.0.1:{server.server_port}/t/{tenant_id}/api/v1/events/carrier"
    more = {
        "packs/till/forms/trip.yaml": FORM,
        "packs/till/flows/trip.yaml": FLOW,
        "packs/till/roles/driver.yaml": ROLE,
        "packs/till/connections/carrier.yaml": CONNECTION % (carrier.url, callback),
    }
    world = World.of(installation, tenant_id, bank, more, {"clerk": ["clerk", "driver"]})
    world.secrets["carrier_key"] = SECRET
    server.app = create_app(load_config(config, {}), Tenants(installation, clock=world.clock))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield Road(world, carrier)
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_the_carrier_tells_of_one_parcel_moves_that_line_only(road: Road):
    rid = road.trip("chair", "table", "lamp")
    road.hand(rid, "chair", "table", "lamp")
    assert road.on_the_road(rid) == 3
    road.deliver(rid, "table", times=3)
    road.world.work()
    assert road.came(rid) == ["table"] and road.on_the_road(rid) == 2
    for box in ("lamp", "chair"):
        assert road.world.row(rid, "stage", "trip") == ("going",)
        road.deliver(rid, box)
        road.world.work()
    assert road.came(rid) == ["chair", "lamp", "table"]
    assert road.world.row(rid, "stage", "trip") == ("there",)


def test_before_its_line_waits_it_is_kept_for_that_line(road: Road):
    rid = road.trip("chair", "table")
    road.hand(rid, "chair")
    road.deliver(rid, "table")
    road.world.work()
    assert road.came(rid) == [] and road.on_the_road(rid) == 1
    assert road.world.tenant.db.query("SELECT status FROM rf_event") == [("early",)]
    road.hand(rid, "table")
    assert road.came(rid) == ["table"] and road.on_the_road(rid) == 1
    assert road.world.tenant.db.query("SELECT status FROM rf_event") == [("used",)]
    road.deliver(rid, "chair")
    road.world.work()
    assert road.world.row(rid, "stage", "trip") == ("there",)


def test_before_its_number_is_known_it_finds_its_line_soon(road: Road):
    road.carrier.tell("control/events", early=["delivered"])
    rid = road.trip("chair", "table")
    road.hand(rid, "chair", "table")
    road.world.work(3, seconds=2)
    assert len(road.came(rid)) == 1 and road.on_the_road(rid) == 1


def test_a_line_is_found_by_an_index(road: Road):
    name = Index("f_trip__boxes", ("c_tracking", "id")).name
    assert name in existing_indexes(road.world.tenant.db)


def test_lines_with_the_same_key_are_found_together_in_the_newest_record(road: Road):
    older, newer = road.trip("chair"), road.trip("chair", "table", "lamp")
    db = road.world.tenant.db
    db.execute_now("UPDATE f_trip__boxes SET c_tracking = 'one parcel' WHERE c_what <> 'lamp'")
    found = find(road.world.tenant, "trip", "boxes.tracking", "one parcel")
    assert found is not None and (found.form, found.record) == ("trip", newer)
    two = "SELECT id FROM f_trip__boxes WHERE record_id = ? AND c_what <> 'lamp'"
    rows = db.query(two, (newer,))
    assert found.rows == {row[0] for row in rows} and len(rows) == 2
    db.execute_now("UPDATE f_trip SET deleted = 1 WHERE id = ?", (newer,))
    again = find(road.world.tenant, "trip", "boxes.tracking", "one parcel")
    assert again is not None and again.record == older


@pytest.mark.parametrize("before", [0, 1, 2])
def test_one_parcel_is_kept_for_each_of_its_lines_until_it_comes_to_its_wait(
    road: Road, before: int
):
    rid = road.packed("chair", "table")
    order = ("chair", "table")
    road.hand(rid, *order[:before])
    road.deliver(rid, "chair", times=2)
    road.world.work()
    assert road.came(rid) == list(order[:before])
    assert road.events() == [("used",) if before == 2 else ("early",)]
    for box in order[before:]:
        road.hand(rid, box)
        assert box in road.came(rid)
    assert road.events() == [("used",)]
    assert road.world.row(rid, "stage", "trip") == ("there",)
    assert road.heard(rid) == (1 if before == 2 else 2)


def test_told_again_between_two_lines_it_moves_the_second_only_when_that_waits(road: Road):
    rid = road.packed("chair", "table")
    told = Arrived("carrier.delivered", "e", rows=road.ids(rid))
    road.hand(rid, "chair")
    answers = [arrive(road.world.tenant, "trip", rid, told) for _ in range(3)]
    assert answers == ["used", "early", "early"]
    assert road.heard(rid) == 1
    road.hand(rid, "table")
    assert road.heard(rid) == 2
    assert arrive(road.world.tenant, "trip", rid, told) == "used"
    assert road.heard(rid) == 2


def test_the_line_that_comes_to_its_wait_while_the_event_comes_hears_it_once(road: Road):
    for number in range(20):
        rid = road.packed("chair", "table")
        road.hand(rid, "chair")
        told = Arrived("carrier.delivered", f"race {number}", rows=road.ids(rid))
        found = together(
            lambda r=rid: road.hand(r, "table"),
            lambda r=rid, e=told: arrive(road.world.tenant, "trip", r, e),
            lambda r=rid, e=told: arrive(road.world.tenant, "trip", r, e),
        )
        assert found[0] is None, found
        assert road.world.row(rid, "stage", "trip") == ("there",), (number, found)
        assert road.heard(rid) in (1, 2)
        sql = "SELECT status FROM rf_event WHERE id = ?"
        assert road.world.tenant.db.query(sql, (told.id,)) == [("used",)]


def test_what_was_heard_by_some_is_not_late_when_the_record_has_ended(road: Road):
    rid = road.packed("chair", "table")
    told = Arrived("carrier.delivered", "e", rows=road.ids(rid))
    road.hand(rid, "chair")
    arrive(road.world.tenant, "trip", rid, told)
    road.hand(rid, "table")
    other = Arrived("carrier.delivered", "f", rows=road.ids(rid))
    assert arrive(road.world.tenant, "trip", rid, other) == "late"
    assert arrive(road.world.tenant, "trip", rid, told) == "used"


def test_a_line_that_one_event_leads_to_its_wait_hears_that_event_there(
    installation: Installation, tenant_id: str, bank: Sandbox
):
    steps = FLOW[FLOW.index("        label:\n") : FLOW.index("        road:\n")]
    after = """
        pick: {switch: box.what == 'last', next: {true: hold, false: road}}
        hold: {wait: {until: count(boxes where not is_empty(came_at)) > 0}, next: {until: road}}
"""
    more = {
        "packs/till/forms/trip.yaml": FORM,
        "packs/till/flows/trip.yaml": FLOW.replace(steps, after.lstrip("\n")),
        "packs/till/roles/driver.yaml": ROLE,
    }
    road = Road(World.of(installation, tenant_id, bank, more, {"clerk": ["driver"]}), bank)
    rid = road.trip("first", "last")
    assert road.on_the_road(rid) == 1
    save = {("boxes", "came_at"): "2026-01-02T03:04:05Z"}
    told = Arrived("carrier.delivered", "e", save, {}, road.ids(rid))
    assert arrive(road.world.tenant, "trip", rid, told) == "used"
    assert road.came(rid) == ["first", "last"]
    assert road.world.row(rid, "stage", "trip") == ("there",)
    assert (road.events(), road.heard(rid)) == ([("used",)], 2)
