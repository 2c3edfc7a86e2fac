"""A person resolves an incident: once more, past it, or back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.advance.dues import leave_late
from flows.advance.effects import call_from, take_back
from flows.advance.moves import Enter, begin, exit_for, guarded, leave
from flows.advance.trouble import Refusal
from flows.advance.work import Live, Work
from flows.events import Mend
from flows.messages import declined
from flows.model import Do

Again = Callable[[Work, Live, Mapping[str, Any]], None]
"""Tries an event once more that the record could not take."""


def mend(work: Work, event: Mend, kinds: Mapping[str, Enter], again: Again) -> None:
    """Resolve the incident of a token."""
    known = work.look(event.token)
    incident: Mapping[str, Any] | None = known.data.get("incident") if known is not None else None
    if incident is None or known is None:
        raise Refusal(declined("no_incident"))
    live = work.token(event.token)
    step = work.step_of(live)
    del live.data["incident"]
    work.say(
        "mend",
        live,
        step.path,
        by=event.person.user,
        name=event.person.name,
        how=event.how,
        reason=event.reason,
        outcome=event.outcome,
        code=incident["code"],
    )
    if event.how == "retry":
        told = incident.get("again")
        if told is not None:
            guarded(work, live, lambda: again(work, live, told))
        else:
            guarded(work, live, lambda: _again(work, live, incident, kinds))
        return
    if event.outcome and event.outcome not in step.exits and "*" not in step.exits:
        raise Refusal(declined("unknown_act", event.outcome))
    if incident.get("again", {}).get("event") == "arrived":
        work.heard = frozenset({work.place_of(live)})  # what was kept for it counts as heard
    if event.how == "compensate":
        guarded(work, live, lambda: _take_back(work, live))
    guarded(work, live, lambda: _past(work, live, event, incident))


def _past(work: Work, live: Live, event: Mend, incident: Mapping[str, Any]) -> None:
    """Go on as if it had been done: with the next action, or by the outcome that was named."""
    step = work.step_of(live)
    if event.how == "skip" and not event.outcome and isinstance(step.body, Do):
        call_from(work, live, step, live.at.get("todo", -1) + 1)
        return
    known = exit_for(step, "done") is not None
    outcome = event.outcome or ("done" if known else incident.get("outcome") or "done")
    leave(work, live, outcome, anyway=True)


def _again(work: Work, live: Live, incident: Mapping[str, Any], kinds: Mapping[str, Enter]) -> None:
    """Do what went wrong once more: leaving the step, or the step itself."""
    step = work.step_of(live)
    outcome = incident.get("outcome") or ""
    if incident["code"] in ("no_exit", "exit_used_up") and outcome:
        leave(work, live, outcome, anyway=True)
        return
    if incident["code"] == "late_needs_fields":
        leave_late(work, live, step)
        return
    if isinstance(step.body, Do) and "todo" in live.at:
        call_from(work, live, step, live.at["todo"])
        return
    if live.children:
        return  # its scopes are at work: nothing is entered twice
    begin(work, live, step, kinds)


def _take_back(work: Work, live: Live) -> None:
    """Undo the actions of the step that ran."""
    step = work.step_of(live)
    if not isinstance(step.body, Do):
        return
    for key, action in reversed(list(live.at.get("ran", {}).items())):
        one = step.body.actions[action]
        if one.undo:
            take_back(work, step, one, key, live.row)
