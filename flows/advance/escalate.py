"""Escalation: what was not done in time is handed over to others."""

from __future__ import annotations

from flows.advance.closing import cancel
from flows.advance.ids import made_id
from flows.advance.people import principals, users_of
from flows.advance.standing import replace
from flows.advance.trouble import Missing
from flows.advance.work import Live, Work
from flows.model import Due, Step
from flows.state import OPEN, Task


def escalate(work: Work, live: Live, step: Step, due: Due, level: str) -> None:
    """Hand every open task over to others; where nobody is found it stays where it is.

    Votes of a level that come to the same people become one vote, which counts for each of them:
    nobody votes twice, so that several in the pool of one person would never all be cast. Whose
    vote was handed over has none any more, and may vote as one of those it came to. Raises Missing.
    """
    tasks = [
        task
        for task in work.open_tasks(live.id)
        if task.status == OPEN and (not level or task.level == level)
    ]
    busy = _busy(live, tasks)
    found: dict[object, tuple[tuple[str, ...], list[Task]]] = {}
    for task in tasks:
        seats = _seats(work, live, due, task, busy)
        together = task.kind == "vote" and seats
        key = (task.level, frozenset(seats)) if together else task.id
        found.setdefault(key, (seats, []))[1].append(task)
    if work.wants.some:
        raise Missing
    for seats, handed in found.values():
        _hand_over(work, live, step, handed, seats)


def _busy(live: Live, tasks: list[Task]) -> frozenset[int]:
    """Who cannot vote for others: must not at all, or has a vote that is not handed over."""
    going = {user for task in tasks for user in _owners(task)}
    return frozenset({*live.at.get("users", ())} - going | {*live.at.get("not", ())})


def _seats(work: Work, live: Live, due: Due, task: Task, busy: frozenset[int]) -> tuple[str, ...]:
    """To whom a task goes. A vote goes to nobody who has one, and to no pool without anybody who
    could cast it."""
    having = [task.claimed] if task.claimed else _owners(task)
    try:
        seats = principals(work, due.escalate, live, having)
    except Missing:
        return ()  # noted in the wants: everybody else is asked for first
    if task.kind == "vote":
        voting = {*live.at.get("users", ()), *live.at.get("not", ())}
        seats = tuple(
            seat
            for seat in seats
            if not (
                voting.issuperset(users_of(work, seat))
                if seat.startswith("user:")
                else _empty(work, seat, busy)
            )
        )
    return tuple(seat for seat in seats if seat not in task.seats)


def _empty(work: Work, seat: str, busy: frozenset[int]) -> bool:
    """Whether a pool has nobody who could vote. (People outside are known by their record.)"""
    return not seat.startswith("contact:") and busy.issuperset(users_of(work, seat))


def _hand_over(
    work: Work, live: Live, step: Step, tasks: list[Task], seats: tuple[str, ...]
) -> None:
    first = tasks[0]
    more = {"votes": len(tasks)} if len(tasks) > 1 else {}
    if seats:
        made = _one_for(work, tasks, seats)
        if first.kind == "vote":
            replace(live.at, [task.id for task in tasks], made.id)
            gone = {user for task in tasks for user in _owners(task)}
            live.at["users"] = [user for user in live.at["users"] if user not in gone]
    work.say("escalate", live, step.path, task=first.id, to=list(seats), **more, by="system")
    if seats:
        work.tell("escalated", step=step.path, task=first.id, seats=list(seats))


def _one_for(work: Work, tasks: list[Task], seats: tuple[str, ...]) -> Task:
    """Make one task in place of some."""
    for task in tasks:
        cancel(work, task)
    first = tasks[0]
    dues = [task.due_at for task in tasks if task.due_at is not None]
    key = made_id("|".join(map(str, (work.record, *(task.id for task in tasks), "escalated"))))
    made = work.tasks[key] = Task(
        key,
        first.token,
        first.step,
        first.visit,
        first.kind,
        seats,
        work.now,
        first.level,
        first.place,
        due_at=min(dues, default=None),
        origin="escalated",
        source=first.id,
    )
    work.tell("task.assigned", task=key, step=first.step, seats=list(seats))
    return made


def _owners(task: Task) -> list[int]:
    return [int(seat[5:]) for seat in task.seats if seat.startswith("user:")]
