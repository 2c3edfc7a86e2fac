"""What is logged of a failure: where it happened, never what the variables held."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import structlog

from app.config import load_config
from app.logs import init_logs
from app.storage.control import Control
from app.storage.databases import Installation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("as_json", ["true", "false"])
def test_a_failure_is_logged_without_the_values_of_its_variables(
    as_json: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"log: {{json: {as_json}}}\n")
    init_logs(load_config(path, {}))
    typed = "".join(["xyz", "zy"])  # as a whole nowhere in this file
    try:
        raise RuntimeError(f"{len(typed)} characters")
    except RuntimeError:
        structlog.get_logger().exception("failed", tenant="acme")
    line = capsys.readouterr().err
    assert "5 characters" in line and typed not in line
    assert line.count("\n") == 1, "one line, whatever the trace"
    if as_json == "true":
        assert json.loads(line)["event"] == "failed"


def test_the_worker_logs_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("log: {json: true}\ntenants: {ghost: {}}\n")
    installation = Installation.of(load_config(path, {}))
    control = Control(installation.settings)
    control.enter("ghost")  # a tenant without a database
    control.close()
    installation.close()
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "app.jobs"],
            cwd=ROOT,
            env={**os.environ, "RETURNFLOW_CONFIG": str(path)},
            stderr=log,
        )
    deadline = time.monotonic() + 40
    while b"ghost" not in (tmp_path / "log").read_bytes():
        assert worker.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if "{" in line]
    assert told[0]["event"] == "work for a tenant failed" and told[0]["tenant"] == "ghost"
    assert "Traceback" in told[0]["exception"] and "locals" not in told[0]["exception"]
