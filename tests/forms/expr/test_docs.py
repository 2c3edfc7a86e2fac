"""docs/expressions.md says what is so: its examples run, its tables are complete."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from forms.expr import (
    DATE,
    DECIMAL,
    FUNCTIONS,
    INTEGER,
    MONEY,
    TEXT,
    Env,
    EvalError,
    Scope,
    choice,
    compile_expr,
    lines,
)
from forms.expr.codes import CODES
from forms.expr.types import EmptyLibrary, Type
from forms.values import Money

from .reference import Reference, Refused

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "expressions.md").read_text(encoding="utf-8")
VERDICT = choice("refuse", "auto", "review")


class Lines(EmptyLibrary):
    def fields_of(self, target: str) -> dict[str, Type]:
        return {"q": DECIMAL, "refund": MONEY, "verdict": VERDICT}


SCOPE = Scope(
    {
        "n": INTEGER,
        "d": DECIMAL,
        "paid": MONEY,
        "usd": MONEY,
        "nothing": DECIMAL,
        "note": TEXT,
        "sku": TEXT,
        "on": DATE,
        "verdict": VERDICT,
        "lines": lines("doc.lines"),
    },
    library=Lines(),
)


def cny(amount: str) -> Money:
    return Money(Decimal(amount), "CNY")


ROW = {
    "n": 7,
    "d": Decimal("2.5"),
    "paid": cny("100.50"),
    "usd": Money(Decimal(1), "USD"),
    "nothing": None,
    "note": None,
    "sku": "A-1",
    "on": date(2024, 2, 29),
    "verdict": "auto",
    "lines": [
        {"id": 1, "q": Decimal(2), "refund": cny("30"), "verdict": "auto"},
        {"id": 2, "q": Decimal(1), "refund": cny("20.50"), "verdict": "refuse"},
        {"id": 3, "q": None, "refund": cny("0.01"), "verdict": None},
    ],
}
ENV = Env(datetime(2026, 3, 18, 10, tzinfo=UTC), currency="CNY")
EXAMPLES = re.findall(r"^(\S.*?) +=> (.+)$", PAGE, re.MULTILINE)


def read(said: str) -> object:
    """The result as the page writes it."""
    known = {"null": None, "true": True, "false": False}
    if said in known:
        return known[said]
    if said.startswith("'"):
        return said.strip("'")
    if said.startswith("date "):
        return date.fromisoformat(said.removeprefix("date "))
    if said.endswith(" CNY"):
        return cny(said.removesuffix(" CNY"))
    return Decimal(said)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 60


@pytest.mark.parametrize(("source", "said"), EXAMPLES)
def test_example(source: str, said: str) -> None:
    expr = compile_expr(source, SCOPE)
    if said.startswith("error "):
        with pytest.raises(EvalError) as caught:
            expr.evaluate(ROW, ENV)
        assert caught.value.code == said.removeprefix("error ")
        with pytest.raises(Refused):
            Reference(source, SCOPE).evaluate(ROW, ENV)
    else:
        assert expr.evaluate(ROW, ENV) == read(said)


def test_the_function_table_is_the_registry() -> None:
    table = PAGE.split("## Functions")[1].split("## ")[0]
    rows = re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    documented = {tuple(re.findall(r"`([^`]+)`", calls)): (en, zh) for calls, en, zh in rows}
    assert documented == {
        function.forms: (function.summary.en, function.summary.zh)
        for function in FUNCTIONS.values()
    }


def test_every_code_is_documented_and_used() -> None:
    documented = dict(re.findall(r"^\| `(expr_\w+)` \| (.+?) \|$", PAGE, re.MULTILINE))
    assert documented == dict(CODES)
    folder = ROOT / "forms" / "expr"
    used = {
        code
        for path in folder.glob("*.py")
        if path.name != "codes.py"
        for code in re.findall(r'"(expr_\w+)"', path.read_text(encoding="utf-8"))
    }
    assert used == set(CODES)
