"""What is said of a wrong expression: code, place, what is allowed, what was meant."""

from __future__ import annotations

import pytest

from forms.expr import BOOLEAN, DATE, DECIMAL, MONEY, Expr, ExprError, Type, choice, compile_expr
from forms.expr.codes import CODES
from forms.problems import Problem

from .shop import scope

RECORD = scope("return_request", nothing=DECIMAL)
LINE = scope("return_request.lines")


def problems(source: str, where: object = RECORD, expect: Type | None = None) -> list[Problem]:
    with pytest.raises(ExprError) as caught:
        compile_expr(source, where, expect)  # type: ignore[arg-type]
    return caught.value.problems


# source, code, the text the offset points at, suggestion
WRONG = [
    ("", "expr_empty", "", ""),
    ("  ", "expr_empty", "", ""),
    ("verdict == 'auti'", "expr_option", "'auti'", "'auto'"),
    ("verdict in ['auto', 'reviev']", "expr_option", "'reviev'", "'review'"),
    ("verdict == auto", "expr_unknown_name", "auto", "'auto'"),
    ("verdit == 'auto'", "expr_unknown_name", "verdit", "verdict"),
    ("order.curency", "expr_unknown_name", "curency", "currency"),
    ("today > applied_on", "expr_unknown_name", "today", "today()"),
    ("order.customer.name", "expr_hops", "name", ""),
    ("Sum(lines.refund)", "expr_unknown_function", "Sum", "sum"),
    ("summ(lines.refund)", "expr_unknown_function", "summ", "sum"),
    ("returnable(order)", "expr_aggregate", "returnable", "returnable(…).delivered"),
    ("returnable(order).asked", "expr_types", "order", ""),
    ("refundable(order).refundet", "expr_unknown_name", "refundet", "refunded"),
    ("lines.refund > 0", "expr_lines", "refund", "sum(lines.refund)"),
    ("sum(refund_total)", "expr_lines", "refund_total", ""),
    ("sum(lines.verdict)", "expr_types", "lines.verdict", ""),
    ("sum(lines.refund where level > 1)", "expr_unknown_name", "level", "parent.level"),
    ("sum(lines.refund where sum(lines.paid) > 0)", "expr_nested_loop", "sum(lines.paid", ""),
    ("len(lines where true)", "expr_where", "true", ""),
    ("parent.stage", "expr_no_parent", "parent", ""),
    ("address.city", "expr_member", "city", ""),
    ("verdict.fault", "expr_attribute", "fault", ""),
    ("address and true", "expr_condition", "address", ""),
    ("not level", "expr_condition", "level", ""),
    ("if(level, 1, 2)", "expr_condition", "level", ""),
    ("any(lines.quantity)", "expr_condition", "lines.quantity", ""),
    ("return_freight * refund_total", "expr_types", "*", ""),
    ("return_freight + level", "expr_types", "+", ""),
    ("address + address", "expr_types", "+", ""),
    ("applied_on - applied_on", "expr_types", "-", ""),
    ("applied_on == received_at", "expr_types", "==", ""),
    ("order == customer", "expr_types", "==", ""),
    ("order < order", "expr_types", "<", ""),
    ("tags == 'vip'", "expr_types", "==", ""),
    ("level < 'a'", "expr_types", "<", ""),
    ("level in 5", "expr_types", "in", ""),
    ("null + 1", "expr_types", "+", ""),
    ("-address", "expr_types", "-", ""),
    ("if(true, 1, 'a')", "expr_types", "'a'", ""),
    ("round(address)", "expr_types", "address", ""),
    ("round(return_freight, level)", "expr_types", "level", ""),
    ("round(return_freight, 20)", "expr_literal", "20", ""),
    ("date('2026-02-30')", "expr_literal", "'2026-02-30'", ""),
    ("applied_on > 'soon'", "expr_literal", "'soon'", ""),
    ("money(1, 'yuan')", "expr_literal", "'yuan'", ""),
    ("duration(1, 'moons')", "expr_literal", "'moons'", ""),
    ("len()", "expr_arguments", "len", ""),
    ("len(address, 2)", "expr_arguments", "len", ""),
    ("if(true, 1)", "expr_arguments", "if", ""),
    ("coalesce(level)", "expr_arguments", "coalesce", ""),
    ("level = 1", "expr_character", "=", "=="),
    ("level ＝ 1", "expr_character", "＝", "=="),
    ("level && true", "expr_character", "&&", "and"),
    ("level ≥ 2", "expr_character", "≥", ">="),
    ("sum（lines.refund)", "expr_character", "（", "("),
    ("address == “x”", "expr_character", "“", "'"),
    ("аddress == 'x'", "expr_character", "а", ""),  # a Cyrillic letter
    ("address == 'x", "expr_quote", "'x", ""),
    (r"address == 'a\q'", "expr_character", r"\q", ""),
    ("007", "expr_number", "007", "7"),
    ("1234567890123456789", "expr_number", "1234567890123456789", ""),
    ("0.1234567890123", "expr_number", "0.1234567890123", ""),
    ("1e5", "expr_syntax", "e5", ""),
    ("level >", "expr_syntax", "", ""),
    ("(level", "expr_syntax", "", ""),
    ("level level", "expr_syntax", "level", ""),
    ("level is null", "expr_syntax", "is", "=="),
    ("level == None", "expr_syntax", "None", "null"),
    ("true AND false", "expr_syntax", "AND", "and"),
    ("verdict == 'auto' == true", "expr_chained", "==", ""),
    ("f'{level}'", "expr_syntax", "'{level}'", ""),
    ("level.__class__", "expr_member", "__class__", ""),
    ("__import__('os')", "expr_unknown_function", "__import__", ""),
    ("[x for x in y]", "expr_syntax", "for", ""),
    ("lambda: 1", "expr_character", ":", ""),
    ("level; 1", "expr_character", ";", ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "code", "at", "suggestion"), WRONG)
