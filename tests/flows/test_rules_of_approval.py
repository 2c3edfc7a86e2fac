"""How approvals come out: the rules of agreement, one test each."""

from __future__ import annotations

import pytest

from flows.approval import verdict
from flows.events import Act, Claim
from flows.state import Asked
from tests.flows.play import Play, Refused, World, money, person
from tests.flows.shop import flow_of

STEPS = """
interrupts:
  withdraw: {by: [{user: created_by}], in: [open], to: gone}
steps:
  write: {stage: open, task: {by: [{user: created_by}], edit: all}, next: {submit: agree}}
  agree:
    approve:
      exclude: [{user: created_by}]
      if_nobody: [{role: admin}]
      %s
    next: {approved: work, rejected: gone, sent_back: {to: write, max: 2}}
  work: {stage: later, task: {by: [{role: clerk}]}, next: {done: closed}}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def play(levels: str, world: World | None = None, more: str = "", **fields: object) -> Play:
    """A record whose approval is open."""
    approve = f"levels: {levels}" + (f"\n      {more}" if more else "")
    made = Play(flow_of(STEPS % approve), world, **{"amount": money(10), **fields})
    return made.begin("submit")


def seats(made: Play) -> list[int]:
    return sorted(int(seat[5:]) for _, seats in made.open() for seat in seats)


# --- entry --------------------------------------------------------------------------------------


def test_rule_01_approvers_are_resolved_once_and_frozen() -> None:
    world = World(people={Asked("role", "finance"): (4, 5), Asked("role", "quality"): (5, 9)})
    made = play("{money: {by: [{role: finance}, {role: quality}, {user: owner}]}}", world, owner=4)
    assert seats(made) == [4, 5, 9]
    world.people[Asked("role", "finance")] = (6,)
    made.act("approved", 4).act("approved", 5)
    assert made.at() == ["agree"]
    made.act("approved", 9)
    assert made.at() == ["work"]
    assigned = made.said("assign")[1]
    assert assigned["users"] == [4, 5, 9]


def test_rule_02_an_empty_set_follows_if_nobody() -> None:
    made = play("{money: {by: [{role: nobody}]}}")
    assert seats(made) == [8]
    alone = World(people={Asked("role", "admin"): ()})
    stuck = play("{money: {by: [{role: nobody}]}}", alone)
    assert stuck.at() == ["agree"]
    assert stuck.incident()["code"] == "nobody"
    assert stuck.incident()["message"]["zh"] == "没有人可以处理"


def test_rule_02_too_few_approvers_are_completed_or_an_incident() -> None:
    assert seats(play("{money: {by: [{role: lead}], need: 2}}")) == [3, 8]
    assert play("{money: {by: [{role: lead}], need: 4}}").incident()["code"] == "too_few_approvers"


# --- agreement ----------------------------------------------------------------------------------


def test_rule_03_all_pass_only_together_and_fail_at_the_first_rejection() -> None:
    made = play("{money: {by: [{role: finance}], need: all}}")
    made.act("approved", 4).act("approved", 5)
    assert made.at() == ["agree"]
    assert made.act("approved", 6).at() == ["work"]
    other = play("{money: {by: [{role: finance}], need: all}}").act("approved", 4)
    assert other.act("rejected", 5).ended == "gone"


def test_rule_04_one_is_enough_or_the_first_decides() -> None:
    made = play("{money: {by: [{role: finance}], need: one}}").act("rejected", 4)
    assert made.at() == ["agree"]
    assert made.act("approved", 5).at() == ["work"]
    none = play("{money: {by: [{role: finance}], need: one}}")
    assert none.act("rejected", 4).act("rejected", 5).act("rejected", 6).ended == "gone"
    first = play("{money: {by: [{role: finance}], need: first}}")
    assert first.act("rejected", 6).ended == "gone"


def test_rule_05_a_number_or_percentage_decides_as_soon_as_it_can() -> None:
    two = play("{money: {by: [{role: finance}], need: 2}}").act("approved", 4)
    assert two.act("approved", 6).at() == ["work"]
    lost = play("{money: {by: [{role: finance}], need: 2}}").act("rejected", 4)
    assert lost.act("rejected", 6).ended == "gone"
    percent = play("{money: {by: [{role: finance}], need: 60%}}").act("approved", 4)
    assert percent.at() == ["agree"]  # 60 % of 3 are 2
    assert percent.act("approved", 5).at() == ["work"]


@pytest.mark.parametrize("count", range(1, 8))
@pytest.mark.parametrize("need", ["all", "one", "first", 1, 3, "1%", "50%", "60%", "67%", "100%"])
def test_rule_05_every_vote_leads_to_a_verdict_and_none_too_early(
    need: str | int, count: int
) -> None:
    """Against the definition: passed when no later votes could prevent it, and so on."""
    for passed in range(count + 1):
        for rejected in range(count + 1 - passed):
            found = verdict(need, count, passed, rejected)
            left = count - passed - rejected
            if left == 0:
                assert found is not None
            if need == "first":
                assert (found is None) is (passed + rejected == 0)
                continue
            outcomes = {
                verdict(need, count, passed + n, rejected + left - n) for n in range(left + 1)
            }
            if len(outcomes) == 1:
                assert found in outcomes
            elif found == "rejected":
                raise AssertionError((need, count, passed, rejected))


def test_rule_06_in_order_the_next_task_exists_after_the_one_before() -> None:
    made = play("{money: {by: [{role: finance}], need: all, in_order: true}}")
    assert seats(made) == [4]
    made.act("approved", 4)
    assert seats(made) == [5]
    made.act("approved", 5).act("approved", 6)
    assert made.at() == ["work"]
    assert len(made.said("vote")) == 3


def test_rule_07_siblings_are_cancelled_and_a_late_vote_hears_who_acted() -> None:
    made = play("{money: {by: [{role: finance}], need: first}}")
    tasks = {task.seats[0]: task for task in made.state.tasks.values()}
    opened = made.state
    made.act("approved", 5)
    cancelled = [task for task in made.history if task.status == "cancelled"]
    assert len(cancelled) == 2
    assert all(task.by is None and task.outcome == "" for task in cancelled)
    # The loser's task is loaded though it is closed: the answer says who was first.
    late = {**made.state.tasks, **{task.id: task for task in made.history}}
    made.state = type(opened)(made.state.tokens, late, made.state.timers)
    with pytest.raises(Refused) as refused:
        made.send(Act(person(4), tasks["user:4"].id, "rejected"))
    answer = refused.value.answer
    assert (answer.code, answer.by) == ("task_decided", 5)
    assert answer.message.en == "user 5 has dealt with this: approved"
    assert answer.message.zh == "此任务已由user 5处理：同意"


# --- sending back -------------------------------------------------------------------------------


def test_rule_08_sending_back_is_one_persons_act_in_any_mode() -> None:
    made = play("{money: {by: [{role: finance}], need: all}}").act("approved", 4)
    made.act("sent_back", 5, comment="what is this?")
    assert made.at() == ["write"]
    assert [task.outcome for task in made.history if task.by == 5] == ["sent_back"]
    assert seats(made) == [1]
    with pytest.raises(AssertionError):
        made.act("approved", 6)


LONG = """
steps:
  write: {stage: open, task: {by: [{user: created_by}], edit: all}, next: {submit: check}}
  check: {task: {by: [{role: clerk}]}, next: {fine: first}}
  first:
    approve: {if_nobody: [{role: admin}], levels: {a: {by: [{role: lead}]}}}
    next: {approved: second, rejected: gone}
  second:
    approve:
      if_nobody: [{role: admin}]
      resubmit: %s
      levels: {b: {by: [{role: finance}], need: first}, c: {by: [{role: boss}]}}
    next: {approved: later, rejected: gone, sent_back: {to: write, max: 2}}
  later: {task: {by: [{role: clerk}]}, next: {done: closed}}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def test_rule_09_back_to_visited_human_steps_only() -> None:
    made = Play(flow_of(LONG % "replay")).begin("submit").act("fine", 2).act("approved", 3)
    for target in ("later", "closed", "second", "nowhere"):
        with pytest.raises(Refused) as refused:
            made.act("sent_back", 4, to=target)
        assert refused.value.code == "cannot_send_back"
    made.act("sent_back", 4, to="check")
    assert made.at() == ["check"]
    default = Play(flow_of(LONG % "replay")).begin("submit").act("fine", 2).act("approved", 3)
    assert default.act("sent_back", 4).at() == ["write"]


