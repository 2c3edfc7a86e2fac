"""Every broken definition under tests/definitions/bad is told at its exact line and column.

A file begins with `# expect: <code> <line>:<column>` for each finding. A single file stands in a
pack of its own on top of `_base`; a folder holds packs and tenants of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.catalog.build import build
from app.catalog.check import check
from app.catalog.schemas import FOLDERS
from app.catalog.sources import Sources
from flows.soundness import CODES as FLOW_FINDINGS
from tests.catalog.support import ROOT

BAD = ROOT / "tests" / "definitions" / "bad"
BASE = "_base"
_EXPECT = re.compile(r"^# expect: (\w+) (\d+):(\d+)$", re.MULTILINE)
_HEADING = re.compile(r"^(\w+): *([\w-]+)?", re.MULTILINE)

Findings = list[tuple[str, int, int, str]]

CASES = sorted(path for path in BAD.iterdir() if path.name != BASE)


def expected(name: str, text: str) -> Findings:
    return [(name, int(line), int(column), code) for code, line, column in _EXPECT.findall(text)]


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


def place(text: str) -> str:
    """Where a single file stands in its pack, by its first key."""
    heading = _HEADING.search(text)
    kind, named = heading.groups() if heading else ("form", "nothing")
    return f"packs/bad/{FOLDERS.get(kind, 'forms')}/{named or 'nothing'}.yaml"


def of_file(path: Path) -> tuple[Findings, Findings, list[str]]:
    text = read(path)
    base = {
        f"packs/{BASE[1:]}/{file.relative_to(BAD / BASE).as_posix()}": read(file)
        for file in (BAD / BASE).rglob("*.yaml")
    }
    heading = "pack: bad\nlabel: Broken\nrequires: [base]\n"
    where = place(text)
    result = build(Sources({**base, "packs/bad/pack.yaml": heading, where: text}))
    found = [(p.file, p.line, p.column, p.problem.code) for p in result.problems]
    return found, expected(where, text), [str(p) for p in result.problems]


def of_folder(path: Path) -> tuple[Findings, Findings, list[str]]:
    wanted: Findings = []
    for file in path.rglob("*.yaml"):
        wanted += expected(file.relative_to(path).as_posix(), read(file))
    problems = check(path)
    found = [(p.file, p.line, p.column, p.problem.code) for p in problems]
    return found, wanted, [str(p) for p in problems]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_exactly_what_is_wrong_is_told_where_it_is(path: Path) -> None:
    found, wanted, shown = of_folder(path) if path.is_dir() else of_file(path)
    assert wanted
    assert sorted(found) == sorted(wanted), "\n".join(shown)
    for line in shown:
        assert "jsonschema" not in line
        assert "Traceback" not in line


def test_the_base_has_no_problem() -> None:
    sources = Sources(
        {
            f"packs/base/{file.relative_to(BAD / BASE).as_posix()}": read(file)
            for file in (BAD / BASE).rglob("*.yaml")
        }
    )
    assert [str(p) for p in build(sources).problems] == []


def test_the_collection_is_broad() -> None:
    texts = [read(file) for file in BAD.rglob("*.yaml")]
    codes = {code for text in texts for code, _, _ in _EXPECT.findall(text)}
    assert len(CASES) >= 65
    assert len(codes) >= 48
    assert set(FLOW_FINDINGS) <= codes
