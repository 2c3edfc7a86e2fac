"""Candidates of a link field, and what linked records are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import rights
from app.records.errors import Refused, forbidden
from app.records.facts import Facts
from app.records.outcome import Choice
from app.records.prepare import Context, context, facts_for, load, validate
from app.records.rowrights import target_condition
from app.records.seeing import demand_read
from app.records.targets import Target
from app.storage.resolver import LinesResolver, RecordResolver, World, truth
from forms.expr import Expr
from forms.expr.errors import NotInSql
from forms.model import Field, Lines, Row
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Tenant

MOST = 50
_PEOPLE = {"@user": "rf_user", "@department": "rf_department"}


@dataclass(frozen=True, slots=True)
class Titled:
    """What a linked row is called, and the record its page is."""

    record: int
    title: str
    detail: str = ""
    """Of a row of lines: what tells it from the other rows of its record."""


def choices(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    path: Sequence[str],
    q: str = "",
    submitted: Mapping[str, Any] | None = None,
    row_index: int | None = None,
    limit: int = 20,
    *,
    rid: int | None = None,
    release_no: int | None = None,
) -> list[Choice]:
    """Candidates for a link, user or department field: what its `where` allows and the actor may
    read, whose title or number contains `q`.

    `path` is ("customer",) or ("lines", "order_line"); `submitted` is the form as it is filled in
    so far and `row_index` the row of the lines. Raises Refused.
    """
    ctx = context(tenant, tenant.active(), actor, form_id, release_no if rid is None else None)
    previous: Row | None = None
    if rid is not None:
        ctx, record = load(ctx, rid, None)
        previous = record.row
        demand_read(ctx, facts_for(ctx, previous), rid)
    if not (ctx.rights.may("create") or ctx.rights.may("update")):
        raise forbidden(Text("填写此表单", "fill in this form"))
    field = ctx.plan.form.field_at(".".join(path))
    if field is None or ".".join(path) in ctx.rights.hidden or path[0] in ctx.rights.hidden:
        raise Refused("not_found", Text("没有这个字段。", "There is no such field."))
    limit = max(1, min(limit, MOST))
    if field.type in ("user", "department"):
        if ctx.actor.contact:  # who works here is nobody's business outside
            return []
        return _people(tenant, f"@{field.type}", q, limit)
    if not field.to:
        return []
    return _candidates(ctx, field, q, submitted or {}, previous, row_index, limit)


def candidates(
    tenant: Tenant, actor: Actor, target: str, q: str = "", limit: int = 20
) -> list[Choice]:
    """What the actor may read of a target ("order", "order.lines", "@user", "@department"), whose
    title or number contains `q`: for filters, which belong to no form that is filled in."""
    limit = max(1, min(limit, MOST))
    if target in _PEOPLE:
        return [] if actor.contact else _people(tenant, target, q, limit)
    published = tenant.active()
    form_id = target.partition(".")[0]
    if form_id not in published.tables.forms:
        return []
    ctx = context(tenant, published, actor, form_id)
    return _listed(ctx, ctx.release.target(target), facts_for(ctx, None), q, (), (), limit)


def _candidates(
    ctx: Context,
    field: Field,
    q: str,
    submitted: Mapping[str, Any],
    previous: Row | None,
    row_index: int | None,
    limit: int,
) -> list[Choice]:
    target = ctx.release.target(field.to)
    facts = facts_for(ctx, previous)
    conditions: list[str] = []
    values: list[Any] = []
    if field.where is not None:
        text, used = _where(ctx, field, field.where, submitted, previous, row_index)
        conditions.append(text)
        values += used
    return _listed(ctx, target, facts, q, conditions, values, limit)


def _listed(
    ctx: Context,
    target: Target,
    facts: Facts,
    q: str,
    also: Sequence[str],
    params: Sequence[Any],
    limit: int,
) -> list[Choice]:
    """Rows of a target that the actor may read and for which the conditions hold."""
    allowed, used = target_condition(facts, target)
    conditions, values = [f"{target.record}.deleted = 0"], list[Any]()
    if allowed:
        conditions.append(f"({allowed})")
        values += used
    conditions += also
    values += params
    detail = _detail(ctx, target)
    if q.strip():
        found, used = _search(ctx, target, detail, q.strip())
        conditions.append(found)
        values += used
    record = target.record
    sql = (
        f"SELECT t.id, {record}.number, {record}.title, {detail or _NO_TEXT} FROM {target.source}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {record}.title, t.id LIMIT {limit}"
    )
    rows = ctx.tenant.db.query(sql, values)
    return [Choice(row[0], row[1], _called(row[2], row[3])) for row in rows]


def _where(
    ctx: Context,
    field: Field,
    where: Expr,
    submitted: Mapping[str, Any],
    previous: Row | None,
    row_index: int | None,
) -> tuple[str, Sequence[Any]]:
    """The link's own condition, with the row being filled in as known values."""
    outcome, _ = validate(ctx, submitted, previous, "save")
    record = outcome.values
    row: Row = record
    if field.within:
        rows = record.get(field.within) or []
        inside = row_index is not None and 0 <= row_index < len(rows)
        row = rows[row_index] if inside and row_index is not None else {"id": None}
    env = ctx.env
    env.this_row, env.parent = row, record if field.within else None
    form_id, _, lines = field.to.partition(".")
    world = World(ctx.release.catalog.forms, ctx.release.tables)
    alias = "p" if lines else "t"
    resolver: Any = RecordResolver(world, form_id, alias)
    if lines:
        resolver = LinesResolver(world, form_id, lines, "t", resolver)
    try:
        return truth(where, ctx.tenant.db.dialect, resolver, env)
    except NotInSql:  # shown too widely then; saving still holds to it
        return "1 = 1", ()
    finally:
        env.this_row = env.parent = None


