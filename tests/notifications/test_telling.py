"""Who hears of an event, in which words, how often; and that nothing is lost or said twice."""

from __future__ import annotations

import json

from app.access.actor import SYSTEM
from app.access.departments import create_department
from app.notifications import messages
from app.records import outbox
from app.records.incidents import incidents, retry
from app.records.outbox import read_error
from forms.values import encode_id
from tests.notifications.world import World, notification

TEXT = {
    "subject": {"zh": "{number} {wish}", "en": "{number}: {wish}"},
    "body": {"zh": "买家 {buyer.name}，{actor.name}", "en": "from {buyer.name}, {until}"},
}


def test_everybody_hears_in_their_own_language_once(world: World) -> None:
    to = [{"role": "clerk"}, {"user": "owner"}, {"manager_of": "owner"}, {"department": "group"}]
    world.publish(notification("new", to=to, text=TEXT))
    world.claim(
        owner=world.users["wang"],
        group=world.department,
        wish="money",
        until="2026-11-21T16:00:00Z",
    )
    world.work()
    assert world.told("wang") == [("C0001 退款", "买家 Li，Boss")]
    assert world.told("ann") == [("C0001: Money back", "from Li, 2026-11-22 00:00")]
    world.work()
    assert len(world.told("wang")) == 1


def test_a_department_is_everybody_in_it_and_below(world: World) -> None:
    world.publish(notification("new", to=[{"department": "group"}]))
    db = world.tenant.db
    below = create_department(db, "nights", "Nights", parent_id=world.department)
    db.execute_now("UPDATE rf_user SET department_id = ? WHERE login = 'ann'", (below,))
    world.claim(group=world.department)
    world.claim(group=below)
    world.work()
    assert [len(world.told(login)) for login in ("wang", "ann")] == [1, 2]


def test_live_roles_decide_and_closed_accounts_hear_nothing(world: World) -> None:
    world.publish(notification("new"))
    world.claim()
    world.tenant.db.execute_now("UPDATE rf_user SET active = 0 WHERE login = 'wang'")
    world.work()
    assert world.told("wang") == []
    assert world.told("ann") == [("C0001", "")]


def test_a_condition_that_does_not_hold_or_has_no_value_tells_nobody(world: World) -> None:
    world.publish(notification("dear", when="sum > 100"))
    world.claim(sum="100")
    world.claim()
    world.claim(sum="100.5")
    world.work()
    assert world.told("ann") == [("C0003", "")]


def test_the_same_event_planned_twice_is_told_once(world: World) -> None:
    """The worker dies after it planned and before the event was settled: another takes over."""
    world.publish(notification("new", channels=["inbox", "mail"]))
    world.claim()
    now = world.tenant.now_us()
    lost = outbox.claim(world.tenant.db, now, lease=1)
    assert len(lost) == 1
    world.clock.pass_by(seconds=1)
    world.work()
    assert not outbox.fan_out(world.tenant.db, lost[0], [], now)
    assert len(world.told("ann")) == 1
    assert len(world.outbox()) == 2


def test_words_without_a_value_become_plain_ones_and_an_entry_in_the_outbox(world: World) -> None:
    world.publish(
        notification(
            "bad",
            text={"subject": "{number}", "body": "{sum * sum * sum}"},
            label={"zh": "新索赔", "en": "New claim"},
        )
    )
    rid = world.claim(sum="999999999999")
    world.work()
    assert world.told("ann") == [("C0001: New claim", "")]
    assert world.told("wang") == [("C0001: 新索赔", "")]
    ((status, error),) = world.outbox()
    assert status == "dead"
    told = read_error(error)
    assert told.en.startswith("notification bad, text.body: ")
    assert told.zh.startswith("通知 bad, text.body：")
    ((form, record, payload),) = world.outbox("form, record_id, payload")
    assert (form, record, json.loads(payload)["trouble"]) == ("claim", rid, "text.body")


def test_trouble_with_words_is_an_incident_that_can_be_closed(world: World) -> None:
    world.publish(notification("bad", text={"subject": "{sum * sum * sum}"}))
    world.claim(sum="999999999999")
    world.work()
    (found,) = incidents(world.tenant)
    assert (found.kind, found.status, found.step) == ("effect", "dead", "notify")
    retry(world.tenant, SYSTEM, found.name, "the words are mended now")
    world.work()
    assert incidents(world.tenant) == []
    assert len(world.told("ann")) == 1, "it went out in plain words, and once"


