"""Servers in processes of their own, all served the same way: granian, as in production."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.client import Client, get
from bench.lab import ROOT, Lab
from bench.measure import family, processor_seconds

THREADS = 8


@dataclass(slots=True)
class Server:
    """A running web server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def pids(self) -> list[int]:
        """The server and its workers."""
        return family(self.process.pid)

    def cpu(self) -> float:
        """Processor seconds used so far."""
        return processor_seconds(self.pids)

    def clients(self, count: int) -> list[Client]:
        """Kept connections to it."""
        return [Client(self.port) for _ in range(count)]


@contextmanager
def serve(
    target: str, environment: Mapping[str, str], log: Path, workers: int = 1, path: str = "/"
) -> Iterator[Server]:
    """Serve a WSGI app ("module:app") until the block ends; ready when `path` answers."""
    port = free_port()
    command = [sys.executable, "-m", "granian", target, "--interface", "wsgi", "--no-ws"]
    command += ["--workers", str(workers), "--blocking-threads", str(THREADS)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(port, process, log, path)
        yield Server(port, process)
    finally:
        started = family(process.pid)
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            for pid in started:  # its workers would outlive it
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


@contextmanager
def serve_product(lab: Lab, backend: str, tenants: list[str], workers: int = 1) -> Iterator[Server]:
    """The product itself on the lab's database, serving these tenants."""
    file = config_file(lab, backend, tenants)
    log = lab.folder / f"web-{backend}.log"
    environment = {"RETURNFLOW_CONFIG": str(file)}
    with serve("app.web.wsgi:app", environment, log, workers, "/healthz") as server:
        yield server


def config_file(lab: Lab, backend: str, tenants: list[str]) -> Path:
    """The installation's configuration: defaults, but no limit on calls."""
    file = lab.folder / f"config-{backend}.yaml"
    settings = {
        "data_dir": str(lab.data(backend)),
        "definitions": str(ROOT / "bench" / "definitions"),
        "database": {"url": lab.url(backend)},
        "api": {"calls": 100_000_000},
        "tenants": {name: {} for name in tenants},
    }
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return file


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes], log: Path, path: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            client = Client(port)
            status = client.send(get(path))
            client.close()
            if status == 200:
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the server did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)
