"""Every code is described, and every described code exists."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from app.catalog.codes import CODES
from app.catalog.schemas import FOLDER
from flows.codes import CODES as FLOW_CODES
from flows.soundness import CODES as SOUNDNESS
from forms.codes import CODES as FORM_CODES
from tests.catalog.support import ROOT

# Codes made of "unknown_" and what is not known.
DYNAMIC = {
    *("form", "role", "report", "policy", "calendar", "document"),
    *("stage", "step", "input", "output", "signoff", "department"),
}


def written(path: Path) -> set[str]:
    """The literal codes of one module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            name = node.func.attr if isinstance(node.func, ast.Attribute) else name
            if name in ("Problem", "problem"):
                found.add(str(node.args[0].value))
            if name == "unknown":
                found.add(f"unknown_{node.args[0].value}")
    return found


def used() -> set[str]:
    found = {f"unknown_{what}" for what in DYNAMIC}
    for path in (ROOT / "app" / "catalog").glob("*.py"):
        found |= written(path)
    for path in FOLDER.iterdir():
        for match in re.finditer(r'"x-problem": (\{.*?\n\s*\})', path.read_text("utf-8"), re.S):
            found.add(json.loads(match[1])["code"])
    return found


def expression_codes() -> set[str]:
    found: set[str] = set()
    for path in [*(ROOT / "forms" / "expr").glob("*.py"), ROOT / "app" / "records" / "facts.py"]:
        found |= set(re.findall(r'"(expr_\w+)"', path.read_text(encoding="utf-8")))
    return found


def flow_codes() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "flows").glob("compile*.py"):
        found |= written(path)
    return found


def test_every_code_of_flows_is_described() -> None:
    assert flow_codes() - set(CODES) == set(FLOW_CODES)


def test_every_code_of_soundness_is_described() -> None:
    found: set[str] = set()
    for path in (ROOT / "flows" / "soundness").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= written(path) | set(re.findall(r'soft="(\w+)"', text))
        found |= set(re.findall(r'else "(argument_\w+)"', text))
    assert found - {"may_be_empty"} == set(SOUNDNESS) - {"may_be_empty"}


def test_every_code_of_the_catalog_is_described() -> None:
    assert used() == set(CODES)


def test_the_page_of_errors_says_of_every_code_what_it_means_and_what_to_do() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    for row in rows:
        assert len([cell for cell in row if cell.strip()]) == 3, row
    listed = {row[0].strip(" `") for row in rows}
    assert len(listed) == len(rows)
    assert listed == {*CODES, *FORM_CODES, *FLOW_CODES, *SOUNDNESS, *expression_codes()}
