"""Resident memory of the web process and of the worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from app.access.signin import sign_in
from bench.client import burst, get
from bench.lab import PASSWORD, ROOT, Lab
from bench.measure import family, resident_mib
from bench.report import Result, result
from bench.sections.http import PATH, requests_of
from bench.server import config_file, serve_product

SECTION = "10 Memory"


def run(lab: Lab) -> list[Result]:
    """After the start, after the first requests, after 1,000; the worker after its first sweep."""
    return [row for backend in lab.backends for row in _measure(lab, backend)]


def _measure(lab: Lab, backend: str) -> list[Result]:
    name = "memory"
    stock = lab.stock(backend, name)
    cookie = sign_in(stock.tenant.db, "clerk", PASSWORD, ip="127.0.0.1").cookie
    headers = f"Cookie: rf_session={cookie}\r\nAccept: text/html\r\n"
    found = []

    def told(what: str, pids: list[int]) -> None:
        mib = sum(resident_mib(pid) for pid in pids)
        found.append(result(SECTION, backend, what, mib, "MiB"))

    with serve_product(lab, backend, [name]) as server:
        clients = server.clients(8)
        told("web: supervisor and one worker process, after the start", server.pids)
        make = requests_of(stock, f"/t/{name}{PATH}")
        burst(clients, make, 10, 201)
        burst(clients, lambda: get(f"/t/{name}/forms/claim/", headers), 10)
        told("… after the first 20 requests", server.pids)
        count = lab.sizes.of(500, 10)
        burst(clients, make, count, 201)
        burst(clients, lambda: get(f"/t/{name}/forms/claim/", headers), count)
        told(f"… after {2 * count:,} more", server.pids)
    worker = subprocess.Popen(
        [sys.executable, "-m", "app.jobs"],
        env={**os.environ, "RETURNFLOW_CONFIG": str(config_file(lab, backend, [name]))},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(lab.sizes.of(8, 2))
        if worker.poll() is not None:
            raise SystemExit("the worker did not stay up")
        told("worker, after its first sweep", family(worker.pid))
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    return found
