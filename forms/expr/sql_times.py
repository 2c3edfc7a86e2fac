"""Days, moments and durations in SQL: days since 1970-01-01, microseconds, seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from forms.expr import calendar
from forms.expr import nodes as n
from forms.expr.sql_parts import Piece, Value, as_value, build, refused
from forms.expr.types import DATE, DECIMAL, INTEGER, Type

if TYPE_CHECKING:
    from forms.expr.sql import Generator

_DAY = 86_400_000_000
_EPOCH = "DATE '1970-01-01'"
_DAYS_LIMIT = 4_000_000
_MONTHS_LIMIT = 120_000
_SECONDS_LIMIT = 10**12
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_RANGE = {
    "date": (_FIRST_DAY, _LAST_DAY),
    "datetime": (_FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1),
}


def _zone_name(sql: Generator, offset: int) -> str:
    if sql.env.zone is UTC:
        return "UTC"
    name = getattr(sql.env.zone, "key", None)
    if not isinstance(name, str):
        raise refused("the time zone has no name the database knows", offset)
    return name


def _day(sql: Generator, node: n.Node) -> Value:
    """The day of a date or moment, as days since 1970-01-01."""
    value = sql.numbers.whole(sql.value(node))
    if node.type.kind != "datetime":
        return value
    zone = sql.numbers.text_parameter(_zone_name(sql, node.offset))
    if sql.postgres:
        piece = build(
            f"(CAST((TIMESTAMPTZ 'epoch' + CAST(FLOOR({{}} * 0.000001) AS DOUBLE PRECISION) "
            f"* INTERVAL '1 second') AT TIME ZONE {{}} AS DATE) - {_EPOCH})",
            value,
            zone,
        )
    else:
        piece = build("rf_day({}, {})", value, zone)
    return as_value(piece, "scaled", DATE)


def _field(sqlite: str, postgres: str) -> Callable[[Generator, n.Apply], Value]:
    def rule(sql: Generator, node: n.Apply) -> Value:
        day = _day(sql, node.args[0])
        if sql.postgres:
            text = f"CAST(EXTRACT({postgres} FROM {_EPOCH} + CAST({{}} AS INTEGER)) AS BIGINT)"
        else:
            text = f"CAST(STRFTIME('{sqlite}', {{}} * 86400, 'unixepoch') AS INTEGER)"
        return as_value(build(text, day), "scaled", INTEGER, bound=10**4)

    return rule


def _weekday(sql: Generator, node: n.Apply) -> Value:
    day = _day(sql, node.args[0])
    text = "(MOD(MOD({}, 7) + 10, 7) + 1)" if sql.postgres else "(({} % 7 + 10) % 7 + 1)"
    return as_value(build(text, day), "scaled", INTEGER, bound=7)


def _date(sql: Generator, node: n.Apply) -> Value:
    if len(node.args) == 1:
        return replace(_day(sql, node.args[0]), type=DATE)
    parts = [sql.numbers.whole(sql.value(arg)) for arg in node.args]
    if not sql.postgres:
        return as_value(build("rf_date({}, {}, {})", *parts), "scaled", DATE)
    first = "MAKE_DATE(CAST(v.y AS INTEGER), CAST(v.m AS INTEGER), 1)"
    last = f"EXTRACT(DAY FROM {first} + INTERVAL '1 month' - INTERVAL '1 day')"
    made = f"{first} + CAST(v.d AS INTEGER) - 1 - {_EPOCH}"
    piece = build(
        "(SELECT CASE WHEN v.y BETWEEN 1 AND 9999 AND v.m BETWEEN 1 AND 12 THEN "
        f"CASE WHEN v.d BETWEEN 1 AND {last} THEN {made} END END "
        "FROM (SELECT {} AS y, {} AS m, {} AS d) AS v)",
        *parts,
    )
    return as_value(piece, "scaled", DATE)


def _datetime(sql: Generator, node: n.Apply) -> Value:
    if _zone_name(sql, node.offset) != "UTC":
        raise refused("a local time of a column's day depends on the time zone", node.offset)
    day, *clock = [sql.numbers.whole(sql.value(arg)) for arg in node.args]
    if not clock:
        return as_value(build(f"({{}} * {_DAY})", day), "scaled", node.type)
    piece = build(
        "(SELECT CASE WHEN v.h BETWEEN 0 AND 23 AND v.m BETWEEN 0 AND 59 "
        f"THEN v.d * {_DAY} + v.h * 3600000000 + v.m * 60000000 END "
        "FROM (SELECT {} AS d, {} AS h, {} AS m) AS v)",
        day,
        *clock,
    )
    return as_value(piece, "scaled", node.type)


def _days_between(sql: Generator, node: n.Apply) -> Value:
    start, end = (_day(sql, arg) for arg in node.args)
    return as_value(build("({} - {})", end, start), "scaled", INTEGER)


def _hours_between(sql: Generator, node: n.Apply) -> Value:
    start, end = (sql.settled(arg) for arg in node.args)
    elapsed = as_value(build("({} - {})", end, start), "scaled", DECIMAL)
    return sql.numbers.divide(elapsed, sql.numbers.number(3_600_000_000, DECIMAL), DECIMAL)


def _guarded(template: str, limit: int, moment: Value, count: Value, kind: Type) -> Piece:
    """A step in time, null where it is too large for the database or leaves the years 1-9999."""
    first, last = _RANGE[kind.kind]
    return build(
        f"(SELECT CASE WHEN w.x BETWEEN {first} AND {last} THEN w.x END "
        f"FROM (SELECT CASE WHEN v.n BETWEEN -{limit} AND {limit} THEN {template} END AS x "
        "FROM (SELECT {} AS d, {} AS n) AS v) AS w)",
        moment,
        count,
    )


def _add_days(sql: Generator, node: n.Apply) -> Value:
    moment, count = (sql.numbers.whole(sql.value(arg)) for arg in node.args)
    step = "v.n" if node.type.kind == "date" else f"v.n * {_DAY}"
    piece = _guarded(f"v.d + {step}", _DAYS_LIMIT, moment, count, node.type)
    return as_value(piece, "scaled", node.type)


def _add_months(sql: Generator, node: n.Apply) -> Value:
    day, count = (sql.numbers.whole(sql.value(arg)) for arg in node.args)
    if not sql.postgres:
        return as_value(build("rf_add_months({}, {})", day, count), "scaled", DATE)
    day_sql = f"({_EPOCH} + CAST(v.d AS INTEGER))"
    months = f"EXTRACT(YEAR FROM {day_sql}) * 12 + EXTRACT(MONTH FROM {day_sql}) - 1 + v.n"
    moved = (
        f"CASE WHEN {months} BETWEEN 12 AND {_MONTHS_LIMIT - 1} THEN "
        f"CAST({day_sql} + CAST(v.n AS INTEGER) * INTERVAL '1 month' AS DATE) - {_EPOCH} END"
    )
    return as_value(_guarded(moved, _MONTHS_LIMIT, day, count, DATE), "scaled", DATE)


def _duration(sql: Generator, node: n.Apply) -> Value:
    unit = calendar.UNITS[str(sql.computed(node.args[1]))]
    count = sql.value(node.args[0])
    product = sql.numbers.multiply(count, sql.numbers.number(unit, DECIMAL), DECIMAL, False)
    return replace(sql.numbers.whole(product), type=node.type)


def times(sql: Generator, node: n.Arithmetic, left: Value, right: Value) -> Value:
    """+ - * / where a moment or a duration takes part."""
    numbers = sql.numbers
    kinds = node.op, node.left.type.kind, node.right.type.kind
    match kinds:
        case ("+" | "-", "duration", "duration"):
            return numbers.add(left, right, node.type, node.op)
        case ("-", "datetime", "datetime"):
            elapsed = numbers.add(left, right, DECIMAL, "-")
            seconds = numbers.divide(elapsed, numbers.number(1_000_000, DECIMAL), DECIMAL)
            return replace(numbers.whole(seconds), type=node.type)
        case ("+" | "-", "datetime", "duration"):
            return _shifted(sql, node, left, right)
        case ("+", "duration", "datetime"):
            return _shifted(sql, node, right, left)
        case ("*", _, _):
            product = numbers.multiply(left, right, DECIMAL, rounded=False)
            return replace(numbers.whole(product), type=node.type)
        case (_, _, "duration"):
            return numbers.divide(left, right, node.type)
    return replace(numbers.whole(numbers.divide(left, right, DECIMAL)), type=node.type)


def _shifted(sql: Generator, node: n.Arithmetic, moment: Value, span: Value) -> Value:
    moment, span = sql.numbers.whole(moment), sql.numbers.whole(span)
    piece = _guarded(f"v.d {node.op} v.n * 1000000", _SECONDS_LIMIT, moment, span, node.type)
    return as_value(piece, "scaled", node.type)


RULES: dict[str, Callable[[Generator, n.Apply], Value]] = {
    "date": _date,
    "datetime": _datetime,
    "year": _field("%Y", "YEAR"),
    "month": _field("%m", "MONTH"),
    "day": _field("%d", "DAY"),
    "weekday": _weekday,
    "days_between": _days_between,
    "hours_between": _hours_between,
    "add_days": _add_days,
    "add_months": _add_months,
    "duration": _duration,
}
