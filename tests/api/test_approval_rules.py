"""The rules of approvals, one test each, through HTTP: what a program or a page would send."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from app.access.actors import actor_for_login
from app.records import delegate
from tests.api.rules_house import PASSWORD, Desk, Record, desk, desks

__all__ = ["desk", "desks"]


def user(desk: Desk, login: str) -> str:
    return Record(desk, "every", "").id_of(login)


def test_rule_01_approvers_are_resolved_once_and_frozen(desk: Desk) -> None:
    made = desk.new("frozen", owner=user(desk, "dan"))
    assert made.people() == ["Ann", "Ben", "Cat", "Dan"]  # Dan is named twice and asked once
    [assigned] = [one for one in made.said("assign") if "users" in one and one["step"] == "agree"]
    assert len(assigned["users"]) == 4
    entries = desk.call("ask", "GET", f"{made.path}/why").json["entries"]
    told = [one for entry in entries for one in entry["said"].get("tasks", ())]
    seats = {seat for one in told for seat in one["seats"] if one.get("step") == "agree"}
    assert seats == {f"user:{user(desk, one)}" for one in ("ann", "ben", "cat", "dan")}


def test_rule_02_an_empty_set_follows_if_nobody(desk: Desk) -> None:
    made = desk.new("nobody")
    assert made.people() == ["Amy"]
    assert any(one.get("if_nobody") for one in made.said("assign"))
    assert made.do("amy", "approved").at == ["work"]


def test_rule_03_all_agree_only_together(desk: Desk) -> None:
    made = desk.new("every").do("ann", "approved").do("ben", "approved")
    assert made.at == ["agree"]
    assert made.do("cat", "approved").at == ["work"]
    other = desk.new("every").do("ann", "approved").do("ben", "rejected")
    assert other.outcome == "gone"


def test_rule_04_one_is_enough_or_the_first_decides(desk: Desk) -> None:
    one = desk.new("one").do("ann", "rejected")
    assert one.at == ["agree"]
    assert one.do("ben", "approved").at == ["work"]
    none = desk.new("one").do("ann", "rejected").do("ben", "rejected").do("cat", "rejected")
    assert none.outcome == "gone"
    assert desk.new("first").do("cat", "rejected").outcome == "gone"


def test_rule_05_a_number_or_a_share_decides_as_soon_as_it_can(desk: Desk) -> None:
    two = desk.new("two").do("ann", "approved")
    assert two.at == ["agree"]
    assert two.do("cat", "approved").at == ["work"]
    assert desk.new("two").do("ann", "rejected").do("ben", "rejected").outcome == "gone"
    share = desk.new("share").do("ann", "approved").do("ben", "approved")
    assert share.at == ["work"]
    [told] = [one for one in share.said("decide") if one.get("level")]
    assert (told["wanted"], told["approvers"], told["approved"]) == (2, 3, 2)


def test_rule_06_in_order_the_next_task_exists_after_the_one_before(desk: Desk) -> None:
    made = desk.new("turns")
    assert made.people() == ["Ann"]
    assert made.refused("ben", "approved") == (403, "no_task")
    assert made.do("ann", "approved").people() == ["Ben"]
    assert made.do("ben", "approved").do("cat", "approved").at == ["work"]


def test_rule_07_siblings_are_cancelled_and_the_late_hear_who_was_first(desk: Desk) -> None:
    made = desk.new("first")
    late = made.task("ann")["id"]
    made.do("ben", "approved")
    answer = made.act("ann", "rejected", task=late)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "task_decided")
    assert "Ben" in answer.json["error"]["message"]
    assert made.at == ["work"]
    rows = desk.tenant.db.query(
        "SELECT status, by_user, outcome FROM rf_due WHERE kind = 'vote' AND record_id ="
        " (SELECT id FROM f_first ORDER BY id DESC LIMIT 1)"
    )
    assert sorted((status, by) for status, by, _ in rows if status == "done") == [
        ("done", desk.ids["ben"])
    ]
    assert [by for status, by, _ in rows if status == "cancelled"] == [None, None]


def test_rule_08_sending_back_is_one_persons_act_in_any_mode(desk: Desk) -> None:
    made = desk.new("every").do("ann", "approved").do("ben", "sent_back", comment="what for?")
    assert made.at == ["write"]
    assert made.people() == ["Ask"]
    assert made.refused("cat", "approved")[0] == 409
    assert [one["outcome"] for one in made.said("vote")] == ["approved", "sent_back"]


def test_rule_09_back_to_visited_steps_of_people_only(desk: Desk) -> None:
    made = desk.new("replay").do("dan", "approved")
    for target in ("later", "closed", "second", "nowhere"):
        assert made.refused("ann", "sent_back", to=target) == (409, "cannot_send_back")
    [back] = [act for act in made.task("ann")["acts"] if act["kind"] == "send_back"]
    assert back["targets"] == ["write", "first"]
    assert made.do("ann", "sent_back", to="first").at == ["first"]
    assert desk.new("replay").do("dan", "approved").do("ann", "sent_back").at == ["write"]


def test_rule_10_replay_asks_again_and_jump_back_does_not(desk: Desk) -> None:
    again = desk.new("replay").do("dan", "approved").do("ann", "sent_back").do("ask", "submit")
    assert again.at == ["first"]
    back = desk.new("jump").do("dan", "approved").do("ann", "sent_back").do("ask", "submit")
    assert back.at == ["second"]
    changed = desk.new("jump", note="a").do("dan", "approved").do("ann", "sent_back")
    changed.do("ask", "submit", values={"note": "b"})
    assert changed.at == ["first"]
    assert changed.said("replay")[0]["changed"] == ["note"]


def test_rule_11_every_pass_is_a_round_and_history_stays(desk: Desk) -> None:
    made = desk.new("chief").do("dan", "sent_back").do("ask", "submit")
    made.do("dan", "sent_back").do("ask", "submit")
    assert [one["outcome"] for one in made.said("vote")] == ["sent_back", "sent_back"]
    assert made.refused("dan", "sent_back") == (409, "act_used_up")
    entered = [one["step"] for one in made.stand()["path"]]
    assert entered.count("agree") == 3


def test_rule_12_withdrawal_while_nobody_has_decided(desk: Desk) -> None:
    made = desk.new("every")
    assert [one["name"] for one in made.stand()["interrupts"]] == ["withdraw"]
    assert made.refused("ann", "withdraw")[0] == 403
    assert made.do("ask", "withdraw").outcome == "gone"
    open_ = "SELECT count(*) FROM rf_due WHERE status = 'open' AND kind <> 'keep' AND record_id = ?"
    rid = desk.tenant.db.query("SELECT MAX(id) FROM f_every")[0][0]
    assert desk.tenant.db.query(open_, (rid,)) == [(0,)]
    decided = desk.new("steps").do("dan", "approved")
    answer = decided.act("ask", "withdraw")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "cannot_withdraw")


def test_rule_13_a_transfer_replaces_the_owner(desk: Desk) -> None:
    made = desk.new("hand")
    answer = made.on_task("ann", "transfer", to=user(desk, "eve"), comment="please")
    assert answer.status_code == 200, answer.text
    assert made.people() == ["Ben", "Cat", "Eve"]
    for to in ("ben", "cat", "ask"):  # to oneself, to somebody present, to the excluded
        refused = made.on_task("ben", "transfer", to=user(desk, to))
        assert refused.json["error"]["code"] == "cannot_transfer"
    assert made.do("eve", "approved").do("ben", "approved").do("cat", "approved").at == ["work"]
    assert desk.new("every").on_task("ann", "transfer", to=user(desk, "eve")).status_code == 422


def test_rule_14_delegation_is_resolved_at_entry_and_says_for_whom(desk: Desk) -> None:
    ann = actor_for_login(desk.tenant.db, "ann", via="web")
    until = desk.now[0] + timedelta(days=1)
    delegate(desk.tenant, ann, desk.ids["eve"], form="hand", ends_at=until)
    made = desk.new("hand")
    assert made.people() == ["Ben", "Cat", "Eve"]
    assert made.task("eve")["instead_of"] == user(desk, "ann")
    made.do("eve", "approved")
    assert made.said("vote")[0]["instead_of"] == user(desk, "ann")
    assert desk.new("every").people() == ["Ann", "Ben", "Cat"]  # another form: not scoped


@pytest.mark.parametrize(
    ("how", "first", "then"), [("before", "eve", "dan"), ("after", "dan", "eve")]
)
def test_rule_15_add_an_approver_before_or_after(
    desk: Desk, how: str, first: str, then: str
) -> None:
    made = desk.new("chief")
    answer = made.on_task("dan", "add_approver", user=user(desk, "eve"), how=how)
    assert answer.status_code == 200, answer.text
    assert made.people() == [first.title()]
    assert made.do(first, "approved").people() == [then.title()]
    assert made.do(then, "approved").at == ["work"]


def test_rule_15_add_in_parallel_without_nesting(desk: Desk) -> None:
    made = desk.new("chief")
    made.on_task("dan", "add_approver", user=user(desk, "eve"), how="parallel")
    assert made.people() == ["Dan", "Eve"]
    nested = made.on_task("eve", "add_approver", user=user(desk, "ann"), how="parallel")
    assert nested.json["error"]["code"] == "cannot_add"
    assert made.do("dan", "approved").do("eve", "approved").at == ["work"]


def test_rule_16_due_is_entry_and_a_duration_or_a_date_that_moves(desk: Desk) -> None:
    made = desk.new("timed")
    [task] = made.stand()["tasks"]
    entered = datetime.fromisoformat(task["opened_at"])
    assert datetime.fromisoformat(task["due_at"]) == entered + timedelta(days=10)
    dated = desk.new("dated", due_on="2026-03-09")
    [task] = dated.stand()["tasks"]
    assert datetime.fromisoformat(task["due_at"]) == datetime(2026, 3, 9, 10, tzinfo=UTC)
    saved = desk.call(
        "wil", "PATCH", dated.path, {"values": {"due_on": "2026-03-10"}, "version": 1}
    )
    assert saved.status_code == 200, saved.text
    [task] = dated.stand()["tasks"]
    assert datetime.fromisoformat(task["due_at"]) == datetime(2026, 3, 10, 10, tzinfo=UTC)


def test_rule_17_reminders_and_one_final_act_by_the_system(desk: Desk) -> None:
    made = desk.new("timed")
    desk.pass_time(days=11)
    assert [one["count"] for one in made.said("remind")] == [1, 2, 3]
    assert made.outcome == "gone"
    entries = desk.call("ask", "GET", f"{made.path}/why").json["entries"]
    assert entries[-1]["act"] == "timer"
    assert entries[-1]["by"] is None
    strict = desk.new("strict")
    desk.pass_time(days=2)
    assert strict.at == ["work"]  # never past required fields: it escalates
    assert strict.people() == ["Chief"]
    assert len(strict.said("escalate")) == 1


def test_rule_18_who_has_approved_already_is_not_asked_again(desk: Desk) -> None:
    assert desk.new("skip").do("dan", "approved").people() == ["Eve"]
    asked = desk.new("signed").do("dan", "approved")
    assert asked.people() == ["Dan", "Eve"]  # a signature is wanted, so the skip is void
    signature = {"name": "Dan", "password": PASSWORD}
    assert asked.refused("dan", "approved", comment="yes") == (422, "ask_missing")
    wrong = asked.refused(
        "dan", "approved", comment="yes", signature=signature | {"password": "not mine"}
    )
    assert wrong == (401, "sign_in_failed")
    asked.do("dan", "approved", comment="yes", signature=signature)


def test_rule_19_who_must_not_decide_is_left_out_not_skipped(desk: Desk) -> None:
    made = desk.new("skip", login="dan")  # the chief's own: excluded from both levels
    assert made.people() == ["Amy"]
    assert made.do("amy", "approved").people() == ["Eve"]
    assert made.said("skip") == []
    theirs = made.task("eve")["id"]
    assert made.refused("dan", "approved", task=theirs) == (403, "not_yours")


def test_rule_20_each_skip_names_the_decision_relied_on(desk: Desk) -> None:
    made = desk.new("skip").do("dan", "approved")
    [skip] = made.said("skip")
    assert skip["user"] == user(desk, "dan")
    assert skip["relied"]["step"] == "agree.one"
    assert skip["relied"]["by"] == user(desk, "dan")


def _vote(made: Record, one: tuple[str, str]) -> Any:
    return made.act(one[0], "approved", task=one[1])


def test_rule_21_of_two_at_once_exactly_one_decides(desk: Desk) -> None:
    for _ in range(5):
        made = desk.new("first")
        tasks = {login: made.task(login)["id"] for login in ("ann", "ben", "cat")}
        vote = partial(_vote, made)
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(vote, tasks.items()))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [200, 409, 409], [answer.text for answer in answers]
        assert len(made.said("vote")) == 1


def test_rule_22_many_records_take_the_same_path_each(desk: Desk) -> None:
    mine, decided, strange = desk.new("chief"), desk.new("chief"), desk.new("every")
    decided.do("dan", "approved")
    body = {"records": [mine.id, decided.id, strange.id], "comment": "all of them"}
    answer = desk.call("dan", "POST", "/forms/chief/acts/approved", body, key="many-1")
    assert answer.status_code == 200, answer.text
    first, second, third = answer.json["results"]
    assert (first["status"], first["id"]) == (200, mine.id)
    assert second["error"]["code"] == "task_decided"
    assert third["error"]["code"] == "not_found"
    assert mine.at == ["work"]
    again = desk.call("dan", "POST", "/forms/chief/acts/approved", body, key="many-1")
    assert again.json["results"][0]["replayed"] is True


def test_rule_23_the_trace_says_why_me_and_why_it_stands_still(desk: Desk) -> None:
    made = desk.new("steps", amount=9).do("dan", "approved", comment="fine")
    [level] = made.said("level")
    assert (level["level"], level["applies"], level["facts"]) == ("two", True, {"amount": 9})
    vote = made.said("vote")[0]
    assert (vote["by"], vote["comment"]) == (user(desk, "dan"), "fine")
    assigned = made.said("assign")[-1]
    assert assigned["users"] == [user(desk, one) for one in ("ann", "ben", "cat")]
    small = desk.new("steps", amount=2).do("dan", "approved")
    assert small.at == ["work"]
    assert small.said("level")[0]["applies"] is False
