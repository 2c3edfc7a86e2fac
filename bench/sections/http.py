"""Creating the same claim over HTTP: API v1, a view written by hand, and Flask's hello."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
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
BARE = "bare rows, nothing checked"
_keys = count()


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who answers what, with which status; `times` more calls a round where they are short."""

    server: Server
    make: MakeRequest
    status: int = 201
    times: int = 1


def run(lab: Lab) -> list[Result]:
    """Let the three answer in turn, one client and eight, on each database."""
    found: list[Result] = []
    for backend in lab.backends:
        with ExitStack() as stack:
            ours, twin = lab.stock(backend, "http_ours"), lab.stock(backend, "http_twin")
            product = stack.enter_context(serve_product(lab, backend, ["http_ours"]))
            by_hand = stack.enter_context(serve_twin(lab, backend, "http_twin"))
            hello = stack.enter_context(serve("bench.twins.hello:app", {}, _log(lab, "hello")))
            contestants = {
                OURS: Contestant(product, requests_of(ours, "/t/http_ours" + PATH)),
                TWIN: Contestant(by_hand, requests_of(twin, PATH)),
                BARE: Contestant(by_hand, requests_of(twin, "/bare")),
                HELLO: Contestant(hello, lambda: get("/"), 200, 10),
            }
            for clients in (1, 8):
                timed = _measure(lab, contestants, clients)
                found += _rows(backend, timed, clients)
    return found


def _measure(lab: Lab, contestants: dict[str, Contestant], clients: int) -> Timed:
    calls = lab.sizes.of(40, 8)
    turns = {
        name: round_of(one.server, one.make, one.status, calls * one.times, clients)
        for name, one in contestants.items()
    }
    return take_turns(turns, rounds=lab.sizes.of(25, 2), warm_up=lab.sizes.of(2, 1))


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
    ours = at_least(0.5)
    twin = at_least(0.3) if clients == 1 else None
    rows = [
        (f"{told}: API v1's rate / hand-written view's", timed.ratio(TWIN, OURS), "", ours),
        ("… processor time of the servers", timed.cpu_ratio(TWIN, OURS), "", None),
        (f"{told}: hand-written view's rate / hello's", timed.ratio(HELLO, TWIN), "", None),
        ("… processor time of the servers", timed.cpu_ratio(HELLO, TWIN), "", twin),
        (f"{told}: hand-written view's rate / bare rows'", timed.ratio(BARE, TWIN), "", None),
        ("… processor time of the servers", timed.cpu_ratio(BARE, TWIN), "", None),
    ]
    for name in timed.wall:
        rows.append((f"{told}: {name}", timed.rate(name), "/s", None))
        rows.append(("… processor", timed.cpu_seconds(name) * 1000, "ms", None))
    return [result(SECTION, backend, *row) for row in rows]


def requests_of(stock: Stock, path: str) -> MakeRequest:
    """Requests that create a claim, each with a key of its own."""
    authorization = f"Authorization: Bearer {stock.token}\r\nAccept: application/json\r\n"

    def make() -> bytes:
        body = json.dumps({"values": stock.claim()}).encode()
        return post(path, body, f"{authorization}Idempotency-Key: h{next(_keys)}\r\n")

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
