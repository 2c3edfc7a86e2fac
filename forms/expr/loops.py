"""Closures of functions over the rows of lines. Only here can an evaluation take many steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from forms.expr import calendar
from forms.expr import nodes as n
from forms.expr.arithmetic import EXACT, checked, checked_integer, divide, merged_currency
from forms.expr.env import Env, Row, Run
from forms.expr.errors import EvalError, budget_error, overflow_error
from forms.expr.types import Type
from forms.values import Money

Pick = Callable[[Sequence[Any]], Any]
Cells = Callable[[Sequence[Row], Row, Env], list[Any]]


def loop(node: n.Loop, rows: Run, body: Run | None, where: Run | None, line_only: bool) -> Run:
    """The closure of `function(body where condition)`.

    `line_only`: body and condition read the line alone, and are handed it as their row.
    """
    finish = _finish(node)
    over = _over_lines if line_only else _over_both
    cells = over(node, body, where)
    weight, offset = node.weight, node.offset

    def run(row: Row, env: Env) -> Any:
        found: Sequence[Row] = rows(row, env) or ()
        env.steps += len(found) * weight
        if env.steps > env.budget:
            raise budget_error(offset)
        try:
            return finish(cells(found, row, env))
        except EvalError as error:
            raise error.at(offset) from None

    return run


def _over_lines(node: n.Loop, body: Run | None, where: Run | None) -> Cells:
    """The value of the body for each row the condition takes (True where there is no body)."""
    if where is None:
        if isinstance(node.body, n.Read):
            name = node.body.name
            return lambda rows, row, env: [line.get(name) for line in rows]
        if body is None:
            return lambda rows, row, env: [True] * len(rows)
        return lambda rows, row, env: [body(line, env) for line in rows]
    if body is None:
        return lambda rows, row, env: [True for line in rows if where(line, env)]
    return lambda rows, row, env: [body(line, env) for line in rows if where(line, env)]


def _over_both(node: n.Loop, body: Run | None, where: Run | None) -> Cells:
    """The same where body or condition read the record too: the line stands in the env."""

    def cells(rows: Sequence[Row], row: Row, env: Env) -> list[Any]:
        found: list[Any] = []
        try:
            for line in rows:
                env.line = line
                if where is None or where(row, env):
                    found.append(True if body is None else body(row, env))
        finally:
            env.line = None
        return found

    return cells


def _finish(node: n.Loop) -> Callable[[Sequence[Any]], Any]:
    match node.function:
        case "count":
            return lambda cells: len(cells) - cells.count(None)
        case "any":
            return _any
        case "all":
            return _all
        case "sum":
            return summing(node.type)
        case "avg":
            return _mean(node)
    pick = picker(node.type, node.function == "max")

    def extreme(cells: Sequence[Any]) -> Any:
        values = [cell for cell in cells if cell is not None]
        return pick(values) if values else None

    return extreme


def _any(cells: Sequence[bool | None]) -> bool | None:
    result: bool | None = False
    for cell in cells:
        if cell:
            return True
        if cell is None:
            result = None
    return result


def _all(cells: Sequence[bool | None]) -> bool | None:
    result: bool | None = True
    for cell in cells:
        if cell is False:
            return False
        if cell is None:
            result = None
    return result


def summing(kind: Type) -> Callable[[Sequence[Any]], Any]:
    """Adds up values of a type, leaving out nulls."""
    match kind.kind:
        case "integer":
            return lambda cells: checked_integer(sum(c for c in cells if c is not None))
        case "decimal":
            return _sum_decimals
        case "money":
            return _sum_money
    return _sum_durations


def _sum_decimals(cells: Sequence[Decimal | int | None]) -> Decimal:
    add, total = EXACT.add, Decimal(0)
    for cell in cells:
        if cell is not None:
            total = add(total, cell)
    return checked(total)


def _sum_money(cells: Sequence[Money | None]) -> Money:
    add, total, currency = EXACT.add, Decimal(0), ""
    for cell in cells:
        if cell is not None:
            if cell[1] != currency:
                currency = merged_currency(currency, cell[1])
            total = add(total, cell[0])
    return Money(checked(total), currency)


def _sum_durations(cells: Sequence[timedelta | None]) -> timedelta:
    total = timedelta(0)
    try:
        for cell in cells:
            if cell is not None:
                total += cell
    except OverflowError:
        raise overflow_error() from None
    return total


def _mean(node: n.Loop) -> Callable[[Sequence[Any]], Any]:
    body = node.body.type if node.body is not None else node.type
    total_of = summing(body)

    def mean(cells: Sequence[Any]) -> Any:
        values = [cell for cell in cells if cell is not None]
        if not values:
            return None
        total = total_of(values)
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
