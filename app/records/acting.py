"""What people do in a flow: decide, take, hand on, ask others, comment, interrupt.

All of it goes one way: read the record as it stands, judge what was filled in, let the engine move
it, write the outcome in one transaction. Who was second finds the task decided and is told by whom;
who only met another person's save is tried again silently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.records.acted import collides, last_task, upload_rows
from app.records.errors import Refused, invalid, release_changed, stale
from app.records.facts import Facts
from app.records.moving import Said, moved
from app.records.opened import opens, step_of
from app.records.outcome import Saved
from app.records.persons import person
from app.records.prepare import Context, context, facts_for, validate
from app.records.readying import Prepared, demand_flow, ready
from app.records.seeing import demand_scope, demand_seen, has_seat
from app.records.signals import look_at_once
from app.records.standing import Standing, stand
from app.records.stepping import step_on
from app.records.transition import Write
from app.records.use import request_of, run
from app.records.writing import Given, Judged, next_write
from flows.events import Act, AddApprover, Claim, Event, Interruption, Transfer
from flows.model import Approve, Flow
from flows.state import OPEN, Person, Task
from flows.views import requires
from forms.messages import message
from forms.validate_result import FieldError
from forms.values import Text, encode_id

if TYPE_CHECKING:
    from app.records.tenant import Published, Tenant
    from app.storage.databases import Reader

NO_VALUES: Mapping[str, Any] = {}


def act(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    name: str,
    *,
    task: int | None = None,
    values: Mapping[str, Any] | None = None,
    comment: str = "",
    attachments: Sequence[int] = (),
    signature: str = "",
    to: str = "",
    version: int | None = None,
    key: str | None = None,
    release_no: int | None = None,
) -> Saved:
    """Take an exit of a task, vote ("approved", "rejected"), send back ("sent_back", to step `to`),
    or interrupt by an interrupt's name.

    `task`: which one, where more than one is open to the actor. `values` are what was filled in,
    judged by the form under the step's rights. `version` is what the page showed: it matters only
    where somebody changed the same fields since. Raises Refused.
    """
    body = {
        "name": name,
        "task": task,
        "values": values,
        "comment": comment,
        "attachments": list(attachments),
        "signature": signature,
        "to": to,
    }
    asked = _Asked(task, name, dict(values or NO_VALUES), version, release_no, tuple(attachments))
    more = _more(comment=comment, attachments=attachments, signature=signature, to=to)

    def event(who: Person, chosen: int) -> Event:
        return Act(who, chosen, name, comment, tuple(attachments), signature, to)

    def interrupt(who: Person) -> Event:
        return Interruption(who, name, comment)

    return _do(tenant, actor, form_id, rid, asked, "act", body, key, event, more, interrupt)


def claim(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    *,
    task: int | None = None,
    key: str | None = None,
) -> Saved:
    """Take a task from the pool: nobody else of the pool can do it then. Raises Refused."""
    return _take(tenant, actor, form_id, rid, task, "claim", key)


def give_back(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    *,
    task: int | None = None,
    key: str | None = None,
) -> Saved:
    """Give a task one has taken back to the pool. Raises Refused."""
    return _take(tenant, actor, form_id, rid, task, "give_back", key)


def _take(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    task: int | None,
    verb: str,
    key: str | None,
) -> Saved:
    def event(who: Person, chosen: int) -> Event:
        return Claim(who, chosen, back=verb == "give_back")

    return _do(tenant, actor, form_id, rid, _Asked(task), verb, {"task": task}, key, event)


def transfer(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    *,
    to: int,
    task: int | None = None,
    comment: str = "",
    key: str | None = None,
) -> Saved:
    """Give one's task to another user. Raises Refused."""

    def handed(who: Person, chosen: int) -> Event:
        _demand_active(tenant, to, "cannot_transfer")
        return Transfer(who, chosen, to, comment)

    return _do(
        tenant,
        actor,
        form_id,
        rid,
        _Asked(task),
        "transfer",
        {"task": task, "to": to, "comment": comment},
        key,
        handed,
        _more(comment=comment, to=to),
    )


def add_approver(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    *,
    user: int,
    how: str,
    task: int | None = None,
    comment: str = "",
    key: str | None = None,
) -> Saved:
    """Ask another user as well, `how`: before, after or parallel to oneself. Raises Refused."""

    def added(who: Person, chosen: int) -> Event:
        _demand_active(tenant, user, "cannot_add")
        return AddApprover(who, chosen, user, how, comment)

    return _do(
        tenant,
        actor,
        form_id,
        rid,
        _Asked(task),
        "add_approver",
        {"task": task, "user": user, "how": how, "comment": comment},
        key,
        added,
        _more(comment=comment, user=user, how=how),
    )


