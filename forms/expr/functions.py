"""The function table: signatures, what each function says of itself, how Python runs it.

Functions with rules of their own about types (if, coalesce, sum over lines …) carry no overloads
here; `calls.py` checks them. Parameters are written as words: a type kind, "number" (integer or
decimal), "moment" (date or datetime), "many" (list, file or lines), "string" (text or choice),
"word" (anything `text` can write), "any"; a leading "=" asks for a literal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from forms.expr import calendar, letters, limits
from forms.expr.arithmetic import (
    EXACT,
    Number,
    ceil,
    checked,
    checked_integer,
    floor,
    plain,
    portion,
    round_half_up,
)
from forms.expr.env import Env
from forms.expr.errors import text_error
from forms.expr.function_help import HELP
from forms.expr.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    INTEGER,
    MONEY,
    TEXT,
    Type,
    choice,
)
from forms.values import Money, Text, minor_units

SIGN = choice("negative", "zero", "positive")

PARAMS: Mapping[str, frozenset[str]] = {
    "number": frozenset({"integer", "decimal"}),
    "moment": frozenset({"date", "datetime"}),
    "many": frozenset({"list", "file", "lines"}),
    "string": frozenset({"text", "choice"}),
    "word": frozenset({"text", "choice", "integer", "decimal", "boolean", "date"}),
}


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function.

    `run` gets the argument values, before them the `Env` where `env`. Unless `nulls`, a null
    argument makes the result null without a call. `same`: the result has the first argument's
    type. `literals`: for the literal at an index, a rule that answers "" or what is allowed.
    """

    params: tuple[str, ...]
    result: Type
    run: Callable[..., object]
    env: bool = False
    nulls: bool = False
    same: bool = False
    variadic: bool = False
    literals: Mapping[int, Callable[[Any], str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """`forms`: how calls are written, for messages and the documentation."""

    name: str
    forms: tuple[str, ...]
    summary: Text
    overloads: tuple[Overload, ...] = ()


def is_empty(value: object) -> bool:
    """Null, no text, no items. False and 0 are values."""
    return value is None or (isinstance(value, str | list | tuple) and not value)


def contains(text: str | None, part: str | None) -> bool:
    return bool(text) and bool(part) and str(part) in str(text)


def starts_with(text: str | None, part: str | None) -> bool:
    return bool(text) and bool(part) and str(text).startswith(str(part))


def ends_with(text: str | None, part: str | None) -> bool:
    return bool(text) and bool(part) and str(text).endswith(str(part))


def sign(value: Number) -> str:
    return "positive" if value > 0 else "negative" if value < 0 else "zero"


def write(value: object) -> str:
    """A value as `text()` and `concat()` write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return plain(value)
    return str(value)


def concat(*parts: object) -> str | None:
    joined = "".join([write(part) for part in parts if part is not None])
    if len(joined) > limits.TEXT_CHARS:
        raise text_error()
    return joined or None


def number(text: str) -> Decimal | None:
    """The number a text writes in plain digits, or None."""
    body = letters.trim(text)
    digits = body[1:] if body[:1] in ("-", "+") else body
    whole, point, fraction = digits.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= limits.INTEGER_DIGITS):
        return None
    if point and not (
        fraction.isascii() and fraction.isdigit() and len(fraction) <= limits.DECIMALS
    ):
        return None
    return Decimal(body)


def currency_of(env: Env, value: Money) -> str | None:
    return value.currency or env.currency


def _round_money(env: Env, value: Money, places: int | None = None) -> Money:
    if places is None:
        places = minor_units(value.currency or env.currency or "")
    return Money(checked(round_half_up(value.amount, places)), value.currency)


def _weekday(env: Env, moment: date | datetime) -> int:
    return calendar.local_date(moment, env.zone).isoweekday()


def _days_between(env: Env, start: date | datetime, end: date | datetime) -> int:
    return (calendar.local_date(end, env.zone) - calendar.local_date(start, env.zone)).days


def _portion(env: Env, total: Money, part: Number, whole: Number, done: Number) -> Money | None:
    return portion(total, part, whole, done, total.currency or env.currency or "")


def _date_rule(text: str) -> str:
    return "" if calendar.read_date(text) else "a date of the calendar, as in '2026-01-31'"


def _datetime_rule(text: str) -> str:
    if calendar.read_datetime(text, UTC):
        return ""
    return "a time as in '2026-01-31T18:30' or '2026-01-31T10:30Z'"


def _unit_rule(text: str) -> str:
    return "" if text in calendar.UNITS else ", ".join(f"'{unit}'" for unit in calendar.UNITS)


def _currency_rule(text: str) -> str:
    known = len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()
    return "" if known else "a currency code of three capital letters, as in 'CNY'"


def _places_rule(places: int) -> str:
    return "" if 0 <= places <= limits.DECIMALS else f"0 to {limits.DECIMALS} decimals"


def _shift(moment: Any, days: int) -> date | datetime:
    moved: date | datetime = calendar.add_days(moment, days)
    return moved


_ROUND_2 = {1: _places_rule}

_OVERLOADS: Mapping[str, tuple[Overload, ...]] = {
    "is_empty": (Overload(("any",), BOOLEAN, is_empty, nulls=True),),
    "abs": (
        Overload(("integer",), INTEGER, abs),
        Overload(("decimal",), DECIMAL, lambda x: x.copy_abs()),
        Overload(("money",), MONEY, lambda m: Money(m.amount.copy_abs(), m.currency)),
        Overload(("duration",), DURATION, abs),
    ),
    "sign": (
        Overload(("number",), SIGN, sign),
        Overload(("money",), SIGN, lambda m: sign(m.amount)),
        Overload(("duration",), SIGN, lambda d: sign(calendar.seconds(d))),
    ),
    "round": (
        Overload(("integer",), INTEGER, lambda x: x),
        Overload(("decimal",), INTEGER, lambda x: checked_integer(int(round_half_up(x, 0)))),
        Overload(("integer", "=integer"), INTEGER, lambda x, n: x, literals=_ROUND_2),
        Overload(
            ("decimal", "=integer"),
            DECIMAL,
            lambda x, n: checked(round_half_up(x, n)),
            literals=_ROUND_2,
        ),
        Overload(("money",), MONEY, _round_money, env=True),
        Overload(("money", "=integer"), MONEY, _round_money, env=True, literals=_ROUND_2),
    ),
    "floor": (
        Overload(("number",), INTEGER, lambda x: checked_integer(floor(x))),
        Overload(("money",), MONEY, lambda m: Money(Decimal(floor(m.amount)), m.currency)),
    ),
    "ceil": (
        Overload(("number",), INTEGER, lambda x: checked_integer(ceil(x))),
        Overload(("money",), MONEY, lambda m: Money(checked(Decimal(ceil(m.amount))), m.currency)),
    ),
    "portion": (Overload(("money", "number", "number", "number"), MONEY, _portion, env=True),),
    "money": (
        Overload(("number",), MONEY, lambda x: Money(EXACT.create_decimal(x), "")),
        Overload(
            ("number", "=text"),
            MONEY,
            lambda x, c: Money(EXACT.create_decimal(x), c),
            literals={1: _currency_rule},
        ),
    ),
    "amount": (Overload(("money",), DECIMAL, lambda m: m.amount),),
    "currency": (Overload(("money",), TEXT, currency_of, env=True),),
    "len": (
        Overload(("string",), INTEGER, lambda t: len(t or ""), nulls=True),
        Overload(("many",), INTEGER, lambda v: len(v or ()), nulls=True),
    ),
    "lower": (Overload(("string",), TEXT, letters.lower),),
    "upper": (Overload(("string",), TEXT, letters.upper),),
    "trim": (Overload(("string",), TEXT, lambda t: letters.trim(t) or None),),
    "concat": (Overload(("word",), TEXT, concat, nulls=True, variadic=True),),
    "contains": (Overload(("string", "string"), BOOLEAN, contains, nulls=True),),
    "starts_with": (Overload(("string", "string"), BOOLEAN, starts_with, nulls=True),),
    "ends_with": (Overload(("string", "string"), BOOLEAN, ends_with, nulls=True),),
    "text": (Overload(("word",), TEXT, write),),
    "number": (Overload(("text",), DECIMAL, number),),
    "today": (Overload((), DATE, lambda env: env.today, env=True),),
    "now": (Overload((), DATETIME, lambda env: env.now, env=True),),
    "date": (
        Overload(("=text",), DATE, calendar.read_date, literals={0: _date_rule}),
        Overload(("integer", "integer", "integer"), DATE, calendar.make_date),
        Overload(("moment",), DATE, lambda env, m: calendar.local_date(m, env.zone), env=True),
    ),
    "datetime": (
        Overload(
            ("=text",),
            DATETIME,
            lambda env, t: calendar.read_datetime(t, env.zone),
            env=True,
            literals={0: _datetime_rule},
        ),
        Overload(
            ("date",), DATETIME, lambda env, d: calendar.make_datetime(d, 0, 0, env.zone), env=True
        ),
        Overload(
            ("date", "integer", "integer"),
            DATETIME,
            lambda env, d, h, m: calendar.make_datetime(d, h, m, env.zone),
            env=True,
        ),
    ),
    "year": (
        Overload(
            ("moment",), INTEGER, lambda env, d: calendar.local_date(d, env.zone).year, env=True
        ),
    ),
    "month": (
        Overload(
            ("moment",), INTEGER, lambda env, d: calendar.local_date(d, env.zone).month, env=True
        ),
    ),
    "day": (
        Overload(
            ("moment",), INTEGER, lambda env, d: calendar.local_date(d, env.zone).day, env=True
        ),
    ),
    "weekday": (Overload(("moment",), INTEGER, _weekday, env=True),),
    "days_between": (Overload(("moment", "moment"), INTEGER, _days_between, env=True),),
    "hours_between": (Overload(("datetime", "datetime"), DECIMAL, calendar.hours_between),),
    "add_days": (
        Overload(("date", "integer"), DATE, _shift),
        Overload(("datetime", "integer"), DATETIME, _shift),
    ),
    "add_months": (Overload(("date", "integer"), DATE, calendar.add_months),),
    "duration": (
        Overload(("number", "=text"), DURATION, calendar.duration_of, literals={1: _unit_rule}),
    ),
}

FUNCTIONS: Mapping[str, Function] = {
    name: Function(name, forms, summary, _OVERLOADS.get(name, ()))
    for name, (forms, summary) in HELP.items()
}

LOOPS = frozenset({"sum", "avg", "count", "min", "max", "any", "all"})
"""Functions that go over the rows of lines."""


def zero_of(kind: Type) -> object:
    """What a sum of nothing, and a measure nothing was counted into, is."""
    match kind.kind:
        case "integer":
            return 0
        case "decimal":
            return Decimal(0)
        case "money":
            return Money(Decimal(0), "")
        case "duration":
            return timedelta(0)
        case _:
            return None
