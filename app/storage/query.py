"""Lists of records: filter, sort, search and page through the active release's columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.storage.codecs import decoder
from app.storage.conditions import (
    Condition,
    Filter,
    QueryError,
    Source,
    both,
    filter_condition,
    search,
)
from app.storage.cursor import Cursor, CursorError, read_cursor, write_cursor
from app.storage.manifest import Column, ReleaseTables
from app.storage.ordering import Key, after, order_by, sort_keys
from app.storage.ports import Dialect, Reader
from app.storage.resolver import truth
from app.storage.sqlgen import HEAD, Head, stored_fields, system_names
from forms.expr import Env, Expr
from forms.model import Form

__all__ = [
    "CursorError",
    "Filter",
    "ListQuery",
    "Page",
    "QueryError",
    "Rows",
    "count_records",
    "list_records",
]

MOST_ROWS = 500
_HEADS = len(Head._fields)

Rows = Sequence[Expr] | None
"""Which records may be seen: None for all, else those for which one of the conditions holds (an
empty list: none)."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list shows.

    `columns`: fields of the header to read (system names always come). `sort`: (name, descending)
    pairs, fields or system names; the newest first where it is empty. `search`: a text looked for
    in number, title and the form's search fields; `prefix` looks at their beginnings only, which
    indexes serve. `cursor`: from a `Page`, for the same sort. `limit`: 1 to 500.
    """

    form: str
    columns: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    search: str = ""
    prefix: bool = False
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a list, as rows (field id → value, with system names). `next` and `previous`
    are cursors, None where there is nothing further that way."""

    rows: list[dict[str, Any]]
    next: str | None
    previous: str | None


def list_records(
    reader: Reader,
    dialect: Dialect,
    forms: Mapping[str, Form],
    tables: ReleaseTables,
    query: ListQuery,
    rows: Rows,
    env: Env,
) -> Page:
    """One page. Raises CursorError for a cursor of another list, QueryError for a filter or sort
    the form does not have, and NotInSql for a condition that has no SQL."""
    source = Source.of(query.form, forms, tables, dialect)
    where = _where(source, query, rows, env)
    if where is None:
        return Page([], None, None)
    keys = sort_keys(source, query.sort)
    cursor = read_cursor(query.cursor, query.form, keys) if query.cursor else None
    limit = max(1, min(query.limit, MOST_ROWS))
    back = cursor is not None and cursor.back
    found = _fetch(reader, source, query, where, keys, cursor, limit + 1)
    more, found = len(found) > limit, found[:limit]
    if back:
        found.reverse()
    read = _row_reader(source, query)
    made = [read(raw) for raw in found]
    if not found:
        return Page([], None, None)
    before = more if back else cursor is not None
    following = more if not back else True
    return Page(
        made,
        _cursor_at(query, keys, found[-1], back=False) if following else None,
        _cursor_at(query, keys, found[0], back=True) if before else None,
    )


def count_records(
    reader: Reader,
    dialect: Dialect,
    forms: Mapping[str, Form],
    tables: ReleaseTables,
    query: ListQuery,
    rows: Rows,
    env: Env,
    cap: int = 1000,
) -> int:
    """How many records the list has, counted up to `cap` + 1: more than `cap` means "many"."""
    source = Source.of(query.form, forms, tables, dialect)
    where = _where(source, query, rows, env)
    if where is None:
        return 0
    sql = (
        f"SELECT count(*) FROM (SELECT 1 FROM {source.table} AS p WHERE {where.text}"
        f" LIMIT {cap + 1}) AS counted"
    )
    ((counted,),) = reader.query(sql, where.params)
    return int(counted)


def _where(source: Source, query: ListQuery, rows: Rows, env: Env) -> Condition | None:
    visible = _visible(source, rows, env)
    if visible is None:
        return None
    parts = [visible, *(filter_condition(source, each) for each in query.filters)]
    if query.search.strip():
        parts.append(search(source, query.search.strip(), query.prefix))
    return both(parts)


def _visible(source: Source, rows: Rows, env: Env) -> Condition | None:
    alive = Condition("p.deleted = 0")
    if rows is None:
        return alive
    if not rows:
        return None
    texts: list[str] = []
    params: list[Any] = []
    for expr in rows:
        text, used = truth(expr, source.dialect, source.resolver, env)
        texts.append(text)
        params += used
    return both([alive, Condition(f"({' OR '.join(texts)})", tuple(params))])


def _fetch(
    reader: Reader,
    source: Source,
    query: ListQuery,
    where: Condition,
    keys: Sequence[Key],
    cursor: Cursor | None,
    limit: int,
) -> list[tuple[Any, ...]]:
    """The rows in the order of the walk (backwards for a cursor that looks back), each with its
    sort values at the end. A single key that may be empty is walked in two parts, so that an index
    serves each."""
    back = cursor is not None and cursor.back
    found: list[tuple[Any, ...]] = []
    for part in after(keys, cursor, source.dialect):
        condition = both([where, part])
        names = ", ".join([*_selected(source, query), *(key.sql for key in keys)])
        params = [param for key in keys for param in key.params]
        sql = (
            f"SELECT {names} FROM {source.table} AS p WHERE {condition.text}"
            f" ORDER BY {order_by(keys, back, source.dialect)} LIMIT {limit - len(found)}"
        )
        order_params = [param for key in keys for param in key.params]
        found += reader.query(sql, (*params, *condition.params, *order_params))
        if len(found) >= limit:
            break
    return found


def _selected(source: Source, query: ListQuery) -> list[str]:
    names = [f"p.{name}" for name in HEAD.split(", ")]
    for column in _columns(source, query).values():
        names.append(f"p.{column.name}")
        if column.currency:
            names.append(f"p.{column.currency}")
    return names


def _columns(source: Source, query: ListQuery) -> dict[str, Column]:
    have = source.home.columns
    return {name: have[name] for name in query.columns if name in have}


def _row_reader(source: Source, query: ListQuery) -> Callable[[tuple[Any, ...]], dict[str, Any]]:
    columns = _columns(source, query)
    decode = decoder(columns, stored_fields(source.form))

    def read(raw: tuple[Any, ...]) -> dict[str, Any]:
        head = Head._make(raw[:_HEADS])
        row = system_names(head)
        row["release_no"] = head.release_no
        decode(raw, _HEADS, head.currency, row)
        return row

    return read


def _cursor_at(query: ListQuery, keys: Sequence[Key], raw: tuple[Any, ...], *, back: bool) -> str:
    values = raw[len(raw) - len(keys) :]
    return write_cursor(Cursor(tuple(values), raw[0], back), query.form, keys)
