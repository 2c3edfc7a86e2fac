"""Create, change, delete: one transition each, the same for every way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.records.errors import Refused, release_changed, stale
from app.records.inuse import demand_settled, demand_unused, rows_gone
from app.records.outcome import Saved
from app.records.persons import person
from app.records.plan import Plan
from app.records.prepare import (
    WHAT,
    Context,
    checked,
    context,
    demand,
    facts_for,
    load,
    validate,
)
from app.records.rowrights import demand_row
from app.records.saving import Start, begin_write, save_write
from app.records.seeing import demand_read, demand_scope, demand_seen
from app.records.standing import Standing, stand
from app.records.transition import Request, Write, commit
from app.records.use import request_of, run
from app.records.writing import delete_write, effective_moment, new_write, next_write
from app.storage.errors import Conflict
from flows.state import Origin

if TYPE_CHECKING:
    from app.records.tenant import Published, Tenant
    from app.storage.databases import Reader, Tx

Prepared = tuple[Plan, Callable[["Tx | None"], Saved]]


def create(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    submitted: Mapping[str, Any],
    *,
    key: str | None = None,
    release_no: int | None = None,
    moment: str = "submit",
    act: str | None = None,
    origin: Origin | None = None,
    comment: str = "",
    attachments: Sequence[int] = (),
    signature: str = "",
) -> Saved:
    """Create a record from what was submitted (JSON values, form texts or typed values).

    `key`: the same key with the same content gives the first answer again, `replayed`.
    `release_no`: the release the page was made under; it is the one that judges. `moment` "save"
    keeps a draft, where the form is numbered on submitting: nothing is required yet.

    A form with a flow: the record enters it in the same transaction. `act` is the act of its first
    task to do at once (its first button, if none is named), "save" leaves it in that task. `origin`
    is the step of another record that started this one. Raises Refused.
    """
    start = Start(act, origin, comment, attachments, signature)
    verb, body = f"create:{moment}", submitted
    if start.said:
        verb, body = f"{verb}:with", {"values": submitted, **start.said}
    request = request_of(actor, verb, form_id, None, body, key)

    def prepare(published: Published, reader: Reader | None) -> Prepared:
        ctx = context(tenant, published, actor, form_id, release_no, reader)
        demand(ctx, "create")
        if ctx.plan.flow is not None:
            write = begin_write(ctx, ctx.plan.flow, submitted, moment, start, request)
            return _ready(ctx, write)
        now = effective_moment(ctx.plan, moment, None)
        outcome, facts = validate(ctx, submitted, None, now)
        outcome.values["created_by"] = actor.user_id
        checked(ctx, outcome, facts, "create")
        return _ready(ctx, new_write(ctx, outcome, request, now))

    return run(tenant, request, prepare)


def update(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    submitted: Mapping[str, Any],
    *,
    version: int | None,
    key: str | None = None,
    release_no: int | None = None,
    moment: str = "submit",
    task: int | None = None,
) -> Saved:
    """Change a record: only what is submitted changes, lines are given wholly.

    `version` is the one the change is based on (None: whatever is there, tried again if somebody
    else was quicker). A change that changes nothing writes nothing, unless its key
    has to be kept.

    In a flow it takes an open task that opens these fields (`task` names it), or a role that may
    `amend`; `version` matters only where somebody changed the same fields since. Raises Refused.
    """
    body = {"version": version, "values": submitted} | ({} if task is None else {"task": task})
    request = request_of(actor, f"update:{moment}", form_id, rid, body, key)

    def prepare(published: Published, reader: Reader | None) -> Prepared:
        ctx = context(tenant, published, actor, form_id, None, reader)
        if ctx.plan.flow is not None:
            ctx, standing = stand(ctx, rid)
            if standing.record.head.flow is not None:
                return _in_flow(ctx, standing, submitted, version, release_no, task, request)
        ctx, before = load(ctx, rid, None)
        facts = facts_for(ctx, before.row)
        demand_row(ctx, facts, rid, "read")
        demand_row(ctx, facts, rid, "update", WHAT["update"])
        _same_version(before.head.version, version)
        _same_release(before.head.release_no, release_no)
        now = effective_moment(ctx.plan, moment, before.head)
        outcome, facts = validate(ctx, submitted, before.row, now)
        checked(ctx, outcome, facts, "update")
        gone = rows_gone(ctx.plan, before.row, outcome.values)
        if gone:
            demand_unused(ctx, before.row, gone)
        write = next_write(ctx, before, outcome, request, now)
        if not outcome.changed and not write.draws:
            head = before.head
            same = Saved(head.id, head.number, head.title or "", head.version, head.release_no)
            if request is None:
                return ctx.plan, lambda _: same
        return _ready(ctx, write, version)

    known = tenant.current()
    lock = known.tables.forms[form_id].key if form_id in known.catalog.flows else ""
    return run(tenant, request, prepare, lock=lock, rid=rid)


def _in_flow(
    ctx: Context,
    standing: Standing,
    submitted: Mapping[str, Any],
    version: int | None,
    release_no: int | None,
    task: int | None,
    request: Request | None,
) -> Prepared:
    """The change of a record that is in its flow."""
    before = standing.record
    facts = facts_for(ctx, before.row)
    demand_scope(ctx)
    demand_seen(ctx, facts, standing, person(ctx.published.catalog, ctx.actor))
    _same_release(before.head.release_no, release_no)
    write, outcome = save_write(ctx, facts, standing, submitted, version, task, request)
    gone = rows_gone(ctx.plan, before.row, outcome.values)
    if gone:
        demand_unused(ctx, before.row, gone)
    if not outcome.changed and not write.changes and request is None:
        head = before.head
        same = Saved(head.id, head.number, head.title or "", head.version, head.release_no)
        return ctx.plan, lambda _: same
    return _ready(ctx, write, None)


def delete(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    *,
    version: int | None,
    key: str | None = None,
) -> Saved:
    """Take a record away: its row stays, marked, and its journal goes on; what was open in its flow
    is cancelled. Raises Refused."""
    request = request_of(actor, "delete", form_id, rid, {"version": version}, key)

    def prepare(published: Published, reader: Reader | None) -> Prepared:
        ctx = context(tenant, published, actor, form_id, None, reader)
        ctx, before = load(ctx, rid, None)
        facts = facts_for(ctx, before.row)
        demand_read(ctx, facts, rid)
        demand_row(ctx, facts, rid, "delete", WHAT["delete"])
        _same_version(before.head.version, version)
        demand_unused(ctx, before.row)
        if before.head.flow is not None:
            demand_settled(ctx, rid)
        return _ready(ctx, delete_write(ctx, before, "delete", request), version)

    return run(tenant, request, prepare)


def _ready(ctx: Context, write: Write, version: int | None = 1) -> Prepared:
    def go(tx: Tx | None) -> Saved:
        try:
            return commit(ctx.tenant, ctx.published, write, tx)
        except Refused as refused:
            if refused.code == "stale" and version is None:
                raise Conflict("another save was quicker") from refused
            raise

    return ctx.plan, go


def _same_version(found: int, expected: int | None) -> None:
    if expected is not None and found != expected:
        raise stale()


def _same_release(found: int, named: int | None) -> None:
    if named is not None and named != found:
        raise release_changed()
