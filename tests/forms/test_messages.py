"""Messages exist in both languages and use the same placeholders in each."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from forms.messages import MESSAGES, did_you_mean, got, message
from forms.values import Text

FORMS = Path(__file__).parents[2] / "forms"


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", MESSAGES)
def test_both_languages_say_the_same(code: str) -> None:
    text = MESSAGES[code]
    assert text.zh
    assert text.en
    assert re.search("[\u4e00-\u9fff]", text.zh)
    assert not re.search("[\u4e00-\u9fff]", text.en)
    assert placeholders(text.zh) == placeholders(text.en)


def test_every_code_that_is_raised_has_a_message() -> None:
    raised = set()
    for path in FORMS.rglob("*.py"):
        if "expr" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Invalid":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    raised.add(first.value)
    assert raised - set(MESSAGES) == set()
    formats = {code for code in MESSAGES if code.startswith("format_")}
    missing = {"user_missing", "department_missing", "file_missing", "link_missing"}
    spoken = {"calculation", "check_failed", "not_an_integer", "not_a_number", "not_money"}
    assert set(MESSAGES) - raised - formats - missing - spoken == set()


def test_messages_are_filled() -> None:
    assert message("too_small", {"min": 3}) == Text("不得小于 3", "This must not be less than 3")
    assert message("no such code").en == "no such code"
    assert '{"amount": "12.30", "currency": "CNY"}' in message("not_money", {"got": got(5)}).en


def test_what_was_given_is_quoted_safely() -> None:
    assert got(None).en == "nothing"
    assert got([1]).zh == "列表"
    assert got("x" * 100).en == "“" + "x" * 40 + "…”"
    assert "\x00" not in got("a\x00").en
    assert did_you_mean("") == Text()
    assert "“a”" in did_you_mean("a").zh
