"""What a record cannot take when nobody is there to be told: an incident where it stands. Once what
was in the way is gone, the very same is tried again: nothing is lost, nothing entered twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.access.actor import SYSTEM
from app.records.acting import act
from app.records.errors import Refused
from app.records.flowview import flow_of
from app.records.save import create
from app.records.signals import arrive, mend
from app.storage.databases import Installation
from flows.events import Arrived, Mend
from flows.state import SYSTEM as NOBODY
from tests.jobs.world import World
from tests.support.sandboxes import Sandbox

SEAT = """
form: seat
label: Seat
fields:
  payee: {type: text, required: true}
  slot: {type: text}
  boxes:
    type: lines
    fields:
      what: {type: text}
      came_at: {type: datetime}
unique: [slot]
"""
STAY = "form: stay\nlabel: Stay\nfields:\n  payee: {type: text}\n"
STAYING = """
flow: stay
stages: {open: {label: Open}}
steps:
  sleep: {stage: open, task: {by: [{role: clerk}]}, next: {done: slept}}
  slept: {end: slept}
"""
ROLE = """
role: clerk
label: Clerk
can: {seat: {actions: [list, read, create]}, stay: {actions: [list, read, create]}}
"""
TAIL = """
  take: {set: {slot: "'taken'"}, next: over}
  over: {stage: over, end: over}
"""
HEAD = """
flow: seat
stages: {going: {label: Going}, over: {label: Over}}
INTERRUPTS
steps:
  start: {stage: going, switch: not is_empty(slot), next: {true: over, false: work}}
"""
BOXES = """
  work:
    each:
      over: boxes
      as: box
      steps:
        road:
          wait: {for: [carrier.delivered]}
          next: {carrier.delivered: mark}
        mark: {set: {slot: "if(box.what == 'bad', 'taken', slot)"}, next: fine}
        fine: {end: done}
    DUE
    next: {done: over LATE}
