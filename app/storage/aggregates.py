"""An aggregate as SQL over the tables it adds up: to fill it, to check it, to find its keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.catalog.model import Aggregate, Measure
from app.storage.errors import PublishError
from app.storage.manifest import AggregateTable, FormTables, ReleaseTables
from app.storage.ports import Dialect, Params, Reader, TenantDatabase
from app.storage.resolver import LinesResolver, RecordResolver, World, scaled, truth
from forms.expr import NotInSql, Type
from forms.model import Form

MOST_MEASURES = 8


@dataclass(frozen=True, slots=True)
class MeasureSql:
    """One measure. `select` gives (record_id, key, value, currency) of each row that counts;
    `{scope}` in it takes a condition on the record `p`."""

    column: str
    head: str
    select: str
    params: Params


@dataclass(frozen=True, slots=True)
class AggregateSql:
    """An aggregate in one release's columns. The fingerprint is the same as long as it adds up
    the same columns in the same way, whatever the fields are called."""

    id: str
    fingerprint: str
    columns: Mapping[str, str]
    types: Mapping[str, tuple[Type, int]]
    measures: tuple[MeasureSql, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A key whose stored measures are not what the rows add up to (scaled integers)."""

    aggregate: str
    key: int
    stored: tuple[int, ...]
    recomputed: tuple[int, ...]


Totals = dict[int, list[int]]
"""Key → the measures m0 … as scaled integers."""


def compile_aggregate(
    aggregate: Aggregate,
    forms: Mapping[str, Form],
    tables: ReleaseTables,
    dialect: Dialect = "sqlite",
) -> AggregateSql:
    """Compile an aggregate against a release's tables.

    Raises PublishError for more than eight measures, and for an expression that has no SQL.
    """
    if len(aggregate.measures) > MOST_MEASURES:
        raise PublishError(f"aggregate {aggregate.id}: more than {MOST_MEASURES} measures")
    measures = tuple(
        _measure(aggregate, measure, f"m{at}", forms, tables, dialect)
        for at, measure in enumerate(aggregate.measures.values())
    )
    columns = {measure: f"m{at}" for at, measure in enumerate(aggregate.measures)}
    types = {measure.id: (measure.type, measure.scale) for measure in aggregate.measures.values()}
    if dialect == "sqlite":
        fingerprint = _digest(measures)
    else:
        fingerprint = compile_aggregate(aggregate, forms, tables, "sqlite").fingerprint
    return AggregateSql(aggregate.id, fingerprint, columns, types, measures)


def by_columns(aggregate: Aggregate, tables: ReleaseTables) -> list[tuple[str, str]]:
    """(table, column) of the links by which the measures find their keys: worth an index."""
    found = []
    for measure in aggregate.measures.values():
        form_id, _, lines = measure.source.partition(".")
        _, by = _key(measure, tables.forms[form_id], lines)
        if by:
            found.append(by)
    return found


def recompute(reader: Reader, shape: AggregateSql) -> Totals:
    """Add the aggregate up from the rows: every key that has any."""
    totals: Totals = {}
    for at, measure in enumerate(shape.measures):
        sql = (
            "SELECT r.key, CAST(coalesce(sum(r.value), 0) AS BIGINT) FROM"
            f" ({measure.select.format(scope='1 = 1')}) AS r GROUP BY r.key"
        )
        for key, value in reader.query(sql, measure.params):
            totals.setdefault(key, [0] * len(shape.measures))[at] = int(value)
    return totals


def verify(db: TenantDatabase, shape: AggregateSql, table: AggregateTable) -> list[Difference]:
    """Compare what is stored with what the rows add up to, on one snapshot."""
    names = ", ".join(table.columns.values())
    with db.read() as reader:
        totals = recompute(reader, shape)
        stored = {
            row[0]: row[1:]
            for row in reader.query(
                f"SELECT key, {names} FROM rf_aggregate WHERE aggregate = ?", (table.name,)
            )
        }
    nothing = (0,) * len(shape.measures)
    found = []
    for key in sorted(totals.keys() | stored.keys()):
        have, should = stored.get(key, nothing), tuple(totals.get(key, nothing))
        if tuple(have) != should:
            found.append(Difference(shape.id, key, tuple(have), should))
    return found


def _measure(
    aggregate: Aggregate,
    measure: Measure,
    column: str,
    forms: Mapping[str, Form],
    tables: ReleaseTables,
    dialect: Dialect,
) -> MeasureSql:
    form_id, _, lines = measure.source.partition(".")
    home = tables.forms[form_id]
    record = RecordResolver(World(forms, tables), form_id, "p")
    resolver: RecordResolver | LinesResolver = record
    if lines:
        resolver = LinesResolver(record.world, form_id, lines, "t", record)
        source = f"{home.children[lines].table} AS t JOIN {home.table} AS p ON p.id = t.record_id"
    else:
        source = f"{home.table} AS p"
    key, _ = _key(measure, home, lines)
    params: list[Any] = []
    try:
        value = "1"
        if measure.sum is not None:
            value, used = scaled(measure.sum, measure.scale, dialect, resolver)
            params += used
        conditions = ["p.deleted = 0", f"{key} IS NOT NULL"]
        if measure.where is not None:
            text, used = truth(measure.where, dialect, resolver)
            conditions.append(text)
            params += used
    except NotInSql as error:
        raise PublishError(f"aggregate {aggregate.id}, measure {measure.id}: {error}") from error
    currency = "p.currency" if measure.sum and measure.sum.type.kind == "money" else "NULL"
    text = (
        f"SELECT p.id AS record_id, {key} AS key, {value} AS value, {currency} AS currency"
        f" FROM {source} WHERE {' AND '.join(conditions)}"
    )
    escaped = text.replace("{", "{{").replace("}", "}}") + " AND {scope}"
    return MeasureSql(column, home.table, escaped, tuple(params))


def _key(measure: Measure, home: FormTables, lines: str) -> tuple[str, tuple[str, str] | None]:
    """The key's SQL, and (table, column) worth an index."""
    if measure.by is None:
        return ("t.id" if lines else "p.id"), None
    name = measure.by.removeprefix("parent.")
    own = home.children[lines] if lines else home
    if name == measure.by and name in own.columns:
        column = own.columns[name].name
        return f"{'t' if lines else 'p'}.{column}", (own.table, column)
    if name in home.columns:
        return f"p.{home.columns[name].name}", (home.table, home.columns[name].name)
    return "p.id", None


def _digest(measures: Iterable[MeasureSql]) -> str:
    told = "\n".join(f"{m.column} {m.select} {m.params!r}" for m in measures)
    return hashlib.sha256(told.encode()).hexdigest()
