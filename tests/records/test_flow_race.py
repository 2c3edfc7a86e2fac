"""Two at once: exactly one outcome, and the loser is told who acted."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import cycle

import pytest

from app.access.actor import Actor
from app.records.acting import act
from app.records.errors import Refused
from app.records.proof import verify_journal
from app.records.signals import arrive, fire
from app.records.waiting import due_timers
from app.storage.databases import Installation
from flows.events import Arrived
from tests.records.flowshop import FLOW_WITH_LATE, FlowShop, actor, open_flow_shop

TIMES = 50


@pytest.fixture
def house(installation: Installation, tenant_id: str) -> Iterator[FlowShop]:
    house = open_flow_shop(installation, tenant_id)
    yield house
    assert verify_journal(house.tenant, None).findings == ()


def together(*works: Callable[[], object]) -> list[object]:
    """Run all at the same moment; what each gave back, or why it was refused."""
    found: list[object] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(at: int) -> None:
        start.wait()
        try:
            found[at] = works[at]()
        except Refused as refused:
            found[at] = refused

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def codes(found: list[object]) -> list[str]:
    return [one.code if isinstance(one, Refused) else "done" for one in found]


def stage(house: FlowShop, record: int) -> str:
    return house.db.query("SELECT stage FROM f_claim WHERE id = ?", (record,))[0][0]


def acts(house: FlowShop, record: int) -> list[str]:
    """What the journal says happened."""
    rows = house.db.query("SELECT act FROM rf_journal WHERE record_id = ? ORDER BY seq", (record,))
    return [row[0] for row in rows]


def test_two_approvers(house: FlowShop) -> None:
    losers: Counter[str] = Counter()
    for _ in range(TIMES):
        record = house.claim("1", price="200").id
        found = together(
            lambda r=record: act(house.tenant, actor("lead"), "claim", r, "approved"),
            lambda r=record: act(
                house.tenant, actor("deputy"), "claim", r, "rejected", comment="no"
            ),
        )
        assert sorted(codes(found)).count("done") == 1, codes(found)
        lost = next(one for one in found if isinstance(one, Refused))
        losers[lost.code] += 1
        winner = "Lin" if not isinstance(found[0], Refused) else "Duan"
        assert winner in lost.message.en, lost.message.en
        assert stage(house, record) == ("returning" if winner == "Lin" else "closed")
        assert acts(house, record) == ["create", "act"]
        assert house.rows(record, "vote") == []
    assert set(losers) == {"task_decided"}


def test_approve_against_withdraw(house: FlowShop) -> None:
    seen: Counter[str] = Counter()
    for _ in range(TIMES):
        record = house.claim("1", price="200").id
        found = together(
            lambda r=record: act(house.tenant, actor("lead"), "claim", r, "approved"),
            lambda r=record: act(house.tenant, actor("clerk"), "claim", r, "withdraw"),
        )
        told = codes(found)
        assert told.count("done") == 1, told
        seen[told[1]] += 1
        assert stage(house, record) == ("closed" if told[1] == "done" else "returning")
        assert len(acts(house, record)) == 2
        assert house.rows(record, "vote") == []
        wanted = {"withdraw": "timer"}
        assert bool(house.rows(record, wanted["withdraw"])) == (told[0] == "done")


def test_a_vote_against_the_time_out(installation: Installation, tenant_id: str) -> None:
    house = open_flow_shop(installation, tenant_id, **{"flows/claim": FLOW_WITH_LATE})
    for _ in range(TIMES):
        record = house.claim("1", price="200").id
        house.clock.pass_by(days=3)
        (timer,) = house.db.query(
            "SELECT id FROM rf_due WHERE record_id = ? AND kind = 'timer' AND rule = 'due'"
            " AND status = 'open'",
            (record,),
        )[0]
        assert timer in due_timers(house.db, house.tenant.now_us(), 1000)
        found = together(
            lambda r=record: act(house.tenant, actor("lead"), "claim", r, "approved"),
            lambda t=timer: fire(house.tenant, t),
        )
        by_vote = not isinstance(found[0], Refused)
        assert by_vote != (found[1] is True), found
        assert stage(house, record) == ("returning" if by_vote else "closed")
        assert len(acts(house, record)) == 2
        assert not house.db.query("SELECT 1 FROM rf_due WHERE id = ? AND status = 'open'", (timer,))


def test_ten_inspectors_on_two_hundred_lines(installation: Installation, tenant_id: str) -> None:
    house = open_flow_shop(installation, tenant_id, lines=200)
    record = house.claim(*["1"] * 200, price="0.10").id
    arrive(house.tenant, "claim", record, Arrived("carrier.delivered", "e"))
    lines = dict(
        house.db.query(
            "SELECT d.task, t.data FROM rf_due AS d JOIN rf_due AS t ON t.id = d.token"
            " WHERE d.record_id = ? AND d.step = 'look' AND d.kind = 'task'",
            (record,),
        )
    )
    assert len(lines) == 200
    inspectors = [_hired(house, number) for number in range(10)]
    told: Counter[str] = Counter()
    for first in range(0, 200, 200 // TIMES):
        tasks = sorted(lines)[first : first + 200 // TIMES]
        # Ten at once: each line is wanted by two or three of them, and all lines are of one record.
        found = together(
            *(
                partial(_inspect, house, who, record, task, _row(lines[task]))
                for who, task in zip(inspectors, cycle(tasks), strict=False)
            )
        )
        for task, wanted in _by_task(found, tasks).items():
            told.update(codes(list(wanted.values())))
            (winner,) = [n for n, one in wanted.items() if not isinstance(one, Refused)]
            lost = [one for one in wanted.values() if isinstance(one, Refused)]
            assert {one.code for one in lost} == {"task_decided"}, (task, lost)
            assert all(inspectors[winner].name in one.message.en for one in lost), lost
    assert told == {"done": 200, "task_decided": 300}
    assert house.rows(record, "task") == [("task", "settle", "role:money", "")]
    assert house.db.query(
        "SELECT count(*) FROM f_claim__lines WHERE record_id = ? AND c_finding = 'sound'", (record,)
    ) == [(200,)]
    assert len(acts(house, record)) == 202
    assert verify_journal(house.tenant, None).findings == ()


def test_an_event_before_its_wait_and_twice(house: FlowShop) -> None:
    for n in range(TIMES):
        record = house.claim("1", price="200").id
        event = Arrived("carrier.delivered", f"e{n}")
        found = together(
            lambda r=record: act(house.tenant, actor("lead"), "claim", r, "approved"),
            lambda r=record, e=event: arrive(house.tenant, "claim", r, e),
            lambda r=record, e=event: arrive(house.tenant, "claim", r, e),
        )
        assert not isinstance(found[0], Refused), found
        assert stage(house, record) == "checking", (n, found, acts(house, record))
        assert sorted(acts(house, record)) == ["act", "create", "event"]
        assert house.db.query("SELECT status FROM rf_event WHERE id = ?", (event.id,)) == [
            ("used",)
        ]
        assert arrive(house.tenant, "claim", record, event) == "used"


def test_an_event_out_of_order_waits_for_its_turn(house: FlowShop) -> None:
    for n in range(TIMES):
        record = house.claim("1", price="200").id
        event = Arrived("carrier.delivered", f"early bird {n}")
        found = together(
            lambda r=record, e=event: arrive(house.tenant, "claim", r, e),
            lambda r=record, e=event: arrive(house.tenant, "claim", r, e),
        )
        assert found == ["early", "early"]
        assert acts(house, record) == ["create"]
        house.clock.at += timedelta(hours=1)
        act(house.tenant, actor("lead"), "claim", record, "approved")
        assert stage(house, record) == "checking"
        assert acts(house, record) == ["create", "act", "event"]
        assert [task for _, task, _, _ in house.rows(record, "task")] == ["look"]


def _hired(house: FlowShop, number: int) -> Actor:
    """One more inspector."""
    user_id, name, login = 100 + number, f"Inspector {chr(65 + number)}", f"inspector{number}"
    with house.db.write() as tx:
        tx.execute(
            "INSERT INTO rf_user (id, login, name, active, created_at, updated_at)"
            " VALUES (?, ?, ?, 1, 0, 0)",
            (user_id, login, name),
        )
        tx.execute("INSERT INTO rf_user_role (user_id, role) VALUES (?, 'inspector')", (user_id,))
    return Actor(user_id, name, frozenset({"inspector"}), lang="en", login=login)


def _inspect(house: FlowShop, who: Actor, record: int, task: int, line: int) -> object:
    values = {"lines": [{"id": line, "finding": "sound"}]}
    return act(house.tenant, who, "claim", record, "done", task=task, values=values)


def _by_task(found: list[object], tasks: list[int]) -> dict[int, dict[int, object]]:
    """Task → who tried it (by number) → what came of it."""
    tried: dict[int, dict[int, object]] = {task: {} for task in tasks}
    for number, one in enumerate(found):
        tried[tasks[number % len(tasks)]][number] = one
    return tried


def _row(text: str) -> int:
    return json.loads(text)["row"]
