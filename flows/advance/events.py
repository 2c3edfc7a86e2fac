"""What each event does: the part of the engine that knows who may do what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flows.advance import (
    approve,
    dues,
    effects,
    interrupts,
    mends,
    seats,
    slas,
    starts,
    task,
    waits,
)
from flows.advance.closing import stopped
from flows.advance.decided import decisions, remember
from flows.advance.kinds import KINDS
from flows.advance.moves import guarded, run
from flows.advance.trouble import Refusal
from flows.advance.work import Live, Work
from flows.events import (
    Act,
    AddApprover,
    Answer,
    Arrived,
    Begin,
    Changed,
    Claim,
    Ended,
    Fire,
    Interruption,
    Mend,
    Transfer,
)
from flows.hearing import EVERYWHERE
from flows.messages import decided, declined
from flows.model import Approve, Do, Start, Step
from flows.picture import act_text
from flows.state import DONE, OPEN, TOP, Task, Timer, Token
from forms.values import Text


def begin(work: Work, event: Begin) -> None:
    """Put the top token into the entry step, and do the first act with it."""
    token = Token(TOP, None, "", None, work.flow.top.entry, 0, work.now)
    live = work.live[TOP] = Live(token)
    if event.origin is not None:
        origin = event.origin
        live.data["origin"] = {name: getattr(origin, name) for name in origin.__dataclass_fields__}
    work.ready.append((TOP, work.flow.top.entry))
    run(work, KINDS)
    if event.act is None:
        return
    remember(work)
    found = next((one for one in work.open_tasks(TOP) if one.kind == "task"), None)
    if found is None or work.top.step != work.flow.top.entry:
        raise Refusal(declined("unknown_act", event.act))
    task.check_person(found, event.person)
    name = event.act
    guarded(work, live, lambda: task.act(work, live, work.step_of(live), found, event, name))


def act(work: Work, event: Act) -> None:
    """Leave a task, vote, or send back."""
    found, live, step = _open_task(work, event.task)
    task.check_person(found, event.person)
    remember(work)
    if isinstance(step.body, Approve):
        guarded(work, live, lambda: approve.act(work, live, step, found, event))
    else:
        guarded(work, live, lambda: task.act(work, live, step, found, event, event.name))


def _open_task(work: Work, task_id: int) -> tuple[Task, Live, Step]:
    """An open task with its token and step; one that is decided says who was first."""
    found = work.state.tasks.get(task_id)
    known = work.look(found.token) if found is not None else None
    if found is None or found.status != OPEN or known is None:
        raise Refusal(_too_late(work, found))
    live = work.token(found.token)
    if live.step != found.step or live.visit != found.visit:
        raise Refusal(_too_late(work, found))
    return found, live, work.step_of(live)


def _too_late(work: Work, found: Task | None) -> Any:
    """Who was first, as far as it is known."""
    if found is None:
        return decided("", "cancelled", None)
    scope = next((t.scope for t in work.state.tokens.values() if t.id == found.token), "")
    path = f"{scope}/{found.step}" if scope else found.step
    steps = work.flow.steps  # the token of a row may be gone: its step is known by its own id
    step = steps.get(path) or next((one for one in steps.values() if one.id == found.step), None)

    def words(outcome: str) -> Text | str:
        return act_text(step, outcome) or outcome

    if found.status == DONE and found.by is None:
        return decided("", words(found.outcome), None)
    known = decisions(work)
    one = known.get(f"{path}.{found.level}") if found.level else known.get(path)
    if one is not None and one["visit"] == found.visit:
        return decided(one["name"], words(one["outcome"]), one["by"])
    return decided("", words(found.outcome or "cancelled"), found.by)


def claim(work: Work, event: Claim) -> None:
    """Take or give back a task."""
    found, live, step = _open_task(work, event.task)
    seats.claim(work, live, step, found, event)


def transfer(work: Work, event: Transfer) -> None:
    """Give a vote to another user."""
    found, live, step = _open_task(work, event.task)
    seats.transfer(work, live, step, found, event)


def add_approver(work: Work, event: AddApprover) -> None:
    """Ask another user as well."""
    found, live, step = _open_task(work, event.task)
    seats.add_approver(work, live, step, found, event)


def interruption(work: Work, event: Interruption) -> None:
    """Leave the path."""
    remember(work)
    interrupts.interrupt(work, event)


def fire(work: Work, event: Fire) -> None:
    """A timer is due; one whose task or step is over does nothing."""
    timer = work.state.timers.get(event.timer)
    if timer is None or timer.status != OPEN or timer.at > work.now:
        work.used = False
        return
    if timer.rule.startswith("sla/"):
        slas.fire(work, timer)
        return
    known = work.look(timer.token)
    if known is None or known.step != timer.step or known.visit != timer.visit:
        work.used = False
        return
    live = work.token(timer.token)
    step = work.step_of(live)
    guarded(work, live, lambda: _fired(work, live, step, timer))


def _fired(work: Work, live: Live, step: Step, timer: Timer) -> None:
    rule, _, level = timer.rule.partition("@")
    if rule == "until":
        work.timers[timer.id] = stopped(timer, DONE, timer.fired + 1)
        work.compute()
        return  # every condition is looked at again in the end
    due = step.due
    if level and isinstance(step.body, Approve):
        due = step.body.levels[level].due
    if due is None:
        work.used = False
    elif rule == "due":
        dues.late(work, live, step, timer, due)
    else:
        dues.remind(work, live, step, timer, due)


def answer(work: Work, event: Answer) -> None:
    """What came of an action, or of starting a record."""
    if event.key.endswith(effects.UNDO):
        effects.undone(work, event)
        return
    if effects.answered_late(work, event):
        return
    live = _visit(work, event)
    if live is None:
        effects.left_behind(work, event)
        return
    step = work.step_of(live)
    if isinstance(step.body, Do):
        guarded(work, live, lambda: effects.answered(work, live, step, event))
    elif isinstance(step.body, Start):
        guarded(work, live, lambda: starts.answered(work, live, step, event))
    else:
        work.used = False


def ended(work: Work, event: Ended) -> None:
    """A record this one started has ended."""
    live = _visit(work, event)
    if live is None:
        return
    step = work.step_of(live)
    if isinstance(step.body, Start):
        guarded(work, live, lambda: starts.ended(work, live, step, event))
    else:
        work.used = False


def _visit(work: Work, event: Answer | Ended) -> Live | None:
    """The token an answer is for, if it is still at that visit; or one that waits for the same
    effect again, there or in a scope that was opened anew: what is under way is not sent twice."""
    known = work.look(event.token)
    if known is None or known.step != event.step or known.visit != event.visit:
        waiting = (one for one in work.known() if one.step == event.step)
        known = next((one for one in waiting if _awaited(one) == event.key), None)
    if known is None:
        work.used = False
        return None
    return work.token(known.id)


def _awaited(token: Live | Token) -> str:
    """The key of the effect a token waits for."""
    at = token.at if isinstance(token, Live) else token.data.get("at", {})
    found: str = at.get("key", "")
    return found


def arrived(work: Work, event: Arrived) -> None:
    """An event from outside: for who waits for it, else for an interrupt of that name."""
    if waits.arrived(work, event):
        return
    found = work.flow.interrupts.get(event.name)
    if found is None or work.row.get("stage") not in found.stages or event.heard:
        work.used = False
        return
    work.heard = frozenset({EVERYWHERE})
    told = Interruption(work.person, event.name, data=event.data)

    def leave() -> None:
        effects.keep(work, None, event.save, event.rows)
        interrupts.interrupt(work, told, by_event=True)

    try:
        guarded(work, work.top, leave)
    except Refusal:
        work.used = False


def changed(work: Work, event: Changed) -> None:
    """Look again at everything that rests on what may have changed."""
    remember(work)
    work.compute()


def mend(work: Work, event: Mend) -> None:
    """Resolve an incident."""
    mends.mend(work, event, KINDS, _once_more)


def _once_more(work: Work, live: Live, told: Mapping[str, Any]) -> None:
    """Try again what the record could not take: the event itself, not its step."""
    step = work.step_of(live)
    match told["event"]:
        case "fire":
            due = datetime.fromisoformat(told["due"])
            timer = Timer(told["timer"], live.id, step.id, live.visit, told["rule"], due)
            if timer.rule.startswith("sla/"):
                slas.fire(work, timer)
            else:
                _fired(work, live, step, timer)
        case "ended" if isinstance(step.body, Start):
            outcome = told["outcome"]
            event = Ended(told["key"], live.id, step.id, live.visit, told["record"], outcome)
            starts.ended(work, live, step, event)
        case "arrived":  # it is kept: whoever keeps it tells it again
            work.opened.append((live.id, (told["name"],)))
        case _:
            work.compute()


HANDLERS: Mapping[type, Callable[[Work, Any], None]] = {
    Begin: begin,
    Act: act,
    Claim: claim,
    Transfer: transfer,
    AddApprover: add_approver,
    Interruption: interruption,
    Fire: fire,
    Answer: answer,
    Ended: ended,
    Arrived: arrived,
    Changed: changed,
    Mend: mend,
}
