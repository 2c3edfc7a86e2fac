"""Filters and search of a list as SQL over the record `p`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.storage.codecs import micros, to_column
from app.storage.errors import StorageError
from app.storage.manifest import FormTables, ReleaseTables
from app.storage.ports import Dialect
from app.storage.resolver import RecordResolver, World
from forms.model import Field, Form

OPS = (
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "in",
    "between",
    "contains",
    "starts_with",
    "has",
    "is_empty",
    "not_empty",
)
"""What a filter may ask. `between` takes (from, to), either may be None and both count; `has`
asks whether many values hold one; texts are compared by `contains` without regard to the case of
the letters a-z."""

_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_TEXT_NAMES = {"number", "title", "stage"}
_MOMENTS = {"created_at", "updated_at"}
_PLAIN = {"id", "created_by", "updated_by", "version", "release_no"}
_MOST_VALUES = 500
# The databases' lower() changes a-z only, whatever the server's locale.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class QueryError(StorageError):
    """A filter or sort that the form does not have; the message says which."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a list: a header field or system name, one of `OPS`, and a value as rows
    carry it (Decimal, date, Money …)."""

    field: str
    op: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL for WHERE, and its parameters."""

    text: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A form's records in a release, as the table `p` of a statement."""

    form: Form
    home: FormTables
    tables: ReleaseTables
    dialect: Dialect
    resolver: RecordResolver

    @classmethod
    def of(
        cls, form_id: str, forms: Mapping[str, Form], tables: ReleaseTables, dialect: Dialect
    ) -> Source:
        """The records of a form."""
        resolver = RecordResolver(World(forms, tables), form_id, "p")
        return cls(forms[form_id], tables.forms[form_id], tables, dialect, resolver)

    @property
    def table(self) -> str:
        """The form's table."""
        return self.home.table


@dataclass(frozen=True, slots=True)
class _Operand:
    sql: str
    kind: str
    stored: Callable[[Any], Any]


def both(parts: Sequence[Condition]) -> Condition:
    """All of the conditions."""
    return Condition(
        " AND ".join(part.text for part in parts), tuple(p for part in parts for p in part.params)
    )


def filter_condition(source: Source, given: Filter) -> Condition:
    """A filter as SQL. Raises QueryError."""
    if given.op not in OPS:
        raise QueryError(f"unknown filter {given.op!r}; one of {', '.join(OPS)}")
    operand = _operand(source, given.field)
    if given.op == "is_empty" or (given.op == "eq" and given.value is None):
        return Condition(f"{operand.sql} IS NULL")
    if given.op == "not_empty" or (given.op == "ne" and given.value is None):
        return Condition(f"{operand.sql} IS NOT NULL")
    try:
        return _compare(source, operand, given)
    except (AttributeError, TypeError, ValueError) as error:
        raise QueryError(f"{given.field} {given.op}: not a value of the field") from error


def search(source: Source, text: str, prefix: bool) -> Condition:
    """The text in number, title or one of the form's search fields."""
    names = dict.fromkeys(("number", "title", *source.form.list.search))
    operands = [_operand(source, name) for name in names]
    texts = [operand.sql for operand in operands if operand.kind == "text"]
    options = []
    for sql in texts:
        if prefix:
            options += [_prefix(sql, variant) for variant in dict.fromkeys((text, text.upper()))]
        else:
            options.append(_contains(source.dialect, sql, text))
    joined = " OR ".join(option.text for option in options)
    return Condition(f"({joined})", tuple(p for option in options for p in option.params))


def _compare(source: Source, operand: _Operand, given: Filter) -> Condition:
    sql, op, value = operand.sql, given.op, given.value
    mark = "CAST(? AS TEXT)" if operand.kind == "text" else "?"
    if op == "has":
        return _has(source.dialect, operand, value)
    if operand.kind == "json":
        raise QueryError(f"{given.field} holds several values: use has, is_empty or not_empty")
    if op in ("contains", "starts_with"):
        if operand.kind != "text":
            raise QueryError(f"{given.field} is no text: {op} does not apply")
        text = str(value)
        return _contains(source.dialect, sql, text) if op == "contains" else _prefix(sql, text)
    if op == "in":
        values = tuple(operand.stored(each) for each in value)
        if len(values) > _MOST_VALUES:
            raise QueryError(f"{given.field} in: {_MOST_VALUES} values at the most")
        if not values:
            return Condition("1 = 0")
        return Condition(f"{sql} IN ({', '.join([mark] * len(values))})", values)
    if op == "between":
        low, high = value
        parts = [Condition(f"{sql} >= {mark}", (operand.stored(low),))] if low is not None else []
        if high is not None:
            parts.append(Condition(f"{sql} <= {mark}", (operand.stored(high),)))
        return both(parts or [Condition("1 = 1")])
    stored = operand.stored(value)
    if op == "eq":
        return Condition(f"{sql} = {mark}", (stored,))
    if op == "ne":
        return Condition(f"({sql} <> {mark} OR {sql} IS NULL)", (stored,))
    return Condition(f"{sql} {_SIGNS[op]} {mark}", (stored,))


def _operand(source: Source, name: str) -> _Operand:
    column = source.home.columns.get(name)
    if column is not None:
        field = source.form.fields[name]
        store = to_column(column, field) or _same
        if column.storage == "json":
            return _Operand(f"p.{column.name}", "json", _member(field))
        return _Operand(f"p.{column.name}", column.storage, store)
    if name in _TEXT_NAMES:
        return _Operand(f"p.{name}", "text", str)
    if name in _MOMENTS:
        return _Operand(f"p.{name}", "integer", _moment)
    if name in _PLAIN:
        return _Operand(f"p.{name}", "integer", int)
    raise QueryError(f"{source.form.id} has no field {name!r} to filter by")


def _same(value: Any) -> Any:
    return value


def _member(field: Field) -> Callable[[Any], Any]:
    return str if field.type == "choice" else int


def _moment(value: Any) -> int:
    return micros(value) if isinstance(value, datetime) else int(value)


def _has(dialect: Dialect, operand: _Operand, value: Any) -> Condition:
    if operand.kind != "json":
        raise QueryError("has applies to fields with several values")
    stored = operand.stored(value)
    if dialect == "postgres":
        rows = f"jsonb_array_elements_text(CAST({operand.sql} AS JSONB)) AS e(value)"
        return Condition(
            f"EXISTS (SELECT 1 FROM {rows} WHERE e.value = CAST(? AS TEXT))", (str(stored),)
        )
    return Condition(
        f"EXISTS (SELECT 1 FROM json_each({operand.sql}) AS e WHERE e.value = ?)", (stored,)
    )


def _contains(dialect: Dialect, sql: str, text: str) -> Condition:
    find = "strpos" if dialect == "postgres" else "instr"
    return Condition(f"{find}(lower({sql}), CAST(? AS TEXT)) > 0", (text.translate(_LOWER),))


def _prefix(sql: str, text: str) -> Condition:
    """A range, which an index serves: from the text up to the next one of its length."""
    end = _successor(text)
    if end is None:
        return Condition(f"{sql} >= CAST(? AS TEXT)", (text,))
    return Condition(f"({sql} >= CAST(? AS TEXT) AND {sql} < CAST(? AS TEXT))", (text, end))


def _successor(text: str) -> str | None:
    for at in range(len(text) - 1, -1, -1):
        code = ord(text[at]) + 1
        if 0xD800 <= code <= 0xDFFF:
            code = 0xE000
        if code <= 0x10FFFF:
            return text[:at] + chr(code)
    return None
