"""Approvals: levels one after the other, votes of frozen approvers, and how they come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flows.advance.asks import check_asked
from flows.advance.closing import cancel_tasks, cancel_timers, closed
from flows.advance.decided import note_dealt, note_decision, remember
from flows.advance.dues import known_due, open_due
from flows.advance.facts import facts_of
from flows.advance.ids import made_id
from flows.advance.jumps import back_targets, jump_target
from flows.advance.moves import exit_for, leave, offered, used_up
from flows.advance.people import users
from flows.advance.skips import reason_to_skip
from flows.advance.standing import NAMES, check_voter, put, stood_for, taken, weight
from flows.advance.task import told
from flows.advance.trouble import Missing, Refusal, trouble
from flows.advance.work import Live, Work
from flows.approval import APPROVED, REJECTED, SENT_BACK, needed, verdict
from flows.events import Act
from flows.messages import declined
from flows.model import Approve, Level, Step
from flows.picture import act_text, step_text
from flows.state import DONE, OPEN, SKIPPED, WAITING, Task

_OF_LEVEL = ("queue", *NAMES)


def enter(work: Work, live: Live, step: Step) -> None:
    """Open the first level that applies, or the one that sent the record back."""
    body: Approve = step.body  # type: ignore[assignment]
    levels = list(body.levels)
    # Sent back from a later level, or stopped by an incident there.
    start = live.data.pop("level", "") or live.at.get("opening", "")
    first = levels.index(start) if start in levels else 0
    if "due" not in live.at:
        open_due(work, live, step, step.due)
    open_from(work, live, step, first)


def open_from(work: Work, live: Live, step: Step, first: int) -> None:
    """Open the next level that applies; behind the last one the step is approved."""
    body: Approve = step.body  # type: ignore[assignment]
    for level in list(body.levels.values())[first:]:
        live.at["opening"] = level.id
        if level.when is not None:
            row = work.seen_from(live)
            held = work.holds(level.when, row)
            work.say(
                "level",
                live,
                step.path,
                level=level.id,
                when=level.when.source,
                applies=held,
                facts=facts_of(work, row, level.when),
            )
            if not held:
                continue
        if not _open(work, live, step, body, level):
            return
    leave(work, live, APPROVED, to=jump_target(work, live, step, APPROVED))


def _open(work: Work, live: Live, step: Step, body: Approve, level: Level) -> bool:
    """Open one level. True where all of its approvers could be skipped."""
    excluded, named = _resolve(work, live, body, level)
    approvers = [user for user in named if user not in excluded] if excluded else list(named)
    if not approvers:
        approvers = _instead(work, live, body, excluded)
        work.say("assign", live, step.path, level=level.id, if_nobody=True, users=approvers)
    if isinstance(level.need, int) and 0 < len(approvers) < level.need:
        more = _instead(work, live, body, excluded)
        approvers = list(dict.fromkeys([*approvers, *more]))
        if len(approvers) < level.need:
            raise trouble("too_few_approvers", str(level.need))
    if not approvers:
        raise trouble("nobody")
    delegated = _delegated(work, body, approvers, excluded)
    asked = [user for user, _ in delegated]
    remember(work)
    at = live.at
    at.update(level=level.id, n=len(asked), p=0, r=0, passed=[], users=asked)
    if excluded:
        at["not"] = sorted(excluded)
    work.say(
        "assign",
        live,
        step.path,
        level=level.id,
        need=level.need,
        users=list(asked),
        excluded=sorted(excluded.intersection(named)) if excluded else [],
        named=[who.said for who in level.by],
    )
    open_due(work, live, step, level.due, level.id)
    _seat(work, live, step, level, delegated)
    if at["p"] and verdict(level.need, at["n"], at["p"], at["r"]) == APPROVED:
        _end_level(work, live, level, ask=at["p"] < at["n"])
        return True
    return False


def _resolve(
    work: Work, live: Live, body: Approve, level: Level
) -> tuple[frozenset[int], tuple[int, ...]]:
    """Who must not, and who should; what is missing is asked for at once."""
    if not body.exclude:
        return frozenset(), users(work, level.by, live)
    found: list[tuple[int, ...]] = []
    for people in (body.exclude, level.by):
        try:
            found.append(users(work, people, live))
        except Missing:
            found.append(())
    if work.wants.some:
        raise Missing
    return frozenset(found[0]), found[1]


def _instead(work: Work, live: Live, body: Approve, excluded: Iterable[int]) -> list[int]:
    barred = set(excluded)
    return [user for user in users(work, body.if_nobody, live) if user not in barred]


def _delegated(
    work: Work, body: Approve, approvers: Sequence[int], excluded: frozenset[int]
) -> list[tuple[int, int | None]]:
    """(who votes, instead of whom): one step of delegation, to nobody who votes or must not."""
    if "delegate" not in body.allow:
        return [(user, None) for user in approvers]
    answers = {user: work.wants.ask("delegate_of", user) for user in approvers}
    if work.wants.some:
        raise Missing
    taken = set(approvers)
    found: list[tuple[int, int | None]] = []
    for user in approvers:
        deputy = next(iter(answers[user] or ()), None)
        if deputy is None or deputy in taken or deputy in excluded:
            found.append((user, None))
        else:
            taken.add(deputy)
            found.append((deputy, user))
    return found


def _seat(
    work: Work,
    live: Live,
    step: Step,
    level: Level,
    approvers: Sequence[tuple[int, int | None]],
) -> None:
    """Make the votes; in order, only the first one, the others wait in the token's data."""
    queue: list[list[Any]] = []
    for place, (user, instead) in enumerate(approvers):
        reason = reason_to_skip(work, live, step, level, user)
        if reason is not None:
            _skip(work, live, step, level, user, place, reason)
        else:
            queue.append([user, instead, place])
    if level.in_order and queue:
        live.at["queue"] = queue[1:]
        queue = queue[:1]
    for user, instead, place in queue:
        vote(work, live, step, level.id, user, instead=instead, place=place)


