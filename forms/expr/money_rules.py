"""Closures of arithmetic and comparison on money: exact, and never between two currencies."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from forms.expr import limits
from forms.expr import nodes as n
from forms.expr.arithmetic import EXACT, checked, divide, merged_currency, multiply
from forms.expr.env import Env, Row, Run
from forms.expr.errors import EvalError, overflow_error
from forms.expr.number_rules import exact_product, quotient_step
from forms.values import Money

_new = tuple.__new__
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def negate(operand: Run) -> Run:
    def run(row: Row, env: Env) -> Money | None:
        value = operand(row, env)
        return None if value is None else Money(value[0].copy_negate(), value[1])

    return run


def arithmetic(node: n.Arithmetic, left: Run, right: Run, name: str | None) -> Run:
    """+ - * / where money takes part. `name`: of the left side where it is a field of the row."""
    both = node.left.type.kind == node.right.type.kind
    match node.op:
        case "+":
            return _sum(EXACT.add, left, right, node.offset)
        case "-":
            return _sum(EXACT.subtract, left, right, node.offset)
        case "*":
            if node.right.type.kind == "money":
                left, right, name = right, left, None
            rule = EXACT.multiply if exact_product(node) else multiply
            return _scaled(rule, left, right, node.offset, name)
    if both:
        return _ratio(left, right, node.offset)
    step = quotient_step(node)
    if step is not None:
        return _stepped(left, step, node.offset)
    return _scaled(divide, left, right, node.offset, name)


def _scaled(
    rule: Callable[[Any, Any], Decimal | None], money: Run, number: Run, at: int, name: str | None
) -> Run:
    digits = limits.INTEGER_DIGITS

    def run(row: Row, env: Env) -> Money | None:
        value = money(row, env) if name is None else row.get(name)
        factor = number(row, env)
        if value is None or factor is None:
            return None
        try:
            amount = rule(value[0], factor)  # type: ignore[index]
        except EvalError as error:
            raise error.at(at) from None
        if amount is None:
            return None
        if amount.adjusted() < digits or not amount:
            return _new(Money, (amount, value[1]))  # type: ignore[index]
        raise overflow_error(at)

    return run


def _stepped(money: Run, step: Decimal, at: int) -> Run:
    """Division by a power of ten, as the exact product that it is."""
    multiply_exactly = EXACT.multiply

    def run(row: Row, env: Env) -> Money | None:
        value = money(row, env)
        if value is None:
            return None
        return _new(Money, (multiply_exactly(value[0], step), value[1]))

    return run


def _sum(rule: Callable[[Any, Any], Decimal], left: Run, right: Run, offset: int) -> Run:
    def run(row: Row, env: Env) -> Money | None:
        a = left(row, env)
        b = right(row, env)
        if a is None or b is None:
            return None
        try:
            currency = a[1] if a[1] == b[1] else merged_currency(a[1], b[1])
            return _new(Money, (checked(rule(a[0], b[0])), currency))
        except EvalError as error:
            raise error.at(offset) from None

    return run


def _ratio(left: Run, right: Run, offset: int) -> Run:
    def run(row: Row, env: Env) -> Decimal | None:
        a = left(row, env)
        b = right(row, env)
        if a is None or b is None:
            return None
        try:
            merged_currency(a[1], b[1])
            return divide(a[0], b[0])
        except EvalError as error:
            raise error.at(offset) from None

    return run


def compare(node: n.Compare, left: Run, right: Run) -> Run:
    """== and != between any amounts; order only within one currency."""
    literal = node.right.value if isinstance(node.right, n.Const) else None
    if isinstance(literal, Money) and not literal.currency:
        return _to_literal(node.op, left, literal.amount)
    if node.op in ("==", "!="):
        return _equality(left, right, node.op == "==")
    test, offset = _ORDER[node.op], node.offset

    def run(row: Row, env: Env) -> bool | None:
        a = left(row, env)
        b = right(row, env)
        if a is None or b is None:
            return None
        if a[1] != b[1]:
            try:
                merged_currency(a[1], b[1])
            except EvalError as error:
                raise error.at(offset) from None
        return test(a[0], b[0])

    return run


def _to_literal(op: str, left: Run, amount: Decimal) -> Run:
    """An amount against a plain number: of the same currency by definition."""
    if op in ("==", "!="):
        wanted = op == "=="
        return lambda row, env: ((v := left(row, env)) is not None and v[0] == amount) is wanted
    test = _ORDER[op]
    return lambda row, env: None if (v := left(row, env)) is None else test(v[0], amount)


def _equality(left: Run, right: Run, wanted: bool) -> Run:
    def run(row: Row, env: Env) -> bool:
        a = left(row, env)
        b = right(row, env)
        if a is None or b is None:
            return (a is b) is wanted
        same_currency = a[1] == b[1] or not a[1] or not b[1]
        return (same_currency and a[0] == b[0]) is wanted

    return run
