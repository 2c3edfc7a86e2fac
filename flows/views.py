"""What people may see and do with a flow: acts with what they need, field rights, position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.advance.interrupts import check_withdrawal
from flows.advance.jumps import back_targets
from flows.advance.moves import LATE, exit_for, used_up
from flows.advance.people import principals
from flows.advance.standing import check_voter
from flows.advance.task import may_do
from flows.advance.trouble import Missing, Refusal
from flows.advance.work import Live, Work
from flows.approval import APPROVED, REJECTED, SENT_BACK
from flows.events import Arrived, Changed, Event, Interruption, Mend
from flows.messages import declined
from flows.model import Approve, Ask, Exit, Flow, Step
from flows.model import Task as TaskBody
from flows.state import TOP, Facts, Person, State, Task
from forms.expr import EvalError
from forms.values import Text

LABELS: Mapping[str, Text] = {
    APPROVED: Text("同意", "Approve"),
    REJECTED: Text("不同意", "Reject"),
    SENT_BACK: Text("退回", "Send back"),
    "done": Text("完成", "Done"),
    "claim": Text("领取", "Take"),
    "give_back": Text("放回", "Give back"),
    "transfer": Text("转交", "Transfer"),
    "add": Text("加签", "Add an approver"),
}
"""Words of acts the definition gives no label."""


@dataclass(frozen=True, slots=True)
class StepRights:
    """What a step opens and closes: dotted paths; `edit` ("*",) is all. What it requires is open,
    too. Everything else is read-only there."""

    edit: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActView:
    """One button. `name` is what `Act` takes ("approved", an exit, "claim", "transfer", "add"; an
    interrupt's id). `kind`: exit, vote, send_back, claim, give_back, transfer, add, interrupt.
    `requires`: whether the fields the step requires must be filled in. `targets`: steps it can be
    sent back to, the default first. `unavailable`: why it cannot be done now; None: it can."""

    name: str
    label: Text
    kind: str
    ask: Ask = field(default_factory=Ask)
    requires: bool = False
    targets: tuple[str, ...] = ()
    unavailable: Text | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where one scope stands. `due` is the step's due time, `incident` as the engine keeps it."""

    token: int
    step: str
    row: int | None
    entered_at: datetime
    due: datetime | None
    incident: Mapping[str, Any] | None


def loads(flow: Flow, event: Event) -> str:
    """Which tokens an event needs: "path" (its own and those above) or "all" of the record, each
    with its open tasks and timers; the task an event names even where it is decided."""
    if flow.reading.until_below or isinstance(event, Changed | Arrived | Mend):
        return "all"
    return "path"


def step_rights(flow: Flow, step: str, level: str = "") -> StepRights:
    """The field rights of a step (by its path), or of a level of an approval."""
    body = flow.steps[step].body
    if isinstance(body, TaskBody):
        edit = body.edit if body.edit == ("*",) else _both(body.edit, body.require)
        return StepRights(edit, body.require, body.hide)
    if isinstance(body, Approve) and level in body.levels:
        one = body.levels[level]
        edit = one.edit if one.edit == ("*",) else _both(one.edit, one.require)
        return StepRights(edit, one.require)
    return StepRights()


def _both(edit: Iterable[str], require: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*edit, *require]))


def requires(flow: Flow, step: str, act: str) -> bool:
    """Whether an act needs the fields its step requires: approving and leaving a task do, rejecting
    and sending back do not."""
    return act not in (REJECTED, SENT_BACK, LATE)


def first_act(flow: Flow) -> str | None:
    """The entry task's first exit; None if the flow does not begin with a task."""
    entry = flow.top.steps[flow.top.entry]
    if not isinstance(entry.body, TaskBody):
        return None
    names = [name for name in entry.exits if name != LATE]
    return ("done" if names[0] == "*" else names[0]) if names else None


def position(flow: Flow, state: State) -> tuple[Position, ...]:
    """Where every known scope stands, the top first."""
    due: dict[int, datetime] = {}
    for timer in state.timers.values():
        if timer.rule.partition("@")[0] == "due":
            due[timer.token] = min(timer.at, due.get(timer.token, timer.at))
    found = []
    for token in state.tokens.values():
        if token.outcome is None:
            path = f"{token.scope}/{token.step}" if token.scope else token.step
            incident = token.data.get("incident")
            found.append(
                Position(token.id, path, token.row, token.entered_at, due.get(token.id), incident)
            )
    return tuple(sorted(found, key=lambda one: (one.step.count("/"), one.token)))


