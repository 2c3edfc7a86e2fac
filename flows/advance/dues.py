"""Due times, reminders, escalation: the timers of a step or of a level, and what they do."""

from __future__ import annotations

from datetime import datetime

from flows.advance.closing import due_then, stopped
from flows.advance.escalate import escalate
from flows.advance.ids import made_id
from flows.advance.moves import LATE, leave
from flows.advance.trouble import trouble
from flows.advance.work import Live, Work
from flows.calendars import add, end_of_business, subtract
from flows.model import Approve, Due, Reminder, Step, Task
from flows.state import CANCELLED, DONE, OPEN, Timer
from forms.expr import EvalError

_CATCH_UP = 1_000


def due_time(work: Work, live: Live, due: Due, start: datetime) -> datetime | None:
    """When something is due that was opened at `start`; None while its date is empty."""
    if due.within is not None:
        return add(start, work.duration(due.within), work.calendar)
    if due.at is None:
        return None
    value = work.value(due.at, work.seen_from(live))
    if value is None or isinstance(value, datetime):
        return value
    return end_of_business(value, work.calendar)


def open_due(
    work: Work, live: Live, step: Step, due: Due | None, level: str = ""
) -> datetime | None:
    """Set the timers of a step, or of a level of it; gives the due time."""
    if due is None:
        return None
    suffix = f"@{level}" if level else ""
    at = due_time(work, live, due, work.now)
    live.at[f"due{suffix}"] = at.isoformat() if at is not None else ""
    _timers(work, live, step, at, suffix, list(due.remind.values()))
    return at


def known_due(live: Live, level: str = "") -> datetime | None:
    """When a step, or a level of it, has to be done, whichever comes first."""
    texts = live.at.get("due"), live.at.get(f"due@{level}") if level else None
    found = [datetime.fromisoformat(text) for text in texts if text]
    return min(found) if found else None


def _timers(
    work: Work,
    live: Live,
    step: Step,
    at: datetime | None,
    suffix: str,
    reminders: list[Reminder],
) -> None:
    if at is not None:
        _timer(work, live, step, f"due{suffix}", at)
    for reminder in reminders:
        first = _first(work, reminder, at)
        if first is not None and first > work.now:
            _timer(work, live, step, f"remind/{reminder.id}{suffix}", first)


def _first(work: Work, reminder: Reminder, due: datetime | None) -> datetime | None:
    """When a reminder fires first: before the due time, after entry, or every so often."""
    if reminder.before is not None:
        return None if due is None else subtract(due, work.duration(reminder.before), work.calendar)
    after = reminder.after or reminder.every
    return None if after is None else add(work.now, work.duration(after), work.calendar)


def _timer(work: Work, live: Live, step: Step, rule: str, at: datetime) -> None:
    key = made_id(f"{work.record}|{live.id}|{step.path}|{live.visit}|{rule}")
    work.timers[key] = Timer(key, live.id, step.id, live.visit, rule, at)


def move_dues(work: Work) -> None:
    """Move due times that follow a field (`recompute: on_change`)."""
    for token in work.known():
        step = work.step_of(token)
        followed: list[tuple[str, Due | None]] = [("", step.due)]
        if isinstance(step.body, Approve):
            followed += [(f"@{one.id}", one.due) for one in step.body.levels.values()]
        for suffix, due in followed:
            if due is not None and due.at is not None and due.recompute:
                _move(work, token.id, step, due, suffix)


def _move(work: Work, token: int, step: Step, due: Due, suffix: str) -> None:
    known = work.look(token)
    if known is None:
        return
    at = known.at if isinstance(known, Live) else known.data.get("at", {})
    if f"due{suffix}" not in at:
        return
    try:
        now = due_time(work, work.token(token), due, work.now)
    except EvalError:
        return  # as it was: a date that cannot be computed moves nothing
    text = now.isoformat() if now is not None else ""
    if text == at[f"due{suffix}"]:
        return
    live = work.token(token)
    live.at[f"due{suffix}"] = text
    moved = [one for one in due.remind.values() if one.before is not None]
    rules = {f"due{suffix}", *(f"remind/{one.id}{suffix}" for one in moved)}
    for timer in work.open_timers(token):
        if timer.rule in rules:
            work.timers[timer.id] = stopped(timer, CANCELLED)
    for task in work.open_tasks(token):
        if not suffix or task.level == suffix[1:]:
            work.tasks[task.id] = due_then(task, known_due(live, task.level))
    work.say("due", live, step.path, due=text)
    _timers(work, live, step, now, suffix, moved)


# --- fired --------------------------------------------------------------------------------------


def remind(work: Work, live: Live, step: Step, timer: Timer, due: Due) -> None:
    """Send one reminder; after a downtime one stands for all that were missed."""
    name = timer.rule.removeprefix("remind/").partition("@")[0]
    reminder = due.remind[name]
    fired = timer.fired + 1
    seats = [seat for task in work.open_tasks(live.id) for seat in task.seats]
    about = {} if live.row is None else {"row": live.row}
    work.tell(f"remind.{step.id}.{name}", step=step.path, seats=seats, count=fired, **about)
    work.say("remind", live, step.path, reminder=name, count=fired, by="system")
    again = reminder.every is not None and fired < reminder.max
    work.timers[timer.id] = stopped(timer, DONE, fired)
    if not again or reminder.every is None:
        return
    at, every = timer.at, work.duration(reminder.every)
    for _ in range(_CATCH_UP):
        at = add(at, every, work.calendar)
        if at > work.now:
            break
    else:  # so long that counting on would take longer than it is worth
        at = add(work.now, every, work.calendar)
    work.timers[timer.id] = Timer(
        timer.id, timer.token, timer.step, timer.visit, timer.rule, at, timer.task, fired, OPEN
    )


def late(work: Work, live: Live, step: Step, timer: Timer, due: Due) -> None:
    """What happens at the due time: escalation, or the exit `late`."""
    work.timers[timer.id] = stopped(timer, DONE, timer.fired + 1)
    level = timer.rule.partition("@")[2]
    about = {} if live.row is None else {"row": live.row}
    work.tell(f"late.{step.id}", step=step.path, level=level, **about)
    work.say("late", live, step.path, level=level, due=timer.at.isoformat(), by="system")
    if due.escalate:
        escalate(work, live, step, due, level)
    elif LATE in step.exits:
        leave_late(work, live, step)


def leave_late(work: Work, live: Live, step: Step) -> None:
    """Take the exit `late`, unless it stands for an act whose conditions are not met."""
    held = stands_for_act(work, step)
    if held:
        raise trouble("late_needs_fields", ", ".join(held), LATE)
    leave(work, live, LATE)


def stands_for_act(work: Work, step: Step) -> list[str]:
    """What keeps the exit `late` from standing for a person's act: where it leads where one of the
    buttons leads, the required fields must be filled and the checks of the step hold."""
    if not isinstance(step.body, Task):
        return []
    target = step.exits[LATE].to
    if all(one.to != target for name, one in step.exits.items() if name != LATE):
        return []
    found = [name for name in step.body.require if _empty(work, name)]
    for check in work.flow.shape.checks.values():
        if step.id in check.at and not check.warn:
            try:
                failed = work.value(check.that, work.row) is False
            except EvalError:
                failed = True
            if failed:
                found.append(check.id)
    return found


def _empty(work: Work, name: str) -> bool:
    head, _, tail = name.partition(".")
    value = work.row.get(head)
    if not tail:
        return value is None or value == []
    return any(line.get(tail) is None or line.get(tail) == [] for line in value or ())
