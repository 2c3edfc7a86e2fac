"""Closures of arithmetic on numbers, durations and moments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from forms.expr import calendar, limits
from forms.expr import nodes as n
from forms.expr.arithmetic import EXACT, divide, modulo, multiply
from forms.expr.env import Env, Row, Run
from forms.expr.errors import EvalError, date_error, overflow_error
from forms.values import INTEGER_LIMIT

_POWERS = {Decimal(10) ** k: Decimal(1).scaleb(-k) for k in range(limits.DECIMALS + 1)}


def widen(operand: Run) -> Run:
    """An integer (or null) as a decimal."""
    return lambda row, env: None if (v := operand(row, env)) is None else Decimal(v)


def negate(node: n.Negate, operand: Run) -> Run:
    if node.type.kind == "decimal":
        return lambda row, env: None if (v := operand(row, env)) is None else v.copy_negate()
    return lambda row, env: None if (v := operand(row, env)) is None else -v


def arithmetic(node: n.Arithmetic, left: Run, right: Run) -> Run:
    """+ - * / % between numbers, durations and moments."""
    kinds = {node.left.type.kind, node.right.type.kind}
    if kinds <= {"integer", "decimal"}:
        if node.type.kind == "integer":
            return _integers(node, left, right)
        return _decimals(node, left, right)
    return _times(node, left, right)


def exact_product(node: n.Arithmetic) -> bool:
    """Whether a product cannot have more than twelve decimals."""
    return n.decimals(node.left) + n.decimals(node.right) <= limits.DECIMALS


def reciprocal(node: n.Node) -> Decimal | None:
    """1/x of a literal power of ten: dividing by it is multiplying, exactly."""
    if isinstance(node, n.Const) and isinstance(node.value, int | Decimal):
        return _POWERS.get(Decimal(node.value))
    return None


def quotient_step(node: n.Arithmetic) -> Decimal | None:
    """What to multiply by instead of dividing, where that is exact and needs no rounding."""
    step = reciprocal(node.right)
    if step is None or n.decimals(node.left) - int(step.adjusted()) > limits.DECIMALS:
        return None
    return step


def _integers(node: n.Arithmetic, left: Run, right: Run) -> Run:
    offset, op = node.offset, node.op
    if op == "%":
        return _checked(modulo, left, right, offset)

    def run(row: Row, env: Env) -> int | None:
        a = left(row, env)
        b = right(row, env)
        if a is None or b is None:
            return None
        result: int = a + b if op == "+" else a - b if op == "-" else a * b
        if -INTEGER_LIMIT < result < INTEGER_LIMIT:
            return result
        raise overflow_error(offset)

    return run


def _decimals(node: n.Arithmetic, left: Run, right: Run) -> Run:
    match node.op:
        case "+":
            return _direct(EXACT.add, left, right, node.offset)
        case "-":
            return _direct(EXACT.subtract, left, right, node.offset)
        case "*" if exact_product(node):
            return _direct(EXACT.multiply, left, right, node.offset)
        case "*":
            return _checked(multiply, left, right, node.offset)
        case "%":
            return _checked(modulo, left, right, node.offset)
    step = quotient_step(node)
    if step is not None:
        return _direct(EXACT.multiply, left, lambda row, env: step, node.offset)
    return _checked(divide, left, right, node.offset)


def _direct(rule: Callable[[Any, Any], Decimal], left: Run, right: Run, offset: int) -> Run:
    """An operation that is exact in itself; only its size is checked."""
    digits = limits.INTEGER_DIGITS

    def run(row: Row, env: Env) -> Decimal | None:
        a = left(row, env)
        b = right(row, env)
        if a is None or b is None:
            return None
        result = rule(a, b)
        if result.adjusted() < digits or not result:
            return result
        raise overflow_error(offset)

    return run


def _checked(rule: Callable[[Any, Any], Any], left: Run, right: Run, offset: int) -> Run:
    def run(row: Row, env: Env) -> Any:
        a = left(row, env)
        b = right(row, env)
        if a is None or b is None:
            return None
        try:
            return rule(a, b)
        except EvalError as error:
            raise error.at(offset) from None

    return run


def _times(node: n.Arithmetic, left: Run, right: Run) -> Run:
    return _checked(_time_rule(node), left, right, node.offset)


def _time_rule(node: n.Arithmetic) -> Callable[[Any, Any], Any]:
    op, left, right = node.op, node.left.type.kind, node.right.type.kind
    if op == "+":
        return _plus
    if op == "-":
        return _elapsed if left == right == "datetime" else _minus
    if op == "*":
        return _times_duration if left == "duration" else lambda a, b: _times_duration(b, a)
    if right == "duration":
        return lambda a, b: divide(calendar.seconds(a), calendar.seconds(b))
    return _shared_duration


def _plus(a: Any, b: Any) -> Any:
    try:
        return a + b
    except OverflowError:
        raise date_error() from None


def _minus(a: Any, b: Any) -> Any:
    try:
        return a - b
    except OverflowError:
        raise date_error() from None


def _elapsed(a: Any, b: Any) -> timedelta:
    """Whole seconds between two moments, rounded half away from zero."""
    microseconds = (a - b) // timedelta(microseconds=1)
    seconds = divide(microseconds, 1_000_000)
    return calendar.from_seconds(seconds if seconds is not None else 0)


def _times_duration(duration: timedelta, count: int | Decimal) -> timedelta:
    return calendar.from_seconds(EXACT.multiply(calendar.seconds(duration), count))


def _shared_duration(duration: timedelta, count: int | Decimal) -> timedelta | None:
    seconds = divide(calendar.seconds(duration), count)
    return None if seconds is None else calendar.from_seconds(seconds)