def acts_of(
    flow: Flow, state: State, task: Task, facts: Facts, now: datetime, person: Person
) -> tuple[ActView, ...]:
    """The buttons of an open task for a person; those that cannot be used now say why."""
    token = state.tokens.get(task.token)
    if token is None:
        return ()
    work = _work(flow, state, facts, now, person)
    live = work.token(task.token)
    step = work.step_of(live)
    held = None if may_do(task, person) else declined("not_yours", by=task.claimed).message
    if isinstance(step.body, Approve):
        held = held or _cannot_vote(live, task, person)
        return tuple(_votes(work, live, step, step.body, task, held))
    if not isinstance(step.body, TaskBody):
        return ()
    found = list(_claims(step.body, task, person))
    if held is None and step.body.claim and task.claimed is None:
        held = declined("not_claimed").message
    for name, exit_ in step.exits.items():
        if name != LATE:
            named = "done" if name == "*" else name
            found.append(
                ActView(
                    named,
                    _label(named, exit_),
                    "exit",
                    step.body.ask,
                    requires=True,
                    unavailable=held or _closed(work, live, exit_, named),
                )
            )
    return tuple(found)


def _cannot_vote(live: Live, task: Task, person: Person) -> Text | None:
    """Why a vote is not for this one of a pool."""
    try:
        check_voter(live.at, task, person.user)
    except Refusal as refusal:
        return refusal.answer.message
    return None


def _claims(body: TaskBody, task: Task, person: Person) -> Iterable[ActView]:
    pooled = any(not seat.startswith(("user:", "contact:")) for seat in task.seats)
    mine = not person.principals.isdisjoint(task.seats)
    if task.claimed is None and mine and (body.claim or pooled or len(task.seats) > 1):
        yield ActView("claim", LABELS["claim"], "claim")
    elif task.claimed is not None and task.claimed == person.user:
        yield ActView("give_back", LABELS["give_back"], "give_back")


def _votes(
    work: Work, live: Live, step: Step, body: Approve, task: Task, held: Text | None
) -> Iterable[ActView]:
    level = body.levels[task.level]
    for name in (APPROVED, REJECTED, SENT_BACK):
        exit_ = exit_for(step, name)
        if exit_ is None or (name == SENT_BACK and SENT_BACK not in step.exits):
            continue
        targets: tuple[str, ...] = ()
        if name == SENT_BACK:
            default = exit_.to
            rest = [one for one in back_targets(work, live, step) if one != default]
            targets = (default, *rest)
        yield ActView(
            name,
            _label(name, exit_),
            "send_back" if name == SENT_BACK else "vote",
            _asked(level.ask, name != APPROVED),
            requires=name == APPROVED,
            targets=targets,
            unavailable=held or _closed(work, live, exit_, name),
        )
    for name in ("transfer", "add"):
        if name in body.allow and held is None and not (name == "add" and task.origin == "added"):
            yield ActView(name, LABELS[name], name)


def _asked(ask: Ask, against: bool) -> Ask:
    """What a vote must carry: `on_reject` as it is for this one."""

    def rule(one: str) -> str:
        return ("required" if against else "optional") if one == "on_reject" else one

    return Ask(rule(ask.comment), rule(ask.attachment), rule(ask.signature))


def _label(name: str, exit_: Exit) -> Text:
    own = exit_.label
    if own.en and own.en != name:
        return own
    return LABELS.get(name, own if own.en else Text(name, name))


def _closed(work: Work, live: Live, exit_: Exit, name: str) -> Text | None:
    if used_up(live, exit_):
        return declined("act_used_up", name).message
    if exit_.when is None:
        return None
    try:
        held = work.value(exit_.when, work.seen_from(live))
    except (Missing, EvalError):
        held = None
    return None if held is True else declined("act_unavailable", name).message


def interrupts_of(
    flow: Flow, state: State, facts: Facts, now: datetime, person: Person
) -> tuple[ActView, ...]:
    """The interrupts a person may see at the record's stage; why one cannot be used now."""
    top = state.tokens.get(TOP)
    if top is None or top.outcome is not None:
        return ()
    found = []
    for one in flow.interrupts.values():
        if not one.by or facts.row.get("stage") not in one.stages:
            continue
        work = _work(flow, state, facts, now, person)
        try:
            if person.principals.isdisjoint(principals(work, one.by, top)):
                continue
            held = None
            if one.when is not None and work.value(one.when, work.row) is not True:
                held = declined("act_unavailable", one.id).message
            check_withdrawal(work, Interruption(person, one.id), one)
        except Refusal as refusal:
            held = refusal.answer.message
        except (Missing, EvalError):
            continue
        label = one.label if one.label.en != one.id else LABELS.get(one.id, one.label)
        found.append(ActView(one.id, label, "interrupt", unavailable=held))
    return tuple(found)


def _work(flow: Flow, state: State, facts: Facts, now: datetime, person: Person) -> Work:
    work = Work(flow, state, facts, now, person)
    facts.env.parent = None
    facts.env.me = person.user
    if flow.reading.shown:
        work.show_lines()
    return work


__all__ = [
    "ActView",
    "Position",
    "StepRights",
    "acts_of",
    "first_act",
    "interrupts_of",
    "loads",
    "position",
    "requires",
    "step_rights",
]
