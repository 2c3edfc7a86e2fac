"""Values of inputs and outputs as JSON, for the trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from forms.types.numbers import plain
from forms.values import Money, minor_units

Plain = Callable[[Any], Any]


def plain_of(kind: str) -> Plain:
    """What makes a value of a kind plain; None stays None."""
    return _PLAIN.get(kind, _same)


def _same(value: Any) -> Any:
    return value


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _money(value: Money | None) -> Mapping[str, str] | None:
    if value is None:
        return None
    amount = plain(value.amount, minor_units(value.currency))
    return {"amount": amount, "currency": value.currency}


def _date(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _duration(value: timedelta | None) -> int | None:
    """Seconds."""
    return None if value is None else int(value.total_seconds())


_PLAIN: Mapping[str, Plain] = {
    "decimal": _decimal,
    "money": _money,
    "date": _date,
    "duration": _duration,
}
