"""Everything before BEGIN: rights, facts, validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import Rights, rights
from app.records.closed import rights_then
from app.records.errors import forbidden, invalid, not_found, release_changed, stale
from app.records.facts import FILES, Facts
from app.records.plan import Plan, ids_in
from app.records.rowrights import holds
from app.records.targets import micros
from app.storage.ports import Reader
from app.storage.publish import in_force_after
from app.storage.sqlgen import Record
from forms.expr import Env
from forms.messages import message
from forms.model import Row
from forms.validate import Outcome, begin
from forms.validate_result import FieldError, FieldRights
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Published, Release, Tenant

PAGE_LIFE = 24 * 3600 * 1_000_000
"""Microseconds a page made under a replaced release is still judged by it. For ever, and anybody
could go on under rules that are no more."""

WHAT = {
    "list": Text("查看此表单的列表", "list this form's records"),
    "read": Text("查看此记录", "read this record"),
    "create": Text("新建此表单的记录", "create records of this form"),
    "update": Text("修改此记录", "change this record"),
    "amend": Text("在任务之外修改此记录", "change this record outside of tasks"),
    "delete": Text("删除此记录", "delete this record"),
    "export": Text("导出此表单的记录", "export this form's records"),
}


@dataclass(slots=True)
class Context:
    """One use case under way: who, on what, under which release, at what time."""

    tenant: Tenant
    published: Published
    actor: Actor
    plan: Plan
    release: Release
    rights: Rights
    now: datetime
    env: Env
    reader: Reader | None = None
    """The transaction this use case reads in; None: it reads before one."""

    @property
    def at(self) -> int:
        """The time in microseconds UTC."""
        return micros(self.now)

    @property
    def field_rights(self) -> FieldRights:
        """Fields closed to the actor, as the engine takes them."""
        return FieldRights(self.rights.hidden, self.rights.readonly)


def context(
    tenant: Tenant,
    published: Published,
    actor: Actor,
    form_id: str,
    release_no: int | None = None,
    reader: Reader | None = None,
) -> Context:
    """Set the scene. `release_no` is what a page names: the release in force, or one that was when
    the page was made. Raises Refused not_found for a form that is not there, release_changed for a
    release that never had it or was replaced longer than PAGE_LIFE ago."""
    release = published.release
    if release_no is not None and release_no != published.no:
        if not judges(tenant, published, release_no):
            raise release_changed()
        release = tenant.release(release_no)
    live = published.tables.forms.get(form_id)
    if live is None:
        raise not_found()
    pinned = release.tables.form_of(live.key) if release is not published.release else live
    if pinned is None:
        raise release_changed()
    plan = published.plan(pinned.id, release)
    held = _rights(published, release, plan, actor)
    now = tenant.now()
    return Context(
        tenant,
        published,
        actor,
        plan,
        release,
        held,
        now,
        published.env(now, actor.user_id),
        reader,
    )


def judges(tenant: Tenant, published: Published, release_no: int) -> bool:
    """Whether a page made under a release is still judged by it."""
    if release_no == published.no:
        return True
    return in_force_after(tenant.db, release_no, tenant.now_us() - PAGE_LIFE)


def _rights(published: Published, release: Release, plan: Plan, actor: Actor) -> Rights:
    """The actor's rights of today, on the fields as the record's release calls them."""
    held = rights(published.catalog, actor, plan.live_form)
    if plan.names is None:
        return held
    return rights_then(held, plan.names, rights(release.catalog, actor, plan.form.id))


def pinned_rights(ctx: Context) -> Rights:
    """The actor's rights on a record of the context's release."""
    return _rights(ctx.published, ctx.release, ctx.plan, ctx.actor)


def demand(ctx: Context, action: str) -> None:
    """Raise Refused forbidden where the actor may do this on no row at all."""
    if not ctx.rights.may(action):
        raise forbidden(WHAT[action])


def validate(
    ctx: Context,
    submitted: Mapping[str, Any],
    previous: Row | None,
    moment: str | tuple[str, ...],
    held: FieldRights | None = None,
) -> tuple[Outcome, Facts]:
    """Run the form's rules over a submission, with the facts they ask for.

    `held` is what a task opens, where it is not the roles alone that decide.
    """
    facts = facts_for(ctx, previous)
    draft = begin(
        ctx.plan.form,
        submitted,
        previous=previous,
        moment=moment,
        rights=held or ctx.field_rights,
        env=ctx.env,
    )
    while wanted := draft.wanted():
        facts.load(wanted)
    outcome = draft.finish()
    if ctx.plan.files:
        _own_places(ctx, outcome, previous)
    return outcome, facts


def _own_places(ctx: Context, outcome: Outcome, previous: Row | None) -> None:
    """An upload made for one field cannot be put into another, whose rules it was not held to."""
    held = ids_in(ctx.plan.files, previous) if previous is not None else set()
    known = ctx.env.links.get(FILES, {})
    today = ctx.plan.names or {}
    for lines, field in ctx.plan.files:
        meant = (field.path, today.get(field.path, field.path))
        rows = (outcome.values,) if lines is None else outcome.values.get(lines) or ()
        for index, row in enumerate(rows):
            path = (field.id,) if lines is None else (lines, index, field.id)
            for one in row.get(field.id) or ():
                file = known.get(one)
                if one not in held and file is not None and file.get("field") not in meant:
                    outcome.errors.append(FieldError("file_missing", path, message("file_missing")))


def facts_for(ctx: Context, previous: Row | None) -> Facts:
    """What can be known around a record; links it held before stay good."""
    kept: dict[str, set[int]] = {}
    if previous is not None:
        for lines, field in ctx.plan.links:
            kept.setdefault(field.to, set()).update(ids_in(((lines, field),), previous))
    return Facts(
        ctx.tenant,
        ctx.published,
        ctx.release,
        ctx.actor,
        ctx.plan.key,
        None if previous is None else previous["id"],
        kept,
        ctx.env,
        reader=ctx.reader,
    )


def checked(ctx: Context, outcome: Outcome, facts: Facts, action: str) -> Row:
    """The row to write. Raises Refused invalid, or forbidden where the actor may not have such a
    row."""
    if outcome.errors:
        raise invalid(outcome.errors)
    row: Row = outcome.values
    conditions = ctx.rights.rows(action)
    if conditions is not None:
        live = ctx.plan.live(row, outcome.currency)
        if not holds(facts, ctx.published.catalog.forms[ctx.rights.form], conditions, live):
            raise forbidden(WHAT[action])
    return row


def load(ctx: Context, rid: int, version: int | None) -> tuple[Context, Record]:
    """The record as it is, under its own release. Raises Refused not_found or stale.

    The context comes back with the plan of the record's release.
    """
    record = ctx.plan.sql.read(ctx.reader or ctx.tenant.db, [rid]).get(rid)
    if record is None or record.head.deleted:
        raise not_found()
    if version is not None and record.head.version != version:
        raise stale()
    if record.head.release_no != ctx.release.no:
        release = ctx.tenant.release(record.head.release_no)
        pinned = release.tables.form_of(ctx.plan.key)
        if pinned is None:
            raise release_changed()
        ctx.release, ctx.plan = release, ctx.published.plan(pinned.id, release)
        ctx.rights = pinned_rights(ctx)
        return load(ctx, rid, version)
    return ctx, record


def day_of(ctx: Context) -> date:
    """Today where the tenant is."""
    return ctx.now.astimezone(ctx.published.zone).date()
