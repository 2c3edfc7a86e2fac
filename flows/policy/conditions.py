"""Conditions of rules: `0..15`, `up to 500 CNY`, `over 5000`, `none`, a value, a list of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flows import durations
from flows.model import Duration
from forms.expr import Type
from forms.problems import suggest
from forms.types.money import is_currency
from forms.values import Money

if TYPE_CHECKING:
    from flows.policy.model import Param

Test = Callable[[Any], bool]

ORDERED = frozenset({"integer", "decimal", "money", "date", "duration"})
KINDS = ORDERED | {"boolean", "choice", "text"}
"""Kinds of values that rules can look at."""

_RANGE = re.compile(r"(.+?)\s*\.\.\s*(.+)")
_BOUNDED = re.compile(r"(up to|over|from|under)\s+(.+)")
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?")
_AMOUNT = re.compile(r"(-?[0-9]{1,14}(?:\.[0-9]{1,4})?)(?:\s*([A-Za-z]{3}))?")
_WORD = re.compile(r"[a-z][a-z0-9_]*")

_EXAMPLES = {
    "integer": "0..15, up to 15, over 15, from 15, under 15, 15, none",
    "decimal": "0..1.5, up to 1.5, over 1.5, from 1.5, under 1.5, 1.5, none",
    "money": "0..500 CNY, up to 500 CNY, over 500 CNY, from 500 CNY, under 500 CNY, none",
    "date": "2026-01-01..2026-06-30, up to 2026-06-30, over 2026-06-30, from 2026-01-01, none",
    "duration": "0h..48h, up to 2d, over 2d, from 2d, under 2d, none",
    "boolean": "true, false, none",
}


@dataclass(frozen=True, slots=True)
class Domain:
    """What the values of an input can be. `low` and `high` are bounds a field holds them to."""

    kind: str
    nullable: bool = True
    options: tuple[str, ...] = ()
    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True)
class Span:
    """A range of comparable values; None is no bound. For amounts also their currency."""

    low: Any
    high: Any
    with_low: bool = True
    with_high: bool = True
    currency: str = ""

    @property
    def empty(self) -> bool:
        """Whether no value can lie in it."""
        if self.low is None or self.high is None:
            return False
        if self.low == self.high:
            return not (self.with_low and self.with_high)
        return bool(self.low > self.high)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The values a condition allows: empty (`none`), single ones, ranges; any of them will do."""

    none: bool = False
    values: frozenset[Any] = frozenset()
    spans: tuple[Span, ...] = ()


