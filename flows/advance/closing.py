"""Tasks, timers and tokens that come to their end."""

from __future__ import annotations

from datetime import datetime

from flows.advance.work import Live, Work
from flows.state import CANCELLED, DONE, OPEN, SKIPPED, Task, Timer, Token

_FINAL = (DONE, SKIPPED)


def changed(
    task: Task,
    status: str,
    claimed: int | None,
    by: int | None,
    outcome: str,
    done_at: datetime | None,
    due_at: datetime | None,
) -> Task:
    """A task with another standing. (Spelt out: `replace` takes three times as long, and every
    vote comes here.)"""
    return Task(
        task.id,
        task.token,
        task.step,
        task.visit,
        task.kind,
        task.seats,
        task.opened_at,
        task.level,
        task.place,
        claimed,
        task.instead_of,
        status,
        by,
        outcome,
        done_at,
        due_at,
        task.origin,
        task.source,
    )


def closed(
    task: Task, status: str, at: datetime, *, by: int | None = None, outcome: str = ""
) -> Task:
    """A task that is decided, skipped, cancelled, or waits for its turn."""
    done_at = at if status in _FINAL else None
    return changed(task, status, task.claimed, by, outcome, done_at, task.due_at)


def due_then(task: Task, due: datetime | None) -> Task:
    """An open task with another due time."""
    return changed(task, task.status, task.claimed, None, "", None, due)


def taken(task: Task, user: int | None) -> Task:
    """An open task that one user has taken, or that is back in the pool."""
    return changed(task, task.status, user, None, "", None, task.due_at)


def stopped(timer: Timer, status: str, fired: int | None = None) -> Timer:
    """A timer with another status."""
    return Timer(
        timer.id,
        timer.token,
        timer.step,
        timer.visit,
        timer.rule,
        timer.at,
        timer.task,
        timer.fired if fired is None else fired,
        status,
    )


def cancel_tasks(work: Work, token: int, level: str | None = None) -> None:
    """Cancel a token's open tasks, with nobody recorded as deciding."""
    for task in work.open_tasks(token):
        if level is None or task.level == level:
            cancel(work, task)


def cancel(work: Work, task: Task) -> None:
    """Cancel one task."""
    work.tasks[task.id] = closed(task, CANCELLED, work.now)
    if task.status == OPEN:
        work.tell("task.cancelled", task=task.id, step=task.step, seats=list(task.seats))


def cancel_timers(work: Work, token: int, suffix: str = "") -> None:
    """Stop a token's timers; with `suffix` ("@level") only those of that level."""
    for timer in work.open_timers(token):
        if timer.step and timer.rule.endswith(suffix):
            work.timers[timer.id] = stopped(timer, CANCELLED)


def close(work: Work, live: Live) -> None:
    """End a visit: its tasks and timers are cancelled, what runs below it is ended."""
    cancel_tasks(work, live.id)
    cancel_timers(work, live.id)
    if live.children:
        end_below(work, live)
    if live.at.get("watch"):
        work.watches[live.id] = ()
    live.at = {}


def end_below(work: Work, live: Live) -> None:
    """Cancel every scope below a token."""
    live.children = 0
    work.cancel_below.append(live.id)
    known: dict[int, Live | Token] = {**work.state.tokens, **work.live}
    for token in known.values():
        if token.outcome is None and _is_below(known, token, live.id):
            ended = work.token(token.id)
            ended.outcome = CANCELLED
            ended.children = 0
            cancel_tasks(work, ended.id)
            cancel_timers(work, ended.id)
            if ended.at.get("watch"):
                work.watches[ended.id] = ()


def _is_below(known: dict[int, Live | Token], token: Live | Token, above: int) -> bool:
    parent = token.parent
    while parent is not None:
        if parent == above:
            return True
        found = known.get(parent)
        parent = found.parent if found is not None else None
    return False