def test_problem(source: str, code: str, at: str, suggestion: str) -> None:
    found = problems(source)[0]
    assert (found.code, found.suggestion) == (code, suggestion)
    assert found.offset is not None
    assert source[found.offset :].startswith(at)
    assert found.message
    assert found.code in CODES


def test_all_problems_are_collected_in_order() -> None:
    found = problems("verdit == 'auto' and summ(1) > 2 or verdict == 'auti' and level")
    assert [problem.code for problem in found] == [
        "expr_unknown_name",
        "expr_unknown_function",
        "expr_option",
        "expr_condition",
    ]
    assert [problem.offset for problem in found] == [0, 21, 47, 58]


def test_lexical_problems_are_collected() -> None:
    assert [p.offset for p in problems("level ≥ 2 && level ≤ 3")] == [6, 10, 19]


def test_unknown_names_say_what_is_known() -> None:
    assert "refund_total" in problems("x > 1")[0].allowed


def test_a_name_of_the_parent_is_pointed_to() -> None:
    assert problems("applied_on == today()", LINE)[0].suggestion == "parent.applied_on"


@pytest.mark.parametrize(
    ("source", "expected", "at"),
    [
        ("level", BOOLEAN, ""),
        ("level > 1", MONEY, ""),
        ("'gift'", choice("original", "bank"), "'gift'"),
        ("'soon'", DATE, "'soon'"),
    ],
)
def test_what_a_place_expects(source: str, expected: Type, at: str) -> None:
    found = problems(source, RECORD, expected)[0]
    assert found.code in ("expr_expected", "expr_option", "expr_literal")
    assert found.offset == 0


def compiled(source: str, *expect: Type) -> Expr:
    return compile_expr(source, RECORD, expect)


def test_one_of_several_types_may_be_expected() -> None:
    assert compiled("level", BOOLEAN, DECIMAL).type == DECIMAL
    assert compiled("5", MONEY, BOOLEAN).type == MONEY
    assert compiled("'2026-01-31'", DATE).type == DATE
    assert compiled("null", DATE).type == DATE


@pytest.mark.parametrize("source", ["sum(lines.refund)", "now()", "this", "level"])
def test_a_null_type_is_never_expected_by_accident(source: str) -> None:
    assert compile_expr(source, RECORD).type.kind != "null"
