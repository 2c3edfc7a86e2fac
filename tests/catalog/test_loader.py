"""Reading one file: what is a value, what is refused, and where."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.catalog.loader import MAX_BYTES, load_bytes, load_text
from app.catalog.nodes import inside


def found(text: str) -> list[str]:
    return [f"{p.problem.code} {p.line}:{p.column}" for p in load_text("f.yaml", text).problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("3.50", Decimal("3.50")),
        ("-0.001", Decimal("-0.001")),
        *[
            (word, word)
            for word in (
                "yes no on off Yes NO True FALSE Null 12:30 010 0x1F 0o17 1_000 .5 1. 1e3 +1 .inf "
                "2026-03-01 2026-03-18T10:00 1.2.3 --1 - 999999999999999999999 up-to-5 0..15"
            ).split()
            if word != "-"
        ],
        ("up to 500 CNY", "up to 500 CNY"),
        ("x in ['a', 'b']", "x in ['a', 'b']"),
        ("quantity * price", "quantity * price"),
        ("'true'", "true"),
        ('"12"', "12"),
    ],
)
def test_only_plain_booleans_and_numbers_are_not_text(written: str, value: object) -> None:
    document = load_text("f.yaml", f"form: x\nkey: {written}\n")
    assert document.problems == []
    assert document.data["key"] == value
    assert type(document.data["key"]) is type(value)


def test_keys_are_text_as_written() -> None:
    document = load_text("f.yaml", "flow: x\nnext: {true: a, 1: b, 2026-01-01: c, null: d}\n")
    assert list(document.data["next"]) == ["true", "1", "2026-01-01", "null"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {formula: max(a, b)}\n", ["quote_expression 1:14"]),
        ("a:\n  x: {days: days_between(a, b), k: v}\n", ["quote_expression 2:13"]),
        ("a: [max(b, c), d]\n", ["quote_expression 1:5"]),
        ("a: {d: has(many, 'x') }\n", ["quote_expression 1:8"]),
        ("a: {zh: 好, en: paid, after discounts}\n", ["quote_expression 1:16"]),
        ("a: {where: x in ['a', 'b']}\n", ["quote_expression 1:12"]),
        ("a: {x: 'q' == b}\n", ["quote_expression 1:8"]),
        ("a: 'q' == b\n", ["quote_expression 1:4"]),
        ("a: [x, y] == z\n", ["quote_expression 1:4"]),
        ("title: {number} · {x}\n", ["quote_expression 1:8"]),
        ("a:\n  days: > 15\n", ["quote_expression 2:9"]),
        ("a: {days: > 15}\n", ["quote_expression 1:11"]),
        ("a: | x\n", ["quote_expression 1:4"]),
        ("a: *\n", ["quote_expression 1:4"]),
        ("a: {sum: *}\n", ["quote_expression 1:10"]),
        ("a: %x\n", ["quote_expression 1:4"]),
        ("a: @x\n", ["quote_expression 1:4"]),
        ("a: `x`\n", ["quote_expression 1:4"]),
        ("a: Note: x\n", ["quote_expression 1:4"]),
        ("a: {b: c: d}\n", ["quote_expression 1:8"]),
        ("a: - b\n", ["quote_expression 1:4"]),
        ("on: x\nno: y\n", ["boolean_word_key 1:1", "boolean_word_key 2:1"]),
        ("a: {yes: b, Off: c, 'no': d}\n", ["boolean_word_key 1:5", "boolean_word_key 1:13"]),
        ("scenario: x\nsteps: [{on: r}]\n", []),
        ("a: !is_empty(x)\n", ["tag 1:4"]),
        ("a: !!str b\n", ["tag 1:4"]),
        ("a: &x b\n", ["anchor 1:4"]),
        ("a: b\nc: *x\n", ["alias 2:4"]),
        ("a: {<<: {b: c}}\n", ["merge_key 1:5"]),
        ("a: b\nb: c\na: d\n", ["duplicate_key 3:1"]),
        ("a: b\n---\nc: d\n", ["several_documents 2:1"]),
        ("%YAML 1.1\n---\na: b\n", ["yaml_syntax 1:1"]),
        ("a:\n\tb: c\n", ["tab 2:1"]),
        ("a: b\x07\n", ["control_character 1:5"]),
        ("a: b\rc: d\n", ["control_character 1:5"]),
        ("a: b\u2028\n", ["control_character 1:5"]),
        ("[a]: b\n", ["complex_key 1:1"]),
        ("{'': b}\n", ["empty_key 1:2"]),
        ("- a\n", ["not_a_map 1:1"]),
        ("just words\n", ["not_a_map 1:1"]),
        ("", ["empty_file 1:1"]),
        ("# nothing\n", ["empty_file 1:1"]),
        ("a: {b: c\n", ["yaml_syntax 1:4"]),
        ("a: [b, c\nd: e\n", ["yaml_syntax 1:4"]),
        ('a: "b\n', ["yaml_syntax 1:4"]),
        ("a: b\n  c: d\n", ["yaml_syntax 2:4"]),
        ("a:\n  - b\n c: d\n", ["yaml_syntax 3:2"]),
        ("a: " + "[" * 40 + "\n", ["too_deep 1:35"]),
    ],
)
def test_what_yaml_does_to_authors_is_said_at_its_place(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_bytes_are_utf8_of_a_bounded_size_with_or_without_byte_order_mark() -> None:
    assert load_bytes("f.yaml", "\ufeffform: 表\n".encode()).id == "表"
    assert load_bytes("f.yaml", b"form: a\nx: \xff\n").problems[0].line == 2
    assert load_bytes("f.yaml", b"form: a\nx: \xff\n").problems[0].problem.code == "not_utf8"
    big = load_bytes("f.yaml", b"#" * (MAX_BYTES + 1))
    assert [p.problem.code for p in big.problems] == ["too_large"]
    many = load_text("f.yaml", "a: [" + "1," * 60_000 + "]\n")
    assert [p.problem.code for p in many.problems] == ["too_many_nodes"]


def test_an_alias_bomb_and_deep_nesting_end_at_once() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert found(bomb) == ["anchor 1:4"]
    assert found("a: " + "{a: " * 5_000) == ["too_deep 1:128"]


def test_kind_and_id_are_known_even_where_the_rest_cannot_be_read() -> None:
    document = load_text("f.yaml", "form: order\nfields: {a: max(b, c)}\n")
    assert (document.kind, document.id, document.root) == ("form", "order", None)


def test_every_key_and_value_knows_its_place() -> None:
    document = load_text("f.yaml", "form: a\nfields:\n  n: {type: text}  # note\n  表: [x, 'y']\n")
    assert document.root is not None
    node, _ = document.root.find(("fields", "n", "type"))
    assert (node.span.line, node.span.column) == (3, 13)
    fields, _ = document.root.find(("fields",))
    assert (fields.keys["表"].line, fields.keys["表"].column) == (4, 3)
    item, _ = document.root.find(("fields", "表", 1))
    assert (item.value, item.span.column, item.span.style) == ("y", 10, "'")


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("a: x + missing\n", "missing"),
        ("a: 'it''s ' + missing\n".replace("' + ", " + ").replace("\n", "'\n"), "missing"),
        ('a: "tab\\t 1 + \\u4e2d missing"\n', "missing"),
        ("a:\n  x +\n  y + missing\n", "missing"),
        ("a: 'x +\n\n  y + missing'\n", "missing"),
        ("a: |\n  x +\n    y +\n  missing\n", "missing"),
        ("a: >\n  x +\n  missing\n", "missing"),
    ],
)
def test_an_offset_inside_a_text_finds_its_line_and_column(text: str, piece: str) -> None:
    document = load_text("f.yaml", text)
    assert document.root is not None, document.problems
    node = document.root.fields["a"]
    offset = str(node.value).index(piece)
    line, column = inside(document.text, node.span, offset)
    assert text.split("\n")[line - 1][column - 1 :].startswith(piece)
