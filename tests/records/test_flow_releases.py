"""Flows that change while records are on their way; people who stand in; what is waited for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.access.actor import SYSTEM
from app.records.acting import act
from app.records.delegations import (
    change_delegation,
    delegate,
    delegations,
    end_delegation,
    every_delegation,
    standing_in,
)
from app.records.errors import Refused
from app.records.flowview import flow_of, why
from app.records.inbox import inbox
from app.records.look import history, read
from app.records.proof import verify_aggregates, verify_journal
from app.records.releases import plan_publish, publish, records_running, rollback
from app.records.save import create, delete, update
from app.records.signals import arrive, changed, fire
from app.records.waiting import due_timers, watchers
from app.storage.databases import Installation
from flows.events import Arrived
from tests.records.flowshop import FLOWS, FlowShop, actor, open_flow_shop, sources
from tests.records.shop import refused

FLOW = FLOWS["packs/shop/flows/claim.yaml"]
SHORTER = FLOW.replace("next: {approved: bring,", "next: {approved: settle,").replace(
    "returning: {label: {zh: 寄回中, en: Coming back}}",
    "returning: {label: {zh: 退回途中, en: On its way back}}",
)


@pytest.fixture
def house(installation: Installation, tenant_id: str) -> FlowShop:
    return open_flow_shop(installation, tenant_id)


def stage(house: FlowShop, record: int) -> str:
    return house.db.query("SELECT stage FROM f_claim WHERE id = ?", (record,))[0][0]


def test_a_record_goes_on_by_the_flow_it_began_with(house: FlowShop) -> None:
    old = house.claim("1", price="200").id
    new_sources = sources(**{"flows/claim": SHORTER})
    _, planned = plan_publish(house.tenant, new_sources)
    assert records_running(house.tenant, planned) == {"claim": 1}
    first = house.tenant.active().no
    publish(house.tenant, SYSTEM, new_sources)
    new = house.claim("1", price="200").id
    for record in (old, new):
        act(house.tenant, actor("lead"), "claim", record, "approved")
    assert [row[1] for row in house.rows(old, "task")] == []
    assert [row[1] for row in house.rows(new, "task")] == ["settle"]
    assert flow_of(house.tenant, actor("clerk"), "claim", old).stage_label.en == "Coming back"
    rollback(house.tenant, SYSTEM, first)
    assert arrive(house.tenant, "claim", old, Arrived("carrier.delivered", "e1")) == "used"
    act(house.tenant, actor("money"), "claim", new, "deny") if _taken(house, new) else None
    assert stage(house, new) == "closed"
    assert verify_journal(house.tenant, None).findings == ()
    assert verify_aggregates(house.tenant) == []


def _taken(house: FlowShop, record: int) -> bool:
    from app.records.acting import claim

    return claim(house.tenant, actor("money"), "claim", record).version > 0


def test_a_record_of_a_form_that_is_no_more_is_still_moved_by_its_timers(
    house: FlowShop,
) -> None:
    record = house.claim("1", price="200").id
    left = {
        path: text
        for path, text in sources().files.items()
        if not any(name in path for name in ("claim", "fairness", "progress"))
    }
    left["packs/shop/roles/lead.yaml"] = "role: lead\nlabel: Lead\n"
    left = {
        path: "\n".join(line for line in text.splitlines() if "claim" not in line)
        if "/roles/" in path
        else text
        for path, text in left.items()
    }
    left.pop("packs/shop/roles/agent.yaml")
    left.pop("packs/shop/roles/phones.yaml")
    from app.catalog.sources import Sources

    publish(house.tenant, SYSTEM, Sources(left, "acme"))
    refused("not_found", read, house.tenant, actor("lead"), "claim", record)
    house.clock.pass_by(days=3)
    due = due_timers(house.db, house.tenant.now_us())
    assert [fire(house.tenant, one) for one in due].count(True) >= 1
    assert ("vote", "approval", "role:boss", "") in house.rows(record, "vote")


def test_a_role_that_may_amend_changes_a_record_outside_of_tasks(
    installation: Installation, tenant_id: str
) -> None:
    role = (
        "role: lead\nlabel: Lead\ncan: {claim: {actions: [list, read, amend], readonly: [cost]}}\n"
    )
    house = open_flow_shop(installation, tenant_id, **{"roles/lead": role})
    record = house.claim("1").id
    lead = actor("lead")
    update(house.tenant, lead, "claim", record, {"contact": "Wu"}, version=None)
    refused("invalid", update, house.tenant, lead, "claim", record, {"cost": "1"}, version=None)
    assert history(house.tenant, lead, "claim", record)[-1].act == "amend"
    assert "update" in read(house.tenant, lead, "claim", record).may


def test_whoever_stands_in_votes_for_the_other(installation: Installation, tenant_id: str) -> None:
    flow = FLOW.replace("      ask: {comment: on_reject}", "      allow: [delegate]")
    house = open_flow_shop(installation, tenant_id, **{"flows/claim": flow})
    lead = actor("lead")
    start = house.clock.at
    mine, _ = delegate(
        house.tenant, lead, 26, form="claim", starts_at=start, ends_at=start + timedelta(days=2)
    )
    record = house.claim("1", price="200").id
    assert house.rows(record, "vote") == [
        ("vote", "approval", "user:23", ""),
        ("vote", "approval", "user:26", ""),
    ]
    (row,) = inbox(house.tenant, actor("boss")).rows
    assert row.instead_of == 22
    act(house.tenant, actor("boss"), "claim", record, "approved")
    assert history(house.tenant, actor("clerk"), "claim", record)[-1].flow["instead_of"] == 22
    house.clock.pass_by(days=3)
    later = house.claim("1", price="200").id
    assert ("vote", "approval", "user:22", "") in house.rows(later, "vote")
    assert [one.ended for one in delegations(house.tenant, lead)] == [False]
    refused("forbidden", end_delegation, house.tenant, actor("money"), mine)
    end_delegation(house.tenant, lead, mine)
    assert [one.ended for one in delegations(house.tenant, lead)] == [True]
    refused("invalid", delegate, house.tenant, lead, 22)
    refused("invalid", delegate, house.tenant, lead, 999)
    refused("forbidden", delegate, house.tenant, lead, 26, user=24)


def test_periods_that_overlap_and_circles_are_refused(
    installation: Installation, tenant_id: str
) -> None:
    flow = FLOW.replace("      ask: {comment: on_reject}", "      allow: [delegate]")
    house = open_flow_shop(installation, tenant_id, **{"flows/claim": flow})
    tenant, lead, money = house.tenant, actor("lead"), actor("money")
    now = house.clock.at

    def days(first: int, last: int) -> dict[str, datetime]:
        return {"starts_at": now + timedelta(days=first), "ends_at": now + timedelta(days=last)}

    one, _ = delegate(tenant, lead, 26, form="claim", **days(2, 4))
    for when in (days(1, 3), days(3, 9), days(1, 9), {"ends_at": now + timedelta(days=3)}, {}):
        refused("invalid", delegate, tenant, lead, 23, **when)
    two, _ = delegate(tenant, lead, 23, **days(4, 6))
    refused("invalid", change_delegation, tenant, lead, two, 23, **days(3, 6))
    change_delegation(tenant, lead, two, 24, **days(5, 7))
    refused("invalid", delegate, tenant, money, 22, **days(6, 8))  # each for the other
    delegate(tenant, money, 22, **days(7, 8))
    refused("forbidden", change_delegation, tenant, money, one, 25)
    refused("invalid", delegate, tenant, lead, 23, **days(-3, -1))
    refused("invalid", delegate, tenant, lead, 23, form="payout", **days(20, 21))
    assert [d.to_user for d in standing_in(tenant, lead)] == [22]
    end_delegation(tenant, lead, one)
    delegate(tenant, lead, 23, **days(1, 3))
    refused("invalid", change_delegation, tenant, lead, one, 26)
    refused("forbidden", every_delegation, tenant, lead, limit=9)


def test_an_interrupt_ends_scopes_that_were_not_even_read(
    installation: Installation, tenant_id: str
) -> None:
    flow = FLOW.replace(
        "in: [filed], to: withdrawn", "in: [filed, checking], to: withdrawn, undo: true"
    )
    house = open_flow_shop(installation, tenant_id, **{"flows/claim": flow})
    record = house.claim("1", "1", "1").id
    arrive(house.tenant, "claim", record, Arrived("carrier.delivered", "e"))
    assert len(house.rows(record, "task")) == len(house.rows(record, "token")) == 3
    act(house.tenant, actor("clerk"), "claim", record, "withdraw")
    assert house.rows(record, "task", "token", "timer") == []
    assert len(house.rows(record, "task", status="cancelled")) == 3
    ((done_by,),) = house.db.query(
        "SELECT count(by_user) FROM rf_due WHERE record_id = ? AND step = 'look'", (record,)
    )
    assert done_by == 0
    refused("task_decided", act, house.tenant, actor("inspector"), "claim", record, "done")


WAITS = FLOW.replace(
    "    wait: {for: [carrier.delivered]}\n",
    "    wait: {until: purchase.paid > 1000000}\n",
).replace("{carrier.delivered: inspect, late: expired}", "{until: inspect, late: expired}")


def test_a_condition_on_another_record_is_looked_at_when_that_one_changes(
    installation: Installation, tenant_id: str
) -> None:
    house = open_flow_shop(installation, tenant_id, **{"flows/claim": WAITS})
    record = house.claim("1").id
    assert stage(house, record) == "returning"
    assert watchers(house.db, [("purchase", house.purchase)]) == [("claim", record)]
    assert watchers(house.db, [("purchase", 1), ("buyer", house.buyer)]) == []
    assert changed(house.tenant, "claim", record) is False
    boss = actor("boss")
    update(house.tenant, boss, "purchase", house.purchase, {"paid": "2000000"}, version=None)
    assert changed(house.tenant, "claim", record)
    assert stage(house, record) == "checking"
    assert watchers(house.db, [("purchase", house.purchase)]) == []


def test_what_a_reader_may_not_see_is_not_in_the_reasons(
    installation: Installation, tenant_id: str
) -> None:
    role = "role: lead\nlabel: Lead\ncan: {claim: {actions: [list, read], hide: [total]}}\n"
    house = open_flow_shop(installation, tenant_id, **{"roles/lead": role})
    record = house.claim("1").id
    told = str([one.trace for one in why(house.tenant, actor("lead"), "claim", record)])
    assert "'total'" not in told and "2.5" not in told
    whole = str([one.trace for one in why(house.tenant, actor("clerk"), "claim", record)])
    assert "2.5" in whole


def test_what_comes_for_a_deleted_record_is_put_away(house: FlowShop) -> None:
    record = house.claim("1", price="200").id
    house.clock.pass_by(days=3)
    due = due_timers(house.db, house.tenant.now_us())
    delete(house.tenant, actor("boss"), "claim", record, version=None)
    assert [fire(house.tenant, one) for one in due] == [False] * len(due)
    assert arrive(house.tenant, "claim", record, Arrived("carrier.delivered", "e")) == "late"
    assert changed(house.tenant, "claim", record) is False


def test_a_token_of_the_api_acts_only_where_it_may_change(house: FlowShop) -> None:
    from dataclasses import replace

    record = house.claim("1", price="200").id
    reading = replace(actor("lead"), scopes=frozenset({"claim:read"}))
    refused("forbidden", act, house.tenant, reading, "claim", record, "approved")
    assert inbox(house.tenant, replace(actor("lead"), scopes=frozenset({"memo:read"}))).rows == ()
    writing = replace(actor("lead"), scopes=frozenset({"claim:update"}))
    act(house.tenant, writing, "claim", record, "approved")


def test_a_clerk_makes_a_claim_for_nobody_else_to_submit(house: FlowShop) -> None:
    with pytest.raises(Refused):
        create(house.tenant, actor("stranger"), "claim", house.values("1"))
