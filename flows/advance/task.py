"""Tasks: work for one person, taken from a pool or given to somebody."""

from __future__ import annotations

from typing import Any

from flows.advance.asks import check_asked
from flows.advance.closing import closed
from flows.advance.decided import note_dealt, note_decision
from flows.advance.dues import open_due
from flows.advance.ids import made_id
from flows.advance.jumps import jump_target
from flows.advance.moves import LATE, exit_for, leave, offered, used_up
from flows.advance.people import principals
from flows.advance.trouble import Refusal, trouble
from flows.advance.work import Live, Work
from flows.events import Act, Begin, Interruption
from flows.messages import declined
from flows.model import Step
from flows.model import Task as Body
from flows.picture import act_text
from flows.state import DONE, OPEN, SYSTEM, Person, Task


def enter(work: Work, live: Live, step: Step) -> None:
    """Open the task for everybody who may do it."""
    body: Any = step.body
    seats = principals(work, body.by, live)
    if not seats:
        raise trouble("nobody")
    due = open_due(work, live, step, step.due)
    key = made_id(f"{work.record}|{live.id}|{step.path}|{live.visit}")
    work.tasks[key] = Task(key, live.id, step.id, live.visit, "task", seats, work.now, due_at=due)
    work.say(
        "assign", live, step.path, task=key, seats=list(seats), named=[who.said for who in body.by]
    )
    work.tell("task.assigned", task=key, step=step.path, seats=list(seats))


def act(work: Work, live: Live, step: Step, task: Task, event: Act | Begin, name: str) -> None:
    """A person leaves the task by one of its exits."""
    body: Body = step.body  # type: ignore[assignment]
    exit_ = exit_for(step, name)
    if name == LATE or exit_ is None or (name not in step.exits and name != "done"):
        raise Refusal(declined("unknown_act", name))
    if used_up(live, exit_):
        raise Refusal(declined("act_used_up", name, shown=act_text(step, name)))
    if not offered(work, live, exit_):
        raise Refusal(declined("act_unavailable", name, shown=act_text(step, name)))
    if body.claim and task.claimed is None:
        raise Refusal(declined("not_claimed"))
    check_asked(body.ask, event, name in ("rejected", "sent_back", "reject"))
    person = event.person
    work.tasks[task.id] = closed(task, DONE, work.now, by=person.user, outcome=name)
    note_dealt(work, person)
    note_decision(work, live, step.path, name, person)
    work.say("act", live, step.path, **told(event), outcome=name, task=task.id)
    leave(work, live, name, to=jump_target(work, live, step, name))


def told(event: Begin | Act | Interruption) -> dict[str, Any]:
    """Who acted, and what was said, for the trace."""
    person = event.person
    found: dict[str, Any] = {"by": person.user, "name": person.name}
    if person.contact:
        found["contact"] = person.contact
    if event.comment:
        found["comment"] = event.comment
    if not isinstance(event, Interruption):
        if event.attachments:
            found["attachments"] = list(event.attachments)
        if event.signature:
            found["signature"] = event.signature
    return found


def may_do(task: Task, person: Person) -> bool:
    """Whether a person may do a task: it is theirs, or from a pool of theirs and not taken. The
    system itself may do any: it brings what was decided elsewhere."""
    if task.claimed is not None:
        mine = task.claimed == person.user
    else:
        mine = not person.principals.isdisjoint(task.seats)
    return mine or person == SYSTEM


def check_person(task: Task, person: Person) -> None:
    """Refuse those whose task it is not."""
    if task.status != OPEN or not may_do(task, person):
        mine = not person.principals.isdisjoint(task.seats)
        raise Refusal(declined("not_yours", by=task.claimed if mine else None))
