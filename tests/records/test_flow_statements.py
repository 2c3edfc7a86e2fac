"""How few statements a step of a flow takes, with every kind of row it can write."""

from __future__ import annotations

import pytest

from app.records.acting import act
from app.records.signals import arrive
from app.storage.databases import Installation
from flows.state import Arrived
from tests.records.flowshop import FlowShop, actor, open_flow_shop
from tests.support.statements import count_statements

SUBMIT, LATER, OPENS, INSIDE = 14, 9, 10, 11


@pytest.fixture
def house(installation: Installation, tenant_id: str) -> FlowShop:
    """A shop whose caches are warm: one claim has gone all the way to its inspection."""
    house = open_flow_shop(installation, tenant_id)
    warm(house, "0")
    return house


def warm(house: FlowShop, mark: str) -> int:
    saved = house.claim("1", "1", "1", price="900", key=f"warm{mark}")
    act(house.tenant, actor("lead"), "claim", saved.id, "approved", key=f"l{mark}")
    act(house.tenant, actor("money"), "claim", saved.id, "approved", key=f"m{mark}")
    deliver(house, saved.id)
    return saved.id


def deliver(house: FlowShop, record: int) -> None:
    event = Arrived("carrier.delivered", f"e{record}")
    assert arrive(house.tenant, "claim", record, event) == "used"


def told(seen: list[str]) -> str:
    return "\n".join(text[:160] for text in seen)


def test_submitting_up_to_the_first_wait(house: FlowShop) -> None:
    body = house.values("1", "1", "1", contact="Li", address="Somewhere", reference="R1")
    from app.records.save import create

    with count_statements(house.db) as seen:
        saved = create(house.tenant, actor("clerk"), "claim", body, key="once")
    assert house.rows(saved.id, "timer") and house.rows(saved.id, "keep")
    assert house.tenant.db.query("SELECT stage FROM f_claim WHERE id = ?", (saved.id,)) == [
        ("returning",)
    ]
    assert len(seen) <= SUBMIT, told(seen)


def test_a_vote_that_opens_the_next_level(house: FlowShop) -> None:
    saved = house.claim("1", "1", "1", price="900")
    with count_statements(house.db) as seen:
        act(house.tenant, actor("lead"), "claim", saved.id, "approved", key="k1", comment="good")
    assert house.rows(saved.id, "vote") == [("vote", "approval", "user:24", "")]
    assert len(seen) <= OPENS, told(seen)


def test_a_vote_that_decides(house: FlowShop) -> None:
    saved = house.claim("1", "1", "1", price="900")
    act(house.tenant, actor("lead"), "claim", saved.id, "approved")
    with count_statements(house.db) as seen:
        act(house.tenant, actor("money"), "claim", saved.id, "approved", key="k2")
    assert len(seen) <= LATER, told(seen)


def test_an_act_inside_each(house: FlowShop) -> None:
    record = warm(house, "1")
    rows = house.db.query(
        "SELECT task FROM rf_due WHERE record_id = ? AND kind = 'task' AND status = 'open'"
        " AND step = 'look' ORDER BY task",
        (record,),
    )
    (task,), (last,) = rows[0], rows[-1]
    line = line_of(house, record, task)
    values = {"lines": [{"id": line, "finding": "sound"}]}
    with count_statements(house.db) as seen:
        act(
            house.tenant,
            actor("inspector"),
            "claim",
            record,
            "done",
            task=task,
            values=values,
            key="k3",
        )
    assert len(seen) <= INSIDE, told(seen)
    assert last != task


def line_of(house: FlowShop, record: int, task: int) -> int:
    """The line a task of `each` is about."""
    ((text,),) = house.db.query(
        "SELECT t.data FROM rf_due AS t WHERE t.kind = 'token' AND t.id ="
        " (SELECT d.token FROM rf_due AS d WHERE d.task = ? LIMIT 1)",
        (task,),
    )
    import json

    return json.loads(text)["row"]
