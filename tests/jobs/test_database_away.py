"""A worker and a web server that start before their database wait for it, and say so."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.access.actor import SYSTEM
from app.config import load_config
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenants
from app.storage.control import Control
from tests.jobs.listener import HEARD, heard
from tests.records.shop import BOSS, SOURCES
from tests.support.postgres import down, postgres_server

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def _until(holds: Callable[[], bool], *processes: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert all(one.poll() is None for one in processes), "it ended by itself"
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.1)


@contextmanager
def _running(folder: Path, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A process of the product, and the file of what it says. It stops by SIGTERM."""
    said = folder / f"{command[-1]}.log"
    given = {"RETURNFLOW_CONFIG": str(folder / "config.yaml"), HEARD: str(folder / "heard")}
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, **given},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, said
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(timeout=30)
    assert ended == 0, said.read_text()


def _answer(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_started_without_a_database_they_wait_and_work_when_it_comes(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with postgres_server(durable=True) as (url, log):
        path = tmp_path / "config.yaml"
        path.write_text(
            f"data_dir: {tmp_path}/var\ndatabase: {{url: '{url}'}}\nweb: {{port: {port}}}\n"
            "plugins: [tests.jobs.listener]\ntenants: {acme: {}}\n"
        )
        tenants = Tenants.of(load_config(path, {}))
        control = Control(tenants.installation.settings)
        tenants.installation.create("acme")
        publish(tenants.get("acme"), SYSTEM, SOURCES)
        create(tenants.get("acme"), BOSS, "buyer", {"name": "Li"})
        with ExitStack() as processes:
            with down(log):
                worker, told = processes.enter_context(_running(tmp_path, "app.jobs"))
                web, _ = processes.enter_context(_running(tmp_path, "app.cli", "web"))
                _until(lambda: _pauses(told)[:3] == [1, 2, 4], worker, web)
                _until(lambda: _answer(port, "/healthz")[0] == 200, worker, web)
                assert _answer(port, "/readyz") == (503, '{"status": "not_ready", "failing": 1}')
                assert _answer(port, "/t/acme/sign-in")[0] == 503
                assert "Is the server running" in told.read_text()
                assert "Traceback" not in told.read_text()
            _until(lambda: len(heard(tmp_path / "heard")) == 1, worker, web)
            _until(lambda: _answer(port, "/readyz") == (200, '{"status": "ready"}'), worker, web)
            assert _answer(port, "/t/acme/sign-in")[0] == 200
            assert "the database is there" in told.read_text()
            with down(log):
                _until(lambda: _answer(port, "/readyz")[0] == 503, worker, web)
                _until(lambda: len(_pauses(told)) > 3, worker, web)
            create(tenants.get("acme"), BOSS, "buyer", {"name": "Wang"})
            control.hint_now("acme")
            _until(lambda: len(heard(tmp_path / "heard")) == 2, worker, web)
            _until(lambda: _answer(port, "/readyz")[0] == 200, worker, web)
        tenants.close()
        control.close()


def _pauses(said: Path) -> list[float]:
    """How long the worker waited between its looks."""
    found = re.findall(r"waiting for the database.*?seconds=([\d.]+)", said.read_text(), re.S)
    return [float(one) for one in found]
