"""Everything before BEGIN: rights, facts, validation, and the writes that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import Rights, rights
from app.records.aggregates import mixed
from app.records.closed import rights_then
from app.records.deltas import Key, MixedCurrency, Move, contributions, moves
from app.records.errors import forbidden, invalid, not_found, release_changed, stale
from app.records.facts import FILES, Facts
from app.records.openrows import OpenRow, keep_row
from app.records.plan import Plan, ids_in
from app.records.rowrights import holds
from app.records.targets import micros
from app.records.transition import Request, Write, title_of
from app.storage.publish import in_force_after
from app.storage.sqlgen import Head, Record, Statement
from forms.expr import Env, EvalError
from forms.messages import message
from forms.model import Keep, Row
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

    @property
    def at(self) -> int:
        """The time in microseconds UTC."""
        return micros(self.now)

    @property
    def field_rights(self) -> FieldRights:
        """Fields closed to the actor, as the engine takes them."""
        return FieldRights(self.rights.hidden, self.rights.readonly)


def context(
    tenant: Tenant, published: Published, actor: Actor, form_id: str, release_no: int | None = None
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


def demand(ctx: Context, action: str) -> None:
    """Raise Refused forbidden where the actor may do this on no row at all."""
    if not ctx.rights.may(action):
        raise forbidden(WHAT[action])


def validate(
    ctx: Context, submitted: Mapping[str, Any], previous: Row | None, moment: str
) -> tuple[Outcome, Facts]:
    """Run the form's rules over a submission, with the facts they ask for."""
    facts = facts_for(ctx, previous)
    draft = begin(
        ctx.plan.form,
        submitted,
        previous=previous,
        moment=moment,
        rights=ctx.field_rights,
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
    record = ctx.plan.sql.read(ctx.tenant.db, [rid]).get(rid)
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
        ctx.rights = _rights(ctx.published, release, ctx.plan, ctx.actor)
        return load(ctx, rid, version)
    return ctx, record


def aggregate_moves(
    ctx: Context, before: Record | None, after: Row | None, currency: str | None
) -> dict[Key, Move]:
    """How the aggregates move. Raises Refused invalid for a calculation that has no value."""
    feeds = ctx.plan.feeds
    if not feeds:
        return {}
    try:
        was = None if before is None else ctx.plan.live(before.row, before.head.currency)
        now = None if after is None else ctx.plan.live(after, currency)
        return moves(contributions(feeds, was, ctx.env), contributions(feeds, now, ctx.env))
    except EvalError as error:
        raise invalid([FieldError("calculation", (), error.message)]) from error
    except MixedCurrency as error:
        raise mixed(error, []) from error


def _title(ctx: Context, row: Row) -> str:
    try:
        return title_of(ctx.plan, row, ctx.env, ctx.actor.lang)
    except EvalError as error:
        raise invalid([FieldError("calculation", (), error.message)]) from error


def effective_moment(plan: Plan, moment: str, head: Head | None) -> str:
    """A draft ("save") is what was never submitted of a form that is numbered when it is: of any
    other form, and after that, nobody leaves required fields out."""
    numbering = plan.form.number
    if moment != "save" or numbering is None or numbering.at != "submit":
        return "submit" if moment == "save" else moment
    return "save" if head is None or head.number is None else "submit"


def _draws(plan: Plan, head: Head, moment: str) -> bool:
    """Whether a record gets its number now: when it is made, or when it is first submitted."""
    numbering = plan.form.number
    if numbering is None or head.number is not None:
        return False
    return numbering.at == "create" or moment != "save"


def new_write(ctx: Context, outcome: Outcome, request: Request | None, moment: str) -> Write:
    """The transition that creates a record."""
    plan, actor, at = ctx.plan, ctx.actor, ctx.at
    row: Row = outcome.values
    row |= {
        "version": 1,
        "created_at": ctx.now,
        "created_by": actor.user_id,
        "updated_at": ctx.now,
        "updated_by": actor.user_id,
    }
    title = _title(ctx, row)
    row["title"] = title
    head = Head(
        row["id"],
        row.get("number") if plan.form.number is not None else None,
        title,
        row.get("stage"),
        1,
        plan.release_no,
        outcome.currency,
        1,
        None,
        at,
        actor.user_id,
        at,
        actor.user_id,
    )
    return Write(
        "create",
        plan,
        actor,
        at,
        day_of(ctx),
        head,
        row,
        None,
        plan.changes.created(row),
        aggregate_moves(ctx, None, row, outcome.currency),
        [s for sql in plan.sql.lines.values() for s in sql.insert(head.id, row[sql.id])],
        due_rows(ctx, row),
        ctx.env,
        request,
        frozenset(ids_in(plan.files, row)),
        warnings=tuple(outcome.warnings),
        draws=_draws(plan, head, moment),
    )


def next_write(
    ctx: Context, before: Record, outcome: Outcome, request: Request | None, moment: str
) -> Write:
    """The transition that changes a record."""
    plan, actor, at = ctx.plan, ctx.actor, ctx.at
    row: Row = outcome.values
    head = before.head
    row |= {"version": head.version + 1, "updated_at": ctx.now, "updated_by": actor.user_id}
    row["title"] = _title(ctx, row)
    held, holds_now = ids_in(plan.files, before.row), ids_in(plan.files, row)
    return Write(
        "update",
        plan,
        actor,
        at,
        day_of(ctx),
        head._replace(
            title=row["title"],
            stage=row.get("stage"),
            version=head.version + 1,
            currency=outcome.currency,
            journal_seq=head.journal_seq + 1,
            updated_at=at,
            updated_by=actor.user_id,
        ),
        row,
        head.version,
        plan.changes.updated(before.row, row),
        aggregate_moves(ctx, before, row, outcome.currency),
        line_statements(plan, head.id, before.row, row),
        due_rows(ctx, row),
        ctx.env,
        request,
        frozenset(holds_now - held),
        frozenset(held - holds_now),
        warnings=tuple(outcome.warnings),
        prev=bytes(head.journal_head or b""),
        draws=_draws(plan, head, moment),
        was_title=head.title,
    )


def delete_write(ctx: Context, before: Record, act: str, request: Request | None) -> Write:
    """The transition that takes a record away; its row stays, marked."""
    head, actor, at = before.head, ctx.actor, ctx.at
    return Write(
        act,
        ctx.plan,
        actor,
        at,
        day_of(ctx),
        head._replace(
            version=head.version + 1,
            journal_seq=head.journal_seq + 1,
            updated_at=at,
            updated_by=actor.user_id,
            deleted=1,
        ),
        before.row,
        head.version,
        {},
        aggregate_moves(ctx, before, None, head.currency),
        [],
        [],
        ctx.env,
        request,
        prev=bytes(head.journal_head or b""),
    )


def line_statements(plan: Plan, record_id: int, before: Row, after: Row) -> list[Statement]:
    """Delete rows that went, then write those that came, changed or moved."""
    found: list[Statement] = []
    for name, sql in plan.sql.lines.items():
        old = {line["id"]: (at, line) for at, line in enumerate(before.get(name) or ())}
        rows = after.get(name) or ()
        gone = old.keys() - {line["id"] for line in rows}
        if gone:
            found += sql.delete(record_id, sorted(gone))
        changed = [(at, line) for at, line in enumerate(rows) if old.get(line["id"]) != (at, line)]
        if changed:
            found += sql.put(record_id, changed)
    return found


def due_rows(ctx: Context, row: Row) -> list[OpenRow]:
    """What has to be done with the record later: the end of its retention."""
    keep = ctx.plan.form.keep
    if keep is None:
        return []
    since = row.get(keep.since)
    if since is None:
        return []
    zone = ctx.published.zone
    day = since.astimezone(zone).date() if isinstance(since, datetime) else since
    return [keep_row(ctx.plan.key, row["id"], _end_of_keep(keep, day, zone))]


@lru_cache(maxsize=2048)
def _end_of_keep(keep: Keep, since: date, zone: tzinfo) -> int:
    """The first moment after the last day a record is kept, in microseconds UTC."""
    return micros(datetime.combine(keep.until(since) + timedelta(days=1), time(), zone))


def day_of(ctx: Context) -> date:
    """Today where the tenant is."""
    return ctx.now.astimezone(ctx.published.zone).date()
