"""Creating the same claim over HTTP: API v1, a view written by hand, and Flask's hello."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path

from bench.client import MakeRequest, burst, get, post
from bench.lab import Lab, Stock
from bench.measure import Timed, take_turns
from bench.report import Result, at_least, result
from bench.server import Server, serve, serve_product

SECTION = "2 HTTP: create, each served by granian, 1 worker, 8 threads"
PATH = "/api/v1/forms/claim/records"
OURS, TWIN, HELLO = "API v1", "hand-written view", "Flask hello"
_keys = count()


def run(lab: Lab) -> list[Result]:
    """Let the three answer in turn, one client and eight, on each database."""
    found: list[Result] = []
    for backend in lab.backends:
        with ExitStack() as stack:
            ours, twin = lab.stock(backend, "http_ours"), lab.stock(backend, "http_twin")
            servers = {
                OURS: stack.enter_context(serve_product(lab, backend, ["http_ours"])),
                TWIN: stack.enter_context(serve_twin(lab, backend, "http_twin")),
                HELLO: stack.enter_context(serve("bench.twins.hello:app", {}, _log(lab, "hello"))),
            }
            requests = {
                OURS: (requests_of(ours, "/t/http_ours"), 201),
                TWIN: (requests_of(twin), 201),
                HELLO: (lambda: get("/"), 200),
            }
            for clients in (1, 8):
                timed = _measure(lab, servers, requests, clients)
                found += _rows(backend, timed, clients)
    return found


def _measure(
    lab: Lab,
    servers: dict[str, Server],
    requests: dict[str, tuple[MakeRequest, int]],
    clients: int,
) -> Timed:
    calls = lab.sizes.of(150, 8)
    turns: dict[str, Callable[[], tuple[float, float]]] = {}
    for name, server in servers.items():
        make, status = requests[name]
        turns[name] = round_of(server, make, status, calls, clients)
    return take_turns(
        turns,
        rounds=lab.sizes.of(11, 2),
        warm_up=lab.sizes.of(2, 1),
    )


def round_of(
    server: Server, make: MakeRequest, status: int, calls: int, clients: int
) -> Callable[[], tuple[float, float]]:
    """A round of calls: (wall, the server's processor) seconds each."""
    connections = server.clients(clients)

    def one_round() -> tuple[float, float]:
        busy = server.cpu()
        seconds, _ = burst(connections, make, calls, status)
        return seconds / calls, (server.cpu() - busy) / calls

    return one_round


def _rows(backend: str, timed: Timed, clients: int) -> list[Result]:
    told = f"{clients} client{'s' if clients > 1 else ''}"
    ours, twin = at_least(0.5), at_least(0.3)
    rows = [
        (f"{told}: API v1's rate / hand-written view's", timed.ratio(TWIN, OURS), "", ours),
        ("… processor time of the servers", timed.cpu_ratio(TWIN, OURS), "", None),
        (f"{told}: hand-written view's rate / hello's", timed.ratio(HELLO, TWIN), "", None),
        ("… processor time of the servers", timed.cpu_ratio(HELLO, TWIN), "", twin),
    ]
    rows += [(f"{told}: {name}", timed.rate(name), "/s", None) for name in (OURS, TWIN, HELLO)]
    rows += [
        (f"{told}: {name}, processor", timed.cpu_seconds(name) * 1000, "ms", None)
        for name in (OURS, TWIN, HELLO)
    ]
    return [result(SECTION, backend, *row) for row in rows]


def requests_of(stock: Stock, prefix: str = "") -> MakeRequest:
    """Requests that create a claim, each with a key of its own."""
    authorization = f"Authorization: Bearer {stock.token}\r\nAccept: application/json\r\n"

    def make() -> bytes:
        body = json.dumps({"values": stock.claim()}).encode()
        return post(prefix + PATH, body, f"{authorization}Idempotency-Key: h{next(_keys)}\r\n")

    return make


def serve_twin(lab: Lab, backend: str, tenant: str) -> AbstractContextManager[Server]:
    """The hand-written view on a tenant's database."""
    place = lab.url(backend)
    if backend == "sqlite":
        place = str(lab.data(backend) / "tenants" / f"{tenant}.sqlite3")
    environment = {"BENCH_DATABASE": place, "BENCH_TENANT": tenant}
    target = "bench.twins.flask_view:app"
    return serve(target, environment, _log(lab, f"twin-{backend}"), path="/healthz")


def _log(lab: Lab, name: str) -> Path:
    return lab.folder / f"{name}.log"
