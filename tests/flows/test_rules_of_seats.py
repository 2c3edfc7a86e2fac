"""Votes that change hands, are added and are skipped: what holds of each seat."""

from __future__ import annotations

import pytest

from flows.events import Act, AddApprover, Claim, Transfer
from flows.state import Asked
from flows.views import acts_of
from tests.flows.play import ROLES, Play, Refused, World, person
from tests.flows.shop import flow_of
from tests.flows.test_rules_of_approval import play, seats

TWO = "{money: {by: [{role: finance}], need: all}, last: {by: [{role: boss}]}}"
LATE = """
interrupts:
  withdraw: {by: [{user: created_by}], in: [open], to: gone}
steps:
  write: {stage: open, task: {by: [{user: created_by}]}, next: {submit: agree}}
  agree:
    approve:
      if_nobody: [{role: admin}]
      allow: [add, transfer]
      exclude: [{user: owner}]
      levels: {money: {by: [{role: finance}], need: all}}
    due: {in: 1d, escalate: [{role: %s}]}
    next: {approved: closed, rejected: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def late(role: str, world: World | None = None, owner: int | None = None) -> Play:
    """The votes of finance have gone to a role, as one."""
    return Play(flow_of(LATE % role), world, owner=owner).begin("submit").pass_time(days=2)


def test_those_added_behind_a_vote_are_asked_one_after_the_other() -> None:
    made = play("{money: {by: [{role: lead}]}}", more="allow: [add]")
    made.add(3, 9, "after").add(3, 5, "after").act("approved", 3)
    assert seats(made) == [9]
    made.act("approved", 9)
    assert seats(made) == [5]
    assert made.act("approved", 5).at() == ["work"]


def test_one_asked_behind_a_vote_for_several_counts_for_all_of_them() -> None:
    made = late("quality").add(9, 1, "after").add(9, 2, "after")
    made.act("approved", 9).act("approved", 1)
    assert made.at() == ["agree"]
    assert made.act("approved", 2).ended == "closed"


def test_who_was_added_stays_added_when_the_vote_is_handed_on() -> None:
    made = play("{money: {by: [{role: lead}]}}", more="allow: [add, transfer]")
    made.add(3, 9, "before").transfer(9, 5)
    with pytest.raises(Refused) as refused:
        made.add(5, 6, "after")
    assert (refused.value.code, refused.value.answer.what) == ("cannot_add", "nested")
    made.act("approved", 5)
    assert seats(made) == [3]


def test_whoever_has_agreed_before_the_vote_they_were_added_to_is_not_asked_again() -> None:
    levels = "{one: {by: [{role: lead}]}, two: {by: [{role: lead}, {user: owner}]}}"
    made = play(levels, more="allow: [add]\n      skip: already_approved", owner=9)
    made.add(3, 9, "before").act("approved", 9).act("approved", 3)
    assert made.at() == ["work"]
    assert [one["user"] for one in made.said("skip")] == [3, 9]


def test_a_level_that_skips_decide_leaves_no_vote_open() -> None:
    levels = (
        "{one: {by: [{role: lead}]}, two: {by: [{role: quality}], need: one}, "
        "three: {by: [{role: boss}]}}"
    )
    made = play(levels, more="skip: already_approved").act("approved", 3)
    assert seats(made) == [7]
    assert {task.level for task in made.state.tasks.values()} == {"three"}
    assert made.act("approved", 7).at() == ["work"]


ROWS = """
steps:
  rows:
    stage: open
    each:
      over: lines
      as: line
      steps:
        check: {task: {by: [{role: lead}]}, next: {ok: agree}}
        agree:
          approve:
            if_nobody: [{role: admin}]
            skip: already_approved
            levels: {money: {by: [{role: boss}]}}
          next: {approved: over, rejected: over}
        over: {end: done}
    next: {done: all}
  all:
    approve:
      if_nobody: [{role: admin}]
      skip: already_approved
      levels: {money: {by: [{role: boss}]}}
    next: {approved: closed, rejected: closed}
  closed: {stage: closed, end: closed}
"""


def test_what_was_agreed_of_one_row_is_not_agreed_of_another() -> None:
    made = Play(flow_of(ROWS), lines=[{}, {}]).begin()
    one, two = (line["id"] for line in made.row["lines"])
    made.act("ok", 3, row=one).act("approved", 7, row=one).act("ok", 3, row=two)
    assert seats(made) == [7]
    made.act("approved", 7, row=two)
    assert (made.at(), seats(made)) == (["all"], [7])


def test_rule_12_a_single_vote_ends_withdrawing_and_sending_back_allows_it_again() -> None:
    made = play(TWO).act("approved", 4)
    with pytest.raises(Refused) as refused:
        made.interrupt("withdraw", 1)
    assert (refused.value.code, refused.value.answer.by) == ("cannot_withdraw", 4)
    made.act("sent_back", 5).act("submit", 1)
    assert made.interrupt("withdraw", 1).ended == "gone"


def test_rule_12_the_last_vote_being_ones_own_does_not_hide_the_others() -> None:
    flow = flow_of(LATE % "boss")
    world = World(people={Asked("role", "finance"): (4, 1)})
    made = Play(flow, world).begin("submit").act("approved", 4)
    made.add(1, 9, "after").act("approved", 1)
    with pytest.raises(Refused) as refused:
        made.interrupt("withdraw", 1)
    assert refused.value.code == "cannot_withdraw"


@pytest.mark.parametrize(("owner", "code"), [(None, "not_yours"), (9, "own_approval")])
def test_who_must_not_cast_a_vote_of_a_pool_neither_takes_nor_hands_it_on(
    owner: int | None, code: str
) -> None:
    made = late("quality", owner=owner)
    task = next(iter(made.state.tasks.values()))
    if owner is None:
        made.add(3, 9, "parallel")  # has a vote of their own now
    user = person(9)
    for event in (
        Claim(user, task.id),
        Transfer(user, task.id, 2),
        AddApprover(user, task.id, 2, "parallel"),
        Act(user, task.id, "approved"),
    ):
        with pytest.raises(Refused) as refused:
            made.send(event)
        assert refused.value.code == code, event
    shown = acts_of(made.flow, made.state, task, made.facts(), made.now, user)
    assert [one.name for one in shown] == ["approved", "rejected"]
    assert all(one.unavailable for one in shown)


def test_nobody_in_the_pool_of_a_vote_is_given_another_so_that_it_can_be_cast() -> None:
    world = World(roles={**ROLES, "boss": (7, 2)})
    made = late("boss", world).add(2, 9, "parallel")
    with pytest.raises(Refused) as refused:
        made.transfer(9, 7)
    assert (refused.value.code, refused.value.answer.what) == ("cannot_transfer", "present")
    assert made.act("approved", 9).act("approved", 7).ended == "closed"


def test_who_has_agreed_with_others_to_come_does_not_vote_for_another_as_well() -> None:
    made = late("quality").add(3, 5, "after").act("approved", 3)
    assert seats(made) == [5]
    with pytest.raises(Refused) as refused:
        made.transfer(5, 3)
    assert (refused.value.code, refused.value.answer.what) == ("cannot_transfer", "present")
