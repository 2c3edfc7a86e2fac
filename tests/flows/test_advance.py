"""A record moves: tasks, machines, effects, waits, scopes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flows.events import Act
from tests.flows.play import RECORD, Play, Refused, World, money, person
from tests.flows.shop import flow_of

SIMPLE = """
steps:
  write: {stage: open, task: {by: [{user: created_by}], edit: all}, next: {submit: sort}}
  sort: {switch: kind, next: {small: work, large: agree}}
  agree:
    approve: {if_nobody: [{role: admin}], levels: {lead: {by: [{role: lead}]}}}
    next: {approved: work, rejected: gone}
  work:
    stage: later
    set: {level: 2, note: "'seen'"}
    task: {by: [{role: clerk}]}
    next: {done: closed}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def test_a_record_goes_its_way() -> None:
    play = Play(flow_of(SIMPLE), kind="small").begin()
    assert play.at() == ["write"]
    assert play.row["stage"] == "open"
    assert play.open() == [("write", ("user:1",))]
    play.act("submit", 1)
    assert play.at() == ["work"]
    assert play.row["stage"] == "later"
    assert (play.row["level"], play.row["note"]) == (2, "seen")
    play.act("done", 2)
    assert play.ended == "closed"
    assert play.told[-2:] == ["stage.closed", "ended.closed"]
    assert play.state.tasks == {}


def test_submitting_acts_at_once() -> None:
    play = Play(flow_of(SIMPLE), kind="large").begin("submit")
    assert play.at() == ["agree"]
    play.act("approved", 3)
    assert play.at() == ["work"]


def test_the_same_event_gives_the_same_ids() -> None:
    plays = [Play(flow_of(SIMPLE), kind="large").begin("submit") for _ in range(2)]
    assert plays[0].last == plays[1].last


def test_others_cannot_do_my_task() -> None:
    play = Play(flow_of(SIMPLE), kind="large").begin("submit")
    task = next(iter(play.state.tasks.values()))

    with pytest.raises(Refused) as refused:
        play.send(Act(person(4), task.id, "approved"))
    assert refused.value.code == "not_yours"
    with pytest.raises(Refused) as refused:
        play.act("nonsense", 3)
    assert refused.value.code == "unknown_act"


def test_a_switch_without_a_value_is_an_incident_and_can_be_mended() -> None:
    play = Play(flow_of(SIMPLE)).begin("submit")
    assert play.at() == ["sort"]
    assert play.incident()["code"] == "null_condition"
    assert "incident" in play.told
    play.row = {**play.row, "kind": "small"}
    play.mend("retry")
    assert play.at() == ["work"]
    assert "incident" not in play.state.tokens[0].data


