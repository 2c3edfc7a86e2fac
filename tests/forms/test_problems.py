"""Every code of `forms.codes` has a definition that earns it, at its place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from forms.codes import CODES
from forms.compile import StaticLibrary, compile_form, compile_options
from forms.problems import Path, Problem
from forms.signature import signature
from tests.forms import test_under
from tests.forms.shop import REASON, build, problems_of

MONEY = {"type": "money", "currency": "CNY"}
TEXT = {"type": "text"}
Fields = dict[str, Any]

# (code, fields of a form, path below the form's root, other keys of the form)
FIELDS: list[tuple[str, Any, Path, dict[str, Any]]] = [
    ("not_a_mapping", {"a": "text"}, ("fields", "a"), {}),
    ("not_a_mapping", ["a"], ("fields",), {}),
    ("not_a_mapping", {"a": TEXT}, ("number",), {"number": 5}),
    ("not_a_list", {"a": TEXT}, ("unique",), {"unique": "a"}),
    ("not_a_list", {"a": TEXT}, ("unique", "x", "fields"), {"unique": {"x": {"fields": "a"}}}),
    ("not_a_list", {"a": TEXT}, ("list", "columns"), {"list": {"columns": 5}}),
    ("bad_text", {"a": {"type": "text", "label": 5}}, ("fields", "a", "label"), {}),
    ("bad_text", {"a": {"type": "text", "label": {"zh": 5}}}, ("fields", "a", "label", "zh"), {}),
    (
        "unknown_language",
        {"a": {"type": "text", "label": {"de": "x"}}},
        ("fields", "a", "label", "de"),
        {},
    ),
    ("bad_id", {"Größe": TEXT}, ("fields", "Größe"), {}),
    ("bad_id", {"a-b": TEXT}, ("fields", "a-b"), {}),
    ("reserved_name", {"stage": TEXT}, ("fields", "stage"), {}),
    ("reserved_name", {"where": TEXT}, ("fields", "where"), {}),
    ("unknown_key", {"a": {"type": "text", "requird": True}}, ("fields", "a", "requird"), {}),
    ("unknown_key", {"a": TEXT}, ("tilte",), {"tilte": "x"}),
    (
        "unknown_key",
        {"a": TEXT},
        ("number", "patern"),
        {"number": {"pattern": "{seq:5}", "patern": 1}},
    ),
    ("not_true_or_false", {"a": {"type": "text", "index": "yes"}}, ("fields", "a", "index"), {}),
    (
        "not_true_or_false",
        {"a": {"type": "link", "to": "order", "many": 1}},
        ("fields", "a", "many"),
        {},
    ),
    ("bad_count", {"a": {"type": "text", "max": 0}}, ("fields", "a", "max"), {}),
    ("bad_after", {"a": {"type": "text", "after": "b"}}, ("fields", "a", "after"), {}),
    ("bad_was", {"a": {"type": "text", "was": "b"}, "b": TEXT}, ("fields", "a", "was"), {}),
    ("no_fields", {}, ("fields",), {}),
    ("no_fields", None, ("fields",), {}),
    ("no_fields", {"a": {"type": "lines"}}, ("fields", "a", "fields"), {}),
    ("too_many_fields", {f"f{i}": TEXT for i in range(301)}, ("fields",), {}),
    ("missing_type", {"a": {"required": True}}, ("fields", "a"), {}),
    ("missing_type", {"a": None}, ("fields", "a"), {}),
    ("unknown_type", {"a": {"type": "txet"}}, ("fields", "a", "type"), {}),
    (
        "key_not_for_type",
        {"a": {"type": "text", "currency": "CNY"}},
        ("fields", "a", "currency"),
        {},
    ),
    (
        "lines_in_lines",
        {"a": {"type": "lines", "fields": {"b": {"type": "lines"}}}},
        ("fields", "a", "fields", "b", "type"),
        {},
    ),
    ("index_not_for_type", {"a": {"type": "image", "index": True}}, ("fields", "a", "index"), {}),
    (
        "index_not_for_type",
        {"a": {"type": "text", "lines": 3, "index": True}},
        ("fields", "a", "index"),
        {},
    ),
    (
        "index_in_many",
        {"a": {"type": "link", "to": "order", "many": True, "index": True}},
        ("fields", "a", "index"),
        {},
    ),
    ("bad_limit", {"a": {"type": "integer", "min": Decimal("0.5")}}, ("fields", "a", "min"), {}),
    ("bad_limit", {"a": MONEY | {"max": "lots"}}, ("fields", "a", "max"), {}),
    ("min_over_max", {"a": {"type": "decimal", "min": 2, "max": 1}}, ("fields", "a", "min"), {}),
    (
        "min_over_max",
        {"a": {"type": "lines", "min": 2, "max": 1, "fields": {"b": TEXT}}},
        ("fields", "a", "min"),
        {},
    ),
    ("max_without_many", {"a": {"type": "user", "max": 3}}, ("fields", "a", "max"), {}),
    ("unknown_format", {"a": {"type": "text", "format": "mail"}}, ("fields", "a", "format"), {}),
    (
        "format_on_lines",
        {"a": {"type": "text", "format": "email", "lines": 2}},
        ("fields", "a", "format"),
        {},
    ),
    ("unknown_rounding", {"a": MONEY | {"round": "half"}}, ("fields", "a", "round"), {}),
    ("round_unused", {"a": MONEY | {"round": "down"}}, ("fields", "a", "round"), {}),
    (
        "money_needs_round",
        {"a": MONEY, "b": MONEY | {"formula": "a * 2"}},
        ("fields", "b", "formula"),
        {},
    ),
    (
        "money_needs_round",
        {"a": MONEY, "b": MONEY | {"formula": "if(a > 5, a, a / 3)"}},
        ("fields", "b", "formula"),
        {},
    ),
    ("bad_currency", {"a": {"type": "money", "currency": "EURO"}}, ("fields", "a", "currency"), {}),
    (
        "formula_not_for_type",
        {"a": {"type": "file", "formula": "5"}},
        ("fields", "a", "formula"),
        {},
    ),
    (
        "formula_not_for_type",
        {"a": {"type": "lines", "fields": {"b": TEXT}, "formula": "5"}},
        ("fields", "a", "formula"),
        {},
    ),
    (
        "formula_and_default",
        {"a": {"type": "integer", "formula": "1 + 1", "default": 3}},
        ("fields", "a", "default"),
        {},
    ),
    (
        "formula_and_required",
        {"a": {"type": "integer", "formula": "1 + 1", "required": True}},
        ("fields", "a", "required"),
        {},
    ),
    (
        "formula_and_readonly",
        {"a": {"type": "integer", "formula": "1 + 1", "readonly": False}},
        ("fields", "a", "readonly"),
        {},
    ),
    (
        "formula_and_fill",
        {
            "o": {"type": "link", "to": "order", "fill": {"n": "o.number"}},
            "n": {"type": "text", "formula": "'x'"},
        },
        ("fields", "o", "fill", "n"),
        {},
    ),
    (
        "default_not_for_type",
        {"a": {"type": "image", "default": "x"}},
        ("fields", "a", "default"),
        {},
    ),
    (
        "default_not_for_type",
        {"a": {"type": "lines", "fields": {"b": TEXT}, "default": []}},
        ("fields", "a", "default"),
        {},
    ),
    (
        "bad_default",
        {"a": {"type": "integer", "max": 5, "default": 7}},
        ("fields", "a", "default"),
        {},
    ),
    (
        "bad_default",
        {"a": {"type": "integer", "default": "2 * 4", "max": 5}},
        ("fields", "a", "default"),
        {},
    ),
    (
        "bad_default",
        {"a": {"type": "choice", "options": ["north"], "default": "nort"}},
        ("fields", "a", "default"),
        {},
    ),
    ("bad_default", {"a": {"type": "boolean", "default": 5}}, ("fields", "a", "default"), {}),
    (
        "default_needs_quotes",
        {"a": {"type": "text", "default": "Shanghai"}},
        ("fields", "a", "default"),
        {},
    ),
    (
        "required_but_hidden",
        {"a": {"type": "text", "required": True, "visible": False}},
        ("fields", "a", "required"),
        {},
    ),
    (
        "required_but_readonly",
        {"a": {"type": "text", "required": True, "readonly": True}},
        ("fields", "a", "readonly"),
        {},
    ),
    (
        "formula_cycle",
        {
            "a": {"type": "integer", "formula": "b + 1"},
            "b": {"type": "integer", "formula": "c"},
            "c": {"type": "integer", "formula": "a"},
        },
        ("fields", "a", "formula"),
        {},
    ),
    (
        "formula_cycle",
        {
            "t": MONEY | {"formula": "sum(l.x)"},
            "l": {"type": "lines", "fields": {"x": MONEY | {"formula": "parent.t"}}},
        },
        ("fields", "l", "fields", "x", "formula"),
        {},
    ),
    (
        "default_cycle",
        {"a": {"type": "integer", "default": "b"}, "b": {"type": "integer", "default": "a"}},
        ("fields", "a", "default"),
        {},
    ),
    (
        "visible_cycle",
        {
            "a": {"type": "text", "visible": "b == 'x'"},
            "b": {"type": "text", "visible": "a == 'x'"},
        },
        ("fields", "a", "visible"),
        {},
    ),
    ("missing_options", {"a": {"type": "choice"}}, ("fields", "a"), {}),
    ("bad_options", {"a": {"type": "choice", "options": 5}}, ("fields", "a", "options"), {}),
    (
        "unknown_options",
        {"a": {"type": "choice", "options": "reasn"}},
        ("fields", "a", "options"),
        {},
    ),
    ("no_options", {"a": {"type": "choice", "options": []}}, ("fields", "a", "options"), {}),
    (
        "bad_option",
        {"a": {"type": "choice", "options": ["a", True]}},
        ("fields", "a", "options", 1),
        {},
    ),
    (
        "repeated_option",
        {"a": {"type": "choice", "options": ["a", "a"]}},
        ("fields", "a", "options", 1),
        {},
    ),
    ("missing_target", {"a": {"type": "link"}}, ("fields", "a"), {}),
    ("unknown_target", {"a": {"type": "link", "to": "ordr"}}, ("fields", "a", "to"), {}),
    (
        "unknown_target_lines",
        {"a": {"type": "link", "to": "order.lins"}},
        ("fields", "a", "to"),
        {},
    ),
    (
        "fill_unknown",
        {"o": {"type": "link", "to": "order", "fill": {"nmber": "o.number"}}, "n": TEXT},
        ("fields", "o", "fill", "nmber"),
        {},
    ),
    (
        "fill_itself",
        {"o": {"type": "link", "to": "order", "fill": {"o": "o"}}},
        ("fields", "o", "fill", "o"),
        {},
    ),
    (
        "fill_from_many",
        {"o": {"type": "link", "to": "order", "many": True, "fill": {"n": "'x'"}}, "n": TEXT},
        ("fields", "o", "fill"),
        {},
    ),
    (
        "fill_not_for_type",
        {"o": {"type": "link", "to": "order", "fill": {"f": "null"}}, "f": {"type": "file"}},
        ("fields", "o", "fill", "f"),
        {},
    ),
    (
        "fill_twice",
        {
            "o": {"type": "link", "to": "order", "fill": {"n": "o.number"}},
            "p": {"type": "link", "to": "order", "fill": {"n": "p.number"}},
            "n": TEXT,
        },
        ("fields", "p", "fill", "n"),
        {},
    ),
    ("unique_empty", {"a": TEXT}, ("unique",), {"unique": []}),
    ("unique_unknown", {"abc": TEXT}, ("unique", 0), {"unique": ["abd"]}),
    ("unique_not_for_type", {"a": {"type": "file"}}, ("unique", 0), {"unique": ["a"]}),
    ("unique_repeated", {"a": TEXT}, ("unique", 1), {"unique": ["a", "a"]}),
    ("title_not_text", {"a": TEXT}, ("title",), {"title": ["a"]}),
    (
        "row_title_reads_totals",
        {
            "rows": {
                "type": "lines",
                "title": "{returnable(sold).asked}",
                "fields": {"sold": {"type": "link", "to": "order.lines"}},
            }
        },
        ("fields", "rows", "title"),
        {},
    ),
    ("template_too_long", {"a": TEXT}, ("title",), {"title": "x" * 2001}),
    ("template_value", {"o": {"type": "link", "to": "order"}}, ("title",), {"title": "{o}"}),
    ("unbalanced_brace", {"a": TEXT}, ("title",), {"title": "{a"}),
    ("unbalanced_brace", {"a": TEXT}, ("number", "pattern"), {"number": "X{seq:5"}),
    ("number_no_pattern", {"a": TEXT}, ("number", "pattern"), {"number": {"reset": "year"}}),
    ("number_no_seq", {"a": TEXT}, ("number", "pattern"), {"number": "RMA-{yyyy}"}),
    ("number_seq_twice", {"a": TEXT}, ("number", "pattern"), {"number": "{seq:3}-{seq:3}"}),
    ("number_seq_digits", {"a": TEXT}, ("number", "pattern"), {"number": "RMA-{seq}"}),
    ("number_placeholder", {"a": TEXT}, ("number", "pattern"), {"number": "{YYYY}-{seq:5}"}),
    (
        "number_repeats",
        {"a": TEXT},
        ("number", "pattern"),
        {"number": {"pattern": "{yyyy}-{seq:5}", "reset": "month"}},
    ),
    (
        "number_repeats",
        {"a": TEXT},
        ("number", "pattern"),
        {"number": {"pattern": "{yyyy}{dd}-{seq:5}", "reset": "day"}},
    ),
    ("number_too_long", {"a": TEXT}, ("number", "pattern"), {"number": "x" * 60 + "{seq:5}"}),
    (
        "number_bad_reset",
        {"a": TEXT},
        ("number", "reset"),
        {"number": {"pattern": "{seq:5}", "reset": "weekly"}},
    ),
    (
        "number_bad_at",
        {"a": TEXT},
        ("number", "at"),
        {"number": {"pattern": "{seq:5}", "at": "save"}},
    ),
    ("number_and_field", {"number": TEXT}, ("fields", "number"), {"number": "{seq:5}"}),
    ("check_without_that", {"a": TEXT}, ("checks", "x"), {"checks": {"x": {"message": "no"}}}),
    (
        "check_bad_at",
        {"a": TEXT},
        ("checks", "x", "at"),
        {"checks": {"x": {"that": "true", "at": []}}},
    ),
    ("list_unknown", {"abc": TEXT}, ("list", "columns", 0), {"list": {"columns": ["abd"]}}),
    (
        "list_not_for_type",
        {"a": {"type": "integer"}},
        ("list", "search", 0),
        {"list": {"search": ["a"]}},
    ),
    (
        "list_not_for_type",
        {"a": {"type": "lines", "fields": {"b": TEXT}}},
        ("list", "columns", 0),
        {"list": {"columns": ["a"]}},
    ),
    ("list_repeated", {"a": TEXT}, ("list", "sort", 1), {"list": {"sort": ["a", "-a"]}}),
    (
        "section_unknown",
        {"a": TEXT},
        ("sections", "s", "fields", 0),
        {"sections": {"s": {"fields": ["b"]}}},
    ),
    (
        "section_repeated",
        {"a": TEXT},
        ("sections", "t", "fields", 0),
        {"sections": {"s": {"fields": ["a"]}, "t": {"fields": ["a"]}}},
    ),
    ("section_empty", {"a": TEXT}, ("sections", "s"), {"sections": {"s": {"label": "S"}}}),
    ("bad_keep", {"a": TEXT}, ("keep",), {"keep": "10 years"}),
    ("keep_unknown", {"a": TEXT}, ("keep", "since"), {"keep": {"for": "10y", "since": "a"}}),
]

VALUES: dict[str, Any] = {"a": {"label": "A"}, "b": {}}
OPTIONS: list[tuple[str, dict[str, Any], Path]] = [
    ("options_without_values", {}, ("values",)),
    ("too_many_options", {"values": {f"v{i}": {} for i in range(2001)}}, ("values",)),
    (
        "attribute_bad_type",
        {"attributes": {"fault": "txt"}, "values": VALUES},
        ("attributes", "fault"),
    ),
    (
        "attribute_reserved",
        {"attributes": {"label": "text"}, "values": VALUES},
        ("attributes", "label"),
    ),
    ("attribute_missing", {"attributes": {"w": "integer"}, "values": {"a": {}}}, ("values", "a")),
    (
        "attribute_bad_value",
        {"attributes": {"w": "integer"}, "values": {"a": {"w": "x"}}},
        ("values", "a", "w"),
    ),
    (
        "attribute_bad_value",
        {"attributes": {"w": ["x", "y"]}, "values": {"a": {"w": "z"}}},
        ("values", "a", "w"),
    ),
    ("option_unknown_parent", {"values": {"a": {"parent": "c"}}}, ("values", "a", "parent")),
    (
        "option_parent_cycle",
        {"values": {"a": {"parent": "b"}, "b": {"parent": "a"}}},
        ("values", "a", "parent"),
    ),
    ("option_bad_date", {"values": {"a": {"from": "2026-13-01"}}}, ("values", "a", "from")),
    (
        "option_from_after_until",
        {"values": {"a": {"from": "2026-02-01", "until": "2026-01-01"}}},
        ("values", "a", "from"),
    ),
    ("unknown_key", {"values": {"a": {"lable": "A"}}}, ("values", "a", "lable")),
    ("bad_option", {"values": {5: {}}}, ("values", 5)),
]


def at(problems: list[Problem]) -> list[tuple[str, Path]]:
    return [(p.code, p.path) for p in problems]


@pytest.mark.parametrize(
    ("code", "fields", "path", "more"), FIELDS, ids=[f"{c}-{i}" for i, (c, *_) in enumerate(FIELDS)]
)
def test_a_broken_form_is_told_where_and_why(
    code: str, fields: Any, path: Path, more: dict[str, Any]
) -> None:
    assert at(problems_of(fields, **more)) == [(code, path)]


@pytest.mark.parametrize(("code", "definition", "path"), OPTIONS, ids=[c for c, *_ in OPTIONS])
def test_broken_options_are_told_where_and_why(
    code: str, definition: dict[str, Any], path: Path
) -> None:
    made, problems = compile_options("o", {"options": "o", **definition})
    assert made is None
    assert at(problems) == [(code, path)]


def test_every_code_is_earned_by_some_definition() -> None:
    seen = {code for code, *_ in FIELDS} | {code for code, *_ in OPTIONS}
    seen |= {code for _, code, _ in test_under.PROBLEMS}
    assert set(CODES) - seen == set()


def test_problems_suggest_the_near_word_and_name_what_is_allowed() -> None:
    (problem,) = problems_of({"a": {"type": "intger"}})
    assert problem.suggestion == "integer"
    assert "integer" in problem.allowed
    (problem,) = problems_of({"a": {"type": "link", "to": "ordr"}})
    assert problem.suggestion == "order"
    (problem,) = problems_of({"a": {"type": "text", "visibel": True}})
    assert (problem.suggestion, problem.on_key) == ("visible", True)


def test_a_circle_is_shown_whole() -> None:
    (problem,) = problems_of(
        {"a": {"type": "integer", "formula": "b + 1"}, "b": {"type": "integer", "formula": "a"}}
    )
    assert problem.message.endswith("a → b → a")


def test_all_problems_are_found_at_once() -> None:
    found = at(
        problems_of({"a": {"type": "txt"}, "b": {"type": "integer", "formula": "c"}}, title="{d}")
    )
    assert [code for code, _ in found] == ["unknown_type", "expr_unknown_name", "expr_unknown_name"]


def test_problems_of_expressions_keep_their_place_in_the_text() -> None:
    (problem,) = problems_of({"abc": TEXT}, title="{abc} · {abd}")
    assert (problem.path, problem.offset, problem.suggestion) == (("title",), 9, "abc")


def test_malformed_definitions_never_raise() -> None:
    bad: list[Any] = [None, 5, "x", [], {}, True, [None], {"a": None}, {5: 5}]
    for one in bad:
        for key in (
            "label",
            "fields",
            "number",
            "title",
            "checks",
            "unique",
            "list",
            "sections",
            "keep",
            "currency",
            "was",
        ):
            definition = {"form": "x", "fields": {"a": TEXT}, key: one}
            signature("x", definition)
            compile_form("x", definition, StaticLibrary())
        for key in (
            "type",
            "label",
            "required",
            "default",
            "formula",
            "index",
            "was",
            "after",
            "max",
            "min",
            "options",
            "to",
            "where",
            "fill",
            "many",
            "fields",
            "unique",
            "currency",
            "round",
            "lines",
            "format",
            "unit",
            "size",
            "visible",
            "readonly",
            "help",
        ):
            for kind in ("text", "money", "choice", "link", "lines", "integer", "image"):
                definition = {"form": "x", "fields": {"a": {"type": kind, key: one}}}
                signature("x", definition)
                compile_form("x", definition, StaticLibrary())
        for key in ("values", "attributes", "label"):
            compile_options("x", {"options": "x", "values": {"a": {}}, key: one})
        compile_options("x", {"options": "x", "values": {"a": one}, "attributes": {"w": one}})


def test_an_empty_definition_is_named_not_raised() -> None:
    _, problems = build({"x": {}}, {"reason": REASON})
    assert at(problems) == [("no_fields", ("fields",))]
