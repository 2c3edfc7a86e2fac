"""Waiting: for events from outside, or until a condition holds."""

from __future__ import annotations

from datetime import datetime, timedelta

from flows.advance.dues import open_due
from flows.advance.effects import keep
from flows.advance.facts import facts_of
from flows.advance.ids import made_id
from flows.advance.moves import guarded, leave
from flows.advance.work import Live, Work
from flows.events import Arrived
from flows.hearing import Place, awaited, concerned, may_hear
from flows.model import Step, Wait
from flows.plain import plain
from flows.reading import Seen
from flows.state import Timer, Token
from forms.expr import Expr

LOOK_AGAIN = timedelta(hours=1)
"""How soon a condition that reads the clock is looked at again."""


def enter(work: Work, live: Live, step: Step) -> None:
    """Listen, or look; what holds already is not waited for."""
    body: Wait = step.body  # type: ignore[assignment]
    open_due(work, live, step, step.due)
    if body.until is None:
        work.opened.append((live.id, body.events))
        return
    work.compute()
    look(work, live, step, body.until)


def look(work: Work, live: Live, step: Step, until: Expr) -> None:
    """Leave if the condition holds; one that has no value yet does not."""
    row = work.seen_from(live)
    if work.value(until, row) is True:
        work.say("arrive", live, step.path, until=until.source, facts=facts_of(work, row, until))
        leave(work, live, "until")
        return
    _watch(work, live, until)
    if id(until) in work.flow.reading.clocked:
        key = made_id(f"{work.record}|{live.id}|{step.path}|{live.visit}|until")
        work.timers[key] = Timer(key, live.id, step.id, live.visit, "until", _next(work.now))


def _next(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) + LOOK_AGAIN


def _watch(work: Work, live: Live, until: Expr) -> None:
    """Say what the condition rests on, where that has changed."""
    seen = Seen()
    for placed in work.flow.reading.until.get(id(until), ()):
        placed.run(work.row, work.env, seen)
    own = f"{work.flow.form}."
    found = tuple(one for one in seen.found if not one[0].startswith(own))
    listed = [list(one) for one in found]
    if live.at.get("watch", []) != listed:
        work.watches[live.id] = found
        live.at["watch"] = listed


def look_again(work: Work) -> None:
    """Look at every condition that is waited for by a token that is known."""
    for token in work.known():
        step = work.step_of(token)
        if isinstance(step.body, Wait) and step.body.until is not None:
            until, live = step.body.until, work.token(token.id)
            if live.step == step.id and live.outcome is None and not _leaving(work, live):

                def check(live: Live = live, step: Step = step, until: Expr = until) -> None:
                    look(work, live, step, until)

                guarded(work, live, check)


def _leaving(work: Work, live: Live) -> bool:
    return any(token == live.id for token, _ in work.ready)


def _about(work: Work, event: Arrived) -> str:
    """The lines an event is about; "" where they are gone."""
    for lines in work.flow.shape.lines:
        if any(one["id"] in event.rows for one in work.row.get(lines.id) or ()):
            return lines.id
    return ""


def _concerns(work: Work, event: Arrived, about: str, token: Token) -> bool:
    """Whether an event is about what a token stands for: not the scope of a sibling of its line."""
    if not event.rows:
        return True
    if not about:
        return token.row is None
    return work.row_of(token, about) in (None, *event.rows)


def arrived(work: Work, event: Arrived) -> bool:
    """Let go every token that waits for an event it is about and has not heard; whether any waits,
    which one does, too, that could not take it before."""
    found, held, heard = False, False, set[Place]()
    about = _about(work, event)
    for token in list(work.state.tokens.values()):
        if token.outcome is not None:
            continue
        step = work.step_of(token)
        if not isinstance(step.body, Wait) or event.name not in step.body.events:
            continue
        if not _concerns(work, event, about, token):
            continue
        place = work.place_of(token)
        if event.heard and not may_hear(work.flow, place, event.heard):
            continue
        stuck = token.data.get("incident", {}).get("again", {})
        if stuck.get("event") == "arrived" and stuck["id"] == event.id:
            held = True
            continue  # it could not be taken: a person sees to that
        found = True
        live = work.token(token.id)

        def go(live: Live = live, step: Step = step, place: Place = place) -> None:
            keep(work, live, event.save, event.rows)
            heard.add(place)
            work.say(
                "arrive", live, step.path, event=event.name, id=event.id, data=plain(event.data)
            )
            leave(work, live, event.name)

        guarded(work, live, go)
    if found:
        work.heard = event.heard | heard
        chosen = concerned(work.flow, work.row, event.rows)
        work.awaited = awaited(work.flow, work.row, event.name, chosen, work.heard)
    elif held:
        work.used = False
    return found or held
