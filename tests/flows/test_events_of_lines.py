"""An event that a line's field led to the record is about that line: scopes of others wait on."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

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


STAGGERED = """
interrupts:
  carrier.lost: {in: [later], to: gone}
steps:
  bring:
    stage: later
    each:
      over: lines
      as: line
      steps:
        hand: {task: {by: [{role: clerk}]}, next: {handed: wait}}
        wait: {wait: {for: [carrier.delivered, carrier.lost]},
               next: {carrier.delivered: over, carrier.lost: over}}
        over: {end: done}
    next: {done: SECOND}
  rest: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: closed}}
  again:
    each:
      over: lines
      as: line
      steps:
        wait: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: over}}
        over: {end: done}
    next: {done: closed}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""


class Post:
    """What keeps events for a record: each is told again as often as somebody may hear it."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.kept: dict[str, Arrived] = {}
        self.over: set[str] = set()

    def bring(self, *rows: int, key: str = "e", name: str = "carrier.delivered") -> bool:
        if key in self.over:
            return False
        told = Arrived(name, key, {("lines", "state"): key}, {}, frozenset(rows))
        return self._tell(self.kept.get(key, told))

    def _tell(self, told: Arrived) -> bool:
        done = self.play.send(told)
        self.kept[told.id] = replace(told, heard=done.heard) if done.used else told
        if done.used and not done.awaited:
            self.over.add(told.id)
        return done.used

    def hand(self, row: int) -> None:
        """A line comes to its wait; what is kept for it is told."""
        self.play.act("handed", 1, row=row)
        for key in [*self.kept]:
            if key not in self.over:
                self._tell(self.kept[key])


def _post(second: str = "rest", lines: int = 3) -> Post:
    flow = flow_of(STAGGERED.replace("SECOND", second))
    return Post(Play(flow, lines=[{"quantity": 1}] * lines).begin())


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


@pytest.mark.parametrize("order", [*permutations(["told", FIRST, SECOND, THIRD])])
def test_every_line_it_is_about_hears_it_once_whenever_it_comes_to_its_wait(
    order: tuple[Any, ...],
) -> None:
    post = _post()
    for what in order:
        if what == "told":
            post.bring(FIRST, THIRD)
        else:
            post.hand(what)
        post.bring(FIRST, THIRD)  # told again it moves nobody a second time
    assert _states(post.play) == ["e", None, "e"]
    assert _waiting(post.play) == [SECOND]
    assert post.over == {"e"}
    assert len(post.play.said("arrive")) == 2


@pytest.mark.parametrize("order", [*permutations(["told", FIRST, SECOND, THIRD])])
def test_about_the_whole_record_every_line_hears_it_once(order: tuple[Any, ...]) -> None:
    post = _post()
    for what in order:
        if what == "told":
            post.bring()
        else:
            post.hand(what)
    assert _states(post.play) == ["e"] * 3
    assert post.over == {"e"}
    assert post.play.at() == ["rest"]


def test_until_every_line_has_heard_it_it_is_kept() -> None:
    post = _post()
    post.hand(FIRST)
    assert post.bring(FIRST, SECOND)
    assert post.play.last.awaited
    assert post.play.last.heard == {("bring", (FIRST,))}
    post.hand(THIRD)
    assert _waiting(post.play) == [THIRD]
    post.hand(SECOND)
    assert not post.play.last.awaited
    assert post.over == {"e"}


def test_what_a_line_has_heard_it_does_not_hear_at_its_next_wait() -> None:
    post = _post("again", 2)
    post.bring(FIRST, SECOND)
    post.hand(FIRST)
    post.hand(SECOND)
    assert post.play.at() == ["again", "again/wait", "again/wait"]
    assert not post.bring(FIRST, SECOND)
    assert post.bring(FIRST, SECOND, key="f") and post.play.ended == "closed"


def test_what_some_line_has_heard_the_record_behind_them_does_not() -> None:
    post = _post(lines=2)
    post.bring(FIRST)
    for row in (FIRST, SECOND):
        post.hand(row)
    post.bring(SECOND, key="f")
    assert post.play.at() == ["rest"]
    assert not post.bring(FIRST)
    assert post.over == {"e", "f"}


def test_two_events_for_two_lines_out_of_order() -> None:
    post = _post(lines=2)
    post.bring(SECOND, key="two")
    post.bring(FIRST, key="one")
    post.hand(SECOND)
    post.hand(FIRST)
    assert _states(post.play) == ["one", "two"]


def test_what_one_line_has_heard_interrupts_nothing() -> None:
    post = _post(lines=2)
    post.hand(FIRST)
    assert post.bring(FIRST, SECOND, name="carrier.lost")
    assert not post.bring(FIRST, SECOND, name="carrier.lost")
    assert post.play.ended is None
    post.hand(SECOND)
    assert post.play.at() == ["rest"]


def test_what_nobody_waits_for_interrupts_once() -> None:
    post = _post(lines=2)
    assert post.bring(FIRST, name="carrier.lost") and post.play.ended == "gone"
    assert post.over == {"e"}


BRANCHES = """
steps:
  both:
    stage: later
    parallel:
      branches:
        one:
          look: {task: {by: [{role: clerk}]}, next: {handed: wait}}
          wait: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: over}}
          over: {end: done}
        two: {wait: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: over}},
              over: {end: done}}
    next: {done: rest}
  rest: {wait: {for: [carrier.delivered]}, next: {carrier.delivered: closed}}
  closed: {stage: closed, end: closed}
"""


@pytest.mark.parametrize("first", ["told", "handed"])
def test_branches_side_by_side_hear_it_each_for_itself(first: str) -> None:
    post = Post(Play(flow_of(BRANCHES)).begin())
    if first == "told":
        assert post.bring()
        assert post.play.at() == ["both", "both/one/look"]
        post.play.act("handed", 1)
        assert post.bring()
    else:
        post.play.act("handed", 1)
        assert post.bring()
    assert post.play.at() == ["rest"]
    assert post.over == {"e"}
    assert not post.bring()


def test_what_a_line_cannot_take_it_has_not_heard() -> None:
    post = _post(lines=1)
    post.hand(FIRST)
    told = Arrived("carrier.delivered", "e", {("amount",): "a word"}, {}, frozenset({FIRST}))
    done = post.play.send(told)
    assert done.used and done.awaited and done.heard == frozenset()
    (token,) = [one.id for one in post.play.state.tokens.values() if one.row]
    assert post.play.incident(token)["step"] == "bring/wait"
    done = post.play.mend("retry", token=token).last
    assert done.opened == ((token, ("carrier.delivered", "carrier.lost")),)
    assert post.bring(FIRST) and post.play.at() == ["rest"]


def test_a_line_that_is_gone_is_not_waited_for() -> None:
    post = _post(lines=2)
    post.hand(FIRST)
    assert post.bring(FIRST, RECORD + 99)
    assert post.over == {"e"}