class Unreadable(Exception):
    """A condition that does not fit its input. `index`: of the entry in a list, else None.

    `empty`: it is a range, but holds no value.
    """

    def __init__(
        self,
        message: str,
        allowed: str = "",
        suggestion: str = "",
        index: int | None = None,
        *,
        empty: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.allowed = allowed
        self.suggestion = suggestion
        self.index = index
        self.empty = empty


def read_condition(raw: Any, domain: Domain, params: Mapping[str, Param]) -> Allowed:
    """Read what a rule writes for an input. Raises `Unreadable`."""
    if not isinstance(raw, list | tuple):
        return _read(raw, domain, params)
    none, values, spans = False, set[Any](), list[Span]()
    for index, item in enumerate(raw):
        try:
            one = _read(item, domain, params)
        except Unreadable as wrong:
            wrong.index = index
            raise
        none, values, spans = none or one.none, values | one.values, spans + list(one.spans)
    return Allowed(none, frozenset(values), tuple(spans))


def predicate(allowed: Allowed) -> Test:
    """A function that answers whether a value of the input is allowed."""
    if not allowed.spans:
        accepted = allowed.values | ({None} if allowed.none else frozenset())
        return accepted.__contains__
    tests = [_span_test(span) for span in allowed.spans]
    if len(tests) == 1:
        first = tests[0]
        if allowed.none:
            return lambda value: value is None or first(value)
        return lambda value: value is not None and first(value)
    none = allowed.none
    return lambda value: none if value is None else any(test(value) for test in tests)


def _span_test(span: Span) -> Test:
    within = _within(span)
    if not span.currency:
        return within
    currency = span.currency
    return lambda value: value[1] == currency and within(value[0])


def _within(span: Span) -> Callable[[Any], bool]:
    low, high = span.low, span.high
    if low is None:
        return (lambda v: v <= high) if span.with_high else (lambda v: v < high)
    if high is None:
        return (lambda v: v >= low) if span.with_low else (lambda v: v > low)
    if span.with_low and span.with_high:
        return lambda v: low <= v <= high
    return lambda v: (
        (v >= low if span.with_low else v > low) and (v <= high if span.with_high else v < high)
    )


# --- reading ------------------------------------------------------------------------------------


def _read(raw: Any, domain: Domain, params: Mapping[str, Param]) -> Allowed:
    if raw == "none" and "none" not in domain.options:
        return Allowed(none=True)
    if domain.kind in ORDERED:
        span = _span(str(raw).strip(), domain.kind, params)
        if span.empty:
            raise Unreadable(
                f"'{raw}' holds no value: it begins at {span.low} and ends at {span.high}",
                empty=True,
            )
        return Allowed(spans=(span,))
    return Allowed(values=frozenset([_value(raw, domain, params)]))


def _value(raw: Any, domain: Domain, params: Mapping[str, Param]) -> Any:
    param = params.get(raw) if isinstance(raw, str) and raw not in domain.options else None
    value = param.value if param is not None else raw
    if domain.kind == "boolean":
        if isinstance(value, bool):
            return value
        raise Unreadable(f"'{raw}' is neither true nor false", _EXAMPLES["boolean"])
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if domain.kind == "choice" and text not in domain.options:
        near = suggest(text, [*domain.options, *params])
        raise Unreadable(f"'{text}' is not one of the options", ", ".join(domain.options), near)
    return text


def _span(text: str, kind: str, params: Mapping[str, Param]) -> Span:
    bounded = _BOUNDED.fullmatch(text)
    if bounded:
        value, currency = _bound(bounded[2], kind, params, text)
        currency = _one_currency(kind, currency, currency, text)
        match bounded[1]:
            case "up to":
                return Span(None, value, currency=currency)
            case "under":
                return Span(None, value, with_high=False, currency=currency)
            case "over":
                return Span(value, None, with_low=False, currency=currency)
        return Span(value, None, currency=currency)
    ranged = _RANGE.fullmatch(text)
    if ranged:
        low, first = _bound(ranged[1], kind, params, text)
        high, second = _bound(ranged[2], kind, params, text)
        return Span(low, high, currency=_one_currency(kind, first, second, text))
    value, currency = _bound(text, kind, params, text)
    return Span(value, value, currency=_one_currency(kind, currency, currency, text))


def _one_currency(kind: str, first: str, second: str, text: str) -> str:
    if kind != "money":
        return ""
    if first and second and first != second:
        raise Unreadable(f"'{text}' begins in {first} and ends in {second}", "one currency")
    if not (first or second):
        raise Unreadable(f"'{text}' says no currency", _EXAMPLES["money"])
    return first or second


def _bound(word: str, kind: str, params: Mapping[str, Param], text: str) -> tuple[Any, str]:
    """The value of a bound or parameter, and its currency ("" where it has none)."""
    param = params.get(word)
    if param is not None:
        found = _of_param(param, kind)
        if found is None:
            raise Unreadable(
                f"the parameter {word} is {Type(param.kind)}, the input {Type(kind)}",
                _EXAMPLES[kind],
            )
        return found
    found = _literal(word, kind)
    if found is None:
        near = suggest(word, params) if _WORD.fullmatch(word) else ""
        here = f"'{word}' in '{text}'" if word != text else f"'{text}'"
        raise Unreadable(f"{here} is neither {Type(kind)} nor a parameter", _EXAMPLES[kind], near)
    return found


def _of_param(param: Param, kind: str) -> tuple[Any, str] | None:
    value = param.value
    if kind == "money" and param.kind == "money":
        return value.amount, value.currency
    if kind == "decimal" and param.kind in ("integer", "decimal"):
        return Decimal(value), ""
    if kind == "duration" and param.kind == "duration":
        elapsed = on_the_clock(value)
        return None if elapsed is None else (elapsed, "")
    return (value, "") if param.kind == kind and kind != "money" else None


def _literal(word: str, kind: str) -> tuple[Any, str] | None:
    if kind == "money":
        found = _AMOUNT.fullmatch(word)
        if not found or (found[2] and not is_currency(found[2])):
            return None
        return Decimal(found[1]), found[2] or ""
    if kind in ("integer", "decimal"):
        if not _NUMBER.fullmatch(word) or (kind == "integer" and "." in word):
            return None
        return (int(word) if kind == "integer" else Decimal(word)), ""
    if kind == "date":
        day = read_date(word)
        return None if day is None else (day, "")
    duration = durations.parse(word)
    elapsed = on_the_clock(duration) if duration is not None else None
    return None if elapsed is None else (elapsed, "")


def on_the_clock(duration: Duration) -> timedelta | None:
    """A duration of minutes, hours and days of 24 hours; None where it counts working time."""
    lengths = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
    if any(unit not in lengths for _, unit in duration.parts):
        return None
    return sum((amount * lengths[unit] for amount, unit in duration.parts), timedelta(0))


def read_date(text: str) -> date | None:
    """A day written `2026-03-01`; None for anything else."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def read_constant(raw: Any) -> tuple[str, Any]:
    """The kind and value of a parameter: 7, 0.5, true, 500 CNY, 3wd, 2026-03-01, or a text."""
    if isinstance(raw, bool):
        return "boolean", raw
    if isinstance(raw, int):
        return "integer", raw
    if isinstance(raw, Decimal):
        return "decimal", raw
    text = str(raw)
    amount = _AMOUNT.fullmatch(text)
    if amount and amount[2] and is_currency(amount[2]):
        return "money", Money(Decimal(amount[1]), amount[2])
    day = read_date(text)
    if day is not None:
        return "date", day
    duration = durations.parse(text)
    return ("duration", duration) if duration is not None else ("text", text)