def test_rule_10_replay_asks_everybody_again() -> None:
    made = Play(flow_of(LONG % "replay")).begin("submit").act("fine", 2).act("approved", 3)
    made.act("sent_back", 4).act("submit", 1).act("fine", 1)
    assert made.at() == ["first"]


def test_rule_10_jump_back_only_if_nothing_read_by_a_skipped_step_changed() -> None:
    flow = flow_of(LONG % "jump_back")
    made = Play(flow, note="a").begin("submit").act("fine", 2).act("approved", 3)
    made.act("sent_back", 4).act("submit", 1)
    assert made.at() == ["second"]
    assert made.open() == [("second", (f"user:{n}",)) for n in (4, 5, 6)]
    changed = Play(flow, note="a").begin("submit").act("fine", 2).act("approved", 3)
    changed.act("sent_back", 4).act("submit", 1, sets={"note": "b"})
    assert changed.at() == ["check"]
    assert changed.said("replay")[0]["changed"] == ["note"]
    # From a later level: the level before it stands, unless what it saw has changed.
    level = Play(flow).begin("submit").act("fine", 2).act("approved", 3).act("approved", 5)
    level.act("sent_back", 7).act("submit", 1)
    assert level.open() == [("second", ("user:7",))]


def test_rule_11_every_pass_is_a_round_and_history_stays() -> None:
    made = play("{money: {by: [{role: lead}]}}")
    made.act("sent_back", 3).act("submit", 1).act("sent_back", 3).act("submit", 1)
    votes = [task for task in made.history if task.kind == "vote"]
    assert [(task.visit, task.outcome) for task in votes] == [
        (1, "sent_back"),
        (2, "sent_back"),
        (3, ""),
    ]
    assert [one["outcome"] for one in made.said("vote")] == ["sent_back", "sent_back"]
    with pytest.raises(Refused) as refused:
        made.act("sent_back", 3)
    assert refused.value.code == "act_used_up"


