"""Claiming, giving back, transferring, adding approvers."""

from __future__ import annotations

from flows.advance.approve import vote
from flows.advance.closing import cancel, closed, taken
from flows.advance.people import principals, users_of
from flows.advance.standing import check_voter, put, replace, weight
from flows.advance.task import check_person
from flows.advance.trouble import Missing, Refusal
from flows.advance.work import Live, Work
from flows.events import AddApprover, Claim, Transfer
from flows.messages import declined
from flows.model import Approve, Step
from flows.state import WAITING, Task

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
    if task.kind == "vote":
        check_voter(live.at, task, person.user)
    if task.claimed == person.user or person.user is None:
        raise Refusal(declined("act_unavailable", "claim"))
    work.tasks[task.id] = taken(task, person.user)
    work.say("assign", live, step.path, task=task.id, claimed=person.user)
    work.tell("task.claimed", task=task.id, step=step.path, by=person.user)


def transfer(work: Work, live: Live, step: Step, task: Task, event: Transfer) -> None:
    """Give one's vote to another: it replaces the owner."""
    check_person(task, event.person)
    body = _approval(step, "transfer", "cannot_transfer")
    check_voter(live.at, task, event.person.user)
    _check_new(work, live, body, task, event.to, event.person.user, "cannot_transfer")
    cancel(work, task)
    made = vote(
        work,
        live,
        step,
        task.level,
        event.to,
        place=task.place,
        origin="added" if task.origin == "added" else "transferred",
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
    check_voter(live.at, task, event.person.user)
    _check_new(work, live, body, task, event.user, event.person.user, "cannot_add")
    at = live.at
    at["users"] = [*at["users"], event.user]
    if event.how == "parallel":
        at["n"] += 1
        vote(work, live, step, task.level, event.user, origin="added", source=task.id)
    elif event.how == "after":
        put(at, "after", task.id, [*at.get("after", {}).get(str(task.id), ()), event.user])
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


def _check_new(
    work: Work, live: Live, body: Approve, task: Task, user: int, by: int | None, code: str
) -> None:
    """Nobody is asked twice, nor who must not decide. Who is in the pool of another vote is asked
    already: with a vote of their own they could not cast that one, and perhaps nobody could."""
    if user == by:
        raise Refusal(declined(code, "to_self"))
    pools = [one.seats for one in work.open_tasks(live.id) if one.id != task.id]
    pooled = {each for seats in pools for seat in seats for each in users_of(work, seat)}
    if work.wants.some:
        raise Missing
    if user in live.at.get("users", ()) or user in pooled:
        raise Refusal(declined(code, "present"))
    barred = set(live.at.get("not", ()))
    if user in barred or f"user:{user}" in principals(work, body.exclude, live):
        raise Refusal(declined(code, "excluded"))
