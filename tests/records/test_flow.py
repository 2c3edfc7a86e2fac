"""A claim's way through its flow: who may do what, what is written, what follows."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from app.access.actor import SYSTEM
from app.records import outbox
from app.records.acting import (
    act,
    add_approver,
    claim,
    comment,
    give_back,
    transfer,
)
from app.records.bulk import act_on_many
from app.records.errors import Refused
from app.records.files import attach, open_attachment
from app.records.flowview import decisions, flow_of, trace, why
from app.records.inbox import counts, inbox
from app.records.look import history, preview, read
from app.records.proof import verify_aggregates, verify_journal
from app.records.save import create, delete, update
from app.records.signals import Lost, answer, arrive, child_ended, fire, mend
from app.records.waiting import due_timers, next_timer
from app.storage.databases import Installation
from flows.events import Answer, Arrived, Mend
from flows.state import Origin
from tests.records.flowshop import FlowShop, actor, open_flow_shop
from tests.records.shop import refused

LARGE = "200"
STUCK = "SELECT record_id, token, step FROM rf_due WHERE kind = 'incident' AND status = 'open'"


@pytest.fixture
def house(installation: Installation, tenant_id: str) -> FlowShop:
    return open_flow_shop(installation, tenant_id)


def stage(house: FlowShop, record: int, table: str = "f_claim") -> str:
    return house.db.query(f"SELECT stage FROM {table} WHERE id = ?", (record,))[0][0]


def inspected(house: FlowShop, *quantities: str, **more: Any) -> int:
    """A claim on its way until its lines are to be inspected."""
    record = house.claim(*(quantities or ("1",)), **more).id
    assert arrive(house.tenant, "claim", record, Arrived("carrier.delivered", f"e{record}"))
    return record


def looks(house: FlowShop, record: int) -> dict[int, int]:
    """Task → line of the open inspections."""
    view = flow_of(house.tenant, actor("inspector"), "claim", record)
    return {one.task.id: one.row for one in view.tasks if one.path == "inspect/look"}


def settled(house: FlowShop, **more: Any) -> int:
    """A claim whose lines are inspected."""
    record = inspected(house, **more)
    for task, line in looks(house, record).items():
        look(house, record, task, line)
    return record


def look(house: FlowShop, record: int, task: int, line: int) -> None:
    values = {"lines": [{"id": line, "finding": "sound"}]}
    act(house.tenant, actor("inspector"), "claim", record, "done", task=task, values=values)


# --- beginning -----------------------------------------------------------------------------------


def test_a_submitted_claim_is_judged_at_once(house: FlowShop) -> None:
    small, large = house.claim("1"), house.claim("1", price=LARGE)
    assert (stage(house, small.id), stage(house, large.id)) == ("returning", "filed")
    row = read(house.tenant, actor("clerk"), "claim", small.id).row
    assert row["verdict"] == "fine" and row["number"]
    assert house.rows(large.id, "vote") == [
        ("vote", "approval", "user:22", ""),
        ("vote", "approval", "user:23", ""),
    ]
    (entry,) = history(house.tenant, actor("clerk"), "claim", small.id)
    assert entry.act == "create" and "@" not in entry.changes
    assert entry.flow["event"] == "submit"
    assert {one["kind"] for one in entry.flow["trace"]} >= {"enter", "leave", "decide"}


def test_a_draft_stays_in_its_first_task_and_needs_nothing_yet(house: FlowShop) -> None:
    clerk = actor("clerk")
    values = {"buyer": house.buyer}
    draft = create(house.tenant, clerk, "claim", values, moment="save")
    assert house.rows(draft.id, "task") == [("task", "file", "user:21", "")]
    update(house.tenant, clerk, "claim", draft.id, {"contact": "Li"}, version=1)
    error = refused("invalid", act, house.tenant, clerk, "claim", draft.id, "submit")
    assert ("too_few_rows", ("lines",)) in [(one.code, one.path) for one in error.details]
    values = house.values("1")
    given = {"lines": values["lines"], "purchase": house.purchase}
    act(house.tenant, clerk, "claim", draft.id, "submit", values=given)
    assert stage(house, draft.id) == "returning"


def test_a_repeated_request_moves_nothing(house: FlowShop) -> None:
    first = house.claim("1", price=LARGE, key="one")
    again = house.claim("1", price=LARGE, key="one")
    assert again.id == first.id and again.replayed
    lead = actor("lead")
    done = act(house.tenant, lead, "claim", first.id, "approved", key="yes")
    again = act(house.tenant, lead, "claim", first.id, "approved", key="yes")
    assert again.replayed and again.version == done.version == 2
    assert len(history(house.tenant, lead, "claim", first.id)) == 2


# --- who may -------------------------------------------------------------------------------------


def test_a_task_lets_its_holder_see_the_record_and_nobody_else(house: FlowShop) -> None:
    record = inspected(house)
    assert read(house.tenant, actor("inspector"), "claim", record).may >= {"read", "update"}
    refused("not_found", read, house.tenant, actor("stranger"), "claim", record)
    refused("not_found", read, house.tenant, actor("money"), "claim", record)
    refused("not_found", act, house.tenant, actor("stranger"), "claim", record, "done")
    ((task, line),) = looks(house, record).items()
    refused("not_found", act, house.tenant, actor("money"), "claim", record, "done", task=task)
    refused("not_yours", act, house.tenant, actor("lead"), "claim", record, "done", task=task)
    look(house, record, task, line)
    assert read(house.tenant, actor("inspector"), "claim", record).row["stage"] == "checking"


def test_only_what_the_task_opens_is_written(house: FlowShop) -> None:
    record = inspected(house, "1", "2")
    (task, line), (_, other) = sorted(looks(house, record).items())
    inspector = actor("inspector")
    for values, path in (
        ({"note": "x"}, "note"),
        ({"lines": [{"id": line, "quantity": "9"}]}, "quantity"),
        ({"lines": [{"id": other, "finding": "sound"}]}, "finding"),
    ):
        error = refused(
            "invalid",
            act,
            house.tenant,
            inspector,
            "claim",
            record,
            "done",
            task=task,
            values=values,
        )
        assert path in [one.path[-1] for one in error.details]
    error = refused("invalid", act, house.tenant, inspector, "claim", record, "done", task=task)
    assert [one.code for one in error.details] == ["required"]
    look(house, record, task, line)
    shown = preview(house.tenant, inspector, "claim", {}, rid=record)
    assert shown.fixed == {"lines"} and "note" in shown.locked
    assert [path for path, needed in shown.required.items() if needed] != []
    assert all(path[-1] == "finding" for path, needed in shown.required.items() if needed)


def test_a_record_in_its_flow_is_changed_inside_a_task_or_amended(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    clerk, boss = actor("clerk"), actor("boss")
    refused("no_task", update, house.tenant, clerk, "claim", record, {"contact": "x"}, version=1)
    assert "update" not in read(house.tenant, clerk, "claim", record).may
    refused("no_task", update, house.tenant, boss, "claim", record, {"contact": "x"}, version=1)
    update(house.tenant, SYSTEM, "claim", record, {"contact": "Wang"}, version=1)
    assert history(house.tenant, clerk, "claim", record)[-1].act == "amend"
    assert read(house.tenant, clerk, "claim", record).row["contact"] == "Wang"


def test_another_person_s_save_elsewhere_is_no_conflict(house: FlowShop) -> None:
    record = settled(house)
    money = actor("money")
    claim(house.tenant, money, "claim", record)
    seen = read(house.tenant, money, "claim", record).row["version"]
    update(house.tenant, SYSTEM, "claim", record, {"contact": "Wang"}, version=None)
    update(house.tenant, money, "claim", record, {"note": "ok"}, version=seen)
    update(house.tenant, SYSTEM, "claim", record, {"note": "mine"}, version=None)
    values = {"note": "theirs"}
    refused("stale", act, house.tenant, money, "claim", record, "deny", values=values, version=seen)
    act(house.tenant, money, "claim", record, "deny", values=values)
    assert read(house.tenant, money, "claim", record).row["note"] == "theirs"


# --- tasks ---------------------------------------------------------------------------------------


def test_a_task_is_taken_given_back_and_counted(house: FlowShop) -> None:
    record = settled(house)
    money = actor("money")
    assert (counts(house.tenant, money).todo, counts(house.tenant, actor("lead")).todo) == (1, 0)
    refused("not_claimed", act, house.tenant, money, "claim", record, "deny")
    claim(house.tenant, money, "claim", record)
    (row,) = inbox(house.tenant, money).rows
    assert (row.claimed, row.step, row.record, row.overdue) == (24, "settle", record, False)
    house.clock.pass_by(days=4)
    assert counts(house.tenant, money).overdue == 1
    give_back(house.tenant, money, "claim", record)
    claim(house.tenant, money, "claim", record)
    act(house.tenant, money, "claim", record, "deny")
    assert inbox(house.tenant, money).rows == ()
    (row,) = inbox(house.tenant, money, "done").rows
    assert (row.step, row.outcome) == ("settle", "deny")
    (row,) = inbox(house.tenant, actor("clerk"), "started").rows
    assert (row.record, row.outcome, row.stage) == (record, "refused", "closed")


def test_the_inbox_turns_pages_and_searches(house: FlowShop) -> None:
    numbers = [house.claim("1", price=LARGE, reference=f"R{n}").number for n in range(5)]
    lead = actor("lead")
    first = inbox(house.tenant, lead, limit=2)
    rest = inbox(house.tenant, lead, limit=10, after=first.next)
    assert len(first.rows) == 2 and rest.next is None
    seen = [one.number for one in (*first.rows, *rest.rows)]
    assert sorted(seen) == sorted(numbers)
    (found,) = inbox(house.tenant, lead, search=numbers[3]).rows
    assert found.number == numbers[3]
    assert inbox(house.tenant, lead, form="payout").rows == ()
    refused("bad_request", inbox, house.tenant, lead, after="x")
    refused("bad_request", inbox, house.tenant, lead, "elsewhere")


def test_a_vote_is_transferred_or_shared(installation: Installation, tenant_id: str) -> None:
    from tests.records.flowshop import FLOWS

    flow = FLOWS["packs/shop/flows/claim.yaml"].replace(
        "      ask: {comment: on_reject}", "      allow: [transfer, add]"
    )
    house = open_flow_shop(installation, tenant_id, **{"flows/claim": flow})
    record = house.claim("1", price=LARGE).id
    lead = actor("lead")
    refused("cannot_transfer", transfer, house.tenant, lead, "claim", record, to=404)
    refused("cannot_add", add_approver, house.tenant, lead, "claim", record, user=404, how="after")
    transfer(house.tenant, lead, "claim", record, to=26, comment="you know them")
    assert ("vote", "approval", "user:26", "") in house.rows(record, "vote")
    add_approver(house.tenant, actor("boss"), "claim", record, user=24, how="before")
    (row,) = inbox(house.tenant, actor("money")).rows
    assert (row.record, row.kind) == (record, "vote")
    entry = history(house.tenant, actor("clerk"), "claim", record)[1]
    assert (entry.act, entry.flow["to"], entry.flow["comment"]) == ("transfer", 26, "you know them")


def test_acts_on_many_go_the_same_way_one_by_one(house: FlowShop) -> None:
    records = [house.claim("1", price=LARGE).id for _ in range(3)]
    act(house.tenant, actor("lead"), "claim", records[1], "approved")
    results = act_on_many(house.tenant, actor("deputy"), "claim", records, "approved", key="all")
    assert [one.refused and one.refused.code for one in results] == [None, "task_decided", None]
    assert "Lin" in results[1].refused.message.en
    again = act_on_many(house.tenant, actor("deputy"), "claim", records, "approved", key="all")
    assert [one.saved and one.saved.replayed for one in again] == [True, None, True]


def test_comments_and_files_of_acts_are_kept_and_read_with_the_record(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    lead = actor("lead")
    file = attach(house.tenant, lead, "claim", "@", io.BytesIO(b"%PDF-1.7 letter"), "letter.pdf")
    comment(house.tenant, lead, "claim", record, "see the letter", [file])
    entry = history(house.tenant, lead, "claim", record)[-1]
    assert (entry.act, entry.flow["comment"]) == ("comment", "see the letter")
    assert len(entry.flow["attachments"]) == 1
    with open_attachment(house.tenant, actor("clerk"), "claim", record, file).stream as stream:
        assert stream.read() == b"%PDF-1.7 letter"
    other = attach(house.tenant, actor("clerk"), "claim", "@", io.BytesIO(b"mine"), "mine.txt")
    refused("invalid", comment, house.tenant, lead, "claim", record, "", [other])
    refused("invalid", comment, house.tenant, lead, "claim", record, " ")
    refused("ask_missing", act, house.tenant, lead, "claim", record, "rejected")


# --- what comes by itself ------------------------------------------------------------------------


def test_a_timer_fires_once(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    house.clock.pass_by(days=3)
    due = due_timers(house.db, house.tenant.now_us())
    assert next_timer(house.db) is not None
    fired = [fire(house.tenant, one) for one in due]
    assert any(fired) and [fire(house.tenant, one) for one in due] == [False] * len(due)
    assert due_timers(house.db, house.tenant.now_us()) == []
    assert ("vote", "approval", "role:boss", "") in house.rows(record, "vote")
    acts = [one.act for one in history(house.tenant, actor("clerk"), "claim", record)]
    assert acts == ["create"] + ["timer"] * fired.count(True)


def paying(house: FlowShop) -> tuple[int, int, dict[str, Any]]:
    """A claim that has started its payout: (claim, payout, the payout's call)."""
    record = settled(house)
    money = actor("money")
    claim(house.tenant, money, "claim", record)
    act(house.tenant, money, "claim", record, "pay")
    ((key, text),) = house.db.query(
        "SELECT once, payload FROM rf_outbox WHERE topic = 'start' AND record_id = ?", (record,)
    )
    start = json.loads(text)
    place = {name: start[name] for name in ("key", "token", "step", "visit")}
    origin = Origin("claim", record, wait=True, **place)
    made = create(house.tenant, SYSTEM, "payout", start["values"], key=key, origin=origin)
    told = Answer(key, start["token"], start["step"], start["visit"], "", "started",
                  {"record": _shown(made.id)})  # fmt: skip
    assert answer(house.tenant, "claim", record, told)
    ((text,),) = house.db.query(
        "SELECT payload FROM rf_outbox WHERE topic = 'call' AND record_id = ?", (made.id,)
    )
    return record, made.id, json.loads(text)


def _shown(record: int) -> str:
    from forms.values import encode_id

    return encode_id(record)


def test_a_claim_starts_a_payout_and_goes_on_when_it_ends(house: FlowShop) -> None:
    record, payout, call = paying(house)
    assert read(house.tenant, actor("clerk"), "claim", record).row["payout"] == payout
    assert call["use"] == "payment.refund"
    assert call["arguments"] == {
        "amount": {"amount": "1", "currency": "CNY"},
        "order": _shown(house.purchase),
    }
    place = (call["token"], call["step"], call["visit"], call["action"])
    done = Answer(call["key"], *place, "done", {"reference": "T-1"})
    assert answer(house.tenant, "payout", payout, done)
    assert not answer(house.tenant, "payout", payout, done), "said twice, done once"
    assert stage(house, payout, "f_payout") == "paid"
    ((text,),) = house.db.query(
        "SELECT payload FROM rf_outbox WHERE topic = 'ended' AND record_id = ?", (payout,)
    )
    ended = json.loads(text)
    assert child_ended(house.tenant, ended["origin"], payout, ended["outcome"])
    assert not child_ended(house.tenant, ended["origin"], payout, ended["outcome"])
    assert stage(house, record) == "paid"
    assert verify_journal(house.tenant, None).findings == ()
    assert verify_aggregates(house.tenant) == []


def test_an_answer_whose_lease_is_lost_writes_nothing(house: FlowShop) -> None:
    _, payout, call = paying(house)
    now = house.tenant.now_us()
    mine = next(one for one in outbox.claim(house.db, now, limit=99) if one.topic == "call")
    outbox.claim(house.db, now + 2 * outbox.LEASE, limit=99)
    sql = (
        "UPDATE rf_outbox SET status = 'done', done_at = ? WHERE id = ? AND fence = ?"
        " AND status = 'running' RETURNING id"
    )
    place = (call["token"], call["step"], call["visit"], call["action"])
    told = Answer(call["key"], *place, "done", {"reference": "T-1"})
    with pytest.raises(Lost):
        answer(house.tenant, "payout", payout, told, (sql, (now, mine.id, mine.fence)))
    assert stage(house, payout, "f_payout") == "paying"
    assert answer(house.tenant, "payout", payout, told, (sql, (now, mine.id, mine.fence + 1)))
    assert house.db.query("SELECT status FROM rf_outbox WHERE id = ?", (mine.id,)) == [("done",)]


def test_a_failure_nobody_expected_becomes_an_incident_to_be_mended(house: FlowShop) -> None:
    _, payout, call = paying(house)
    place = (call["token"], call["step"], call["visit"], call["action"])
    answer(house.tenant, "payout", payout, Answer(call["key"], *place, "failed.unavailable"))
    ((record, token, step),) = house.db.query(STUCK)
    assert (record, step) == (payout, "send")
    assert flow_of(house.tenant, SYSTEM, "payout", payout).incidents[0].step == "send"
    how = Mend(None, token, "skip", "paid in cash", "done")  # type: ignore[arg-type]
    refused("forbidden", mend, house.tenant, actor("money"), "payout", payout, how)
    mend(house.tenant, SYSTEM, "payout", payout, how)
    assert house.db.query(STUCK) == []
    assert stage(house, payout, "f_payout") == "paid"


def test_what_the_record_cannot_take_is_an_incident_and_no_endless_retry(
    installation: Installation, tenant_id: str
) -> None:
    limit = """
aggregate: progress
label: Progress
per: purchase.lines
measures:
  checked: {from: claim.lines, by: purchase_line, count: true, where: "parent.stage == 'checking'"}
never:
  one_at_a_time: {when: checked > 1, message: One at a time}
"""
    house = open_flow_shop(installation, tenant_id, lines=1, **{"aggregates/progress": limit})
    first, second = inspected(house), house.claim("1").id
    event = Arrived("carrier.delivered", "second")
    assert arrive(house.tenant, "claim", second, event) == "used"
    assert stage(house, second) == "returning"
    ((record, token, step),) = house.db.query(STUCK)
    assert (record, token, step) == (second, 0, "bring")
    (told,) = flow_of(house.tenant, SYSTEM, "claim", second).incidents
    assert (told.code, told.message.en) == ("limit_reached", "One at a time")
    assert arrive(house.tenant, "claim", second, event) == "early"
    assert verify_aggregates(house.tenant) == [] and first


# --- looking -------------------------------------------------------------------------------------


def test_a_record_tells_where_it_stands_and_why(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    act(house.tenant, actor("lead"), "claim", record, "approved", comment="fair")
    view = flow_of(house.tenant, actor("clerk"), "claim", record)
    assert (view.stage, view.outcome, view.stage_label.en) == ("returning", None, "Coming back")
    assert [one.step for one in view.path] == ["file", "judge", "approval", "bring"]
    assert view.path[-1].left_at == "" and view.path[2].outcome == "approved"
    decided = [one for entry in why(house.tenant, actor("clerk"), "claim", record)
               for one in entry.trace if one["kind"] == "decide"]  # fmt: skip
    assert decided
    assert trace(house.tenant, actor("clerk"), "claim", record, 2).said["comment"] == "fair"
    refused("not_found", trace, house.tenant, actor("clerk"), "claim", record, 9)
    refused("no_flow", flow_of, house.tenant, actor("boss"), "buyer", house.buyer)
    mine = flow_of(house.tenant, actor("lead"), "claim", house.claim("1", price=LARGE).id)
    (task,) = [one for one in mine.tasks if one.mine]
    assert task.names == ("Lin",)
    assert [one.name for one in task.acts][:3] == ["approved", "rejected", "sent_back"]


def test_an_interrupt_is_offered_at_its_stage_only(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    clerk = actor("clerk")
    assert [one.name for one in flow_of(house.tenant, clerk, "claim", record).acts] == ["withdraw"]
    refused("not_yours", act, house.tenant, actor("lead"), "claim", record, "withdraw")
    act(house.tenant, clerk, "claim", record, "withdraw", comment="found it")
    assert stage(house, record) == "closed"
    assert house.rows(record, "vote", "timer", "task") == []
    refused("not_in_stage", act, house.tenant, clerk, "claim", record, "withdraw")


# --- the end -------------------------------------------------------------------------------------


def test_deleting_a_running_record_closes_what_was_open(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    delete(house.tenant, actor("boss"), "claim", record, version=None)
    assert house.rows(record, "vote", "timer") == []
    assert inbox(house.tenant, actor("lead")).rows == ()
    refused("not_found", act, house.tenant, actor("lead"), "claim", record, "approved")
    house.clock.pass_by(days=3)
    assert due_timers(house.db, house.tenant.now_us()) == []


def test_erasing_leaves_nothing_of_the_flow_but_the_hashes(house: FlowShop) -> None:
    from app.records import retention

    record = inspected(house)
    house.clock.pass_by(days=3 * 366)
    assert retention.run_due(house.tenant) == 1
    rows = house.db.query("SELECT kind, status FROM rf_due WHERE record_id = ?", (record,))
    assert rows == [("keep", "done")]
    assert house.db.query("SELECT flow FROM f_claim WHERE id = ?", (record,)) == [(None,)]
    assert house.db.query("SELECT 1 FROM rf_event WHERE record_id = ?", (record,)) == []
    assert verify_journal(house.tenant, None).findings == ()


def test_a_refused_act_changes_nothing(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    before = house.db.query(
        "SELECT version, journal_seq, flow FROM f_claim WHERE id = ?", (record,)
    )
    with pytest.raises(Refused):
        act(house.tenant, actor("lead"), "claim", record, "sent_back", to="nowhere")
    with pytest.raises(Refused):
        act(house.tenant, actor("lead"), "claim", record, "unheard")
    after = house.db.query("SELECT version, journal_seq, flow FROM f_claim WHERE id = ?", (record,))
    assert before == after


def test_votes_that_came_to_one_person_are_one_task_that_counts_for_all(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    votes = len(house.rows(record, "vote"))
    assert votes > 1
    house.clock.pass_by(days=3)
    for due in due_timers(house.db, house.tenant.now_us()):
        fire(house.tenant, due)
    handed = [row for row in house.rows(record, "vote") if row[2] == "role:boss"]
    assert len(handed) == 1
    (row,) = inbox(house.tenant, actor("boss")).rows
    assert row.record == record
    assert (counts(house.tenant, actor("boss")).todo, row.step) == (1, "approval")
    act(house.tenant, actor("boss"), "claim", record, "approved")
    view = flow_of(house.tenant, actor("boss"), "claim", record)
    assert "approval" not in {token.step for token in view.tokens}


def test_who_has_a_vote_of_his_own_is_shown_that_one(house: FlowShop) -> None:
    record = house.claim("1", price=LARGE).id
    pool = "UPDATE rf_due SET principal = 'role:lead' WHERE record_id = ? AND principal = ?"
    house.db.execute_now(pool, (record, "user:23"))  # the deputy's went to the pool of both
    (mine,), (other,) = (inbox(house.tenant, actor(who)).rows for who in ("lead", "deputy"))
    assert mine.seats == ("user:22",)
    assert mine.task != other.task
    assert counts(house.tenant, actor("lead")).todo == 1


def test_a_history_read_already_tells_the_decisions_too(house: FlowShop) -> None:
    record = settled(house)
    clerk = actor("clerk")
    told = history(house.tenant, clerk, "claim", record)
    assert decisions(told) == why(house.tenant, clerk, "claim", record)
    again = flow_of(house.tenant, clerk, "claim", record, entries=decisions(told))
    assert again.path == flow_of(house.tenant, clerk, "claim", record).path != ()


def test_what_is_filled_in_with_an_interrupt_is_refused_not_passed_over(house: FlowShop) -> None:
    record = house.claim("1", price="200").id
    clerk = actor("clerk")
    found = refused(
        "invalid", act, house.tenant, clerk, "claim", record, "withdraw", values={"note": "x"}
    )
    assert [(one.code, one.path) for one in found.details] == [("readonly", ("note",))]
    act(house.tenant, clerk, "claim", record, "withdraw")


def test_an_early_event_nobody_can_read_takes_no_act_back(house: FlowShop) -> None:
    record = house.claim("1", price="200").id
    assert arrive(house.tenant, "claim", record, Arrived("carrier.delivered", "e")) == "early"
    house.db.execute_now("UPDATE rf_event SET data = '{'")
    saved = act(house.tenant, actor("lead"), "claim", record, "approved", key="k")
    assert saved.version == 2 and stage(house, record) == "returning"
    assert act(house.tenant, actor("lead"), "claim", record, "approved", key="k").replayed