def _detail(ctx: Context, target: Target) -> str:
    """SQL of what tells rows of lines apart: their first text, else what they link to first, else
    their place. Only what the actor may read."""
    if "." not in target.id:
        return ""
    return f"COALESCE({line_detail(ctx, target)}, {_PLACE})"


def line_detail(ctx: Context, target: Target) -> str:
    """SQL of a row's first text, else of the title of what it links to first."""
    form_id, _, lines = target.id.partition(".")
    field = ctx.release.catalog.forms[form_id].fields[lines]
    assert isinstance(field, Lines)
    live = ctx.published.tables.form_of(ctx.release.tables.forms[form_id].key)
    hidden = rights(ctx.published.catalog, ctx.actor, live.id).hidden if live else frozenset()
    shown = [
        one
        for one in field.fields.values()
        if one.id in target.names and one.path not in hidden and lines not in hidden
    ]
    texts = [target.names[one.id].sql for one in shown if one.type == "text" and not one.many]
    linked = [_title_of_link(ctx, target, one) for one in shown if _leads_to_record(ctx, one)]
    return f"COALESCE({', '.join([*texts[:1], *linked[:1], _NO_TEXT, _NO_TEXT])})"


_NO_TEXT = "CAST(NULL AS TEXT)"
_PLACE = "'#' || CAST(t.position + 1 AS TEXT)"


def _leads_to_record(ctx: Context, field: Field) -> bool:
    """Whether the field links to records the actor may read all of."""
    if field.type != "link" or field.many or "." in field.to:
        return False
    return (
        field.to in ctx.published.tables.forms
        and rights(ctx.published.catalog, ctx.actor, field.to).rows("read") is None
    )


def _title_of_link(ctx: Context, target: Target, field: Field) -> str:
    table = ctx.published.tables.forms[field.to].table
    return f"(SELECT x.title FROM {table} AS x WHERE x.id = {target.names[field.id].sql})"


def _search(ctx: Context, target: Target, detail: str, q: str) -> tuple[str, list[Any]]:
    contains = "strpos" if ctx.tenant.db.dialect == "postgres" else "instr"
    texts = [f"{target.record}.title", f"{target.record}.number", *([detail] if detail else [])]
    found = [f"{contains}(lower({text}), CAST(? AS TEXT)) > 0" for text in texts]
    return f"({' OR '.join(found)})", [q.lower()] * len(texts)


def _called(title: str | None, detail: str | None) -> str:
    """What tells a row from the others comes first: where there is little room, the rest is cut.
    A mere place comes last."""
    parts = (title, detail) if detail and detail.startswith("#") else (detail, title)
    return " · ".join(part for part in parts if part)


def _people(tenant: Tenant, target: str, q: str, limit: int) -> list[Choice]:
    table = _PEOPLE[target]
    active = " AND active = 1" if target == "@user" else ""
    contains = "strpos" if tenant.db.dialect == "postgres" else "instr"
    rows = tenant.db.query(
        f"SELECT id, name FROM {table} WHERE {contains}(lower(name), CAST(? AS TEXT)) > 0{active}"
        f" ORDER BY name, id LIMIT {limit}",
        (q.strip().lower(),),
    )
    return [Choice(row[0], None, row[1]) for row in rows]


def titles(tenant: Tenant, actor: Actor, target: str, ids: Collection[int]) -> dict[int, Titled]:
    """What linked rows are called: id → title, only for those the actor may read.

    `target` is "order", "order.lines", "@user" or "@department". Deleted records keep their title.
    """
    if not ids:
        return {}
    marks = ", ".join("?" * len(ids))
    if target in _PEOPLE:
        sql = f"SELECT id, name FROM {_PEOPLE[target]} WHERE id IN ({marks})"
        return {row[0]: Titled(row[0], row[1]) for row in tenant.db.query(sql, sorted(ids))}
    published = tenant.active()
    form_id = target.partition(".")[0]
    if form_id not in published.tables.forms:
        return {}
    ctx = context(tenant, published, actor, form_id)
    found = published.release.target(target)
    facts: Facts = facts_for(ctx, None)
    allowed, params = target_condition(facts, found)
    detail = _detail(ctx, found)
    record = found.record
    condition = f" AND ({allowed})" if allowed else ""
    rows = tenant.db.query(
        f"SELECT t.id, {record}.id, {record}.title, {detail or _NO_TEXT} FROM {found.source}"
        f" WHERE t.id IN ({marks}){condition}",
        (*sorted(ids), *params),
    )
    return {row[0]: Titled(row[1], _called(row[2], row[3]), row[3] or "") for row in rows}
