"""Eight clients at once; and creating while an import and reports run beside."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from app.access.signin import sign_in
from bench.client import Client, burst, get
from bench.files import write_sales
from bench.fill import fill_claims, fill_items, fill_parties
from bench.lab import PASSWORD, ROOT, Lab
from bench.measure import Busy, percentile
from bench.report import Result, at_least, at_most, result
from bench.sections.http import PATH, requests_of, serve_twin
from bench.server import Server, config_file, serve_product

SECTION = "3 Eight clients create over HTTP"
TENANT = "clients"
WORKERS = {"sqlite": 1, "postgres": 4}
RATES = {"sqlite": 0.7, "postgres": 2.0}
CLIENTS = 8


def run(lab: Lab) -> list[Result]:
    """One client and eight in turn; then eight beside an import and reports."""
    return [row for backend in lab.backends for row in _measure(lab, backend)]


def _measure(lab: Lab, backend: str) -> list[Result]:
    stock = lab.stock(backend, TENANT)
    db = stock.tenant.db
    parties, skus = fill_parties(db, 500), fill_items(db, 2000)
    fill_claims(db, lab.sizes.of(50_000, 200), parties=500, items=2000, minutes=10)
    cookie = sign_in(db, "clerk", PASSWORD, ip="127.0.0.1").cookie
    make = requests_of(stock, f"/t/{TENANT}{PATH}")
    workers = WORKERS[backend]
    found: list[Result] = []
    with ExitStack() as stack:
        server = stack.enter_context(serve_product(lab, backend, [TENANT], workers))
        one, eight = server.clients(1), server.clients(CLIENTS)
        hand = lab.stock(backend, f"{TENANT}_twin")
        twin = stack.enter_context(serve_twin(lab, backend, f"{TENANT}_twin")).clients(CLIENTS)
        burst(eight, make, lab.sizes.of(100, 16), 201)
        single: list[float] = []
        many: list[float] = []
        ratios, taken, by_hand, busy = [], [], [], Busy()
        for _ in range(lab.sizes.of(9, 2)):
            single.append(burst(one, make, lab.sizes.of(80, 5), 201)[0] / lab.sizes.of(80, 5))
            count = lab.sizes.of(240, 16)
            seconds, each = busy.during(partial(burst, eight, make, count, 201))
            many.append(seconds / count)
            taken += each
            ratios.append(single[-1] / many[-1])
            by_hand += burst(twin, requests_of(hand, PATH), count, 201)[1]
        told = f"{workers} worker process{'es' if workers > 1 else ''}"
        rate = at_least(RATES[backend])
        worst = at_most(100) if backend == "sqlite" else None
        rows = [
            (f"{told}: 8 clients' rate / one client's", statistics.median(ratios), "", rate),
            ("… one client", 1 / statistics.median(single), "/s", None),
            ("… 8 clients", 1 / statistics.median(many), "/s", None),
            ("… all processors busy meanwhile", busy.share, "%", None),
            ("… half of the requests within", percentile(taken, 0.5) * 1000, "ms", None),
            ("… 99 of 100 requests within", percentile(taken, 0.99) * 1000, "ms", None),
            ("… the slowest request", max(taken) * 1000, "ms", worst),
            ("hand-written view in turn: 99 of 100 within", percentile(by_hand, 0.99) * 1000, "ms",
             None),
            ("… the slowest request", max(by_hand) * 1000, "ms", None),
        ]  # fmt: skip
        found += [result(SECTION, backend, *row) for row in rows]
        beside = stack.enter_context(_import(lab, backend, parties, skus))
        reports = stack.enter_context(_reports(server, cookie))
        count = lab.sizes.of(300, 16)
        taken, by_hand, seconds, shown, busy = [], [], 0.0, 0, Busy()
        for _ in range(lab.sizes.of(4, 1)):
            before = len(reports)
            wall, each = busy.during(partial(burst, eight, make, count, 201))
            seconds, shown = seconds + wall, shown + len(reports) - before
            taken += each
            by_hand += burst(twin, requests_of(hand, PATH), count, 201)[1]
        p99, twin_p99 = percentile(taken, 0.99) * 1000, percentile(by_hand, 0.99) * 1000
        rows = [
            ("beside an import and reports: 99 of 100 within", p99, "ms", at_most(100)),
            ("… the slowest request", max(taken) * 1000, "ms", None),
            ("… 8 clients", len(taken) / seconds, "/s", None),
            ("… reports shown meanwhile", shown / seconds, "/s", None),
            ("… all processors busy meanwhile", busy.share, "%", None),
            ("hand-written view, then, own database: 99 of 100", twin_p99, "ms", None),
        ]
        if beside.poll() is not None and not lab.sizes.quick:
            raise SystemExit(f"the import ended before the measurement: {beside.returncode}")
        found += [result(SECTION, backend, *row) for row in rows]
    return found


@contextmanager
def _import(
    lab: Lab, backend: str, parties: Sequence[str], skus: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """An import in a process of its own, as `returnflow import` is, longer than the measurement."""
    folder = lab.folder / f"clients-{backend}"
    folder.mkdir()
    write_sales(folder, lab.sizes.of(20_000, 20), 23, parties, skus)
    code = (
        "import sys; from pathlib import Path; from app.access.actor import SYSTEM;"
        "from app.config import load_config; from app.importers.run import Job, run_import;"
        "from app.process import step_aside; step_aside();"
        "from app.records.tenant import Tenants; from app.process import tune_process;"
        "tune_process(); tenant = Tenants.of(load_config(Path(sys.argv[1]))).get(sys.argv[2]);"
        "folder = Path(sys.argv[3]);"
        "run_import(Job(tenant, SYSTEM, tenant.active().catalog.imports['sales'], {}, folder,"
        " folder / 'rejected.csv'))"
    )
    config = config_file(lab, backend, [TENANT])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(config), TENANT, str(folder)], cwd=ROOT
    )
    _wait_for_rows(lab, backend, process)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for_rows(lab: Lab, backend: str, process: subprocess.Popen[bytes]) -> None:
    """Until the import has read its files and writes."""
    db = lab.tenants(backend).get(TENANT).db
    while db.query("SELECT count(*) FROM f_sale")[0][0] < 5 and process.poll() is None:
        time.sleep(0.1)


@contextmanager
def _reports(server: Server, cookie: str) -> Iterator[list[int]]:
    """Somebody who opens one report after the other; gives the answers' statuses."""
    shown: list[int] = []
    stopped = threading.Event()
    headers = f"Cookie: rf_session={cookie}\r\nAccept: text/html\r\n"
    asked = [
        get(f"/t/{TENANT}/reports/{name}", headers)
        for name in ("claims_per_channel", "claims_per_month", "claimed_items")
    ]
    client = Client(server.port)

    def work() -> None:
        while not stopped.is_set():
            status = client.send(asked[len(shown) % len(asked)])
            if status != 200:
                raise SystemExit(f"a report failed: {status} {client.body[:500]!r}")
            shown.append(status)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield shown
    finally:
        stopped.set()
        thread.join()
        client.close()
