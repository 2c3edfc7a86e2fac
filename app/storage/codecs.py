"""Rows to column values and back, by closures compiled once for a form's table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.storage.manifest import Column
from forms.model import Field
from forms.values import MONEY_SCALE, NUMBER_SCALE, Money

Values = dict[str, Any]
"""Field id → value."""

Encode = Callable[[Mapping[str, Any]], list[Any]]
"""A row (field id → value) → values of the columns, in the table's order."""

Decode = Callable[[Sequence[Any], int, str | None, dict[str, Any]], None]
"""(database row, index of its first field column, record's currency, row to fill)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON as columns hold it."""


def micros(moment: datetime) -> int:
    """An aware moment as the database keeps it: microseconds since 1970, UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The reverse of `micros`."""
    return _EPOCH + timedelta(microseconds=value)


def column_names(columns: Mapping[str, Column]) -> list[str]:
    """The columns of a table's fields, in the order encode and decode use."""
    names: list[str] = []
    for column in columns.values():
        names.append(column.name)
        if column.currency:
            names.append(column.currency)
    return names


def encoder(columns: Mapping[str, Column], fields: Mapping[str, Field]) -> Encode:
    """How a row's values become the columns' values."""
    plan = [
        (name, to_column(column, fields[name]), column.currency is not None)
        for name, column in columns.items()
    ]
    if any(own for _, _, own in plan):
        return _encode_with_currencies(plan)
    simple = [(name, encode) for name, encode, _ in plan]

    def encode_row(row: Mapping[str, Any]) -> list[Any]:
        get = row.get
        return [
            None if (value := get(name)) is None else encode(value) if encode else value
            for name, encode in simple
        ]

    return encode_row


def _encode_with_currencies(plan: list[tuple[str, Any, bool]]) -> Encode:
    def encode_row(row: Mapping[str, Any]) -> list[Any]:
        values: list[Any] = []
        for name, encode, own_currency in plan:
            value = row.get(name)
            values.append(None if value is None else encode(value) if encode else value)
            if own_currency:
                values.append(None if value is None else value.currency)
        return values

    return encode_row


def decoder(columns: Mapping[str, Column], fields: Mapping[str, Field]) -> Decode:
    """How the columns' values become a row's values."""
    plan: list[tuple[int, str, Any, Any]] = []
    at = 0
    for name, column in columns.items():
        field = fields[name]
        if field.type == "money":
            plan.append((at, name, None, _currency_from(column, field, at)))
        else:
            plan.append((at, name, from_column(column, field), None))
        at += 2 if column.currency else 1

    def decode_row(
        raw: Sequence[Any], start: int, currency: str | None, row: dict[str, Any]
    ) -> None:
        for index, name, decode, code_of in plan:
            value = raw[start + index]
            if value is None:
                row[name] = None
            elif code_of is not None:
                row[name] = Money(_scaled_money(value), code_of(raw, start, currency))
            else:
                row[name] = decode(value) if decode else value

    return decode_row


def to_column(column: Column, field: Field) -> Callable[[Any], Any] | None:
    """One value (not None) → its column; None where they are the same."""
    store = field.kind.to_stored
    if column.storage == "json":
        return lambda value: dumps(store(list(value)))
    if field.type in _AS_THEY_ARE:
        return None
    return store


def from_column(column: Column, field: Field) -> Callable[[Any], Any] | None:
    """One column's value (not None) → the field's; None where they are the same. Not for money."""
    load = field.kind.from_stored
    if column.storage == "json":
        return lambda value: load(json.loads(value))
    if field.type in _AS_THEY_ARE:
        return None
    if column.type_id in ("decimal", "percent"):
        return _scaled_number
    return load


_AS_THEY_ARE = frozenset({"text", "integer", "choice", "link", "user", "department"})


def _scaled_number(value: int) -> Decimal:
    """Exact, and without idle zeros: 1500000 → 1.5."""
    return _shortest(value, NUMBER_SCALE)


def _scaled_money(value: int) -> Decimal:
    return _shortest(value, MONEY_SCALE)


def _shortest(value: int, scale: int) -> Decimal:
    while scale and not value % 10:
        value //= 10
        scale -= 1
    return Decimal(value).scaleb(-scale)


def _currency_from(column: Column, field: Field, at: int) -> Callable[..., str]:
    if column.currency:
        return lambda raw, start, currency: raw[start + at + 1] or ""
    if field.currency_of == "constant":
        code = str(field.currency)
        return lambda raw, start, currency: code
    return lambda raw, start, currency: currency or ""
