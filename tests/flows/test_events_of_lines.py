"""An event that a line's field led to the record is about that line: scopes of others wait on."""

from __future__ import annotations

from typing import Any

from flows.events import Arrived
from tests.flows.play import RECORD, Play
from tests.flows.shop import flow_of

FIRST, SECOND, THIRD = RECORD + 1, RECORD + 2, RECORD + 3

EACH = """
interrupts:
  carrier.lost: {in: [later], to: gone}
steps:
  bring:
    stage: later
    each:
      over: lines
      as: line
      steps:
        way:
          parallel:
            branches:
              road: {wait: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: in}},
                     in: {end: done}}
              desk: {look: {task: {by: [{role: clerk}]}, next: {fine: seen}}, seen: {end: done}}
            join: all
          next: {done: over}
        over: {end: done}
    next: {done: rest}
  rest: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: closed}}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


def _told(*rows: int, name: str = "carrier.delivered", save: bool = True) -> Arrived:
    saved: dict[tuple[str, ...], Any] = {("lines", "state"): "here"} if save else {}
    return Arrived(name, "e", saved, {}, frozenset(rows))


def _begun(lines: int = 3) -> Play:
    return Play(flow_of(EACH), lines=[{"quantity": 1}] * lines).begin()


def _waiting(play: Play) -> list[int | None]:
    tokens = play.state.tokens.values()
    return sorted(one.row or 0 for one in tokens if one.step == "wait" and one.outcome is None)


def _states(play: Play) -> list[str | None]:
    return [line["state"] for line in play.row["lines"]]


def test_only_the_scope_of_its_line_goes_on() -> None:
    play = _begun()
    assert play.send(_told(SECOND)).used
    assert _waiting(play) == [FIRST, THIRD]
    assert _states(play) == [None, "here", None]


def test_a_line_that_does_not_wait_leaves_the_event_early() -> None:
    play = _begun()
    play.send(_told(SECOND))
    assert not play.send(_told(SECOND)).used
    assert _waiting(play) == [FIRST, THIRD]


def test_one_parcel_with_two_lines_lets_both_go() -> None:
    play = _begun()
    assert play.send(_told(FIRST, THIRD)).used
    assert _waiting(play) == [SECOND]
    assert _states(play) == ["here", None, "here"]


def test_about_the_whole_record_it_lets_every_line_go() -> None:
    play = _begun()
    assert play.send(_told()).used
    assert _waiting(play) == []
    assert _states(play) == ["here"] * 3


def test_about_a_line_that_is_gone_it_lets_no_line_go() -> None:
    play = _begun()
    assert not play.send(_told(RECORD + 99)).used
    assert _waiting(play) == [FIRST, SECOND, THIRD]


def test_the_record_itself_hears_of_any_line_and_writes_into_that_one() -> None:
    play = _begun(2)
    for row in (FIRST, SECOND):
        play.send(_told(row, save=False))
        play.act("fine", 1, row=row)
    assert play.at() == ["rest"]
    assert play.send(_told(SECOND)).used and play.ended == "closed"
    assert _states(play) == [None, "here"]


def test_an_interrupt_hears_of_any_line_and_writes_into_that_one() -> None:
    play = _begun()
    assert play.send(_told(THIRD, name="carrier.lost")).used
    assert play.ended == "gone" and _states(play) == [None, None, "here"]
