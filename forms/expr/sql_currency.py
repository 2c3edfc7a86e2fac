"""Currencies in SQL. None: a literal's, which takes any. Form "maybe": null means the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forms.expr.sql_parts import Piece, Value, as_value, build, joined
from forms.expr.types import TEXT

if TYPE_CHECKING:
    from forms.expr.sql import Generator

_ANY = Piece("NULL")


def shared(left: Value, right: Value) -> Piece | None:
    """The condition that two amounts are of one currency; None where they cannot differ."""
    a, b = left.currency, right.currency
    if a is None or b is None or a == b:
        return None
    if a.form == b.form == "text":
        return build("({} = {})", a, b)
    return build("(({} = {}) IS NOT FALSE)", a, b)


def merged(values: Sequence[Value]) -> Value | None:
    """The currency of what is made of amounts of one currency."""
    found = [value.currency for value in values if value.currency is not None]
    for currency in found:
        if currency.form == "text":
            return currency
    if len(found) < 2 or all(currency == found[0] for currency in found):
        return found[0] if found else None
    pieces = [currency.piece for currency in found]
    return as_value(build("COALESCE({})", joined(", ", pieces)), "maybe", TEXT)


def chosen(sql: Generator, condition: Piece, then: Value, otherwise: Value) -> Value | None:
    """The currency of one of two amounts."""
    a, b = then.currency, otherwise.currency
    if a == b:
        return a
    piece = sql.case(condition, a.piece if a else _ANY, b.piece if b else _ANY)
    return as_value(piece, "maybe", TEXT)


def where_present(values: Sequence[Value]) -> Value | None:
    """The currency of the first amount that is not null (its text must be written out)."""
    currencies = [value.currency for value in values]
    if len(values) > 1 and all(currency == currencies[0] for currency in currencies):
        return currencies[0]
    if all(currency is None for currency in currencies):
        return None
    whens = [
        build("WHEN {} IS NOT NULL THEN {}", value, value.currency or _ANY) for value in values
    ]
    return as_value(build("CASE {} END", joined(" ", whens)), "maybe", TEXT)
