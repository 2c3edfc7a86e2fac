"""What is true, false or unknown: `and`, `or`, and the first value that is known."""

from __future__ import annotations

from typing import Any

from forms.expr.env import Env, Row, Run


def all_of(operands: list[Run]) -> Run:
    """`and`: false as soon as one is, unknown where one is unknown and none false."""
    if len(operands) == 2:
        first, second = operands

        def both(row: Row, env: Env) -> bool | None:
            a = first(row, env)
            if a is False:
                return False
            b = second(row, env)
            if b is False:
                return False
            return None if a is None or b is None else True

        return both

    def run(row: Row, env: Env) -> bool | None:
        result: bool | None = True
        for operand in operands:
            value = operand(row, env)
            if value is False:
                return False
            if value is None:
                result = None
        return result

    return run


def any_of(operands: list[Run]) -> Run:
    """`or`: true as soon as one is, unknown where one is unknown and none true."""

    def run(row: Row, env: Env) -> bool | None:
        result: bool | None = False
        for operand in operands:
            value = operand(row, env)
            if value:
                return True
            if value is None:
                result = None
        return result

    return run


def coalesce(args: list[Run]) -> Run:
    """The first value that is there."""

    def run(row: Row, env: Env) -> Any:
        for arg in args:
            value = arg(row, env)
            if value is not None:
                return value
        return None

    return run