def test_a_throttle_holds_for_one_record_and_passes(world: World) -> None:
    world.publish(notification("moved", event="claim.updated", throttle="4h"))
    one, other = world.claim(), world.claim()
    for number in (1, 2):
        world.change(one, sum=str(number))
    world.change(other, sum="1")
    world.work()
    assert world.told("ann") == [("C0001", ""), ("C0002", "")]
    world.clock.pass_by(hours=4)
    world.change(one, sum="3")
    world.work()
    assert len(world.told("ann")) == 3


def test_a_digest_is_one_message_at_the_end_of_the_day(world: World) -> None:
    world.publish(notification("daily", digest="day"))
    world.claim()
    withdrawn = world.claim()
    world.claim()
    world.work()
    assert world.told("ann") == []
    world.tenant.db.execute_now(
        "UPDATE rf_outbox SET status = 'cancelled' WHERE form = 'claim' AND record_id = ?"
        " AND topic = 'notify' AND status = 'ready'",
        (withdrawn,),
    )
    world.clock.pass_by(hours=3)  # 23:00 in Shanghai
    world.work()
    assert world.told("ann") == []
    world.clock.pass_by(hours=1)
    world.work()
    ((subject, body),) = world.told("ann")
    assert subject == "2 messages"
    assert [line for line in body.splitlines() if line.startswith("•")] == ["• C0001", "• C0003"]
    assert {row[0] for row in world.outbox("status")} == {"done", "cancelled"}


def test_a_record_that_is_gone_tells_nobody(world: World) -> None:
    world.publish(notification("new"))
    rid = world.claim()
    world.tenant.db.execute_now(
        f"UPDATE {world.tenant.active().tables.forms['claim'].table} SET deleted = 1 WHERE id = ?",
        (rid,),
    )
    world.work()
    assert world.told("ann") == []


def test_a_deletion_is_told_and_what_an_older_release_called_things(world: World) -> None:
    from app.records import delete
    from tests.notifications.world import FILES
    from tests.records.shop import BOSS

    rid = world.claim(sum="5")
    claim = FILES["packs/shop/forms/claim.yaml"].replace(
        "  sum:     {type: decimal}", "  total:   {type: decimal, was: sum}"
    )
    world.publish(
        {"packs/shop/forms/claim.yaml": claim},
        notification("gone", event="claim.deleted", text={"subject": "{number} {total}"}),
    )
    delete(world.tenant, BOSS, "claim", rid, version=None)
    world.work()
    assert world.told("ann") == [("C0001 5", "")]


def test_a_flow_s_happenings_name_the_task_and_those_who_have_it(world: World) -> None:
    from app.notifications.event import happened

    payload = {
        "act": "act",
        "at": 5,
        "happenings": [
            {"name": "stage.open", "data": {}},
            ["remind.move/check.half", {"seats": ["user:7"], "due_at": 1_000_000}],
        ],
    }
    first, second = happened("claim", 9, "k", payload)
    assert (first.name, first.once) == ("stage.open", "k/1")
    assert (second.name, second.once, second.seats) == ("remind.check.half", "k/2", ("user:7",))
    assert second.due_at is not None and second.due_at.timestamp() == 1


def test_messages_are_read_and_listed(world: World) -> None:
    world.publish(notification("new"))
    rids = [world.claim() for _ in range(3)]
    world.work()
    db, me = world.tenant.db, f"user:{world.users['ann']}"
    assert messages.unread(db, me) == 3
    newest, *rest = messages.messages(db, me)
    assert newest.record_id == rids[-1] and newest.read_at is None
    assert [one.record_id for one in rest] == rids[1::-1]
    messages.mark_read(db, me, 10, newest.id)
    assert messages.unread(db, me) == 2
    messages.mark_read(db, f"user:{world.users['wang']}", 10, rest[0].id)
    assert messages.unread(db, me) == 2, "nobody marks another's messages"
    messages.mark_read(db, me, 10)
    assert messages.unread(db, me) == 0
    assert messages.one(db, me, newest.id) and messages.one(db, "user:1", newest.id) is None
    assert [one.record_id for one in messages.messages(db, me, before=newest.id)] == rids[1::-1]
    messages.forget(db, 20 + messages.KEEP)
    assert messages.messages(db, me) == []
    assert encode_id(rids[0])