def comment(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    text: str,
    attachments: Sequence[int] = (),
    *,
    key: str | None = None,
) -> Saved:
    """Say something about a record one may see, with files; it stays in its history.

    Raises Refused, also `invalid` for nothing said.
    """
    body = {"text": text, "attachments": list(attachments)}
    request = request_of(actor, "comment", form_id, rid, body, key)
    if not text.strip() and not attachments:
        raise Refused("invalid", Text("请填写评论内容。", "Write what you want to say."))
    said = Said("comment", "", _more(comment=text, attachments=attachments))

    def prepare(published: Published, reader: Reader | None) -> Prepared:
        ctx = context(tenant, published, actor, form_id, None, reader)
        demand_scope(ctx)
        ctx, standing = stand(ctx, rid)
        facts = facts_for(ctx, standing.record.row)
        demand_seen(ctx, facts, standing, person(published.catalog, actor))
        given = Given(dict(standing.record.row), standing.record.head.currency)
        write = next_write(ctx, standing.record, given, request, "save")
        write.act = said.act
        write.changes = {"@": {"event": "", **said.more}}
        write.adopted = upload_rows(facts, actor, attachments)
        write.told["happenings"] = [{"name": "comment", "data": {"by": actor.user_id}}]
        return ctx.plan, ready(ctx, write)

    return run(tenant, request, prepare, lock=_key(tenant, form_id), rid=rid)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for besides the event itself."""

    task: int | None = None
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    release_no: int | None = None
    attachments: tuple[int, ...] = ()


def _do(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    asked: _Asked,
    verb: str,
    body: Mapping[str, Any],
    key: str | None,
    event: Callable[[Person, int], Event],
    more: Mapping[str, Any] = NO_VALUES,
    interrupt: Callable[[Person], Event] | None = None,
) -> Saved:
    request = request_of(actor, verb, form_id, rid, body, key)
    written: list[Write] = []

    def prepare(published: Published, reader: Reader | None) -> Prepared:
        ctx = context(tenant, published, actor, form_id, None, reader)
        demand_scope(ctx)
        near = None if asked.task is None else ("task", asked.task)
        ctx, standing = stand(ctx, rid, near=near, filled=bool(asked.values))
        flow, record = demand_flow(ctx, standing), standing.record
        if asked.release_no is not None and asked.release_no != record.head.release_no:
            raise release_changed()
        who = person(published.catalog, actor)
        facts = facts_for(ctx, record.row)
        _demand_known(ctx, facts, standing, who)
        given: Judged
        if asked.values and collides(facts, ctx.plan, record, asked.version, asked.values):
            raise stale()
        if interrupt is not None and asked.task is None and asked.name in flow.interrupts:
            if asked.values:
                raise invalid([_closed(name) for name in asked.values])
            given = Given(dict(record.row), record.head.currency)
            happened, said = interrupt(who), Said("interrupt", asked.name, more)
        else:
            standing, task = _task(ctx, facts, flow, standing, who, asked)
            record = standing.record
            if verb == "act":
                given = _judged(ctx, flow, standing, task, asked, who)
            else:
                given = Given(dict(record.row), record.head.currency)
            happened = event(who, task.id)
            said = Said(verb, asked.name, {**more, **_place(flow, standing, task)})
        done = step_on(ctx, flow, standing.state, happened, given.values, given.currency, record)
        judged = Given(done.row, given.currency, given.warnings)
        write = next_write(ctx, record, judged, request, "submit" if verb == "act" else "save")
        moved(ctx, write, flow, standing, done, said)
        write.adopted |= upload_rows(facts, actor, asked.attachments)
        written[:] = [write]
        return ctx.plan, ready(ctx, write)

    form_key = _key(tenant, form_id)
    saved = run(tenant, request, prepare, lock=form_key, rid=rid)
    if written and written[0].heard:
        look_at_once(tenant, form_key, rid)
    return saved


def _demand_known(ctx: Context, facts: Facts, standing: Standing, who: Person) -> None:
    """As `demand_seen`; whoever has lost a task on the record is told so, though he may not read it
    any more."""
    try:
        demand_seen(ctx, facts, standing, who)
    except Refused:
        if last_task(facts, standing.record.head.id, who.principals) is None:
            raise


def _demand_active(tenant: Tenant, user: int, code: str) -> None:
    """A task given to somebody who is not there would wait for ever."""
    if not tenant.db.query("SELECT 1 FROM rf_user WHERE id = ? AND active = 1", (user,)):
        raise Refused(code, Text("没有这位在职用户。", "There is no such active user."))


def _key(tenant: Tenant, form_id: str) -> str:
    found = tenant.current().tables.forms.get(form_id)
    return found.key if found is not None else ""


def _task(
    ctx: Context, facts: Facts, flow: Flow, standing: Standing, who: Person, asked: _Asked
) -> tuple[Standing, Task]:
    """The task that was named, or the one that is meant, and the record as it stands with it.

    Somebody whose task is over gets that one: the engine says who was quicker. Raises Refused.
    """
    tasks = standing.state.tasks
    if asked.task is not None:
        found = tasks.get(asked.task)
        if found is None:
            raise _unknown(Text("没有这个任务。", "There is no such task on this record."))
        return standing, found
    mine = [one for one in tasks.values() if has_seat((one,), who)]
    if asked.name and len(mine) > 1:
        offering = [one for one in mine if _offers(flow, standing, one, asked.name)]
        mine = offering or mine
    if not mine:
        had = last_task(facts, standing.record.head.id, who.principals)
        if had is not None:
            _, then = stand(ctx, standing.record.head.id, near=("task", had))
            return then, then.state.tasks[had]
        raise _unknown(
            Text("您在此记录上没有待办任务。", "You have no open task on this record."), "no_task"
        )
    # Votes of several people that came to one are one thing to do: any of them is meant.
    same = {(one.kind, one.token, one.step, one.level) for one in mine}
    if len(mine) > 1 and (len(same) > 1 or mine[0].kind != "vote"):
        raise _unknown(
            Text(
                "您在此记录上有多个任务，请指明是哪一个。",
                "You have several tasks on this record: name the one you mean.",
            )
        )
    return standing, min(mine, key=lambda one: one.id)


def _offers(flow: Flow, standing: Standing, task: Task, name: str) -> bool:
    step = step_of(flow, standing.state, task)
    if isinstance(step.body, Approve):
        return name in ("approved", "rejected", "sent_back")
    return name in step.exits


def _unknown(why: Text, code: str = "unknown_act") -> Refused:
    return Refused(code, why)


def _judged(
    ctx: Context, flow: Flow, standing: Standing, task: Task, asked: _Asked, who: Person
) -> Judged:
    """The row with what was filled in. Nothing is judged where nothing could be filled in."""
    record = standing.record
    bare = Given(dict(record.row), record.head.currency)
    if not asked.name or task.status != OPEN or not has_seat((task,), who):
        return bare  # taking a task decides nothing; else the engine says why not
    step = step_of(flow, standing.state, task)
    kinder = not requires(flow, step.path, asked.name)
    held = opens(ctx.plan.form, ctx.rights, flow, standing.state, task, demands=not kinder)
    moments = ("save",) if kinder else (step.id, *(("submit",) if _entry(flow, task) else ()))
    checks = any(not set(moments).isdisjoint(one.at) for one in ctx.plan.form.plan.checks)
    if not (asked.values or held.required or checks or _opens_anything(ctx, held)):
        return bare
    outcome, _ = validate(ctx, asked.values, record.row, moments, held)
    if outcome.errors:
        raise invalid(outcome.errors)
    return outcome


def _closed(name: str) -> FieldError:
    """Why nothing is filled in with an interrupt: it opens no field."""
    return FieldError("readonly", (name,), message("readonly"))


def _entry(flow: Flow, task: Task) -> bool:
    """Whether the record is submitted by this task: it leads out of the first step."""
    return task.token == 0 and task.step == flow.top.entry


def _opens_anything(ctx: Context, held: Any) -> bool:
    return any(
        held.takes(one)
        for name, one in ctx.plan.form.fields.items()
        if one.type != "lines" or name not in held.fixed
    ) or bool(held.fixed)


def _place(flow: Flow, standing: Standing, task: Task) -> dict[str, Any]:
    """Where it was done, for the journal."""
    token = standing.state.tokens.get(task.token)
    step = step_of(flow, standing.state, task) if token is not None else None
    found = {
        "step": step.path if step is not None else task.step,
        "task": encode_id(task.id),
        "level": task.level,
        "row": encode_id(token.row) if token is not None and token.row is not None else "",
        "instead_of": task.instead_of,
    }
    return {name: value for name, value in found.items() if value}


def _more(**said: Any) -> dict[str, Any]:
    kept = {name: value for name, value in said.items() if value}
    if "attachments" in kept:
        kept["attachments"] = [encode_id(one) for one in kept["attachments"]]
    return json.loads(json.dumps(kept)) if kept else kept
