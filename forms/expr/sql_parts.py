"""Pieces of SQL: text with "?" placeholders and its parameters, and what storage resolves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from forms.expr import limits
from forms.expr.errors import NotInSql
from forms.expr.types import Type
from forms.problems import Problem

Dialect = Literal["sqlite", "postgres"]
Params = tuple[object, ...]
INT64 = 2**63 - 1
COLUMN_BOUND = 10**18
"""Stored integers, whatever their scale, stay below this."""


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text with "?" placeholders, in the order of `params`.

    `type` and `scale` say how to read a value back: an amount or decimal is the integer × 10^scale,
    a date days since 1970-01-01, a moment microseconds, a duration seconds. A boolean is a
    condition for WHERE, unless asked for as a stored 0/1.
    """

    text: str
    params: Params = ()
    type: Type | None = None
    scale: int = 0


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column or scalar subselect. `scale`: of the stored integer. `currency`: of an amount,
    as SQL; None where it is that of everything it can meet."""

    sql: str
    type: Type
    scale: int = 0
    currency: Sql | None = None
    params: Params = ()


@dataclass(frozen=True, slots=True)
class LinesRef:
    """The rows of lines: a table with its alias, the predicate that ties them to the record, and
    what resolves names inside them."""

    table: str
    where: str
    resolve: ColumnResolver
    params: Params = ()


class ColumnResolver(Protocol):
    """Storage's side of the bargain: where a value stands in the database."""

    def column(self, path: tuple[str, ...]) -> ColumnRef:
        """("amount",), ("id",), ("order", "currency"), ("parent", "stage"), ("this", "x")."""

    def aggregate(self, name: str, key: Sql, measure: str) -> ColumnRef:
        """A measure of the aggregate's row under a key (null where it has none)."""

    def lines(self, name: str) -> LinesRef:
        """The rows of a lines field."""


@dataclass(frozen=True, slots=True)
class Piece:
    """SQL text and its parameters."""

    text: str
    params: Params = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A computed value. `form`: how it stands in SQL.

    scaled: an integer × 10^scale, at most `bound`; also dates, moments, durations and ids.
    exact: numeric on PostgreSQL, decimal text on SQLite. text: a string. condition: a boolean.
    flag: a stored boolean, 0/1. list: JSON text. `constant`: the number, where it is known.
    """

    text: str
    params: Params
    form: str
    type: Type
    scale: int = 0
    bound: int = COLUMN_BOUND
    currency: Value | None = None
    constant: object = None
    column: bool = False

    @property
    def piece(self) -> Piece:
        return Piece(self.text, self.params)


Part = Piece | Value


def build(template: str, *parts: Part) -> Piece:
    """The template with each "{}" replaced by a part; parameters keep the order of the text."""
    pieces = template.split("{}")
    out = [pieces[0]]
    params: list[object] = []
    for piece, part in zip(pieces[1:], parts, strict=True):
        out.append(part.text)
        out.append(piece)
        params.extend(part.params)
    text = "".join(out)
    if len(text) > limits.SQL_CHARS:
        raise refused("the expression grows too large as SQL", None)
    return Piece(text, tuple(params))


def joined(separator: str, parts: list[Piece]) -> Piece:
    """Parts one after the other."""
    return build(separator.join(["{}"] * len(parts)), *parts)


def refused(message: str, offset: int | None) -> NotInSql:
    """The error that says why an expression cannot be SQL."""
    return NotInSql(
        Problem(
            "expr_not_in_sql",
            (),
            message,
            "an expression the database can compute",
            offset=offset,
        )
    )


def as_value(piece: Piece, form: str, kind: Type, **more: object) -> Value:
    value = Value(piece.text, piece.params, form, kind)
    return replace(value, **more) if more else value  # type: ignore[arg-type]
