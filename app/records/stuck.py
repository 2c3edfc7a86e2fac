"""What a record could not take when no person was there to be told: an incident where it stands,
with what it needs to be tried once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.records.errors import Refused
from app.records.prepare import Context
from app.records.standing import Standing
from flows.events import Arrived, Changed, Ended, Event, Fire
from flows.model import Wait
from flows.state import DONE, TOP, Done, Happening, Timer, Token

CODES = frozenset({"invalid", "limit_reached", "not_unique"})
"""Refusals that say the record cannot be written so."""


def stuck(ctx: Context, standing: Standing, event: Event, why: Refused) -> Done:
    """The record as it is, with an incident at the token the event was for."""
    token = _token(standing, event)
    incident = {
        "code": why.code,
        "step": token.step,
        "message": {"zh": why.message.zh, "en": why.message.en},
        "at": ctx.now.isoformat(),
    }
    trace = ({"kind": "incident", **incident},)
    incident |= _again(standing, event)
    told = Happening("incident", {"code": why.code, "step": token.step})
    timers: tuple[Timer, ...] = ()
    if isinstance(event, Fire) and event.timer in standing.state.timers:
        timers = (replace(standing.state.timers[event.timer], status=DONE),)
    return Done(
        standing.record.row,
        tokens=(replace(token, data={**token.data, "incident": incident}),),
        timers=timers,
        happenings=(told,),
        trace=trace,
        heard=event.heard if isinstance(event, Arrived) else frozenset(),
        awaited=isinstance(event, Arrived),
    )


def again_of(standing: Standing, token: int) -> Mapping[str, Any]:
    """What an incident of a token keeps of the event that could not be taken; else nothing."""
    found = standing.state.tokens.get(token)
    incident = found.data.get("incident", {}) if found is not None else {}
    kept: Mapping[str, Any] = incident.get("again", {})
    return kept


def _token(standing: Standing, event: Event) -> Token:
    """The token an event is for; the top one where it is for the whole record."""
    tokens = standing.state.tokens
    if isinstance(event, Arrived):
        return next(_waiting(standing, event), standing.top)
    if isinstance(event, Fire) and event.timer in standing.state.timers:
        return tokens.get(standing.state.timers[event.timer].token, standing.top)
    found = tokens.get(getattr(event, "token", TOP))
    key = getattr(event, "key", "")
    if found is None and key:
        again = (one for one in tokens.values() if one.data.get("at", {}).get("key") == key)
        found = next(again, None)
    return found or standing.top


def _waiting(standing: Standing, event: Arrived) -> Iterator[Token]:
    """The tokens that wait for an event."""
    assert standing.flow is not None
    for token in standing.state.tokens.values():
        body = standing.flow.scopes[token.scope].steps[token.step].body
        mine = not event.rows or token.row is None or token.row in event.rows
        if mine and isinstance(body, Wait) and event.name in body.events:
            yield token


def _again(standing: Standing, event: Event) -> Mapping[str, Any]:
    """What the engine needs to try the event once more (`flows.advance.mends`)."""
    match event:
        case Fire(timer=name) if name in standing.state.timers:
            timer = standing.state.timers[name]
            again = {"timer": name, "rule": timer.rule, "due": timer.at.isoformat()}
            return {"again": {"event": "fire", **again}}
        case Ended():
            again = {"key": event.key, "record": event.record, "outcome": event.outcome}
            return {"again": {"event": "ended", **again}}
        case Arrived():
            return {"again": {"event": "arrived", "name": event.name, "id": event.id}}
        case Changed():
            return {"again": {"event": "changed"}}
    return {}
