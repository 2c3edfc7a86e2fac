"""Advance a record through its flow: one event in, one transition out. Pure.

    answer = advance(flow, state, event, facts, now)

`Done` is the transition, `Need` says which facts are missing (load them into `facts`, ask again),
`Declined` says why the event is not allowed. docs/flows.md is the manual.
"""

from __future__ import annotations

from datetime import datetime

from flows.advance.ahead import ask_ahead
from flows.advance.dues import move_dues
from flows.advance.events import HANDLERS
from flows.advance.kinds import KINDS
from flows.advance.moves import run
from flows.advance.slas import settle
from flows.advance.trouble import Missing, Refusal, Trouble
from flows.advance.waits import look_again
from flows.advance.work import Work
from flows.events import Changed, Event
from flows.messages import declined
from flows.model import Flow
from flows.state import SYSTEM, TOP, Declined, Done, Facts, Need, State
from forms.expr import EvalError
from forms.types import Invalid

__all__ = ["advance"]


def advance(
    flow: Flow, state: State, event: Event, facts: Facts, now: datetime
) -> Done | Need | Declined:
    """One transition. Never raises for what authors wrote or people do.

    `facts.row` is the record with what was filled in; it and `state` are not changed. The same
    arguments give the same answer, ids included.
    """
    work = Work(flow, state, facts, now, getattr(event, "person", SYSTEM))
    env = facts.env
    if env.now != now:
        env.now = now
        env.today = now.astimezone(env.zone).date()
    env.parent = None
    env.me = work.person.user
    if flow.reading.shown:
        work.show_lines()
    try:
        HANDLERS[type(event)](work, event)
        if work.used:
            _settle(work, event)
    except Missing:
        ask_ahead(work)
        return work.wants.need()
    except Refusal as refusal:
        return refusal.answer
    except (Trouble, EvalError, Invalid):
        # What belongs to a token has become an incident of it; this is about who may act.
        return declined("act_unavailable", getattr(event, "name", ""))
    if not work.used or (type(event) is Changed and _idle(work)):
        return Done(row=facts.row, used=False)
    return _done(work)


def _settle(work: Work, event: Event) -> None:
    """Run until every token waits; then what rests on the whole record."""
    run(work, KINDS)
    reading = work.flow.reading
    while reading.until and work.ended is None:
        look_again(work)
        if not work.ready:
            break
        run(work, KINDS)
    if reading.follows and work.ended is None:
        move_dues(work)
    if work.flow.slas:
        settle(work)


def _idle(work: Work) -> bool:
    """Whether looking again found everything as it was."""
    busy = work.trace or work.timers or work.watches or work.happenings
    return not busy and work.row == work.facts.row


def _listen(work: Work) -> None:
    """A stage was entered: events that may interrupt there are listened for from now on."""
    stage, known = work.row.get("stage"), work.flow.interrupts.values()
    names = tuple(one.id for one in known if "." in one.id and stage in one.stages)
    if names:
        work.opened.append((TOP, names))


def _done(work: Work) -> Done:
    if work.passed and work.ended is None:
        _listen(work)
    known = work.state.tokens
    tokens = []
    for key, live in work.live.items():
        made = live.frozen()
        if key in work.entered or made != known.get(key):
            tokens.append(made)
    return Done(
        work.row,
        tuple(tokens),
        tuple(work.tasks.values()),
        tuple(work.timers.values()),
        tuple(work.cancel_below),
        tuple(work.effects),
        tuple(work.happenings),
        tuple(work.opened),
        tuple(work.watches.items()),
        work.revoke,
        work.ended,
        trace=tuple(work.trace),
        heard=work.heard,
        awaited=work.awaited,
    )
