"""Making and changing records that go through a flow.

A new record enters its flow in the transaction that makes it. Afterwards it is changed inside a
task, by whoever has it, or by those whose role may `amend` it; either way the flow looks again at
what rests on the fields that changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.records import numbers
from app.records.acted import collides, upload_rows
from app.records.errors import Refused, no_task, stale
from app.records.facts import Facts
from app.records.moving import Said, moved
from app.records.opened import combined, opens
from app.records.persons import person
from app.records.prepare import Context, checked, day_of, facts_for, validate
from app.records.rowrights import permits
from app.records.seeing import has_seat
from app.records.standing import Standing
from app.records.stepping import step_on
from app.records.transition import Request, Write
from app.records.writing import Given, new_write, next_write
from flows.events import Begin, Changed
from flows.model import Flow, Task
from flows.state import OPEN, TOP, Origin, Person, State
from flows.views import first_act, step_rights
from forms.model import Row
from forms.validate import Outcome
from forms.validate_result import FieldRights


@dataclass(frozen=True, slots=True)
class Start:
    """How a record begins: the act to do at once (None: the first of the entry task), what goes
    with it, and the step of another record that started it."""

    act: str | None = None
    origin: Origin | None = None
    comment: str = ""
    attachments: Sequence[int] = ()
    signature: str = ""

    @property
    def said(self) -> dict[str, Any]:
        """What was asked for besides the values."""
        found = {
            "act": self.act,
            "comment": self.comment,
            "attachments": list(self.attachments),
            "signature": self.signature,
        }
        return {name: value for name, value in found.items() if value}


def begin_write(
    ctx: Context,
    flow: Flow,
    submitted: Mapping[str, Any],
    moment: str,
    start: Start,
    request: Request | None,
) -> Write:
    """The transition that makes a record and lets it enter its flow. `moment` "save": it stays in
    its first task, and nothing is required yet. Raises Refused."""
    entry = flow.top.steps[flow.top.entry]
    stays = moment == "save" and isinstance(entry.body, Task)
    chosen = None if stays else start.act or first_act(flow)
    said = step_rights(flow, entry.path) if isinstance(entry.body, Task) else None
    held = ctx.field_rights
    if said is not None and not ctx.rights.everything:
        required = frozenset(said.require) if chosen is not None else frozenset()
        held = combined(ctx.plan.form, ctx.rights, {"*"}, required, frozenset(said.hide))
    moments = "save" if stays else ("submit", entry.id)
    outcome, facts = validate(ctx, submitted, None, moments, held)
    row = outcome.values
    row |= {
        "created_at": ctx.now,
        "created_by": ctx.actor.user_id,
        "updated_at": ctx.now,
        "updated_by": ctx.actor.user_id,
        "version": 1,
    }
    checked(ctx, outcome, facts, "create")
    _number(ctx, flow, row, moment)
    who = person(ctx.published.catalog, ctx.actor)
    event = Begin(
        who, chosen, start.origin, start.comment, tuple(start.attachments), start.signature
    )
    try:
        done = step_on(ctx, flow, State({}, {}, {}), event, row, outcome.currency, None)
    except Refused as refused:
        if refused.code != "not_yours" or start.act is not None:
            raise
        # Whoever makes it for others leaves the first task to them.
        event = replace(event, act=None)
        done = step_on(ctx, flow, State({}, {}, {}), event, row, outcome.currency, None)
    given = Given(done.row, outcome.currency, tuple(outcome.warnings))
    write = new_write(ctx, given, request, "save" if stays else "submit")
    write.adopted |= upload_rows(facts, ctx.actor, start.attachments)
    more = {"comment": start.comment, "signature": start.signature}
    kept = {name: value for name, value in more.items() if value}
    return moved(ctx, write, flow, None, done, Said("create", chosen or "", kept))


def _number(ctx: Context, flow: Flow, row: Row, moment: str) -> None:
    """Draw the record's number before its flow begins, where that reads it: an action in the same
    transition sends it out. Where there may be no gaps it is drawn last, so that nobody waits for
    whoever has drawn one, and the flow does not know it yet."""
    numbering = ctx.plan.form.number
    if numbering is None or numbering.gapless or not flow.reading.numbered:
        return
    if numbering.at == "create" or moment != "save":
        day = day_of(ctx)
        value = numbers.draw_before(ctx.tenant.db, ctx.plan.key, numbering.period(day))
        row["number"] = numbering.format(value, day)


def save_write(
    ctx: Context,
    facts: Facts,
    standing: Standing,
    submitted: Mapping[str, Any],
    version: int | None,
    task: int | None,
    request: Request | None,
) -> tuple[Write, Outcome]:
    """The transition that changes fields of a record in its flow. Raises Refused."""
    flow, record = standing.flow, standing.record
    assert flow is not None
    if collides(facts, ctx.plan, record, version, submitted):
        raise stale()
    held = held_now(ctx, standing, submitted, task)
    amends = held is None
    draft = not amends and never_left(flow, standing)
    outcome, _ = validate(ctx, submitted, record.row, "save" if draft else "submit", held)
    if amends:
        checked(ctx, outcome, facts, "amend")
    elif outcome.errors:
        checked(ctx, outcome, facts, "update")
    event = Changed(person(ctx.published.catalog, ctx.actor))
    row, currency = outcome.values, outcome.currency
    done = step_on(ctx, flow, standing.state, event, row, currency, record)
    given = Given(done.row if done.used else row, currency, tuple(outcome.warnings))
    write = next_write(ctx, record, given, request, "save")
    if done.used:
        moved(ctx, write, flow, standing, done, Said("update"))
    write.act = "amend" if amends else "update"
    return write, outcome


def held_now(
    ctx: Context,
    standing: Standing,
    submitted: Collection[str],
    task: int | None,
    *,
    demands: bool = False,
) -> FieldRights | None:
    """What is open to the actor: what a task of his opens (the one named, else one that opens all
    that was submitted), or None where his role may amend the record. `demands`: whether what the
    step requires counts as required. Raises Refused no_task."""
    flow, who = standing.flow, person(ctx.published.catalog, ctx.actor)
    mine = (
        []
        if flow is None or standing.record.head.flow is None
        else [one for one in standing.state.tasks.values() if _holds(one, who, task)]
    )
    found: FieldRights | None = None
    for one in mine:
        assert flow is not None
        rights = opens(ctx.plan.form, ctx.rights, flow, standing.state, one, demands=demands)
        if all(name not in rights.readonly for name in submitted):
            return rights
        found = found or rights
    if may_amend(ctx, standing):
        return None
    if found is None:
        raise no_task()
    return found


def may_amend(ctx: Context, standing: Standing) -> bool:
    """Whether a role lets the actor change this record outside of tasks."""
    if ctx.rights.everything:
        return True
    if not ctx.rights.may("amend"):
        return False
    facts = facts_for(ctx, standing.record.row)
    return permits(ctx, facts, standing.record.head.id, "amend")


def never_left(flow: Flow, standing: Standing) -> bool:
    """Whether the record is still in its first task for the first time: a draft."""
    top = standing.state.tokens[TOP]
    first = (top.step, top.visit) == (flow.top.entry, 1)
    return first and isinstance(flow.top.steps[top.step].body, Task)


def _holds(task: Any, who: Person, named: int | None) -> bool:
    if named is not None and task.id != named:
        return False
    free = task.claimed is None or task.claimed == who.user
    return task.status == OPEN and free and has_seat((task,), who)
