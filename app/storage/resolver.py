"""Where the names of an expression stand in the database: columns, links, parents, lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from app.storage.manifest import Column, FormTables, ReleaseTables
from app.storage.ports import Dialect
from forms.expr import DATETIME, INTEGER, TEXT, Env, Expr, Type, link
from forms.expr.sql_parts import ColumnRef, ColumnResolver, LinesRef, Sql
from forms.model import Field, Form, Lines

SYSTEM_TYPES: Mapping[str, Type] = {
    "number": TEXT,
    "title": TEXT,
    "stage": TEXT,
    "version": INTEGER,
    "created_at": DATETIME,
    "created_by": Type("user"),
    "updated_at": DATETIME,
    "updated_by": Type("user"),
}


@dataclass(frozen=True, slots=True)
class World:
    """What a resolver looks things up in: a release's forms and where they are kept."""

    forms: Mapping[str, Form]
    tables: ReleaseTables
    aliases: Any = field(default_factory=lambda: count(1))

    def alias(self) -> str:
        """A table alias nothing else in the statement has."""
        return f"j{next(self.aliases)}"


class RecordResolver:
    """Names of a form's records; `alias` is its table's in the statement."""

    def __init__(self, world: World, form_id: str, alias: str) -> None:
        self.world = world
        self.form = world.forms[form_id]
        self.home: FormTables = world.tables.forms[form_id]
        self.alias = alias

    def column(self, path: tuple[str, ...]) -> ColumnRef:
        """See `ColumnResolver`. `this` and `parent` mean the record itself here."""
        if path[0] in ("this", "parent") and path[0] not in self.home.columns:
            path = path[1:]
        name, rest = path[0], path[1:]
        own = self.home.columns.get(name)
        if own is not None:
            return self._field(own, self.form.fields[name], rest)
        if name == "id":
            ref = ColumnRef(f"{self.alias}.id", link(self.form.id))
        else:
            ref = ColumnRef(f"{self.alias}.{name}", SYSTEM_TYPES[name])
        return ref

    def aggregate(self, name: str, key: Sql, measure: str) -> ColumnRef:
        """See `ColumnResolver`."""
        return _aggregate(self.world, name, key, measure)

    def lines(self, name: str) -> LinesRef:
        """See `ColumnResolver`."""
        alias = self.world.alias()
        child = self.home.children[name]
        inner = LinesResolver(self.world, self.form.id, name, alias, self)
        return LinesRef(f"{child.table} AS {alias}", f"{alias}.record_id = {self.alias}.id", inner)

    def _field(self, column: Column, definition: Field, rest: tuple[str, ...]) -> ColumnRef:
        here = f"{self.alias}.{column.name}"
        if rest:
            return follow(self.world, definition.to, here, rest)
        currency = currency_of(column, definition, self.alias, self.alias)
        return ColumnRef(here, definition.expr_type, column.scale, currency)


class LinesResolver:
    """Names of the rows of lines; `record` answers for the record they belong to."""

    def __init__(
        self, world: World, form_id: str, lines: str, alias: str, record: RecordResolver
    ) -> None:
        self.world = world
        self.form_id = form_id
        self.record = record
        self.alias = alias
        definition = world.forms[form_id].fields[lines]
        assert isinstance(definition, Lines)
        self.definition = definition
        self.columns = world.tables.forms[form_id].children[lines].columns

    def column(self, path: tuple[str, ...]) -> ColumnRef:
        """See `ColumnResolver`. The record is `parent`, and a link named like its form."""
        name, rest = path[0], path[1:]
        own = self.columns.get(name)
        if own is not None:
            definition = self.definition.fields[name]
            here = f"{self.alias}.{own.name}"
            if rest:
                return follow(self.world, definition.to, here, rest)
            currency = currency_of(own, definition, self.alias, self.record.alias)
            return ColumnRef(here, definition.expr_type, own.scale, currency)
        if name == "this":
            return self.column(rest)
        if name == "id":
            return ColumnRef(f"{self.alias}.id", link(f"{self.form_id}.{self.definition.id}"))
        if name == "parent" or (name == self.form_id and rest):
            return self.record.column(rest)
        if name == self.form_id:
            return ColumnRef(f"{self.alias}.record_id", link(self.form_id))
        return self.record.column(path)

    def aggregate(self, name: str, key: Sql, measure: str) -> ColumnRef:
        """See `ColumnResolver`."""
        return _aggregate(self.world, name, key, measure)

    def lines(self, name: str) -> LinesRef:
        """The record's lines, seen from one of its rows."""
        return self.record.lines(name)