def vote(
    work: Work,
    live: Live,
    step: Step,
    level: str,
    user: int,
    *,
    instead: int | None = None,
    place: int = 0,
    status: str = OPEN,
    origin: str = "",
    source: int | None = None,
) -> Task:
    """Open the vote of one approver."""
    where = f"{work.record}|{live.id}|{step.path}|{live.visit}|{level}"
    key = made_id(f"{where}|{user}|{origin}|{source}")
    seats = (f"user:{user}",)
    task = work.tasks[key] = Task(
        key,
        live.id,
        step.id,
        live.visit,
        "vote",
        seats,
        work.now,
        level,
        place,
        None,
        instead,
        status,
        due_at=known_due(live, level),
        origin=origin,
        source=source,
    )
    if status == OPEN:
        work.tell("task.assigned", task=key, step=step.path, seats=list(seats))
    return task


def _skip(
    work: Work,
    live: Live,
    step: Step,
    level: Level,
    user: int,
    place: int,
    relied: dict[str, Any],
) -> None:
    """An approver is not asked: the decision relied on counts."""
    task = vote(work, live, step, level.id, user, place=place, status=WAITING)
    work.tasks[task.id] = closed(task, SKIPPED, work.now, outcome=APPROVED)
    live.at["p"] += 1
    live.at["passed"] = [*live.at["passed"], user]
    work.say("skip", live, step.path, level=level.id, user=user, relied=relied)


# --- votes --------------------------------------------------------------------------------------


def act(work: Work, live: Live, step: Step, task: Task, event: Act) -> None:
    """A person votes, or sends back."""
    body: Approve = step.body  # type: ignore[assignment]
    level = body.levels[task.level]
    name = event.name
    if name not in (APPROVED, REJECTED, SENT_BACK) or exit_for(step, name) is None:
        raise Refusal(declined("unknown_act", name))
    if name == SENT_BACK and SENT_BACK not in step.exits:
        raise Refusal(declined("unknown_act", name))
    exit_ = step.exits.get(name)
    if exit_ is not None:
        if used_up(live, exit_):
            raise Refusal(declined("act_used_up", name, shown=act_text(step, name)))
        if not offered(work, live, exit_):
            raise Refusal(declined("act_unavailable", name, shown=act_text(step, name)))
    check_voter(live.at, task, event.person.user)
    check_asked(level.ask, event, name != APPROVED)
    if name == SENT_BACK:
        _send_back(work, live, step, level, task, event)
    else:
        _cast(work, live, step, level, task, event)


def _cast(work: Work, live: Live, step: Step, level: Level, task: Task, event: Act) -> None:
    person, name = event.person, event.name
    work.tasks[task.id] = closed(task, DONE, work.now, by=person.user, outcome=name)
    more = {"instead_of": task.instead_of} if task.instead_of is not None else {}
    work.say(
        "vote",
        live,
        step.path,
        **told(event),
        level=level.id,
        outcome=name,
        task=task.id,
        **more,
    )
    at = live.at
    note_dealt(work, person)
    if person.user is not None and person.user not in at["users"]:
        at["users"] = [*at["users"], person.user]
    if name == APPROVED and person.user is not None:
        at["passed"] = [*at["passed"], person.user]
    count = _decided(work, live, step, task, task.id) if name == APPROVED else weight(at, task.id)
    if not count:
        return
    if name == APPROVED:
        at["p"] += count
    else:
        at["r"] += count
        _drop_pairs(work, live, task)
    found = verdict(level.need, at["n"], at["p"], at["r"])
    if found is None:
        _next_in_order(work, live, step, level)
        return
    passed: list[int] | None = at["passed"] if found == APPROVED else None
    note_decision(work, live, f"{step.path}.{level.id}", found, person, passed)
    work.say(
        "decide",
        live,
        step.path,
        level=level.id,
        outcome=found,
        need=level.need,
        wanted=needed(level.need, at["n"]) if level.need != "first" else 1,
        approvers=at["n"],
        approved=at["p"],
        rejected=at["r"],
    )
    _end_level(work, live, level, ask=at["n"] > 1)
    if found == REJECTED:
        leave(work, live, REJECTED)
    else:
        open_from(work, live, step, list(step.body.levels).index(level.id) + 1)  # type: ignore[union-attr]


