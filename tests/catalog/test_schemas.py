"""The schemas of all kinds: complete, bilingual, strict, and plain in what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from app.catalog.loader import load_text
from app.catalog.schemas import COMMON, FOLDER, FOLDERS, KINDS, schema, validate, validator
from tests.catalog.support import ROOT, SHARED_EXAMPLES, documents


def parts(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for key, below in node.items():
            yield from parts(below, f"{path}/{key}")
    elif isinstance(node, list):
        for index, below in enumerate(node):
            yield from parts(below, f"{path}/{index}")


def codes(text: str) -> list[tuple[str, str]]:
    document = load_text("f.yaml", text)
    assert document.root is not None, document.problems
    problems = validate(document.kind, document.root)
    return sorted((p.code, ".".join(map(str, p.path))) for p in problems)


def test_there_is_one_schema_a_kind() -> None:
    files = {path.name.removesuffix(".schema.json") for path in FOLDER.iterdir()}
    assert files == {*KINDS, COMMON}
    assert len(set(FOLDERS.values())) == len(FOLDERS)


@pytest.mark.parametrize("kind", [*KINDS, COMMON])
def test_a_schema_is_valid_strict_and_describes_every_key_in_two_languages(kind: str) -> None:
    Draft202012Validator.check_schema(schema(kind))
    assert " · " in schema(kind)["title"]
    for path, part in parts(schema(kind)):
        if path.endswith("/properties"):
            for key, value in part.items():
                assert " · " in value.get("description", ""), f"{kind}{path}/{key}"
        if "properties" in part and not path.endswith("/properties"):
            free = kind in ("options", "import") and "additionalProperties" in part
            assert part.get("additionalProperties") is False or free, f"{kind}{path}"
        if isinstance(part.get("pattern"), str):
            assert "pattern" in part["x-problem"]["keywords"], f"{kind}{path}"


def test_references_stay_in_the_folder() -> None:
    for kind in (*KINDS, COMMON):
        for path, part in parts(schema(kind)):
            target = part.get("$ref", "#")
            assert target.startswith(("#", "common.schema.json#/$defs/")), f"{kind}{path}"
    remote = validator("pack").evolve(schema={"$ref": "http://localhost/x.json"})
    with pytest.raises(Unresolvable):
        remote.is_valid({})


@pytest.mark.skipif(not SHARED_EXAMPLES.exists(), reason="the worked cases lie beside the project")
def test_the_three_worked_cases_fit_their_schemas() -> None:
    for path in sorted(SHARED_EXAMPLES.glob("case*.yaml")):
        # The sketch has one text with a bare comma in braces; the loader refuses it, rightly.
        text = path.read_text(encoding="utf-8").replace(
            "en: paid for the line, after discounts, tax included}",
            'en: "paid for the line, after discounts, tax included"}',
        )
        for document in documents(path.name, text):
            assert document.problems == []
            assert document.root is not None
            assert validate(document.kind, document.root) == [], f"{path.name} {document.id}"


def test_the_packs_of_the_project_fit_their_schemas() -> None:
    paths = sorted((ROOT / "definitions" / "packs").rglob("*.yaml"))
    assert paths
    for path in paths:
        document = load_text(path.name, path.read_text(encoding="utf-8"))
        assert document.problems == []
        assert document.root is not None
        assert validate(document.kind, document.root) == [], path.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pack: a\nlable: x\n", [("unknown_key", "lable")]),
        ("pack: a\n", [("missing_key", "label")]),
        ("pack: A b\nlabel: x\n", [("bad_id", "pack")]),
        ("pack: a\nlabel: [x]\n", [("wrong_type", "label")]),
        ("pack: a\nlabel:\n", [("empty_value", "label")]),
        ("pack: a\nlabel: {number}\n", [("quote_expression", "label")]),
        ("pack: a\nlabel: {number: x}\n", [("unknown_key", "label.number")]),
        ("pack: a\nlabel: x\nversion: 1.5\n", [("wrong_type", "version")]),
        ("pack: a\nlabel: x\nrequires: [b, b]\n", [("duplicate_item", "requires.1")]),
        ("form: a\nfields: {}\n", [("empty_value", "fields")]),
        ("form: a\nfields: {Name: {type: text}}\n", [("bad_id", "fields.Name")]),
        ("form: a\nfields: {n: {typ: text}}\n", [("unknown_key", "fields.n.typ")]),
        ("form: a\nfields: {n: {type: text, lines: 99}}\n", [("out_of_range", "fields.n.lines")]),
        (
            "form: a\nfields: {n: {type: text, required: yes}}\n",
            [("not_boolean", "fields.n.required")],
        ),
        ("form: a\nkeep: ten years\nfields: {n: {type: text}}\n", [("bad_keep", "keep")]),
        (
            "role: a\nlabel: x\ncan: {b: {actions: [reed]}}\n",
            [("not_allowed", "can.b.actions.0")],
        ),
        (
            "aggregate: a\nper: b\nmeasures: {m: {from: b, sum: x, count: true}}\n",
            [("one_key", "measures.m")],
        ),
        (
            "aggregate: a\nper: b\nmeasures: {m: {from: b, summ: x}}\n",
            [("unknown_key", "measures.m.summ")],
        ),
        (
            "flow: a\nstages: {s: {label: x}}\nsteps: {t: {task: {by: [{role: x}]}, switch: y}}\n",
            [("step_kind", "steps.t")],
        ),
        (
            "flow: a\nstages: {s: {label: x}}\nsteps: {t: {task: {by: [{role: x, user: y}]}}}\n",
            [("one_key", "steps.t.task.by.0")],
        ),
        (
            "connection: a\nplugin: p\nsecrets: {k: 'sk_live 1234'}\n",
            [("secret_not_by_reference", "secrets.k")],
        ),
        ("trigger: a\nstart: {form: b}\n", [("one_key", "")]),
    ],
)
def test_what_is_wrong_has_a_stable_code_and_a_place(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert codes(text) == expected


def test_a_mistyped_key_says_what_was_meant() -> None:
    document = load_text("f.yaml", "form: a\nfields: {n: {typ: text}}\n")
    assert document.root is not None
    (problem,) = validate("form", document.root)
    assert problem.suggestion == "type"
    assert problem.on_key
