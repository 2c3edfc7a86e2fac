"""Changes of a field's type: which keep the column, which convert, and how one value converts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from forms.model import Field
from forms.types import field_type
from forms.types.base import Invalid
from forms.values import Money

# Both sides read the stored value alike, so the column stays and nothing is rewritten.
_KEEPS = {
    ("choice", "text"),
    ("decimal", "percent"),
    ("percent", "decimal"),
    ("image", "file"),
    ("file", "image"),
}

_NUMBERS = {"integer", "decimal", "percent"}
_TO_TEXT = _NUMBERS | {"money", "date", "datetime", "boolean", "choice", "duration"}


def keeps_column(old: str, new: str) -> bool:
    """Is the change (manifest type ids) one that leaves the stored values as they are?"""
    return old == new or (old, new) in _KEEPS or (old == "choice[]" and new == "text[]")


def legal_change(old: str, new: str) -> bool:
    """May a field of type `old` become `new`? What cannot be converted value by value is empty in
    the new column; the old column stays, and old records show it."""
    if keeps_column(old, new):
        return True
    if old.removesuffix("[]") == new.removesuffix("[]"):
        return True
    a, b = _base(old), _base(new)
    if old.endswith("[]") or new.endswith("[]"):
        return False
    if a == b == "money":
        return True
    pairs = {(a, b), (b, a)}
    return bool(
        (a in _NUMBERS | {"money"} and b in _NUMBERS | {"money"})
        or (a in _TO_TEXT and b == "text")
        or (a == "text" and b in _TO_TEXT)
        or ("date", "datetime") in pairs
        or ("boolean", "integer") in pairs
    )


Converter = Callable[[Any, str | None], Any]
"""(stored value, currency of the old amount) → stored value of the new column, or None."""


def converter(old_type: str, field: Field, new_type: str) -> Converter:
    """How one stored value of type `old_type` becomes one of `field`, whose type is `new_type`.

    `field` is the new release's; what it does not take becomes None. Money keeps its amount only
    where the currency stays the same.
    """
    if keeps_column(old_type, new_type):
        return lambda stored, currency: stored
    source = field_type(_base(old_type))
    if source is None or not legal_change(old_type, new_type):
        return lambda stored, currency: None
    many_before, many_after = old_type.endswith("[]"), new_type.endswith("[]")
    target_currency = new_type.partition(":")[2] if _base(new_type) == "money" else ""

    def convert(stored: Any, currency: str | None) -> Any:
        if stored is None:
            return None
        if many_before or many_after:
            return _many(stored, many_before, many_after)
        value = source.from_stored(stored, currency)
        try:
            taken = _bridge(value, field, currency)
        except (Invalid, ValueError, ArithmeticError):
            return None
        if taken is None:
            return None
        if target_currency not in ("", "own") and taken.currency not in ("", target_currency):
            return None
        return field.kind.to_stored(taken)

    return convert


def convert_value(value: Any, field: Field, currency: str | None) -> Any:
    """A value (not a stored one) as another type of field takes it, or None."""
    if value is None:
        return None
    if type(value) in (list, tuple):  # an amount is a tuple too
        if field.many or field.type in ("file", "image"):
            return list(value)
        return value[0] if len(value) == 1 else None
    if field.many:
        return [value]
    try:
        return _bridge(value, field, currency)
    except (Invalid, ValueError, ArithmeticError):
        return None


def _bridge(value: Any, field: Field, currency: str | None) -> Any:
    kind = field.type
    if kind == "text":
        return field.kind.parse(_as_text(value), field)
    if kind == "money":
        if isinstance(value, Money):
            return value
        amount: Any = field.kind.parse(value, field)
        return amount and (amount if amount.currency else Money(amount.amount, currency or ""))
    if isinstance(value, Money):
        value = value.amount
    if kind == "integer" and isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else None
    if kind == "integer" and isinstance(value, bool):
        return int(value)
    if kind == "boolean" and isinstance(value, int):
        return bool(value) if value in (0, 1) else None
    if kind == "date" and isinstance(value, datetime):
        return value.date()
    if kind == "datetime" and type(value) is date:
        return datetime.combine(value, time(), UTC)
    taken = field.kind.parse(value, field)
    if isinstance(taken, datetime) and taken.tzinfo is None:
        return taken.replace(tzinfo=UTC)
    return taken


def shown(type_id: str, stored: Any, currency: str | None) -> str:
    """A stored value of a manifest type as text for people."""
    kind = field_type(_base(type_id))
    if isinstance(stored, list):
        return ", ".join(shown(type_id.removesuffix("[]"), one, currency) for one in stored)
    return str(stored) if kind is None else _as_text(kind.from_stored(stored, currency))


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Money):
        return f"{_plain(value.amount)} {value.currency}".strip()
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, int | date):
        return str(value)
    shown = field_type("duration")
    return str(shown.to_json(value)) if shown else str(value)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _many(stored: Any, before: bool, after: bool) -> Any:
    """Between one and many: the members are stored alike, alone or in a list."""
    members = stored if before else [stored]
    if after:
        return members
    return members[0] if len(members) == 1 else None


def _base(type_id: str) -> str:
    return type_id.removesuffix("[]").partition(":")[0]
