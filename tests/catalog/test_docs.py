"""The pages about definitions: every key is there, every example loads and fits its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.catalog.schemas import COMMON, KINDS, schema, validate
from tests.catalog.support import ROOT, documents

FOLDER = ROOT / "docs" / "definitions"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def keys(node: Any, kind: str) -> Iterator[str]:
    """Every key a schema knows, at any depth."""
    if isinstance(node, list):
        for item in node:
            yield from keys(item, kind)
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if name == "properties":
            yield from value
        yield from keys(value, kind)


def page(kind: str) -> Path:
    return FOLDER / f"{kind}.md"


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_on_the_page_of_its_kind(kind: str) -> None:
    text = page(kind).read_text(encoding="utf-8")
    missing = [key for key in dict.fromkeys(keys(schema(kind), kind)) if f"`{key}`" not in text]
    assert missing == []


def test_the_index_names_every_page_and_the_shared_words() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"({kind}.md)" in text
    assert {"text", "who", "id"} <= set(schema(COMMON)["$defs"])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_every_example_loads_and_fits_its_schema(path: Path) -> None:
    for block in _BLOCK.findall(path.read_text(encoding="utf-8")):
        for document in documents(path.name, block):
            assert [str(p) for p in document.problems] == []
            assert document.root is not None
            assert document.kind in KINDS, block
            if "extends" not in document.data:
                problems = validate(document.kind, document.root)
                assert [(p.path, p.message) for p in problems] == [], block