# --- withdraw -----------------------------------------------------------------------------------


def test_rule_12_withdrawal_ends_everything_while_nobody_has_decided() -> None:
    made = play("{money: {by: [{role: finance}]}}")
    made.interrupt("withdraw", 1)
    assert made.ended == "gone"
    assert made.last.revoke
    assert {task.status for task in made.last.tasks} == {"cancelled"}
    decided = play("{money: {by: [{role: lead}]}, more: {by: [{role: boss}]}}").act("approved", 3)
    with pytest.raises(Refused) as refused:
        decided.interrupt("withdraw", 1)
    assert (refused.value.code, refused.value.answer.by) == ("cannot_withdraw", 3)
    again = play("{money: {by: [{role: lead}]}}").act("sent_back", 3).act("submit", 1)
    assert again.interrupt("withdraw", 1).ended == "gone"
    with pytest.raises(Refused) as stranger:
        play("{money: {by: [{role: lead}]}}").interrupt("withdraw", 5)
    assert stranger.value.code == "not_yours"


ACTED = """
interrupts:
  withdraw: {by: [{user: created_by}], in: [open], to: gone}
  carrier.lost: {in: [open], to: gone}
steps:
  write: {stage: open, task: {by: [{user: created_by}]}, next: {submit: label}}
  label: {do: {label: {use: carrier.create_label, with: {address: note}}}, next: {done: wait}}
  wait: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: gone}}
  gone: {stage: gone, end: gone}
"""


def test_rule_12_not_after_an_action_ran_but_an_event_may() -> None:
    made = Play(flow_of(ACTED)).begin("submit")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            made.interrupt("withdraw", 1)
        assert refused.value.code == "cannot_withdraw"
        if made.at() == ["label"]:
            made.answer()
    assert made.event("carrier.lost").ended == "gone"


# --- transfer, delegate, add --------------------------------------------------------------------


def test_rule_13_a_transfer_replaces_the_owner() -> None:
    made = play("{money: {by: [{role: finance}]}}", more="allow: [transfer]")
    made.transfer(4, 9)
    assert seats(made) == [5, 6, 9]
    moved = next(task for task in made.state.tasks.values() if task.seats == ("user:9",))
    assert moved.origin == "transferred"
    for to, what in ((5, "present"), (6, "to_self"), (1, "excluded")):
        with pytest.raises(Refused) as refused:
            made.transfer(6, to)
        assert (refused.value.code, refused.value.answer.what) == ("cannot_transfer", what)
    made.act("approved", 9).act("approved", 5).act("approved", 6)
    assert made.at() == ["work"]
    with pytest.raises(Refused):
        play("{money: {by: [{role: finance}]}}").transfer(4, 9)