"""


class Seats:
    """Records that want the slot another one has."""

    def __init__(
        self, make: Callable[[dict[str, str]], World], work: str, more: str = "", tail: str = TAIL
    ) -> None:
        flow = (HEAD + work.strip("\n") + tail).replace("INTERRUPTS", more)
        pack = "packs/till"
        self.world = make(
            {
                f"{pack}/forms/seat.yaml": SEAT,
                f"{pack}/flows/seat.yaml": flow,
                f"{pack}/forms/stay.yaml": STAY,
                f"{pack}/flows/stay.yaml": STAYING,
                f"{pack}/roles/clerk.yaml": ROLE,
            }
        )
        self.tenant = self.world.tenant
        self.holder = self.seat(slot="taken")
        self.rid = self.seat(boxes=[{"what": "bad"}, {"what": "good"}])
        self.world.work()

    def seat(self, **more: object) -> int:
        values = {"payee": "Li", **more}
        return create(self.tenant, SYSTEM, "seat", values).id

    def free(self) -> None:
        sql = "UPDATE f_seat SET c_slot = NULL WHERE id = ?"
        self.tenant.db.execute_now(sql, (self.holder,))

    def stuck(self) -> list[tuple[str, str]]:
        """(step, code) of the incidents."""
        view = flow_of(self.tenant, SYSTEM, "seat", self.rid)
        return [(one.step, one.code) for one in view.incidents]

    def retry(self) -> None:
        (one,) = flow_of(self.tenant, SYSTEM, "seat", self.rid).incidents
        mend(self.tenant, SYSTEM, "seat", self.rid, Mend(NOBODY, one.token, "retry", ""))
        self.world.work()

    def stage(self) -> str:
        return str(self.world.row(self.rid, "stage", "seat")[0])

    def box(self, what: str) -> int:
        sql = "SELECT id FROM f_seat__boxes WHERE record_id = ? AND c_what = ?"
        return int(self.tenant.db.query(sql, (self.rid, what))[0][0])

    def tell(self, what: str, key: str, name: str = "carrier.delivered") -> str:
        told = Arrived(name, key, rows=frozenset({self.box(what)}))
        return arrive(self.tenant, "seat", self.rid, told)


@pytest.fixture
def make(
    installation: Installation, tenant_id: str, bank: Sandbox
) -> Callable[[dict[str, str]], World]:
    return lambda more: World.of(installation, tenant_id, bank, more)


def test_an_event_that_could_not_be_taken_is_kept_and_tried_again(make) -> None:
    seats = Seats(make, BOXES.replace("DUE\n", "\n").replace("over LATE", "take"))
    assert seats.tell("bad", "e1") == "used"
    assert [code for _, code in seats.stuck()] == ["not_unique"]
    assert seats.tell("bad", "e1") == "early"
    assert seats.tell("good", "e2") == "used"
    with pytest.raises(Refused):
        mend(seats.tenant, SYSTEM, "seat", seats.rid, Mend(NOBODY, 0, "retry", ""))
    seats.retry()
    assert [code for _, code in seats.stuck()] == ["not_unique"]
    seats.free()
    seats.retry()
    assert seats.stuck() == []
    assert seats.stage() == "over"
    rows = seats.tenant.db.query("SELECT id, status FROM rf_event ORDER BY id")
    assert rows == [("e1", "used"), ("e2", "used")]


def test_being_late_that_could_not_be_is_tried_again_and_no_line_is_begun_twice(make) -> None:
    work = BOXES.replace("DUE", "due: {in: 1d}").replace(" LATE", ", late: take")
    seats = Seats(make, work)
    seats.world.work(2, days=2)
    assert [code for _, code in seats.stuck()] == ["not_unique"]
    with pytest.raises(Refused):
        seats.retry()
    assert seats.tell("good", "e1") == "used"
    seats.free()
    seats.retry()
    assert (seats.stuck(), seats.stage()) == ([], "over")


def test_the_end_of_a_started_record_that_could_not_be_taken_is_told_again(make) -> None:
    work = "  work: {start: {form: stay, with: {payee: payee}, wait: true}, next: {slept: take}}\n"
    seats = Seats(make, work)
    ((stay,),) = seats.tenant.db.query("SELECT id FROM f_stay")
    act(seats.tenant, seats.world.clerk, "stay", stay, "done")
    seats.world.work()
    assert seats.stuck() == [("work", "not_unique")]
    seats.free()
    seats.retry()
    assert (seats.stuck(), seats.stage()) == ([], "over")
    assert len(seats.tenant.db.query("SELECT id FROM f_stay")) == 1


def test_an_interrupt_that_could_not_be_taken_is_tried_again(make) -> None:
    more = "interrupts: {carrier.lost: {in: [going], to: take}}"
    seats = Seats(make, BOXES.replace("DUE\n", "\n").replace(" LATE", ""), more)
    assert seats.tell("good", "e1", "carrier.lost") == "used"
    assert [code for _, code in seats.stuck()] == ["not_unique"]
    assert seats.tell("good", "e2") == "used"
    seats.free()
    seats.retry()
    assert (seats.stuck(), seats.stage()) == ([], "over")


def test_who_goes_past_an_event_that_could_not_be_taken_has_heard_it(make) -> None:
    again = "  work: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: take}}\n"
    after = "  next_one: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: over}}\n"
    seats = Seats(make, again + after, tail=TAIL.replace("next: over}", "next: next_one}"))
    assert seats.tell("bad", "e1") == "used"
    assert seats.stuck() == [("work", "not_unique")]
    seats.free()
    (one,) = flow_of(seats.tenant, SYSTEM, "seat", seats.rid).incidents
    past = Mend(NOBODY, one.token, "skip", "by hand", "carrier.delivered")
    mend(seats.tenant, SYSTEM, "seat", seats.rid, past)
    seats.world.work()
    assert (seats.stuck(), seats.stage()) == ([], "going")
    assert seats.tell("bad", "e1") == "used"
    assert seats.stage() == "going"
    assert seats.tell("bad", "e2") == "used"
    assert seats.stage() == "over"
