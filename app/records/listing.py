"""Lists of a form's records, as one reader may see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.records.errors import Refused
from app.records.prepare import Context, context, demand
from app.records.rowrights import judging
from app.storage.conditions import Filter, QueryError
from app.storage.cursor import CursorError
from app.storage.query import ListQuery, Page, count_records, list_records
from forms.model import Form
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Tenant

COUNT_CAP = 1000


def list_(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    *,
    columns: Sequence[str] | None = None,
    filters: Sequence[Filter] = (),
    sort: Sequence[tuple[str, bool]] | None = None,
    search: str = "",
    limit: int = 50,
    cursor: str | None = None,
    action: str = "list",
) -> Page:
    """One page of a form's records; rows carry system names and the columns asked for.

    `columns` and `sort` default to the form's own list; `sort` holds (name, descending). Values of
    filters are typed. `action` "export" needs that right instead. Raises Refused forbidden, or
    bad_request for a filter, sort or cursor the list does not have.
    """
    ctx, query = _query(
        tenant, actor, form_id, columns, filters, sort, search, limit, cursor, action
    )
    try:
        return list_records(
            tenant.db,
            tenant.db.dialect,
            _forms(ctx),
            ctx.published.tables,
            query,
            ctx.rights.rows(action),
            judging(ctx.env, actor),
        )
    except (CursorError, QueryError) as error:
        raise _malformed(str(error)) from error


def each(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    *,
    columns: Sequence[str] | None = None,
    filters: Sequence[Filter] = (),
    sort: Sequence[tuple[str, bool]] | None = None,
    search: str = "",
    action: str = "export",
) -> Iterator[Mapping[str, Any]]:
    """All rows of a list, page by page: for exports. Raises as `list_` does, before the first."""
    cursor: str | None = None
    while True:
        page = list_(
            tenant,
            actor,
            form_id,
            columns=columns,
            filters=filters,
            sort=sort,
            search=search,
            limit=500,
            cursor=cursor,
            action=action,
        )
        yield from page.rows
        if page.next is None or not page.rows:
            return
        cursor = page.next


def count(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    *,
    filters: Sequence[Filter] = (),
    search: str = "",
    cap: int = COUNT_CAP,
) -> int:
    """How many records a list has, counted up to `cap` + 1. Raises as `list_` does."""
    ctx, query = _query(tenant, actor, form_id, (), filters, (), search, 1, None, "list")
    try:
        return count_records(
            tenant.db,
            tenant.db.dialect,
            _forms(ctx),
            ctx.published.tables,
            query,
            ctx.rights.rows("list"),
            judging(ctx.env, actor),
            cap,
        )
    except QueryError as error:
        raise _malformed(str(error)) from error


def _query(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    columns: Sequence[str] | None,
    filters: Sequence[Filter],
    sort: Sequence[tuple[str, bool]] | None,
    search: str,
    limit: int,
    cursor: str | None,
    action: str,
) -> tuple[Context, ListQuery]:
    ctx = context(tenant, tenant.active(), actor, form_id)
    demand(ctx, action)
    form, hidden = ctx.plan.form, ctx.rights.hidden
    own = form.list
    wanted = own.columns if columns is None else columns
    order = own.sort if sort is None else sort
    for name in (*(one.field for one in filters), *(name for name, _ in order)):
        if name in hidden:
            raise _malformed(f"{form_id} has no field {name!r} to filter or sort by")
    shown = tuple(name for name in wanted if name in form.fields and name not in hidden)
    query = ListQuery(
        form_id, shown, tuple(filters), tuple(order), search, limit=limit, cursor=cursor
    )
    return ctx, query


def _forms(ctx: Context) -> Mapping[str, Form]:
    """The release's forms; a search must not find what the reader may not see."""
    form, hidden = ctx.plan.form, ctx.rights.hidden
    forms = ctx.published.catalog.forms
    if hidden.isdisjoint(form.list.search):
        return forms
    searched = tuple(name for name in form.list.search if name not in hidden)
    return {**forms, form.id: replace(form, list=replace(form.list, search=searched))}


def _malformed(why: str) -> Refused:
    return Refused("bad_request", Text(f"列表参数无效：{why}", f"This list cannot be made: {why}"))
