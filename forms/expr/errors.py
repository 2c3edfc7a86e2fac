"""Errors of the expression language: in the text, while evaluating, on the way to SQL."""

from __future__ import annotations

from collections.abc import Sequence

from forms.problems import Problem
from forms.values import Text


class ExpressionError(Exception):
    """Base of everything an expression can raise."""


class ExprError(ExpressionError):
    """The text is no valid expression here. `problems`: everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(p.message for p in problems))
        self.problems = list(problems)


class EvalError(ExpressionError):
    """The expression has no value for this row: an overflow, two currencies, too many steps."""

    def __init__(self, code: str, message: Text, offset: int | None = None) -> None:
        super().__init__(message.en)
        self.code = code
        self.message = message
        self.offset = offset

    def at(self, offset: int) -> EvalError:
        """The same error, placed in the source unless it already is."""
        if self.offset is None:
            self.offset = offset
        return self


class NotInSql(ExpressionError):
    """The expression cannot be computed by the database. `problem` says which part and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def overflow_error(offset: int | None = None) -> EvalError:
    return EvalError(
        "expr_overflow",
        Text("计算结果过大", "The result of the calculation is too large"),
        offset,
    )


def currency_error(left: str, right: str, offset: int | None = None) -> EvalError:
    return EvalError(
        "expr_mixed_currency",
        Text(
            f"币种不同，不能一起计算：{left} 与 {right}", f"Two currencies meet: {left} and {right}"
        ),
        offset,
    )


def date_error(offset: int | None = None) -> EvalError:
    return EvalError(
        "expr_date_range",
        Text("日期不存在或超出范围", "No such date, or it is outside the years 1 to 9999"),
        offset,
    )


def budget_error(offset: int | None = None) -> EvalError:
    return EvalError(
        "expr_too_many_steps",
        Text("计算量超出上限", "The calculation needs more steps than allowed"),
        offset,
    )


def text_error(offset: int | None = None) -> EvalError:
    return EvalError(
        "expr_text_too_long",
        Text("文本结果超过长度上限", "The text result is longer than allowed"),
        offset,
    )
