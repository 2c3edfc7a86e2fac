"""Hostile input is refused, or ends within its budget. Steps are counted, never seconds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from forms.expr import EvalError, ExprError, compile_expr, limits
from forms.values import Money

from .shop import env, scope

RECORD = scope("return_request")


def code(source: str) -> str:
    with pytest.raises(ExprError) as caught:
        compile_expr(source, RECORD)
    return caught.value.problems[0].code


def failure(source: str, row: dict[str, Any], **more: object) -> str:
    with pytest.raises(EvalError) as caught:
        compile_expr(source, RECORD).evaluate(row, env(**more))
    assert caught.value.offset is not None
    assert caught.value.message.zh != caught.value.message.en
    return caught.value.code


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("+".join(["1"] * 20_000), "expr_too_long"),
        ("(" * 900 + "1" + ")" * 900, "expr_too_deep"),
        ("(" * 33 + "1" + ")" * 33, "expr_too_deep"),
        ("-" * 500 + "level", "expr_too_deep"),
        ("not " * 400 + "true", "expr_too_deep"),
        ("[" * 900, "expr_too_deep"),
        ("abs(" * 40 + "1" + ")" * 40, "expr_too_deep"),
        ("+".join(["1"] * 150), "expr_too_deep"),
        (" or ".join(["level>1"] * 110), "expr_too_deep"),
        ("order" + ".order" * 120, "expr_too_deep"),
        (f"level in [{','.join(['1'] * 201)}]", "expr_too_large"),
        (f"[{','.join(['[1,1,1]'] * 150)}]", "expr_too_large"),
        ("9" * 1_999, "expr_number"),
        ("'" + "x" * 5_000 + "'", "expr_too_long"),
        ("2 ** 2 ** 2 ** 99", "expr_character"),
        ("level\x00", "expr_character"),
        ("'\x00'", "expr_character"),
        ("'\ud800'", "expr_character"),
        ("ｌevel", "expr_character"),
        ("level\u200b", "expr_character"),
        ("level\u202e", "expr_character"),
        ("\u0661 + 1", "expr_character"),
    ],
)
def test_hostile_text_is_refused(source: str, expected: str) -> None:
    assert code(source) == expected


def test_as_much_as_allowed_compiles_and_runs() -> None:
    chain = "+".join(["level"] * 99)
    assert compile_expr(chain, RECORD).evaluate({"level": 1}, env()) == 99
    nested = "(" * 31 + "level" + ")" * 31
    assert compile_expr(nested, RECORD).evaluate({"level": 1}, env()) == 1
    listed = f"level in [{','.join(str(n) for n in range(200))}]"
    assert compile_expr(listed, RECORD).evaluate({"level": 199}, env()) is True


def test_numbers_do_not_grow_without_end() -> None:
    assert failure(" * ".join(["level"] * 60), {"level": 10**6}) == "expr_overflow"
    freight = {"return_freight": Money(Decimal("99999999.9999"), "CNY")}
    squares = "return_freight" + " * 99999999.9999" * 40
    assert failure(squares, freight) == "expr_overflow"
    assert failure("level + 999999999999999999", {"level": 10**17}) == "expr_overflow"
    assert failure("round(level * 1.5)", {"level": 9 * 10**17}) == "expr_overflow"
    assert failure("duration(level, 'weeks')", {"level": 10**17}) == "expr_overflow"
    assert failure("now() + duration(level, 'weeks')", {"level": 10**6}) == "expr_date_range"
    assert failure("add_months(today(), level)", {"level": 10**9}) == "expr_date_range"
    assert failure("add_days(today(), level)", {"level": 10**17}) == "expr_date_range"


def test_small_numbers_keep_twelve_decimals() -> None:
    tiny = compile_expr("0.000001" + " * 0.000001" * 30, RECORD)
    assert tiny.evaluate({}, env()) == 0
    assert tiny.constant


def test_texts_do_not_grow_without_end() -> None:
    row = {"address": "x" * 9_000}
    assert failure("concat(address, address)", row) == "expr_text_too_long"
    doubled = "concat(concat(address, address), concat(address, address))"
    assert len(compile_expr(doubled, RECORD).evaluate({"address": "x" * 2_500}, env())) == 10_000


def lines(count: int) -> dict[str, Any]:
    line = {"quantity": Decimal(1), "refund": Money(Decimal(1), "CNY"), "verdict": "auto"}
    return {"lines": [{**line, "id": number} for number in range(count)]}


def test_ten_thousand_lines_stay_within_the_budget() -> None:
    around = env()
    total = compile_expr("sum(lines.refund where verdict != 'refuse')", RECORD)
    assert total.evaluate(lines(10_000), around).amount == 10_000
    # Four nodes for the condition and the cell, and one for the row.
    assert around.steps == 10_000 * 5


def test_steps_are_counted_before_they_are_taken() -> None:
    around = env(budget=1_000)
    expr = compile_expr("sum(lines.quantity) + count(lines) + count(lines)", RECORD)
    assert expr.evaluate(lines(250), around) == 750
    assert around.steps == 1_000
    with pytest.raises(EvalError) as caught:
        expr.evaluate(lines(251), around)
    assert caught.value.code == "expr_too_many_steps"


def test_each_evaluation_has_its_own_budget() -> None:
    around = env(budget=500)
    expr = compile_expr("sum(lines.quantity)", RECORD)
    for _ in range(5):
        assert expr.evaluate(lines(200), around) == 200


def test_the_worst_expression_over_lines_is_refused_at_once() -> None:
    body = " + ".join(["lines.quantity"] * 90)
    around = env()
    with pytest.raises(EvalError):
        compile_expr(f"sum({body})", RECORD).evaluate(lines(10_000), around)
    assert around.steps > limits.STEPS


def test_a_loop_leaves_no_line_behind() -> None:
    around = env()
    expr = compile_expr("all(lines.quantity < level * level)", RECORD)
    with pytest.raises(EvalError):
        expr.evaluate({**lines(3), "level": 10**17 * 9}, around)
    assert around.line is None