def test_rule_14_delegation_is_resolved_at_entry_without_chains() -> None:
    world = World(
        people={
            Asked("delegate_of", 4): (9,),
            Asked("delegate_of", 9): (7,),
            Asked("delegate_of", 5): (6,),
        }
    )
    made = play("{money: {by: [{role: finance}]}}", world, "allow: [delegate]")
    assert seats(made) == [5, 6, 9]  # 6 decides already, and so does not decide twice
    stands_in = next(task for task in made.state.tasks.values() if task.seats == ("user:9",))
    assert stands_in.instead_of == 4
    world.people.clear()
    made.act("approved", 9)
    assert made.said("vote")[0]["instead_of"] == 4
    without = play("{money: {by: [{role: finance}]}}", world)
    assert seats(without) == [4, 5, 6]


def test_rule_14_two_who_stand_in_for_each_other_go_no_round() -> None:
    people = {Asked("delegate_of", 4): (5,), Asked("delegate_of", 5): (4,)}
    alone = World(people=people, roles={"finance": (4,), "admin": (8,)})
    made = play("{money: {by: [{role: finance}]}}", alone, "allow: [delegate]")
    assert seats(made) == [5]  # one step, and back it does not go
    both = World(people=people, roles={"finance": (4, 5), "admin": (8,)})
    assert seats(play("{money: {by: [{role: finance}]}}", both, "allow: [delegate]")) == [4, 5]


def test_rule_15_add_an_approver_before_after_or_beside() -> None:
    levels = "{money: {by: [{role: lead}]}}"
    beside = play(levels, more="allow: [add]")
    beside.add(3, 9, "parallel").act("approved", 3)
    assert beside.at() == ["agree"]
    assert beside.act("approved", 9).at() == ["work"]
    before = play(levels, more="allow: [add]")
    before.add(3, 9, "before")
    assert seats(before) == [9]
    before.act("approved", 9)
    assert seats(before) == [3]
    assert before.act("approved", 3).at() == ["work"]
    refused_before = play(levels, more="allow: [add]").add(3, 9, "before")
    assert refused_before.act("rejected", 9).ended == "gone"
    after = play(levels, more="allow: [add]")
    after.add(3, 9, "after")
    assert seats(after) == [3]
    after.act("approved", 3)
    assert seats(after) == [9]
    assert after.act("approved", 9).at() == ["work"]


def test_rule_15_no_nesting_and_nobody_twice() -> None:
    made = play("{money: {by: [{role: lead}]}}", more="allow: [add]").add(3, 9, "parallel")
    for user, other, what in ((9, 5, "nested"), (3, 9, "present"), (3, 1, "excluded")):
        with pytest.raises(Refused) as refused:
            made.add(user, other, "parallel")
        assert (refused.value.code, refused.value.answer.what) == ("cannot_add", what)


# --- skips --------------------------------------------------------------------------------------

SKIP = "{one: {by: [{role: lead}]}, two: {by: [{role: quality}, {role: lead}]%s}}"


def test_rule_18_who_has_approved_already_is_not_asked_again() -> None:
    made = play(SKIP % "", more="skip: already_approved").act("approved", 3)
    assert seats(made) == [9]
    previous = play(SKIP % "", more="skip: same_as_previous").act("approved", 3)
    assert seats(previous) == [9]


@pytest.mark.parametrize(
    "level", [", ask: {signature: required}", ", ask: {comment: required}", ", edit: [note]"]
)
def test_rule_18_a_skip_is_void_where_something_is_wanted(level: str) -> None:
    made = play(SKIP % level, more="skip: already_approved").act("approved", 3)
    assert seats(made) == [3, 9]


def test_rule_18_a_skip_is_void_where_something_shown_changed() -> None:
    levels = (
        "{one: {by: [{role: lead}]}, mid: {by: [{role: boss}], edit: [note]}, "
        "two: {by: [{role: lead}]}}"
    )
    same = play(levels, more="skip: already_approved").act("approved", 3).act("approved", 7)
    assert same.at() == ["work"]
    changed = play(levels, more="skip: already_approved").act("approved", 3)
    changed.act("approved", 7, sets={"amount": money(99)})
    assert seats(changed) == [3]


def test_rule_18_what_was_sent_back_is_asked_again() -> None:
    made = play(SKIP % "", more="skip: already_approved").act("approved", 3)
    made.act("sent_back", 9).act("submit", 1)
    assert seats(made) == [3]