def _next_in_order(work: Work, live: Live, step: Step, level: Level) -> None:
    """In order: the next vote exists once the one before is decided."""
    queue = live.at.get("queue")
    if not queue or any(task.status == OPEN for task in work.open_tasks(live.id)):
        return
    user, instead, place = queue[0]
    live.at["queue"] = queue[1:]
    vote(work, live, step, level.id, user, instead=instead, place=place)


def _end_level(work: Work, live: Live, level: Level, *, ask: bool) -> None:
    """The level is decided: what is open of it is cancelled. `ask`: there are other seats."""
    if ask:
        cancel_tasks(work, live.id, level.id)
    if level.due is not None:
        cancel_timers(work, live.id, f"@{level.id}")
    at = live.at
    for key in _OF_LEVEL:
        if key in at:
            del at[key]


# --- added approvers ----------------------------------------------------------------------------


def _decided(work: Work, live: Live, step: Step, task: Task, one: int) -> int:
    """For how many seats an approval counts. Where a vote is one of a pair, the other half is asked
    now, and counts for both."""
    at = live.at
    behind = taken(at, "after", one)
    if behind is not None:
        _ask_behind(work, live, step, task, one, behind)
        return 0
    waiting = taken(at, "pairs", one)
    if waiting is not None:
        held = work.task(waiting)
        if held is not None and held.status == WAITING:
            reopened = closed(held, OPEN, work.now)
            work.tasks[waiting] = reopened
            work.tell("task.assigned", task=waiting, step=step.path, seats=list(reopened.seats))
            return 0
    below = at.get("stands", {}).get(str(one))
    if below is None:
        return 1
    return sum(_decided(work, live, step, task, other) for other in below)


def _ask_behind(
    work: Work, live: Live, step: Step, task: Task, one: int, users: Sequence[int]
) -> None:
    """Ask the first of those added behind a vote: theirs counts for it, the others come behind."""
    at = live.at
    user, *others = users
    made = vote(work, live, step, task.level, user, place=task.place, origin="added", source=one)
    if others:
        put(at, "after", made.id, others)
    held = taken(at, "pairs", one)
    if held is not None:
        put(at, "pairs", made.id, held)
    if weight(at, one) > 1:
        put(at, "stands", made.id, [one])


def _drop_pairs(work: Work, live: Live, task: Task) -> None:
    """One half rejects: the other is not asked any more."""
    pairs = live.at.get("pairs", {})
    for one in stood_for(live.at, task.id):
        held = work.task(pairs[str(one)]) if str(one) in pairs else None
        if held is not None and held.status == WAITING:
            work.tasks[held.id] = closed(held, "cancelled", work.now)


# --- sending back -------------------------------------------------------------------------------


def _send_back(work: Work, live: Live, step: Step, level: Level, task: Task, event: Act) -> None:
    """One person sends back, whatever the mode; everybody else's votes are cancelled."""
    body: Approve = step.body  # type: ignore[assignment]
    target = event.to or step.exits[SENT_BACK].to
    if target not in back_targets(work, live, step):
        known = work.flow.scopes[live.scope].steps.get(target)
        shown = step_text(known, work.flow) if known is not None else None
        raise Refusal(declined("cannot_send_back", target, shown=shown))
    work.tasks[task.id] = closed(task, DONE, work.now, by=event.person.user, outcome=SENT_BACK)
    number = note_decision(work, live, f"{step.path}.{level.id}", SENT_BACK, event.person)
    work.top.data.update(since=number, dealt=[])
    work.say(
        "vote",
        live,
        step.path,
        **told(event),
        level=level.id,
        outcome=SENT_BACK,
        to=target,
        task=task.id,
    )
    if body.resubmit == "jump_back":
        live.data["jump"] = {"from": target, "to": step.id, "level": level.id, "seq": number}
    leave(work, live, SENT_BACK, to=target)
