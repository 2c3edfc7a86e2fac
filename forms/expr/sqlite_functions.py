"""The functions SQLite needs to compute as Python does: exact decimals, letters, days.

Decimals travel as text. Null in gives null out; so does a result that is out of range, where
Python raises: the database never stops a whole query for one row.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from forms.expr import arithmetic, calendar, letters
from forms.expr.errors import EvalError
from forms.expr.functions import number as read_number
from forms.expr.sql_parts import INT64
from forms.values import Money, minor_units


class Connection(Protocol):
    """What a `sqlite3.Connection` offers."""

    def create_function(
        self, name: str, narg: int, func: Callable[..., Any] | None, *, deterministic: bool = ...
    ) -> None: ...

    def create_aggregate(self, name: str, n_arg: int, aggregate_class: Any) -> None: ...


def register_sqlite_functions(connection: Connection) -> None:
    """Make the functions that `to_sql` uses known to a connection."""
    for name, (count, function) in _FUNCTIONS.items():
        connection.create_function(name, count, function, deterministic=True)
    for name, aggregate in _AGGREGATES.items():
        connection.create_aggregate(name, 1, aggregate)


def _decimal(text: Any) -> Decimal:
    return arithmetic.EXACT.create_decimal(text)


def _number(function: Callable[..., Any], *plain_from: int) -> Callable[..., Any]:
    """A function over decimals as one over their texts. From `plain_from` on, arguments are
    handed on as they come."""
    first_plain = plain_from[0] if plain_from else 99

    def call(*args: Any) -> Any:
        if None in args:
            return None
        try:
            result = function(*[a if i >= first_plain else _decimal(a) for i, a in enumerate(args)])
        except EvalError:
            return None
        return arithmetic.plain(result) if isinstance(result, int | Decimal) else result

    return call


def _compare(left: Any, right: Any) -> int | None:
    if left is None or right is None:
        return None
    a, b = _decimal(left), _decimal(right)
    return (a > b) - (a < b)


def _same(left: Any, right: Any) -> int:
    if left is None or right is None:
        return int(left is right)
    return int(_decimal(left) == _decimal(right))


def _sign(value: Any) -> int | None:
    return _compare(value, 0)


def _from_scaled(value: int | None, scale: int) -> str | None:
    if value is None:
        return None
    return arithmetic.plain(Decimal(value).scaleb(-scale, arithmetic.EXACT))


def _scaled(value: Any, scale: int) -> int | None:
    if value is None:
        return None
    result = arithmetic.scaled(_decimal(value), scale)
    return result if abs(result) <= INT64 else None


def _portion(total: Decimal, part: Decimal, whole: Decimal, done: Decimal, currency: str) -> Any:
    share = arithmetic.portion(Money(total, currency), part, whole, done, currency)
    return None if share is None else share.amount


def _round_money(value: Decimal, currency: str) -> Decimal:
    return arithmetic.checked(arithmetic.round_half_up(value, minor_units(currency)))


def _read(text: str | None) -> str | None:
    found = None if text is None else read_number(text)
    return None if found is None else arithmetic.plain(found)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _day(moment: int | None, zone: str) -> int | None:
    """The day (since 1970-01-01) of a moment (microseconds) in a zone."""
    if moment is None:
        return None
    try:
        instant = calendar.INSTANT_EPOCH + timedelta(microseconds=moment)
        return (calendar.local_date(instant, _zone(zone)) - calendar.EPOCH).days
    except (EvalError, OverflowError):
        return None


def _date(year: int | None, month: int | None, day: int | None) -> int | None:
    if year is None or month is None or day is None:
        return None
    found = calendar.make_date(year, month, day)
    return None if found is None else (found - calendar.EPOCH).days


def _add_months(day: int | None, months: int | None) -> int | None:
    if day is None or months is None:
        return None
    try:
        start = calendar.EPOCH + timedelta(days=day)
        return (calendar.add_months(start, months) - calendar.EPOCH).days
    except (EvalError, OverflowError):
        return None


def _letters(function: Callable[[str], str]) -> Callable[[str | None], str | None]:
    return lambda text: None if text is None else function(text)


class _Sum:
    def __init__(self) -> None:
        self.total = Decimal(0)

    def step(self, value: Any) -> None:
        if value is not None:
            self.total = arithmetic.EXACT.add(self.total, _decimal(value))

    def finalize(self) -> str:
        return arithmetic.plain(self.total)


class _Least:
    wanted = -1

    def __init__(self) -> None:
        self.best: Decimal | None = None

    def step(self, value: Any) -> None:
        if value is None:
            return
        found = _decimal(value)
        if self.best is None or _compare(found, self.best) == self.wanted:
            self.best = found

    def finalize(self) -> str | None:
        return None if self.best is None else arithmetic.plain(self.best)


class _Greatest(_Least):
    wanted = 1


_add, _subtract = arithmetic.EXACT.add, arithmetic.EXACT.subtract
_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "rf_decimal": (2, _from_scaled),
    "rf_scaled": (2, _scaled),
    "rf_add": (2, _number(lambda a, b: arithmetic.checked(_add(a, b)))),
    "rf_subtract": (2, _number(lambda a, b: arithmetic.checked(_subtract(a, b)))),
    "rf_multiply": (2, _number(arithmetic.multiply)),
    "rf_divide": (2, _number(arithmetic.divide)),
    "rf_modulo": (2, _number(arithmetic.modulo)),
    "rf_negate": (1, _number(lambda a: a.copy_negate())),
    "rf_abs": (1, _number(lambda a: a.copy_abs())),
    "rf_round": (2, _number(lambda a, n: arithmetic.round_half_up(a, n), 1)),
    "rf_round_money": (2, _number(_round_money, 1)),
    "rf_floor": (1, _number(arithmetic.floor)),
    "rf_ceil": (1, _number(arithmetic.ceil)),
    "rf_least": (-1, _number(lambda *values: min(values))),
    "rf_greatest": (-1, _number(lambda *values: max(values))),
    "rf_portion": (5, _number(_portion, 4)),
    "rf_compare": (2, _compare),
    "rf_same": (2, _same),
    "rf_sign": (1, _sign),
    "rf_number": (1, _read),
    "rf_lower": (1, _letters(letters.lower)),
    "rf_upper": (1, _letters(letters.upper)),
    "rf_day": (2, _day),
    "rf_date": (3, _date),
    "rf_add_months": (2, _add_months),
}
_AGGREGATES: dict[str, Any] = {
    "rf_sum": _Sum,
    "rf_min": _Least,
    "rf_max": _Greatest,
}