def test_rule_19_who_must_not_decide_is_not_skipped_but_left_out() -> None:
    made = play(SKIP % "", more="skip: already_approved", created_by=3)
    # The lead wrote it: excluded everywhere, so the first level goes to if_nobody.
    assert seats(made) == [8]
    made.act("approved", 8)
    assert seats(made) == [9]
    assert not made.said("skip")


def test_rule_20_each_skip_names_the_decision_relied_on() -> None:
    made = play(
        "{one: {by: [{role: lead}]}, two: {by: [{role: lead}]}}", more="skip: already_approved"
    ).act("approved", 3)
    assert made.at() == ["work"]
    [skip] = made.said("skip")
    assert skip["relied"]["step"] == "agree.one"
    assert (skip["user"], skip["relied"]["by"]) == (3, 3)
    [task] = [task for task in made.history if task.status == "skipped"]
    assert (task.level, task.by) == ("two", None)


# --- everywhere ---------------------------------------------------------------------------------


def test_rule_21_of_two_decisions_on_one_state_only_one_is_a_transition() -> None:
    """The state carries what the loser needs to be told; the lock is the record's row."""
    made = play("{money: {by: [{role: finance}], need: first}}")
    loser = next(task for task in made.state.tasks.values() if task.seats == ("user:4",))
    made.act("approved", 5)
    with pytest.raises(Refused) as refused:
        made.send(Act(person(4), loser.id, "approved"))
    assert refused.value.code == "task_decided"


def test_rule_22_many_records_take_the_same_path_each() -> None:
    flow = flow_of(STEPS % "levels: {money: {by: [{role: lead}]}}")
    results = []
    for owner in (1, 3):  # the lead's own record is excluded from the lead
        made = Play(flow, created_by=owner).begin("submit")
        try:
            results.append(made.act("approved", 3).at())
        except AssertionError:
            results.append(["refused"])
    assert results == [["work"], ["refused"]]


def test_rule_23_the_trace_says_why_me_and_why_it_stands_still() -> None:
    levels = "{lead: {by: [{role: lead}]}, money: {by: [{role: finance}], when: amount > 500}}"
    made = play(levels, amount=money(900)).act("approved", 3, comment="fine by me")
    kinds = [one["kind"] for one in made.trace]
    assert kinds == [
        *("enter", "assign", "act", "leave"),
        *("enter", "assign", "vote", "decide", "level", "assign"),
    ]
    vote, decide, level, assign = made.trace[-4:]
    assert (vote["by"], vote["comment"]) == (3, "fine by me")
    assert (decide["approvers"], decide["approved"], decide["outcome"]) == (1, 1, "approved")
    assert (level["when"], level["applies"]) == ("amount > 500", True)
    assert level["facts"] == {"amount": {"amount": "900", "currency": "CNY"}}
    assert (assign["users"], assign["named"]) == ([4, 5, 6], ["role: finance"])


def test_a_level_that_does_not_apply_is_passed_over() -> None:
    levels = "{lead: {by: [{role: lead}]}, money: {by: [{role: finance}], when: amount > 500}}"
    assert play(levels).act("approved", 3).at() == ["work"]


def test_nobody_decides_on_their_own_record() -> None:
    made = play("{money: {by: [{role: clerk}]}}")
    assert seats(made) == [2]
    assigned = made.said("assign")[1]
    assert assigned["excluded"] == [1]


CLAIM = """
steps:
  work:
    stage: open
    task: {by: [{role: clerk}], claim: true, ask: {comment: required, attachment: optional}}
    next: {done: closed, again: {to: work, max: 1, when: urgent}}
  closed: {stage: closed, end: closed}
"""


def test_a_task_from_the_pool_is_taken_first() -> None:
    made = Play(flow_of(CLAIM)).begin()
    with pytest.raises(Refused) as refused:
        made.act("done", 1, comment="x")
    assert refused.value.code == "not_claimed"
    made.claim(1)
    task = next(iter(made.state.tasks.values()))
    with pytest.raises(Refused) as taken:
        made.send(Claim(person(2), task.id))
    assert (taken.value.code, taken.value.answer.by) == ("not_yours", 1)
    assert taken.value.answer.message.zh == "此任务已被他人领取"
    made.claim(1, back=True).claim(2)
    with pytest.raises(Refused) as asked:
        made.act("done", 2)
    assert (asked.value.code, asked.value.answer.what) == ("ask_missing", "comment")
    with pytest.raises(Refused) as unavailable:
        made.act("again", 2, comment="x")
    assert unavailable.value.code == "act_unavailable"
    assert made.act("done", 2, comment="x").ended == "closed"
