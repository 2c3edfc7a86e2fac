"""Background processes let the web go first; what stays is not collected again and again."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import process
from app.process import STEP

ROOT = Path(__file__).resolve().parents[2]
CODE = "import os; from app.process import step_aside; step_aside(); print(os.nice(0))"


@pytest.mark.skipif(not hasattr(os, "nice"), reason="this system has no priorities")
def test_a_process_that_steps_aside_is_nicer_by_the_step() -> None:
    told = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(told.stdout) == min(19, os.nice(0) + STEP)


class Loaded:
    """Something long-lived that refers to itself, as definitions do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that serves; afterwards the collector sees everything again."""
    monkeypatch.setattr(process._heap, "serving", True)
    monkeypatch.setattr(process._heap, "stale", False)
    yield
    gc.unfreeze()


def test_what_settled_is_kept_from_the_collector_until_something_is_replaced(serving: None):
    loaded = Loaded()
    process.settle()
    assert gc.get_freeze_count() > 0
    gone = weakref.ref(loaded)
    del loaded
    gc.collect()
    assert gone() is not None
    process.replaced()
    process.settle()
    assert gone() is None
