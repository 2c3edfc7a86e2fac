"""The manual names every key, type, code and message; its examples compile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app.catalog.loader import load_text
from forms.codes import CODES
from forms.compile import KEYS as FORM_KEYS
from forms.compile_fields import COMMON_KEYS
from forms.compile_layout import CHECK_KEYS, KEEP_KEYS, LIST_KEYS, SECTION_KEYS, UNIQUE_KEYS
from forms.compile_options import ATTRIBUTE_TYPES, KEYS, VALUE_KEYS
from forms.messages import MESSAGES
from forms.types import REGISTRY
from forms.types.money import ROUNDINGS
from forms.types.text import FORMATS
from tests.forms.shop import build

DOCS = Path(__file__).parents[2] / "docs" / "definitions"
FORM = (DOCS / "form.md").read_text(encoding="utf-8")
OPTIONS = (DOCS / "options.md").read_text(encoding="utf-8")


def codes_table() -> str:
    return "\n".join(f"| `{code}` | {plain(text)} |" for code, text in CODES.items())


def messages_table() -> str:
    return "\n".join(
        f"| `{code}` | {plain(text.zh)} | {plain(text.en)} |" for code, text in MESSAGES.items()
    )


def plain(text: str) -> str:
    """A code's words with the placeholders readable."""
    return re.sub(r"\{(\w+)(?:!r)?\}", r"‹\1›", text).replace("{{", "{").replace("}}", "}")


@pytest.mark.parametrize(
    "key",
    sorted(
        {
            *FORM_KEYS,
            *COMMON_KEYS,
            *CHECK_KEYS,
            *LIST_KEYS,
            *SECTION_KEYS,
            *KEEP_KEYS,
            *UNIQUE_KEYS,
            *FORMATS,
            *ROUNDINGS,
        }
    ),
)
def test_every_key_of_a_form_is_explained(key: str) -> None:
    assert re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`", FORM)


@pytest.mark.parametrize("type_id", sorted(REGISTRY))
def test_every_type_and_its_keys_are_explained(type_id: str) -> None:
    row = next(
        line
        for line in FORM.splitlines()
        if line.startswith("| `") and f"`{type_id}`" in line.split("|")[1]
    )
    for key in REGISTRY[type_id].keys:
        assert f"`{key}`" in row


@pytest.mark.parametrize("key", sorted({*KEYS, *VALUE_KEYS, *ATTRIBUTE_TYPES}))
def test_every_key_of_options_is_explained(key: str) -> None:
    assert f"`{key}`" in OPTIONS


def test_every_code_and_message_is_listed() -> None:
    for row in (codes_table() + "\n" + messages_table()).splitlines():
        assert row in FORM, row


def test_the_examples_compile_together() -> None:
    found: dict[str, dict[str, Any]] = {"form": {}, "options": {}}
    for text in (FORM, OPTIONS):
        for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
            document = load_text("example.yaml", block)
            assert document.problems == []
            kind, data = next(iter(document.data)), document.data
            found[kind][data[kind]] = data
    forms, problems = build(found["form"], found["options"])
    assert [str(p) for p in problems] == []
    assert set(forms) == {
        "customer",
        "product",
        "order",
        "return_request",
        "inspection",
        "complaint",
    }
