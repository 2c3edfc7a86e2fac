"""Due times, reminders, escalation, promises: what the clock does to a flow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from flows.events import Act, Fire
from flows.state import Asked
from tests.flows.play import NOW, Play, Refused, World, person
from tests.flows.shop import flow_of

DUE = """
steps:
  work:
    stage: open
    task: {by: [{role: clerk}], require: [note], edit: [wanted_on]}
    due: {%s}
    next: {done: closed%s}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def at(text: str) -> datetime:
    """A moment written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def made(due: str, late: str = ", late: gone", **fields: object) -> Play:
    return Play(flow_of(DUE % (due, late)), **fields).begin()


def test_rule_16_due_is_entry_and_a_duration_in_the_calendar() -> None:
    # Monday 10:00 in Shanghai; the office works 09:00-18:00 on weekdays.
    assert made("in: 3wd").timer("due").at == at("2026-03-05T10:00")
    assert made("in: 9wh").timer("due").at == at("2026-03-03T02:00")
    assert made("in: 36h").timer("due").at == NOW + timedelta(hours=36)
    task = next(iter(made("in: 36h").state.tasks.values()))
    assert task.due_at == NOW + timedelta(hours=36)


def test_rule_16_a_date_field_is_due_at_the_end_of_its_business_and_moves_with_it() -> None:
    play = made("at: wanted_on", wanted_on=date(2026, 3, 4))
    assert play.timer("due").at == at("2026-03-04T10:00")
    play.row = {**play.row, "wanted_on": date(2026, 3, 6)}
    play.changed()
    assert play.timer("due").at == at("2026-03-06T10:00")
    assert [one["due"] for one in play.said("due")] == ["2026-03-06T10:00:00+00:00"]
    play.row = {**play.row, "wanted_on": None}
    play.changed()
    assert play.timers() == []
    play.row = {**play.row, "wanted_on": date(2026, 3, 9)}
    play.changed()
    assert play.timer("due").at == at("2026-03-09T10:00")


def test_rule_16_a_frozen_date_stays() -> None:
    play = made("at: wanted_on, recompute: frozen", wanted_on=date(2026, 3, 4))
    play.row = {**play.row, "wanted_on": date(2026, 3, 6)}
    play.changed()
    assert play.timer("due").at == at("2026-03-04T10:00")


REMIND = "in: 10d, remind: {half: {before: 5d}, often: {after: 1d, every: 2d, max: 3}}"


def test_rule_17_many_reminders_and_one_final_act_by_the_system() -> None:
    play = made(REMIND)
    play.pass_time(days=11)
    assert [one for one in play.told if one.startswith(("remind", "late"))] == [
        "remind.work.often",  # day 1
        "remind.work.often",  # day 3
        "remind.work.half",  # day 5
        "remind.work.often",  # day 5
        "late.work",
    ]
    assert play.ended == "gone"
    assert play.said("late")[0]["by"] == "system"


def test_rule_17_once_for_each_task_and_rule() -> None:
    play = made("in: 1d", late="")
    timer = play.timer("due")
    play.pass_time(days=2)
    assert play.told.count("late.work") == 1
    play.send(Fire(timer.id))
    assert not play.last.used
    assert play.at() == ["work"]


def test_rule_17_never_after_the_task_is_decided() -> None:
    play = made(REMIND)
    timers = [timer.id for timer in play.timers()]
    play.act("done", 1)
    assert play.timers() == []
    assert {timer.status for timer in play.last.timers} == {"cancelled"}
    for timer in timers:
        play.send(Fire(timer))
        assert not play.last.used


def test_rule_17_a_timer_of_an_earlier_visit_does_nothing() -> None:
    play = made("in: 1d", late="")
    before = play.state
    timer = play.timer("due")
    play.act("done", 1)
    token = play.state.tokens[0]
    play.state = type(before)({0: token}, {}, {timer.id: timer})
    play.now += timedelta(days=2)
    play.send(Fire(timer.id))
    assert not play.last.used


def test_rule_17_after_a_downtime_everything_is_caught_up_once() -> None:
    play = made("in: 30d, remind: {often: {after: 1d, every: 1d, max: 9}}")
    timer = play.timer("remind/often")
    play.now = NOW + timedelta(days=5, hours=1)
    play.send(Fire(timer.id))
    assert play.told.count("remind.work.often") == 1
    again = play.timer("remind/often")
    assert (again.at, again.fired) == (NOW + timedelta(days=6), 1)
    play.send(Fire(again.id))
    assert not play.last.used  # not yet


def test_rule_17_after_a_downtime_however_long_one_reminder_stands_for_all() -> None:
    play = made("in: 90d, remind: {often: {after: 1m, every: 1m, max: 9}}")
    play.now = NOW + timedelta(days=20)
    play.send(Fire(play.timer("remind/often").id))
    assert play.told.count("remind.work.often") == 1
    assert play.timer("remind/often").at > play.now


def test_rule_17_never_past_required_fields_then_it_escalates() -> None:
    # The exit `late` leads where the button does: it would stand for a person's act.
    play = made("in: 1d", late=", late: closed").pass_time(days=2)
    assert play.at() == ["work"]
    assert play.incident()["code"] == "late_needs_fields"
    assert "note" in play.incident()["message"]["en"]
    filled = made("in: 1d", late=", late: closed", note="there").pass_time(days=2)
    assert filled.ended == "closed"


def test_escalation_hands_the_task_over() -> None:
    play = made("in: 1d, escalate: [{role: boss}]", late="")
    task = next(iter(play.state.tasks.values()))
    play.pass_time(days=2)
    assert play.open() == [("work", ("role:boss",))]
    handed = next(iter(play.state.tasks.values()))
    assert (handed.origin, handed.source) == ("escalated", task.id)
    with pytest.raises(Refused) as refused:
        play.send(Act(person(1), task.id, "done"))
    assert refused.value.code == "task_decided"
    assert play.act("done", 7).ended == "closed"


APPROVE = """
steps:
  agree:
    stage: open
    approve:
      if_nobody: [{role: admin}]
      levels:
        one: {by: [{role: lead}], due: {in: 2h, escalate: [{role: quality}]}}
        two: {by: [{user: owner}]}
    due: {in: 8wh, escalate: [{manager_of: assignee}]}
    next: {approved: closed, rejected: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def test_votes_are_escalated_to_managers_of_who_has_them() -> None:
    play = Play(flow_of(APPROVE), owner=4).begin()
    assert {timer.rule for timer in play.timers()} == {"due", "due@one"}
    play.pass_time(hours=3)
    assert play.open() == [("agree", ("role:quality",))]
    play.act("approved", 9)
    assert [timer.rule for timer in play.timers()] == ["due"]
    assert play.open() == [("agree", ("user:4",))]
    play.pass_time(days=1)
    assert play.open() == [("agree", ("user:7",))]
    assert play.act("approved", 7).ended == "closed"


def test_whose_vote_was_escalated_may_vote_as_one_of_those_it_came_to() -> None:
    more = "{by: [{role: lead}], need: first, due: {in: 2h, escalate: [{role: quality}]}}"
    flow = APPROVE.replace("{by: [{role: lead}], due: {in: 2h, escalate: [{role: quality}]}}", more)
    roles = {"lead": (4, 5), "quality": (5,), "admin": (7,)}
    play = Play(flow_of(flow), World(roles=roles), owner=4).begin()
    play.pass_time(hours=3)
    assert {seats for _, seats in play.open()} == {("role:quality",)}
    play.act("approved", 5)
    assert play.open() == [("agree", ("user:4",))]


GROUP = """
steps:
  agree:
    stage: open
    approve:
      allow: [add, transfer]
      exclude: [{user: created_by}]
      if_nobody: [{role: admin}]
      levels: {one: {by: [{role: finance}], need: NEED}}
    due: {in: 1d, escalate: [ESCALATE]}
    next: {approved: closed, rejected: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def escalated(need: str = "all", to: str = "{role: boss}", world: World | None = None) -> Play:
    """Three votes of finance (4, 5, 6); the boss is 7."""
    return Play(flow_of(GROUP.replace("NEED", need).replace("ESCALATE", to)), world).begin()


def test_votes_escalated_to_one_role_become_one_that_counts_for_all() -> None:
    play = escalated().pass_time(days=2)
    assert play.open() == [("agree", ("role:boss",))]
    assert [one.get("votes") for one in play.said("escalate")] == [3]
    assert play.told.count("escalated") == 1
    play.act("approved", 7)
    assert play.ended == "closed"
    decided = play.said("decide")[0]
    assert (decided["approvers"], decided["approved"], decided["rejected"]) == (3, 3, 0)


def test_a_vote_cast_before_the_escalation_stays_and_the_rest_counts_for_the_rest() -> None:
    play = escalated().act("approved", 5).pass_time(days=2)
    assert play.open() == [("agree", ("role:boss",))]
    play.act("approved", 7)
    assert (play.ended, play.said("decide")[0]["approved"]) == ("closed", 3)
    split = escalated("one").act("rejected", 5).pass_time(days=2)
    split.act("rejected", 7)
    assert (split.ended, split.said("decide")[0]["rejected"]) == ("gone", 3)
    most = escalated("60%").act("rejected", 5).pass_time(days=2)
    assert most.act("approved", 7).ended == "closed"


def test_votes_escalated_to_the_same_manager_are_one() -> None:
    world = World(people={Asked("manager_of", one): (7,) for one in (4, 5)})
    play = escalated(to="{manager_of: assignee}", world=world).pass_time(days=2)
    # 6 has no manager: the vote stays.
    assert sorted(play.open()) == [("agree", ("user:6",)), ("agree", ("user:7",))]
    play.act("approved", 7)
    assert play.ended is None
    assert play.act("approved", 6).ended == "closed"


def test_votes_are_not_escalated_to_a_pool_in_which_nobody_could_cast_them() -> None:
    # The one boss has voted; the one who asked must not: the votes stay with who has them.
    roles = {"finance": (4, 7), "boss": (1, 7), "admin": (8,)}
    play = escalated(world=World(roles=roles)).act("approved", 7).pass_time(days=2)
    assert play.open() == [("agree", ("user:4",))]
    assert play.said("escalate")[0]["to"] == []
    assert play.act("approved", 4).ended == "closed"
    # Whose own vote goes along may cast them all.
    along = escalated(world=World(roles=roles)).pass_time(days=2)
    assert along.open() == [("agree", ("role:boss",))]
    assert along.act("approved", 7).ended == "closed"


def test_who_was_asked_as_well_is_asked_after_an_escalation_too() -> None:
    behind = escalated().add(4, 9, "after").pass_time(days=2)
    behind.act("approved", 7)
    assert behind.open() == [("agree", ("user:9",))]
    assert behind.ended is None
    assert behind.act("approved", 9).ended == "closed"
    before = escalated().add(4, 9, "before").pass_time(days=2)
    assert before.open() == [("agree", ("role:boss",))]
    before.act("approved", 7)
    assert before.open() == [("agree", ("user:4",))]
    assert before.act("approved", 4).said("decide")[0]["approved"] == 3
    assert before.ended == "closed"


def test_an_escalated_vote_keeps_its_weight_when_it_moves_on() -> None:
    moved = escalated().pass_time(days=2).transfer(7, 8)
    assert moved.open() == [("agree", ("user:8",))]
    assert moved.act("approved", 8).ended == "closed"
    behind = escalated().pass_time(days=2).add(7, 8, "after").act("approved", 7)
    assert behind.open() == [("agree", ("user:8",))]
    assert behind.act("approved", 8).ended == "closed"
    first = escalated().pass_time(days=2).add(7, 8, "before")
    assert first.act("approved", 8).open() == [("agree", ("role:boss",))]
    assert first.act("approved", 7).ended == "closed"
    against = escalated("one").pass_time(days=2).add(7, 8, "before").act("rejected", 8)
    assert (against.ended, against.said("decide")[0]["rejected"]) == ("gone", 3)
    beside = escalated().pass_time(days=2).add(7, 8, "parallel").act("approved", 7)
    assert beside.ended is None
    assert beside.act("approved", 8).ended == "closed"


SLA = """
slas:
  answer: {from: open, to: done_at, within: 3wd, warn: 1wd, pause: [later]}
steps:
  work: {stage: open, task: {by: [{role: clerk}]}, next: {ask: hold, done: note, stop: gone}}
  hold: {stage: later, task: {by: [{user: created_by}]}, next: {back: {to: work, max: 5}}}
  note: {set: {done_at: now()}, next: after}
  after: {task: {by: [{role: clerk}]}, next: {ok: closed}}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def clock(play: Play) -> dict[str, object]:
    found: dict[str, object] = play.state.tokens[0].data["sla"]["answer"]
    return found


def test_a_promise_warns_and_is_broken() -> None:
    play = Play(flow_of(SLA)).begin()
    assert clock(play)["due"] == "2026-03-05T10:00:00+00:00"
    play.until(at("2026-03-04T11:00"))
    assert play.told[-1] == "sla.answer.warn"
    play.until(at("2026-03-05T11:00"))
    assert play.told[-1] == "sla.answer.breach"
    play.act("done", 1)
    assert clock(play)["state"] == "missed"


def test_a_promise_that_is_kept_has_no_timers_left() -> None:
    play = Play(flow_of(SLA)).begin().act("done", 1)
    assert clock(play)["state"] == "met"
    assert play.timers() == []


def test_a_promise_stands_still_in_some_stages() -> None:
    play = Play(flow_of(SLA)).begin()
    play.pass_time(hours=4).act("ask", 1)
    assert clock(play)["state"] == "paused"
    assert play.timers() == []
    # Two working days later; what was left was Monday from 14:00 to Thursday 18:00.
    play.pass_time(days=2).act("back", 1)
    assert clock(play) == {
        "state": "running",
        "from": "2026-03-02T02:00:00+00:00",
        "due": "2026-03-09T10:00:00+00:00",
    }
    assert play.timer("sla/answer/breach").at == at("2026-03-09T10:00")


def test_a_promise_warns_once_however_often_it_stands_still() -> None:
    play = Play(flow_of(SLA)).begin()
    play.until(at("2026-03-04T11:00"))
    play.act("ask", 1)
    play.pass_time(days=1).act("back", 1)
    play.pass_time(hours=1)
    assert play.told.count("sla.answer.warn") == 1
    play.pass_time(days=3)
    assert play.told.count("sla.answer.breach") == 1


def test_a_promise_that_is_broken_already_cannot_be_held_up() -> None:
    play = Play(flow_of(SLA)).begin()
    play.now = at("2026-03-05T10:30")  # its timer is due, the worker has not come yet
    play.act("ask", 1)
    play.pass_time(hours=1)
    assert play.told.count("sla.answer.breach") == 1
    assert clock(play)["due"] == "2026-03-05T10:00:00+00:00"


def came_out(play: Play) -> list[str]:
    """In what status the last step left the promise's last timer."""
    every = play.last.timers
    return [one.status for one in every if one.rule == "sla/answer/breach" and one.status != "open"]


def test_its_last_timer_tells_how_a_promise_came_out() -> None:
    play = Play(flow_of(SLA)).begin()
    assert came_out(play.act("ask", 1)) == ["cancelled"]  # it stands still
    assert came_out(play.pass_time(days=1).act("back", 1).act("done", 1)) == ["kept"]
    late = Play(flow_of(SLA)).begin()
    late.now = at("2026-03-05T10:30")  # the timer is due, the worker has not come yet
    assert clock(late.act("done", 1))["state"] == "missed"
    assert came_out(late) == ["done"]
    assert came_out(Play(flow_of(SLA)).begin().act("stop", 1)) == ["cancelled"]
    at_once = SLA.replace(
        "{set: {done_at: now()}, next: after}", "{set: {done_at: now()}, next: closed}"
    )
    assert came_out(Play(flow_of(at_once)).begin().act("done", 1)) == [
        "kept"
    ]  # and it ends with it


def test_a_promise_is_void_when_the_record_ends_before() -> None:
    play = Play(flow_of(SLA)).begin().act("stop", 1)
    assert clock(play)["state"] == "void"
    assert play.timers() == []


CLOCKED = """
steps:
  wait:
    stage: open
    wait: {until: "hours_between(created_at, now()) >= 24"}
    next: {until: closed}
  closed: {stage: closed, end: closed}
"""


def test_a_condition_that_reads_the_clock_is_looked_at_again() -> None:
    play = Play(flow_of(CLOCKED), created_at=NOW).begin()
    play.pass_time(hours=23)
    assert play.at() == ["wait"]
    assert play.pass_time(hours=2).ended == "closed"


VOTED = """
steps:
  agree:
    stage: open
    approve:
      if_nobody: [{role: admin}]
      levels: {a: {by: [{role: lead}]}, b: {by: [{role: finance}], due: {in: 2h}}}
    due: {at: wanted_on}
    next: {approved: closed, rejected: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def test_rule_16_votes_are_due_with_their_level_or_their_step_and_move_with_it() -> None:
    def dues() -> set[datetime | None]:
        return {task.due_at for task in play.state.tasks.values() if task.status == "open"}

    play = Play(flow_of(VOTED), wanted_on=date(2026, 3, 4)).begin()
    assert dues() == {at("2026-03-04T10:00")}
    play.row = {**play.row, "wanted_on": date(2026, 3, 6)}
    play.changed()
    assert dues() == {at("2026-03-06T10:00")}
    play.act("approved", 3)
    assert dues() == {play.now + timedelta(hours=2)}
