"""Every expression of the pack can be told in both languages, by labels and never by ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from app.catalog.build import build
from app.catalog.model import Catalog
from app.catalog.settings import alone
from app.catalog.sources import read_packs
from flows.policy.words import input_words, needed, rule_name
from forms.expr import nodes as n
from forms.model import Lines
from forms.telling import tell, tell_condition
from forms.values import LANGUAGES
from tests.pack.naming import original
from tests.support.expressions import expressions_of

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_QUOTED = re.compile(r"“[^”]*”")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    sources, problems = read_packs(original().folder, ["returns"])
    assert not problems
    made = build(alone(sources, "words", "Asia/Shanghai", "CNY")).catalog
    assert made is not None
    return made


def ids_of(catalog: Catalog) -> set[str]:
    """Everything with a label: forms, fields, totals."""
    found: set[str] = set()
    for form in catalog.forms.values():
        found |= {form.id, *form.fields}
        for lines in form.lines:
            found |= set(lines.fields)
    for total in catalog.aggregates.values():
        found |= {total.id, *total.measures}
    return found


def choices(node: n.Node) -> Iterator[str]:
    """Options an expression names."""
    if isinstance(node, n.Const) and node.type.kind == "choice":
        yield str(node.value)
    for child in n.children(node):
        yield from choices(child)


def test_no_id_is_left_where_there_is_a_label(catalog: Catalog) -> None:
    ids, told = ids_of(catalog), 0
    for own, row, expr in expressions_of(catalog):
        words = catalog.words.of(own, row)
        for lang in LANGUAGES:
            for say in (tell, tell_condition) if expr.type.kind == "boolean" else (tell,):
                said = say(expr, words, lang)
                bare = _QUOTED.sub("", said)
                # English labels are words of their own; in Chinese any id would stand out.
                left = set(_WORD.findall(bare)) & ids if lang == "zh" else set()
                assert not left, (own, expr.source, said, left)
                assert "_" not in bare, (own, expr.source, said)
                quoted = {text.strip("“”") for text in _QUOTED.findall(said)}
                assert not quoted & set(choices(expr.node)), (own, expr.source, said)
                told += 1
    assert told > 500


def test_every_rule_and_what_it_asks_is_told(catalog: Catalog) -> None:
    rules = 0
    for policy in catalog.policies.values():
        for edition in policy.editions:
            for rule in edition.rules:
                for lang in LANGUAGES:
                    name = rule_name(policy, edition.id, rule.id, lang)
                    assert name and name != rule.id
                    for condition in rule.conditions:
                        one = policy.inputs[condition.input]
                        said = needed(policy, edition.id, rule.id, one.id, lang)
                        assert said and "_" not in said
                rules += 1
    assert rules >= 15


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("zh", "从签收日期（为空时取 发货日期后 5 天）到申请时间当天的天数"),
        (
            "en",
            "days from Delivered on (5 days after Shipped on if empty) to the day of Applied at",
        ),
    ],
)
def test_inputs_of_a_decision_are_told(catalog: Catalog, lang: str, told: str) -> None:
    policy = catalog.policies["return_policy"]
    assert input_words(policy, "days", 20, lang) == (told, "20")
    _, value = input_words(policy, "fault", "merchant", lang)
    assert value == {"zh": "“商家”", "en": "“Us”"}[lang]
    said, nothing = input_words(policy, "intact", False, lang)
    assert (
        nothing == ""
        and said
        == {
            "zh": "未使用且包装完好：否",
            "en": "Unused and packaging intact: no",
        }[lang]
    )


def test_lines_hold_fields_with_labels(catalog: Catalog) -> None:
    fields = [one for form in catalog.forms.values() for one in form.fields.values()]
    cells = [cell for one in fields if isinstance(one, Lines) for cell in one.fields.values()]
    assert all(one.label.zh and one.label.zh != one.id for one in [*fields, *cells])
