"""Background processes let the web go first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.priority import STEP

ROOT = Path(__file__).resolve().parents[2]
CODE = "import os; from app.priority import step_aside; step_aside(); print(os.nice(0))"


@pytest.mark.skipif(not hasattr(os, "nice"), reason="this system has no priorities")
def test_a_process_that_steps_aside_is_nicer_by_the_step() -> None:
    told = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(told.stdout) == min(19, os.nice(0) + STEP)
