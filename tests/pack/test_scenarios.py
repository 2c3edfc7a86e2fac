"""Every scenario of the pack comes out as told, also with every id renamed; the page lists them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.catalog.sources import read_packs
from app.scenarios import Report, run_pack
from tests.pack.naming import ROOT, original, renamed

PAGE = ROOT / "docs" / "scenarios.md"
CATALOGUE = ROOT.parent / "shared" / "scenarios.md"
FOLDER = ROOT / "definitions" / "packs" / "returns" / "scenarios"
VERDICTS = {"so", "setting", "–"}
_ROW = re.compile(r"^\| ([A-Z]\d\d) \| (\S+) \| (.*) \|$", re.MULTILINE)
_NAME = re.compile(r"`([a-z]\d\d_[a-z0-9_]+)`")
_TEST = re.compile(r"tests/[a-z_/]+\.py")
_CASE = re.compile(r"^def test_(\w+)", re.MULTILINE)


def played(folder: Path) -> Report:
    sources, problems = read_packs(folder, ["returns"])
    assert problems == []
    return run_pack(sources, "returns")


def failures(report: Report) -> list[str]:
    return [str(failure) for one in report.outcomes for failure in one.failures]


def test_every_scenario_comes_out_as_told_and_little_is_left_out() -> None:
    report = played(original().folder)
    assert failures(report) == []
    assert len(report.outcomes) == len(list(FOLDER.glob("*.yaml")))
    steps, rules = report.steps.values(), report.rules.values()
    assert sum(one.seen for one in steps) >= 0.85 * sum(one.total for one in steps)
    assert sum(one.seen for one in rules) >= 0.9 * sum(one.total for one in rules)


def test_every_scenario_comes_out_with_other_names(tmp_path: Path) -> None:
    assert failures(played(renamed(tmp_path / "definitions").folder)) == []


def rows() -> list[tuple[str, str, str]]:
    return _ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_the_page_names_what_there_is() -> None:
    known = {path.stem for path in FOLDER.glob("*.yaml")}
    for number, verdict, where in rows():
        assert verdict in VERDICTS, number
        named, tests = _NAME.findall(where), _TEST.findall(where)
        assert set(named) <= known, number
        assert all((ROOT / path).is_file() for path in tests), number
        if verdict != "–":
            own = f"{number.lower()}_"
            cases = [name for path in tests for name in _CASE.findall((ROOT / path).read_text())]
            assert any(name.startswith(own) for name in (*named, *cases)), (
                f"{number} names nothing that bears its number"
            )
    told = {name for _, _, where in rows() for name in _NAME.findall(where)}
    assert {name for name in known if re.match(r"[a-z]\d\d_", name)} <= told


@pytest.mark.skipif(not CATALOGUE.exists(), reason="the catalogue lies beside the project")
def test_the_page_has_every_number() -> None:
    numbers = re.findall(r"\*\*([A-Z]\d\d)\*\*", CATALOGUE.read_text(encoding="utf-8"))
    assert sorted(number for number, _, _ in rows()) == sorted(numbers)
