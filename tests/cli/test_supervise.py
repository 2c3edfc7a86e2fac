"""Two processes under one supervisor: they live and die together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import pathlib, signal, sys, time
name = sys.argv[1]
def stop(*_):
    pathlib.Path(name + ".stopped").write_text("gracefully")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
pathlib.Path(name + ".started").write_text("")
time.sleep(float(sys.argv[2]))
"""

PARENT = """
import sys
from app.cli.supervise import supervise
child, folder, seconds = sys.argv[1:4]
sys.exit(supervise(
    {"web": [sys.executable, child, folder + "/web", "60"],
     "worker": [sys.executable, child, folder + "/worker", seconds]}, {}))
"""


def start(tmp_path: Path, worker_seconds: str) -> subprocess.Popen[str]:
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    command = [sys.executable, "-c", PARENT, str(child), str(tmp_path), worker_seconds]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not appear"
        time.sleep(0.05)


def test_one_interrupt_stops_both_gracefully(tmp_path: Path) -> None:
    process = start(tmp_path, "60")
    for name in ("web", "worker"):
        wait_for(tmp_path / f"{name}.started")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    for name in ("web", "worker"):
        assert (tmp_path / f"{name}.stopped").read_text() == "gracefully"


def test_when_one_ends_the_other_is_stopped_and_it_is_said(tmp_path: Path) -> None:
    process = start(tmp_path, "0.5")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "worker ended by itself" in errors
    assert (tmp_path / "web.stopped").read_text() == "gracefully"
