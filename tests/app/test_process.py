"""Background processes let the web go first; what stays is not collected again and again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.process import STEP

ROOT = Path(__file__).resolve().parents[2]
NICE = "import os; from app.process import step_aside; step_aside(); print(os.nice(0))"
SETTLED = """
import gc, weakref
from app.process import replaced, settle, tune_process

class Loaded:
    def __init__(self):
        self.itself = self  # as definitions refer to each other

def collected_after(work):
    loaded = Loaded()
    settle()
    gone = weakref.ref(loaded)
    del loaded
    work()
    gc.collect()
    return gone() is None

print(collected_after(lambda: None))
tune_process()
print(collected_after(lambda: None), gc.get_freeze_count() > 0)
print(collected_after(lambda: (replaced(), settle())))
"""


def told(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "nice"), reason="this system has no priorities")
def test_a_process_that_steps_aside_is_nicer_by_the_step() -> None:
    assert [int(one) for one in told(NICE)] == [min(19, os.nice(0) + STEP)]


def test_a_server_keeps_what_settled_from_the_collector_until_something_is_replaced() -> None:
    """Elsewhere nothing is kept from it."""
    assert told(SETTLED) == ["True", "False", "True", "True"]
