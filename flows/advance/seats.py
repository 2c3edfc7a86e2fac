"""Claiming, giving back, transferring, adding approvers."""

from __future__ import annotations

from flows.advance.approve import vote
from flows.advance.closing import cancel, closed, taken
from flows.advance.people import principals
from flows.advance.standing import put, replace, weight
from flows.advance.task import check_person
from flows.advance.trouble import Refusal
from flows.advance.work import Live, Work
from flows.messages import declined
from flows.model import Approve, Step
from flows.state import WAITING, AddApprover, Claim, Task, Transfer

HOW = ("before", "after", "parallel")


def claim(work: Work, live: Live, step: Step, task: Task, event: Claim) -> None:
    """Take a task from the pool, or give it back."""
    person = event.person
    if event.back:
        if task.claimed is None or task.claimed != person.user:
            raise Refusal(declined("not_yours", by=task.claimed))
        work.tasks[task.id] = taken(task, None)
        work.say("assign", live, step.path, task=task.id, given_back=person.user)
        work.tell("task.assigned", task=task.id, step=step.path, seats=list(task.seats))
        return
    check_person(task, person)
    if task.claimed == person.user or person.user is None:
        raise Refusal(declined("act_unavailable", "claim"))
    work.tasks[task.id] = taken(task, person.user)
    work.say("assign", live, step.path, task=task.id, claimed=person.user)
    work.tell("task.claimed", task=task.id, step=step.path, by=person.user)


def transfer(work: Work, live: Live, step: Step, task: Task, event: Transfer) -> None:
    """Give one's vote to another: it replaces the owner."""
    check_person(task, event.person)
    body = _approval(step, "transfer", "cannot_transfer")
    _check_new(work, live, body, event.to, event.person.user, "cannot_transfer")
    cancel(work, task)
    made = vote(
        work,
        live,
        step,
        task.level,
        event.to,
        place=task.place,
        origin="transferred",
        source=task.id,
    )
    at = live.at
    before = [int(seat[5:]) for seat in task.seats if seat.startswith("user:")]
    at["users"] = [event.to if user in before else user for user in at["users"]]
    if event.to not in at["users"]:
        at["users"] = [*at["users"], event.to]  # it was a pool's
    replace(at, [task.id], made.id)
    work.say(
        "assign",
        live,
        step.path,
        by=event.person.user,
        task=task.id,
        transferred=event.to,
        **({"comment": event.comment} if event.comment else {}),
    )


def add_approver(work: Work, live: Live, step: Step, task: Task, event: AddApprover) -> None:
    """Ask another user as well: before or after one's own vote, or beside it."""
    check_person(task, event.person)
    body = _approval(step, "add", "cannot_add")
    if event.how not in HOW:
        raise Refusal(declined("cannot_add", "how"))
    if task.origin == "added":
        raise Refusal(declined("cannot_add", "nested"))
    _check_new(work, live, body, event.user, event.person.user, "cannot_add")
    at = live.at
    at["users"] = [*at["users"], event.user]
    if event.how == "parallel":
        at["n"] += 1
        vote(work, live, step, task.level, event.user, origin="added", source=task.id)
    elif event.how == "after":
        put(at, "after", task.id, event.user)
    else:
        held = closed(task, WAITING, work.now)
        work.tasks[task.id] = held
        made = vote(work, live, step, task.level, event.user, origin="added", source=task.id)
        put(at, "pairs", made.id, task.id)
        if weight(at, task.id) > 1:
            put(at, "stands", made.id, [task.id])
    work.say(
        "assign",
        live,
        step.path,
        by=event.person.user,
        task=task.id,
        added=event.user,
        how=event.how,
        **({"comment": event.comment} if event.comment else {}),
    )


def _approval(step: Step, what: str, code: str) -> Approve:
    if not isinstance(step.body, Approve) or what not in step.body.allow:
        raise Refusal(declined(code, "not_allowed"))
    return step.body


def _check_new(work: Work, live: Live, body: Approve, user: int, by: int | None, code: str) -> None:
    """Nobody is asked twice, nor who must not decide."""
    if user == by:
        raise Refusal(declined(code, "to_self"))
    if user in live.at.get("users", ()):
        raise Refusal(declined(code, "present"))
    barred = set(live.at.get("not", ()))
    if user in barred or f"user:{user}" in principals(work, body.exclude, live):
        raise Refusal(declined(code, "excluded"))
