"""Every section of the bench runs and prints its figures; what they are is not judged here."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bench.__main__ import SECTIONS
from bench.measure import Timed, in_turn, percentile

ROOT = Path(__file__).parents[2]


def test_a_quick_run_prints_every_section() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for section in SECTIONS:
        title = import_module(f"bench.sections.{section}").SECTION
        assert title in done.stdout
    assert "nothing judged" in done.stdout


def test_ratios_are_taken_round_by_round() -> None:
    timed = Timed({"a": [1.0, 2.0, 9.0], "b": [2.0, 4.0, 3.0]}, {"a": [1.0], "b": [4.0]})
    assert timed.ratio("a", "b") == 0.5
    assert timed.cpu_ratio("a", "b") == 0.25
    assert timed.seconds("a") == 2.0


def test_contestants_take_turns() -> None:
    order: list[str] = []
    in_turn(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")},
        calls=1,
        rounds=2,
        warm_up=1,
    )
    assert order == ["a", "b"] * 3


@pytest.mark.parametrize(("share", "expected"), [(0.5, 3), (0.99, 5), (0.0, 1)])
def test_percentile(share: float, expected: int) -> None:
    assert percentile([5, 1, 4, 2, 3], share) == expected
