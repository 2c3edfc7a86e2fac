"""Closures of functions over the rows of lines. Only here can an evaluation take many steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from forms.expr import calendar
from forms.expr import nodes as n
from forms.expr.arithmetic import EXACT, checked, checked_integer, divide, merged_currency
from forms.expr.env import Env, Row
from forms.expr.errors import EvalError, budget_error, overflow_error
from forms.expr.types import Type
from forms.values import Money

Run = Callable[[Row, Env], Any]
Pick = Callable[[Sequence[Any]], Any]


def loop(node: n.Loop, rows: Run, body: Run | None, where: Run | None, line_only: bool) -> Run:
    """The closure of `function(body where condition)`.

    `line_only`: body and condition read the line alone, and are handed it as their row.
    """
    cells = _cells(node, rows, body, where, line_only)
    finish = _finish(node)
    offset = node.offset

    def run(row: Row, env: Env) -> Any:
        try:
            return finish(cells(row, env))
        except EvalError as error:
            raise error.at(offset) from None
        finally:
            env.line = None

    return run


def _cells(
    node: n.Loop, rows: Run, body: Run | None, where: Run | None, line_only: bool
) -> Callable[[Row, Env], Iterator[Any]]:
    """The value of the body for each row the condition takes (True where there is no body)."""
    weight = node.weight

    def start(row: Row, env: Env) -> Sequence[Row]:
        found: Sequence[Row] = rows(row, env) or ()
        env.steps += len(found) * weight
        if env.steps > env.budget:
            raise budget_error()
        return found

    def over_lines(row: Row, env: Env) -> Iterator[Any]:
        for line in start(row, env):
            if where is None or where(line, env):
                yield True if body is None else body(line, env)

    def over_both(row: Row, env: Env) -> Iterator[Any]:
        for line in start(row, env):
            env.line = line
            if where is None or where(row, env):
                yield True if body is None else body(row, env)

    return over_lines if line_only else over_both


def _finish(node: n.Loop) -> Callable[[Iterator[Any]], Any]:
    match node.function:
        case "count":
            return lambda cells: sum(1 for cell in cells if cell is not None)
        case "any":
            return _any
        case "all":
            return _all
        case "sum":
            return summing(node.type)
        case "avg":
            return _mean(node)
    pick = picker(node.type, node.function == "max")

    def extreme(cells: Iterator[Any]) -> Any:
        values = [cell for cell in cells if cell is not None]
        return pick(values) if values else None

    return extreme


def _any(cells: Iterator[bool | None]) -> bool | None:
    result: bool | None = False
    for cell in cells:
        if cell:
            return True
        if cell is None:
            result = None
    return result


def _all(cells: Iterator[bool | None]) -> bool | None:
    result: bool | None = True
    for cell in cells:
        if cell is False:
            return False
        if cell is None:
            result = None
    return result


def summing(kind: Type) -> Callable[[Iterator[Any]], Any]:
    """Adds up values of a type, leaving out nulls."""
    match kind.kind:
        case "integer":
            return lambda cells: checked_integer(sum(c for c in cells if c is not None))
        case "decimal":
            return _sum_decimals
        case "money":
            return _sum_money
    return _sum_durations


def _sum_decimals(cells: Iterator[Decimal | int | None]) -> Decimal:
    add, total = EXACT.add, Decimal(0)
    for cell in cells:
        if cell is not None:
            total = add(total, cell)
    return checked(total)


def _sum_money(cells: Iterator[Money | None]) -> Money:
    add, total, currency = EXACT.add, Decimal(0), ""
    for cell in cells:
        if cell is not None:
            if cell[1] != currency:
                currency = merged_currency(currency, cell[1])
            total = add(total, cell[0])
    return Money(checked(total), currency)


def _sum_durations(cells: Iterator[timedelta | None]) -> timedelta:
    total = timedelta(0)
    try:
        for cell in cells:
            if cell is not None:
                total += cell
    except OverflowError:
        raise overflow_error() from None
    return total


def _mean(node: n.Loop) -> Callable[[Iterator[Any]], Any]:
    body = node.body.type if node.body is not None else node.type
    total_of = summing(body)

    def mean(cells: Iterator[Any]) -> Any:
        values = [cell for cell in cells if cell is not None]
        if not values:
            return None
        total = total_of(iter(values))
        if isinstance(total, Money):
            share = divide(total.amount, len(values))
            return None if share is None else Money(share, total.currency)
        if isinstance(total, timedelta):
            seconds = divide(calendar.seconds(total), len(values))
            return None if seconds is None else calendar.from_seconds(seconds)
        return divide(total, len(values))

    return mean


def picker(kind: Type, greatest: bool) -> Pick:
    """The least or greatest of values that are not null (of equal ones the first)."""
    best: Callable[..., Any] = max if greatest else min
    if kind.kind == "money":
        return lambda values: _extreme_money(values, best)
    if kind.kind == "choice":
        ranks = {value: rank for rank, value in enumerate(kind.options or ())}

        def pick(values: Sequence[Any]) -> Any:
            known = [value for value in values if value in ranks]
            return best(known, key=ranks.__getitem__) if len(known) == len(values) else None

        return pick
    return best


def _extreme_money(values: Sequence[Money], best: Callable[..., Any]) -> Money:
    currency = ""
    for value in values:
        currency = merged_currency(currency, value.currency)
    amount: Decimal = best(value.amount for value in values)
    return Money(amount, currency)
