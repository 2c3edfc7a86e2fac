"""Where things go wrong, come late or come together: incidents, answers, nested scopes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flows.events import Act, Begin, Changed, Fire
from flows.needs import ahead
from flows.views import acts_of, first_act, interrupts_of, loads, position, step_rights
from tests.flows.play import NOW, Play, Refused, World, money, person
from tests.flows.shop import flow_of

LEVELS = """
steps:
  agree:
    stage: open
    approve:
      exclude: [{user: created_by}]
      if_nobody: [{role: nobody}]
      levels: {one: {by: [{role: lead}]}, two: {by: [{user: owner}]}}
    next: {approved: closed, rejected: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def test_a_vote_counts_though_the_next_level_finds_nobody() -> None:
    play = Play(flow_of(LEVELS)).begin().act("approved", 3)
    assert play.incident()["code"] == "nobody"
    assert [task.outcome for task in play.history] == ["approved"]
    play.row = {**play.row, "owner": 7}
    play.mend("retry")
    assert play.open() == [("agree", ("user:7",))]
    assert play.act("approved", 7).ended == "closed"


FLIGHT = """
interrupts:
  withdraw: {by: [{user: created_by}], in: [open], to: %s, undo: true}
steps:
  write: {stage: open, task: {by: [{user: created_by}]}, next: {submit: hold}}
  hold:
    do:
      hold:
        use: payment.authorise
        with: {amount: amount}
        save: {reference: reference}
        undo: payment.release
    next: {done: wait}
  wait: {wait: {for: [payment.refunded]}, next: {payment.refunded: gone}}
  gone: {stage: gone, end: gone}
"""


def test_an_action_under_way_is_taken_back_once_it_is_known_to_have_happened() -> None:
    play = Play(flow_of(FLIGHT % "gone"), amount=money(5)).begin("submit")
    play.interrupt("withdraw", 1)
    assert play.ended == "gone"
    assert len(play.calls) == 1
    play.answer(call=play.calls[0], reference="R1")
    assert play.calls[-1].undo_of == play.calls[0].key
    play.answer(call=play.calls[-1])
    assert not play.last.used
    failed = Play(flow_of(FLIGHT % "gone"), amount=money(5)).begin("submit")
    failed.interrupt("withdraw", 1).answer("failed.declined", call=failed.calls[0])
    assert len(failed.calls) == 1


BRANCHES = """
interrupts:
  withdraw: {by: [{user: created_by}], in: [open], to: gone, undo: true}
steps:
  both:
    stage: open
    parallel:
      join: all
      branches:
        money:
          hold:
            do:
              hold:
                use: payment.authorise
                with: {amount: amount}
                save: {reference: reference}
                undo: payment.release
            next: {done: fine, failed.declined: fine}
          fine: {end: done}
        goods:
          look: {task: {by: [{role: clerk}]}, next: {good: fine, bad: broken}}
          fine: {end: done}
          broken: {end: broken}
    next: {done: wait, broken: wait}
  wait: {task: {by: [{role: boss}]}, next: {again: {to: both, max: 3}, done: gone}}
  gone: {stage: gone, end: gone}
"""


def _cut() -> Play:
    """A branch has called, and its sibling ended elsewhere before the answer."""
    play = Play(flow_of(BRANCHES), amount=money(5)).begin()
    play.act("bad", 1)
    assert play.at() == ["wait"] and len(play.calls) == 1
    return play


def test_an_action_of_a_cancelled_branch_is_known_and_taken_back_by_an_interrupt() -> None:
    play = _cut()
    play.answer(call=play.calls[0], reference="R1")
    assert play.last.used and play.at() == ["wait"] and len(play.calls) == 1
    assert play.said("answer")[-1]["left"] is True
    assert play.row["reference"] is None, "the branch saves nothing any more"
    play.interrupt("withdraw", 1)
    undo = play.calls[-1]
    assert (undo.use, undo.undo_of) == ("payment.release", play.calls[0].key)
    assert undo.arguments["reference"] == "R1"
    play.answer(call=play.calls[0], reference="R1")
    assert not play.last.used


def test_one_that_failed_after_its_branch_was_cancelled_is_not_taken_back() -> None:
    play = _cut()
    play.answer("failed.declined", call=play.calls[0])
    play.interrupt("withdraw", 1)
    assert len(play.calls) == 1 and play.ended == "gone"


def test_the_answer_of_the_pass_before_serves_the_step_that_waits_for_the_same() -> None:
    play = Play(flow_of(ONCE_MORE), amount=money(5)).begin()
    play.event("payment.refunded")
    assert play.at() == ["hold"] and play.calls[0].key == play.calls[1].key
    play.answer(call=play.calls[0], reference="R1")
    assert play.ended == "gone" and play.row["reference"] == "R1"


ONCE_MORE = """
interrupts:
  payment.refunded: {in: [open], to: hold}
steps:
  hold:
    stage: open
    do: {hold: {use: payment.authorise, with: {amount: amount}, save: {reference: reference}}}
    next: {done: gone}
  gone: {stage: gone, end: gone}
"""


def test_after_an_undo_the_same_action_is_another_effect() -> None:
    play = Play(flow_of(FLIGHT % "write"), amount=money(5)).begin("submit")
    play.answer(reference="R1").interrupt("withdraw", 1)
    assert play.at() == ["write"]
    play.act("submit", 1)
    assert play.calls[-1].key == play.calls[0].key + "#1"


def test_an_undo_that_fails_is_told() -> None:
    play = Play(flow_of(FLIGHT % "gone"), amount=money(5)).begin("submit")
    play.answer(reference="R1").interrupt("withdraw", 1)
    play.answer("failed.expired", call=play.calls[-1])
    assert play.said("incident")[0]["code"] == "undo_failed"
    assert "incident" in play.told


DO = """
steps:
  pack:
    stage: open
    do:
      one: {use: stock.reserve, with: {quantity: level}, undo: stock.release}
      two: {use: carrier.create_label, with: {address: note}, key: note}
    next: {done: closed, failed.bad_address: gone}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def test_skipping_an_action_goes_on_with_the_next() -> None:
    play = Play(flow_of(DO), level=1, note="here").begin()
    play.answer("failed.no_stock").mend("skip")
    assert play.calls[-1].key == "here"
    assert play.answer().ended == "closed"


def test_compensating_takes_back_what_the_step_did() -> None:
    play = Play(flow_of(DO), level=1, note="here").begin().answer()
    play.answer("failed.unavailable").mend("compensate", "failed.bad_address")
    assert play.ended == "gone"
    assert play.calls[-1].undo_of == play.calls[0].key
    with pytest.raises(Refused) as refused:
        play.mend("retry")
    assert refused.value.code == "no_incident"


NESTED = """
steps:
  look:
    stage: open
    each:
      over: lines
      as: line
      steps:
        pair:
          parallel:
            branches:
              left:
                ask: {task: {by: [{user: line.checker}]}, next: {ok: note}}
                note: {set: {line.state: "'left'"}, next: over}
                over: {end: done}
              right:
                way: {switch: line.quantity > 1, next: {true: note, false: over}}
                note: {set: {line.price: amount}, next: over}
                over: {end: done}
          next: {done: over}
        over: {end: done}
    next: {done: closed}
  closed: {stage: closed, end: closed}
"""


def test_branches_of_a_row_know_their_row() -> None:
    lines = [
        {"checker": 4, "quantity": Decimal(1), "price": money(1)},
        {"checker": 5, "quantity": Decimal(2), "price": money(1)},
    ]
    play = Play(flow_of(NESTED), amount=money(9), lines=lines).begin()
    assert [line["price"] for line in play.row["lines"]] == [money(1), money(9)]
    assert [line["total"] for line in play.row["lines"]] == [money("1.00"), money("18.00")]
    play.act("ok", 5)
    assert [line["state"] for line in play.row["lines"]] == [None, "left"]
    assert play.act("ok", 4).ended == "closed"


LOOP = """
steps:
  round: {stage: open, switch: "true", next: {true: back, false: closed}}
  back: {set: {urgent: true}, next: {done: {to: round, max: 1000}}}
  closed: {stage: closed, end: closed}
"""


def test_a_circle_of_machines_stops() -> None:
    play = Play(flow_of(LOOP)).begin()
    assert play.incident()["code"] == "too_many_steps"
    play.mend("retry")
    assert play.incident()["code"] == "too_many_steps"


def test_what_cannot_be_computed_is_an_incident_with_its_reason() -> None:
    steps = """
steps:
  work: {stage: open, set: {level: 999999999999999999 * level}, next: closed}
  closed: {stage: closed, end: closed}
"""
    play = Play(flow_of(steps), level=999999).begin()
    assert play.incident()["code"] == "bad_value"
    assert play.incident()["message"]["zh"]


def test_looking_again_at_what_has_not_changed_changes_nothing() -> None:
    steps = """
steps:
  wait: {stage: open, wait: {until: urgent}, next: {until: closed}}
  closed: {stage: closed, end: closed}
"""
    play = Play(flow_of(steps)).begin()
    play.send(Changed())
    assert not play.last.used
    play.row = {**play.row, "urgent": True}
    assert play.changed().ended == "closed"


def test_a_stage_that_is_only_passed_through_starts_a_promise() -> None:
    steps = """
slas:
  quick: {from: open, to: closed, within: 1d}
steps:
  first: {stage: open, set: {urgent: true}, next: second}
  second: {stage: later, task: {by: [{role: clerk}]}, next: {ok: closed}}
  closed: {stage: closed, end: closed}
"""
    play = Play(flow_of(steps)).begin()
    assert play.state.tokens[0].data["sla"]["quick"]["state"] == "running"
    play.act("ok", 1)
    assert play.state.tokens[0].data["sla"]["quick"]["state"] == "met"


def test_two_events_for_one_wait_are_one() -> None:
    steps = """
steps:
  wait:
    stage: open
    wait: {for: [carrier.delivered, carrier.lost]}
    next: {carrier.delivered: hold, carrier.lost: gone}
  hold: {task: {by: [{role: clerk}]}, next: {ok: gone}}
  gone: {stage: gone, end: gone}
"""
    play = Play(flow_of(steps)).begin()
    play.event("carrier.delivered")
    assert play.at() == ["hold"]
    play.event("carrier.lost", "e2")
    assert not play.last.used
    play.event("payment.refunded", "e3")
    assert not play.last.used


VIEWS = """
interrupts:
  withdraw: {by: [{user: created_by}], in: [open], to: gone}
steps:
  write:
    stage: open
    task: {by: [{user: created_by}], edit: [note], require: [amount], hide: [limit]}
    next: {submit: agree, late: gone}
    due: {in: 2d}
  agree:
    approve:
      if_nobody: [{role: admin}]
      allow: [transfer, add]
      ask: {comment: on_reject}
      levels: {lead: {by: [{role: lead}], require: [reference]}}
    next:
      approved: work
      rejected: gone
      sent_back: {to: write, max: 1, label: {zh: 补充, en: Complete}}
  work: {task: {by: [{role: clerk}], claim: true}, next: {done: {to: gone, when: urgent}}}
  gone: {stage: gone, end: gone}
"""


def test_what_people_may_do_is_shown_with_what_it_needs() -> None:
    flow = flow_of(VIEWS)
    assert first_act(flow) == "submit"
    assert step_rights(flow, "write").edit == ("note", "amount")
    assert step_rights(flow, "write").hide == ("limit",)
    assert step_rights(flow, "agree", "lead").require == ("reference",)
    play = Play(flow).begin()
    [place] = position(flow, play.state)
    assert (place.step, place.due) == ("write", play.timer("due").at)
    play.act("submit", 1)
    task = next(iter(play.state.tasks.values()))
    acts = acts_of(flow, play.state, task, play.facts(), NOW, person(3))
    assert [one.name for one in acts] == ["approved", "rejected", "sent_back", "transfer", "add"]
    approved, rejected, sent_back, *_ = acts
    assert (approved.ask.comment, rejected.ask.comment) == ("optional", "required")
    assert (approved.requires, rejected.requires) == (True, False)
    assert (sent_back.label.zh, sent_back.targets) == ("补充", ("write",))
    assert acts_of(flow, play.state, task, play.facts(), NOW, person(4))[0].unavailable
    [withdraw] = interrupts_of(flow, play.state, play.facts(), NOW, person(1))
    assert withdraw.unavailable is None
    assert interrupts_of(flow, play.state, play.facts(), NOW, person(4)) == ()
    play.act("sent_back", 3, comment="more").act("submit", 1)
    again = next(iter(play.state.tasks.values()))
    used = acts_of(flow, play.state, again, play.facts(), NOW, person(3))[2]
    assert used.unavailable is not None
    play.act("approved", 3)
    [withdraw] = interrupts_of(flow, play.state, play.facts(), NOW, person(1))
    assert withdraw.unavailable is not None
    pool = next(iter(play.state.tasks.values()))
    take, done = acts_of(flow, play.state, pool, play.facts(), NOW, person(2))
    assert (take.name, done.name) == ("claim", "done")
    assert done.unavailable is not None


def test_what_an_event_needs_to_be_loaded() -> None:
    flow = flow_of(VIEWS)
    assert loads(flow, Act(person(1), 1, "submit")) == "path"
    assert loads(flow, Changed()) == "all"


def test_facts_are_asked_for_ahead_without_deciding_anything() -> None:
    flow = flow_of(VIEWS)
    play = Play(flow, World())
    need = ahead(flow, play.state, Begin(person(1), "submit"), play.facts(), NOW)
    assert {(q.kind, q.of) for q in need.people} == {("role", "lead")}
    play.begin("submit")
    assert play.rounds == 0
    assert ahead(flow, play.state, Fire(1), play.facts(), NOW).people == frozenset()
