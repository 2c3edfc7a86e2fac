"""Promises about time: clocks that start and stop with fields or stages, and pause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from flows.advance.closing import stopped
from flows.advance.ids import made_id
from flows.advance.work import Work
from flows.calendars import add, add_seconds, subtract, working_seconds
from flows.model import Duration, Sla
from flows.state import CANCELLED, DONE, KEPT, TOP, Timer

WORKING = ("wh", "wd")
FINAL = ("met", "missed", "void")
"""How a promise comes out; void: the record ended before it could be kept or broken."""


def settle(work: Work) -> None:
    """Start, stop, pause and resume the clocks after a transition."""
    for sla in work.flow.slas.values():
        clocks: Mapping[str, Any] = work.top.data.get("sla", {})
        known = clocks.get(sla.id)
        now = _advance(work, sla, known)
        if now != known and now is not None:
            work.top.data["sla"] = {**clocks, sla.id: now}


def _advance(work: Work, sla: Sla, known: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if known is None:
        start = _moment(work, sla.start)
        if start is None:
            return None
        due = add(start, work.duration(sla.within), work.calendar)
        clock: dict[str, Any] = {
            "state": "running",
            "from": start.isoformat(),
            "due": due.isoformat(),
        }
        work.say("sla", None, "", sla=sla.id, **clock)
        _timers(work, sla, due)
    else:
        clock = dict(known)
    if clock["state"] in FINAL:
        return clock
    stop = _moment(work, sla.stop)
    if stop is not None or work.ended is not None:
        return _stop(work, sla, clock, stop)
    if work.row.get("stage") in sla.pause:
        return _pause(work, sla, clock)
    return _resume(work, sla, clock) if clock["state"] == "paused" else clock


def _moment(work: Work, mark: tuple[str, str]) -> datetime | None:
    """When a stage was reached (now, if the record is in it) or what a field says."""
    kind, name = mark
    if kind == "stage":
        return work.now if name in work.passed or work.row.get("stage") == name else None
    value = work.row.get(name)
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        zone = work.env.zone
        return datetime.combine(value, time(), zone).astimezone(UTC)
    return None


def _timers(work: Work, sla: Sla, due: datetime, *, warned: bool = False) -> None:
    if sla.warn is not None and not warned:
        at = subtract(due, work.duration(sla.warn), work.calendar)
        _timer(work, f"sla/{sla.id}/warn", at)
    _timer(work, f"sla/{sla.id}/breach", due)


def _timer(work: Work, rule: str, at: datetime) -> None:
    key = made_id(f"{work.record}|{rule}|{at.isoformat()}")
    work.timers[key] = Timer(key, TOP, "", 0, rule, at)


def _cancel(work: Work, sla: Sla, came_out: str = CANCELLED) -> None:
    """Stop a promise's timers. `came_out`: the status its breach is left in, which reports count
    by; one that only stands still, or is void, counts for nothing."""
    for timer in work.open_timers(TOP):
        if timer.rule.startswith(f"sla/{sla.id}/"):
            last = timer.rule.endswith("/breach")
            work.timers[timer.id] = stopped(timer, came_out if last else CANCELLED)


def _stop(work: Work, sla: Sla, clock: dict[str, Any], stop: datetime | None) -> dict[str, Any]:
    if stop is None:
        _cancel(work, sla)
        return {**clock, "state": "missed" if clock.get("breached") else "void"}
    late = stop > datetime.fromisoformat(clock["due"])  # the breach may not have fired yet
    _cancel(work, sla, DONE if late else KEPT)
    state = "missed" if late or clock.get("breached") else "met"
    work.say("sla", None, "", sla=sla.id, state=state, to=stop.isoformat())
    return {**clock, "state": state, "to": stop.isoformat()}


def _pause(work: Work, sla: Sla, clock: dict[str, Any]) -> dict[str, Any]:
    over = datetime.fromisoformat(clock["due"]) <= work.now  # the breach may not have fired yet
    if clock["state"] == "paused" or clock.get("breached") or over:
        return clock
    _cancel(work, sla)
    work.say("sla", None, "", sla=sla.id, state="paused")
    return {**clock, "state": "paused", "paused": work.now.isoformat()}


def _resume(work: Work, sla: Sla, clock: dict[str, Any]) -> dict[str, Any]:
    """The due time moves on by what was left: working time in the calendar, else elapsed."""
    paused = datetime.fromisoformat(clock["paused"])
    due = datetime.fromisoformat(clock["due"])
    calendar = work.calendar if _works(work.duration(sla.within)) else None
    left = working_seconds(calendar, paused, due)
    due = add_seconds(work.now, left, calendar)
    work.say("sla", None, "", sla=sla.id, state="running", due=due.isoformat())
    _timers(work, sla, due, warned=clock.get("warned", False))
    clock = {key: one for key, one in clock.items() if key != "paused"}
    return {**clock, "state": "running", "due": due.isoformat()}


def _works(duration: Duration) -> bool:
    return any(unit in WORKING for _, unit in duration.parts)


def fire(work: Work, timer: Timer) -> None:
    """A warning or a breach."""
    _, name, what = timer.rule.split("/")
    work.timers[timer.id] = stopped(timer, DONE, timer.fired + 1)
    clocks: Mapping[str, Any] = work.top.data.get("sla", {})
    clock = clocks.get(name)
    if clock is None or clock["state"] != "running":
        work.used = False
        return
    done = "breached" if what == "breach" else "warned"
    work.top.data["sla"] = {**clocks, name: {**clock, done: True}}
    work.say("sla", None, "", sla=name, state=what, due=clock["due"], by="system")
    work.tell(f"sla.{name}.{what}", sla=name, due=clock["due"])
