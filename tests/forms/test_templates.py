"""Texts with placeholders show values, in each language, and never too much."""

from __future__ import annotations

from decimal import Decimal

import pytest

from forms.expr import DECIMAL, MONEY, TEXT, Scope, choice, link
from forms.templates import TemplateError, compile_template, compile_text
from forms.values import Money, Text
from tests.forms.shop import env

SCOPE = Scope(
    {
        "name": TEXT,
        "asked": DECIMAL,
        "given": DECIMAL,
        "paid": MONEY,
        "kind": choice("a", "b"),
        "order": link("order"),
    }
)


def shown(source: str, lang: str = "en", **row: object) -> str:
    return compile_template(source, SCOPE).render(row, env(), lang)


def test_values_are_shown_plainly() -> None:
    assert (
        shown("At most {given - asked}", given=Decimal("5.50"), asked=Decimal("2.25"))
        == "At most 3.25"
    )
    assert shown("{paid} for {name}", paid=Money(Decimal(5), "CNY"), name="Li") == "5.00 CNY for Li"
    assert shown("{name}·{asked}") == "·"
    assert shown("{asked > 1}", "zh", asked=Decimal(2)) == "是"


def test_braces_and_quotes() -> None:
    assert shown("{{literal}} {concat(name, '}')}", name="x") == "{literal} x}"


def test_a_text_has_both_languages() -> None:
    text = compile_text({"zh": "最多 {given}", "en": "At most {given}"}, SCOPE)
    assert text.render({"given": Decimal(3)}, env()) == Text("最多 3", "At most 3")
    assert compile_text("{name}", SCOPE).render({"name": "x"}, env()) == Text("x", "x")


def test_options_are_shown_by_their_label() -> None:
    template = compile_template("{kind}", SCOPE, lambda kind: {"a": Text("甲", "A")})
    assert template.render({"kind": "a"}, env(), "zh") == "甲"
    assert template.render({"kind": "b"}, env(), "zh") == "b"


def test_output_is_capped() -> None:
    assert (
        compile_template("{name}", SCOPE).render({"name": "x" * 50}, env(), limit=10)
        == "x" * 9 + "…"
    )


@pytest.mark.parametrize(
    ("source", "code", "offset"),
    [
        ("{nam}", "expr_unknown_name", 1),
        ("a {", "unbalanced_brace", 2),
        ("a }", "unbalanced_brace", 2),
        ("{order}", "template_value", 1),
        ("{name", "unbalanced_brace", 0),
        ("{na{me}", "unbalanced_brace", 0),
    ],
)
def test_problems_have_their_place(source: str, code: str, offset: int) -> None:
    with pytest.raises(TemplateError) as wrong:
        compile_template(source, SCOPE)
    assert [(p.code, p.offset) for p in wrong.value.problems] == [(code, offset)]