DO = """
interrupts:
  withdraw: {by: [{user: created_by}], in: [open], to: gone, undo: true}
steps:
  write: {stage: open, task: {by: [{user: created_by}], edit: all}, next: {submit: pay}}
  pay:
    do:
      hold:
        use: payment.authorise
        with: {amount: amount}
        save: {reference: reference}
        undo: payment.release
      note: {use: payment.capture, when: urgent, with: {reference: reference, lines: lines}}
    next: {done: wait, failed.declined: write2}
  write2: {task: {by: [{user: created_by}]}, next: {again: {to: pay, max: 2}}}
  wait: {wait: {for: [payment.refunded]}, next: {payment.refunded: closed}}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def test_actions_run_one_after_the_other() -> None:
    play = Play(flow_of(DO), amount=money(5), urgent=True).begin("submit")
    [hold] = play.calls
    assert hold.arguments == {"amount": money(5)}
    assert hold.key.endswith(":-:pay:hold")
    play.answer(reference="R1")
    assert play.row["reference"] == "R1"
    assert play.calls[1].arguments["reference"] == "R1"
    play.answer(call=hold)
    assert not play.last.used
    play.answer(call=play.calls[1])
    assert play.at() == ["wait"]
    assert play.last.opened == ((0, ("payment.refunded",)),)
    play.event("payment.refunded")
    assert play.ended == "closed"


def test_a_failure_that_is_listed_is_an_exit_and_another_try_another_effect() -> None:
    play = Play(flow_of(DO), amount=money(5), urgent=False).begin("submit")
    play.answer("failed.declined")
    play.act("again", 1)
    assert play.calls[1].key == play.calls[0].key + "#1"
    play.answer("failed.declined").act("again", 1).answer("failed.declined")
    with pytest.raises(Refused) as refused:
        play.act("again", 1)
    assert refused.value.code == "act_used_up"


def test_a_failure_that_is_not_listed_is_an_incident_in_place() -> None:
    play = Play(flow_of(DO), amount=money(5), urgent=False).begin("submit")
    play.answer("failed.no_contact")
    assert play.at() == ["pay"]
    assert play.incident()["code"] == "failed.no_contact"
    play.mend("retry")
    assert play.calls[-1].key.endswith("#1")
    play.answer("failed.no_contact").mend("skip", "done")
    assert play.at() == ["wait"]


def test_undo_takes_back_what_ran() -> None:
    play = Play(flow_of(DO), amount=money(5), urgent=False).begin("submit")
    play.answer(reference="R1").interrupt("withdraw", 1)
    assert play.ended == "gone"
    undo = play.calls[-1]
    assert (undo.use, undo.undo_of) == ("payment.release", play.calls[0].key)
    assert undo.arguments["reference"] == "R1"
    assert play.last.revoke


EACH = """
steps:
  write: {stage: open, task: {by: [{user: created_by}], edit: all}, next: {submit: look}}
  look:
    each:
      over: lines where good
      as: line
      steps:
        check:
          set: {line.state: "'seen'"}
          task: {by: [{user: line.checker}]}
          next: {fine: way, bad: broken}
        way: {switch: line.quantity > 1, next: {true: many, false: over}}
        many: {set: {line.state: "'many'"}, next: over}
        over: {end: done}
        broken: {end: broken}
    next: {done: closed, broken: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def lines() -> list[dict[str, object]]:
    return [
        {"good": True, "checker": 4, "quantity": Decimal(1), "price": money(2)},
        {"good": None, "checker": 5, "quantity": Decimal(1), "price": money(2)},
        {"good": True, "checker": 6, "quantity": Decimal(3), "price": money(2)},
    ]


def test_each_row_goes_its_own_way() -> None:
    play = Play(flow_of(EACH), lines=lines()).begin("submit")
    assert play.at() == ["look", "look/check", "look/check"]
    assert [line["state"] for line in play.row["lines"]] == ["seen", None, "seen"]
    assert play.row["total"] == money("10.00")
    play.act("fine", 4)
    assert play.ended is None
    play.act("fine", 6)
    assert play.ended == "closed"
    assert [line["state"] for line in play.row["lines"]] == ["seen", None, "many"]


def test_a_row_that_ends_under_a_name_ends_them_all() -> None:
    play = Play(flow_of(EACH), lines=lines()).begin("submit")
    play.act("bad", 6)
    assert play.ended == "gone"
    assert play.last.cancel_below == (0,)
    assert play.state.tasks == {}


def test_no_rows_is_done() -> None:
    play = Play(flow_of(EACH)).begin("submit")
    assert play.ended == "closed"


PARALLEL = """
steps:
  split:
    stage: open
    parallel:
      join: %s
      branches:
        one: {ask: {task: {by: [{role: clerk}]}, next: {ok: over}}, over: {end: done}}
        two:
          ask: {task: {by: [{role: lead}]}, next: {ok: over, nix: bad}}
          over: {end: done}
          bad: {end: bad}
        three: {ask: {task: {by: [{role: boss}]}, next: {ok: over}}, over: {end: done}}
    next: {done: closed, bad: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


@pytest.mark.parametrize(
    ("join", "acts", "left"),
    [("all", [1, 3, 7], []), ("any", [3], []), ("2", [7, 3], []), ("2", [7], ["one", "two"])],
)
def test_branches_join(join: str, acts: list[int], left: list[str]) -> None:
    play = Play(flow_of(PARALLEL % join)).begin()
    for user in acts:
        play.act("ok", user)
    assert (play.ended == "closed") is not bool(left)
    assert len(play.state.tasks) == len(left)


def test_a_named_end_leaves_the_others() -> None:
    play = Play(flow_of(PARALLEL % "all")).begin().act("ok", 1).act("nix", 3)
    assert play.ended == "gone"
    assert play.state.tasks == {}


START = """
steps:
  write: {stage: open, task: {by: [{user: created_by}], edit: all}, next: {submit: child}}
  child:
    start:
      form: child
      with: {request: this, amount: amount}
      rows: {parts: {over: lines where good, with: {of: row, quantity: quantity}}}
      save: child
      wait: %s
    next: {%s: wait}
  wait:
    wait: {until: is_empty(child) or child.stage == 'closed'}
    due: {in: 60d, remind: {weekly: {after: 7d, every: 7d, max: 3}}}
    next: {until: closed, late: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""
CHILD = "flow: child\nstages: {s: {label: S}}\nsteps: {over: {stage: s, end: ended}}\n"


def test_a_record_of_another_form_is_started_and_waited_for() -> None:
    flow = flow_of(START % ("true", "ended"), CHILD)
    world = World(rows={"child": {77: {"stage": "open"}}})
    play = Play(flow, world, amount=money(3), lines=lines()).begin("submit")
    [start] = play.starts
    assert start.values == {
        "request": RECORD,
        "amount": money(3),
        "parts": [
            {"of": RECORD + 1, "quantity": Decimal(1)},
            {"of": RECORD + 3, "quantity": Decimal(3)},
        ],
    }
    play.answer(record=77)
    assert play.row["child"] == 77
    assert play.at() == ["child"]
    play.child_ends("ended", 77)
    assert play.at() == ["wait"]
    assert play.last.watches == ((0, (("child", 77),)),)
    play.changed()
    assert play.at() == ["wait"]
    world.rows["child"][77]["stage"] = "closed"
    play.changed()
    assert play.ended == "closed"
    assert play.last.watches == ((0, ()),)


def test_a_record_that_is_not_waited_for_has_to_be_there_before_it_goes_on() -> None:
    flow = flow_of(START % ("false", "done"), CHILD)
    play = Play(flow, amount=money(3)).begin("submit")
    assert play.at() == ["child"]
    play.answer(record=77)
    assert play.at() == ["wait"]
    play.pass_time(days=61)
    assert play.told.count("remind.wait.weekly") == 3
    assert play.ended == "gone"


LATER = """
interrupts:
  carrier.lost: {in: [later], to: gone}
  stop: {by: [{role: clerk}], in: [later], to: gone}
steps:
  work: {stage: open, task: {by: [{role: clerk}]}, next: {ok: hold}}
  hold: {stage: later, task: {by: [{role: clerk}]}, next: {ok: gone}}
  gone: {stage: gone, end: gone}
"""


def test_an_event_that_interrupts_is_listened_for_from_its_stage_on() -> None:
    play = Play(flow_of(LATER)).begin()
    play.event("carrier.lost")
    assert (play.at(), play.last.used) == (["work"], False)
    play.act("ok", 1)
    assert play.last.opened == ((0, ("carrier.lost",)),)
    assert play.event("carrier.lost").ended == "gone"
    assert play.last.opened == ()
