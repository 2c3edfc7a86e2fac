"""How few statements a step of a flow takes, with every kind of row it can write."""

from __future__ import annotations

import json

import pytest

from app.records.acting import act, claim, give_back
from app.records.inbox import inbox
from app.records.save import create
from app.records.signals import arrive
from app.storage.databases import Installation
from flows.events import Arrived
from tests.records.flowshop import FlowShop, actor, open_flow_shop
from tests.support.statements import count_statements

SUBMIT, LATER, OPENS, INSIDE = 14, 9, 10, 10


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


KINDS = ("rf_due", "rf_aggregate", "rf_journal", "rf_idempotency", "rf_outbox")


def told(seen: list[str]) -> str:
    return "\n".join(text[:160] for text in seen)


def within(seen: list[str], most: int, *kinds: str) -> None:
    """At most so many statements, and rows of all these kinds among them."""
    assert len(seen) <= most, told(seen)
    for kind in (*KINDS, *kinds):
        assert any(f"INTO {kind} " in text or f"UPDATE {kind} " in text for text in seen), kind


def test_submitting_up_to_the_first_wait(house: FlowShop) -> None:
    body = house.values("1", "1", "1", contact="Li", address="Somewhere", reference="R1")
    with count_statements(house.db) as seen:
        saved = create(house.tenant, actor("clerk"), "claim", body, key="once")
    assert house.rows(saved.id, "timer") and house.rows(saved.id, "keep")
    stage = house.db.query("SELECT stage FROM f_claim WHERE id = ?", (saved.id,))
    assert stage == [("returning",)]
    within(seen, SUBMIT, "rf_sequence", "f_claim", "f_claim__lines")


def test_a_vote_that_opens_the_next_level(house: FlowShop) -> None:
    saved = house.claim("1", "1", "1", price="900")
    with count_statements(house.db) as seen:
        act(house.tenant, actor("lead"), "claim", saved.id, "approved", key="k1", comment="good")
    assert house.rows(saved.id, "vote") == [("vote", "approval", "user:24", "")]
    assert len(seen) <= OPENS, told(seen)


def test_a_vote_that_decides_and_moves_totals(house: FlowShop) -> None:
    saved = house.claim("1", "1", "1", price="900")
    act(house.tenant, actor("lead"), "claim", saved.id, "approved")
    with count_statements(house.db) as seen:
        act(house.tenant, actor("money"), "claim", saved.id, "rejected", key="k2", comment="no")
    within(seen, LATER, "f_claim")


def test_a_vote_that_decides_moves_totals_and_opens_a_wait(house: FlowShop) -> None:
    saved = house.claim("1", "1", "1", price="200")
    with count_statements(house.db) as seen:
        act(house.tenant, actor("lead"), "claim", saved.id, "approved", key="k4")
    within(seen, OPENS, "f_claim")


def test_an_act_inside_each_that_changes_its_line_and_totals(house: FlowShop) -> None:
    record = warm(house, "1")
    ((task, text),) = house.db.query(
        "SELECT d.task, t.data FROM rf_due AS d JOIN rf_due AS t ON t.id = d.token"
        " WHERE d.record_id = ? AND d.kind = 'task' AND d.status = 'open' LIMIT 1",
        (record,),
    )
    values = {"lines": [{"id": json.loads(text)["row"], "finding": "sound"}]}
    inspector = actor("inspector")
    with count_statements(house.db) as seen:
        act(house.tenant, inspector, "claim", record, "done", task=task, values=values, key="k3")
    within(seen, INSIDE, "f_claim", "f_claim__lines")


def test_a_long_life_costs_no_more_statements_nor_rows_read(house: FlowShop) -> None:
    record = warm(house, "2")
    for line in house.db.query(
        "SELECT d.task, t.data FROM rf_due AS d JOIN rf_due AS t ON t.id = d.token"
        " WHERE d.record_id = ? AND d.kind = 'task' AND d.status = 'open'",
        (record,),
    ):
        values = {"lines": [{"id": json.loads(line[1])["row"], "finding": "sound"}]}
        act(house.tenant, actor("inspector"), "claim", record, "done", task=line[0], values=values)
    money = actor("money")

    def turn() -> list[str]:
        with count_statements(house.db) as seen:
            claim(house.tenant, money, "claim", record)
            give_back(house.tenant, money, "claim", record)
        return seen

    first = turn()
    flow = house.db.query("SELECT length(flow) FROM f_claim WHERE id = ?", (record,))[0][0]
    for _ in range(100):
        claim(house.tenant, money, "claim", record)
        give_back(house.tenant, money, "claim", record)
    assert len(turn()) == len(first)
    after = house.db.query("SELECT length(flow) FROM f_claim WHERE id = ?", (record,))[0][0]
    assert after <= flow + 20, "what a record carries does not grow with its history"
    assert len(house.rows(record, "task", "timer")) <= 4


def test_the_inbox_takes_the_same_statements_however_many_lines_its_rows_are_about(
    house: FlowShop,
) -> None:
    inspector = actor("inspector")

    def seen() -> tuple[int, int]:
        with count_statements(house.db) as statements:
            rows = inbox(house.tenant, inspector).rows
        assert all(row.line is not None for row in rows)
        return len(rows), len(statements)

    few, before = seen()
    for number in range(3):
        warm(house, f"more{number}")
    many, after = seen()
    assert (few, many) == (3, 12)
    assert before == after <= 2
    names = {(row.line.number, row.line.name) for row in inbox(house.tenant, inspector).rows}
    assert {number for number, _ in names} == {1, 2, 3}
