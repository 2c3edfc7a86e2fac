"""Actions that are called again while the first call is under way, or was taken back: each answer
finds who waits for it, and nothing is taken back that was not meant."""

from __future__ import annotations

import pytest

from flows.events import Ended
from tests.flows.play import Play, Refused, money
from tests.flows.shop import flow_of
from tests.flows.test_compile import CHILD

PAY = """
interrupts:
  carrier.lost: {in: [open], to: pay, undo: true}
  back: {by: [{role: clerk}], in: [open], to: look, undo: true}
steps:
  ask: {stage: open, task: {by: [{role: clerk}]}, next: {ok: pay}}
  pay:
    do: {pay: {use: payment.authorise, with: {amount: amount}, save: {reference: reference}UNDO}}
    next: {done: look}
  look: {task: {by: [{role: lead}]}, next: {ok: closed, again: {to: pay, max: 2}}}
  closed: {stage: closed, end: closed}
"""
UNDONE = PAY.replace("UNDO", ", undo: payment.release")


def _asked(text: str) -> Play:
    return Play(flow_of(text), amount=money(5)).begin().act("ok", 1)


def test_called_again_before_the_first_call_was_taken_back_it_is_another_effect() -> None:
    play = _asked(UNDONE).event("carrier.lost")
    first, second = play.calls
    assert (first.key, second.key) == (first.key, f"{first.key}#1")
    play.answer(call=first, reference="R1")
    assert play.calls[-1].undo_of == first.key
    assert play.at() == ["pay"]
    play.answer(call=second, reference="R2")
    assert play.at() == ["look"]
    assert play.row["reference"] == "R2"


def test_every_call_is_taken_back_by_what_it_answered_itself() -> None:
    text = UNDONE.replace("amount: amount}", "amount: amount}, key: note")
    play = _asked(text)
    play.row = {**play.row, "note": "k2"}
    play.answer(reference="R1").act("again", 3).answer(reference="R2")
    play.interrupt("back", 1)
    taken = {call.undo_of: call.arguments["reference"] for call in play.calls if call.undo_of}
    assert taken == {play.calls[0].key: "R1", "k2": "R2"}


def test_what_an_event_could_not_take_back_keeps_people_from_withdrawing() -> None:
    play = _asked(PAY.replace("UNDO", "")).answer(reference="R1").event("carrier.lost")
    with pytest.raises(Refused) as refused:
        play.interrupt("back", 1)
    assert refused.value.code == "cannot_withdraw"
    assert not [call for call in play.calls if call.undo_of]


def test_what_was_compensated_is_not_taken_back_again() -> None:
    text = UNDONE.replace("next: {done: look}", "next: {done: closed, failed.declined: look}")
    more = "more: {use: payment.refund, with: {amount: amount}}"
    text = text.replace("payment.release}}", f"payment.release}}, {more}}}")
    play = _asked(text).answer(reference="R1").answer("failed.unavailable")
    play.mend("compensate", "failed.declined")
    assert [call.undo_of for call in play.calls if call.undo_of] == [play.calls[0].key]
    play.interrupt("back", 1)
    assert len([call for call in play.calls if call.undo_of]) == 1


def test_an_event_that_people_may_cause_as_well_is_listened_for() -> None:
    text = UNDONE.replace("{in: [open]", "{by: [{role: clerk}], in: [open]")
    play = Play(flow_of(text), amount=money(5)).begin()
    assert (0, ("carrier.lost",)) in play.last.opened


SCOPES = """
interrupts:
  carrier.lost: {in: [open], to: both}
steps:
  both:
    stage: open
    parallel:
      branches:
        desk: {look: {task: {by: [{role: lead}]}, next: {ok: end}}, end: {end: done}}
        work: {WORK, end: {end: done}}
    next: {done: closed}
  closed: {stage: closed, end: closed}
"""


def test_a_scope_that_is_opened_anew_hears_the_answer_that_is_under_way() -> None:
    do = "make: {do: {make: {use: carrier.create_label, with: {address: note}}}, next: {done: end}}"
    play = Play(flow_of(SCOPES.replace("WORK", do)), note="here").begin().event("carrier.lost")
    first, second = play.calls
    assert first.key == second.key and first.token != second.token
    play.answer(call=first)
    assert play.at() == ["both", "both/desk/look"]
    play.answer(call=second)
    assert not play.last.used


def test_a_scope_that_is_opened_anew_hears_of_the_record_that_was_started() -> None:
    start = "make: {start: {form: child, with: {request: this}, wait: true}, next: {ended: end}}"
    play = Play(flow_of(SCOPES.replace("WORK", start), CHILD)).begin().event("carrier.lost")
    first, second = play.starts
    assert first.key == second.key and first.token != second.token
    play.answer(call=second, record=7)
    play.send(Ended(first.key, first.token, first.step, first.visit, 7, "ended"))
    assert play.at() == ["both", "both/desk/look"]