class FlowRowsResolver:
    """Names of a piece of work in a record's flow; `record` answers for the record."""

    def __init__(self, alias: str, record: RecordResolver, names: Mapping[str, Type]) -> None:
        self.alias, self.record, self.names = alias, record, names

    def column(self, path: tuple[str, ...]) -> ColumnRef:
        """See `ColumnResolver`. The record is `parent`, or `this`."""
        name, rest = path[0], path[1:]
        if name in self.names:
            return ColumnRef(f"{self.alias}.{name}", self.names[name])
        return self.record.column(rest if name in ("parent", "this") and rest else path)

    def aggregate(self, name: str, key: Sql, measure: str) -> ColumnRef:
        """See `ColumnResolver`."""
        return self.record.aggregate(name, key, measure)

    def lines(self, name: str) -> LinesRef:
        """The record's lines."""
        return self.record.lines(name)


def flow_rows(key: str) -> str:
    """The work of a form's flow, one row a task, whoever had a seat at it; `key` is the form's
    lasting name."""
    sla = "kind = 'timer'"
    over = "CASE status WHEN 'done' THEN 'breached' WHEN 'kept' THEN 'kept' ELSE 'running' END"
    return (
        "(SELECT min(id) AS id, record_id,"
        f" CASE WHEN {sla} THEN 'sla' ELSE kind END AS kind,"
        f" CASE WHEN {sla} THEN substr(rule, 5, length(rule) - 11) ELSE step END AS step,"
        " max(level) AS level, max(stage) AS stage, max(status) AS status,"
        f" max(CASE WHEN {sla} THEN {over} ELSE outcome END) AS outcome,"
        " min(opened_at) AS opened_at, max(done_at) AS done_at, max(due_at) AS due_at"
        f" FROM rf_due WHERE form = '{key}' AND (kind IN ('task', 'vote')"
        " OR (kind = 'timer' AND rule LIKE 'sla/%/breach' AND status <> 'cancelled'))"
        " GROUP BY record_id, coalesce(task, id), kind, step, rule)"
    )


def follow(world: World, target: str, key: str, path: tuple[str, ...]) -> ColumnRef:
    """A field of the record or line that `key` links to, as a subselect by primary key."""
    form_id, _, lines = target.partition(".")
    alias = world.alias()
    resolver: ColumnResolver
    table = world.tables.forms[form_id].table
    if lines:
        parent = world.alias()
        record = RecordResolver(world, form_id, parent)
        resolver = LinesResolver(world, form_id, lines, alias, record)
        child = world.tables.forms[form_id].children[lines].table
        source = (
            f"{child} AS {alias} JOIN {table} AS {parent} ON {parent}.id = {alias}.record_id"
            f" WHERE {alias}.id = {key} AND {parent}.deleted = 0"
        )
    else:
        resolver = RecordResolver(world, form_id, alias)
        source = f"{table} AS {alias} WHERE {alias}.id = {key} AND {alias}.deleted = 0"
    ref = resolver.column(path)
    currency = ref.currency and Sql(
        f"(SELECT {ref.currency.text} FROM {source})", ref.currency.params
    )
    return ColumnRef(f"(SELECT {ref.sql} FROM {source})", ref.type, ref.scale, currency, ref.params)


def currency_of(column: Column, definition: Field, alias: str, record: str) -> Sql | None:
    """The SQL of an amount's currency; None for what is no amount."""
    if definition.type != "money":
        return None
    if column.currency:
        return Sql(f"{alias}.{column.currency}")
    if definition.currency_of == "constant":
        return Sql("CAST(? AS TEXT)", (definition.currency,))
    return Sql(f"{record}.currency")


def scaled(
    expr: Expr, scale: int, dialect: Dialect, resolver: ColumnResolver
) -> tuple[str, tuple[object, ...]]:
    """An expression's value as an integer of the given scale. Raises NotInSql."""
    made = expr.to_sql(dialect, resolver, timeless())
    factor = scale - made.scale
    if not factor:
        return made.text, made.params
    if factor > 0:
        return f"({made.text}) * {10**factor}", made.params
    return f"({made.text}) / {10**-factor}", made.params


def truth(
    expr: Expr, dialect: Dialect, resolver: ColumnResolver, env: Env | None = None
) -> tuple[str, tuple[object, ...]]:
    """An expression as a condition for WHERE. Raises NotInSql."""
    made = expr.to_sql(dialect, resolver, env or timeless())
    return f"({made.text})", made.params


def timeless() -> Env:
    """For expressions that read neither the clock nor who asks."""
    return Env(datetime(1970, 1, 1, tzinfo=UTC))


def _aggregate(world: World, name: str, key: Sql, measure: str) -> ColumnRef:
    home = world.tables.aggregates[name]
    sql = (
        f"(SELECT a.{home.columns[measure]} FROM rf_aggregate AS a"
        f" WHERE a.aggregate = CAST(? AS TEXT) AND a.key = {key.text})"
    )
    kind, scale = home.types[measure]
    return ColumnRef(sql, kind, scale, None, (home.name, *key.params))
