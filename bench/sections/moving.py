"""Records that move: submitting over HTTP against twins, long lives, many tenants, many timers."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import count
from typing import Any
from urllib.parse import urlencode

from app.config import load_config
from app.jobs.connect import Outside
from app.jobs.worker import Worker
from app.records import act, create
from app.records.waiting import due_timers
from app.storage.control import Control
from bench.client import Client, MakeRequest, post
from bench.lab import Lab, Stock
from bench.measure import Timed, take_turns
from bench.report import Result, at_least, at_most, result
from bench.sections.http import round_of
from bench.server import Server, config_file, serve, serve_product

SECTION = "14 Records that move"
PATH = "/api/v1/forms/request/records"
OURS, TWIN, VIEWFLOW = "API v1", "hand-written view", "django-viewflow"
AT_ONCE = "API v1, granted at once"
SMALL, LARGE = "100", "900"
ACTS = 1000
TENANTS = 1000
TIMERS = 100_000
_keys = count()


def run(lab: Lab) -> list[Result]:
    """Submissions, whole cases, long lives, sweeps and timers."""
    found: list[Result] = []
    for backend in lab.backends:
        found += _submissions(lab, backend)
        found += _long_life(lab, backend)
        found += _timers(lab, backend)
    return found + _cases(lab) + _sweep(lab)


def _submissions(lab: Lab, backend: str) -> list[Result]:
    """Submitted and granted at once, against the same rows written by hand."""
    with ExitStack() as stack:
        ours, twin = (
            lab.stock(backend, "flow_ours", "mover"),
            lab.stock(backend, "flow_twin", "mover"),
        )
        product = stack.enter_context(serve_product(lab, backend, ["flow_ours"]))
        by_hand = stack.enter_context(_serve_twin(lab, backend, "flow_twin"))
        calls = lab.sizes.of(40, 5)
        turns = {
            OURS: round_of(product, _submit(ours, "/t/flow_ours" + PATH), 201, calls, 1),
            TWIN: round_of(by_hand, _submit(twin, PATH), 201, calls, 1),
        }
        timed = take_turns(turns, rounds=lab.sizes.of(21, 2), warm_up=lab.sizes.of(2, 1))
    told = "submit and grant: API v1's rate / hand-written view's"
    return [
        result(SECTION, backend, told, timed.ratio(TWIN, OURS), "", at_least(0.5)),
        *(_rate(backend, timed, name) for name in (OURS, TWIN)),
    ]


def _rate(backend: str, timed: Timed, name: str) -> Result:
    return result(SECTION, backend, f"… {name}", timed.rate(name), "/s")


def _values(amount: str) -> dict[str, str]:
    return {
        "party": "Li & Sons",
        "reference": f"R-{next(_keys)}",
        "channel": "desk",
        "amount": amount,
        "due_on": "2026-04-18",
        "note": "The box was open",
    }


def _submit(stock: Stock, path: str, amount: str = SMALL) -> MakeRequest:
    head = f"Authorization: Bearer {stock.token}\r\nAccept: application/json\r\n"

    def make() -> bytes:
        body = json.dumps({"values": _values(amount)}).encode()
        return post(path, body, f"{head}Idempotency-Key: f{next(_keys)}\r\n")

    return make


def _serve_twin(lab: Lab, backend: str, tenant: str) -> Any:
    place = lab.url(backend)
    if backend == "sqlite":
        place = str(lab.data(backend) / "tenants" / f"{tenant}.sqlite3")
    environment = {"BENCH_DATABASE": place, "BENCH_TENANT": tenant}
    log = lab.folder / f"flow-twin-{backend}.log"
    return serve("bench.twins.request_view:app", environment, log, path="/healthz")


def _cases(lab: Lab) -> list[Result]:
    """A form, a gate and two approvals over HTTP in django-viewflow, on SQLite, against a request
    that the policy grants and against the same case with both approvals."""
    if find_spec("viewflow") is None:
        print("django-viewflow is not installed: `make bench` installs it")
        return []
    with ExitStack() as stack:
        ours = lab.stock("sqlite", "case_ours", "mover")
        product = stack.enter_context(serve_product(lab, "sqlite", ["case_ours"]))
        place = {"BENCH_DATABASE": str(lab.folder / "viewflow.sqlite3")}
        log = lab.folder / "viewflow.log"
        target = "bench.twins.viewflow_twin.wsgi:app"
        theirs = stack.enter_context(serve(target, place, log, path="/healthz"))
        calls = lab.sizes.of(20, 3)
        turns = {
            AT_ONCE: _case_round(product, _at_once(ours), calls),
            OURS: _case_round(product, _our_case(ours), calls),
            VIEWFLOW: _case_round(theirs, _their_case(), calls),
        }
        timed = take_turns(turns, rounds=lab.sizes.of(15, 2), warm_up=1)
    told = "django-viewflow's form, gate, two approvals / API v1's"
    return [
        result(
            SECTION,
            "sqlite",
            f"{told} submit and grant",
            timed.ratio(VIEWFLOW, AT_ONCE),
            "",
            at_least(8),
        ),
        result(SECTION, "sqlite", f"{told} same case", timed.ratio(VIEWFLOW, OURS), ""),
        *(_rate("sqlite", timed, name) for name in turns),
    ]


def _case_round(
    server: Server, case: Callable[[Client], None], calls: int
) -> Callable[[], tuple[float, float]]:
    client = server.clients(1)[0]

    def one_round() -> tuple[float, float]:
        busy, begin = server.cpu(), time.perf_counter()
        for _ in range(calls):
            case(client)
        return (time.perf_counter() - begin) / calls, (server.cpu() - busy) / calls

    return one_round


def _at_once(stock: Stock) -> Callable[[Client], None]:
    """A request whose policy grants it: the form, the gate, the end, in one call."""
    submit = _submit(stock, f"/t/{stock.tenant.id}{PATH}")

    def case(client: Client) -> None:
        _expect(client.send(submit()), 201, client)

    return case


def _our_case(stock: Stock) -> Callable[[Client], None]:
    path = f"/t/{stock.tenant.id}{PATH}"
    submit = _submit(stock, path, LARGE)
    head = f"Authorization: Bearer {stock.token}\r\nAccept: application/json\r\n"

    def case(client: Client) -> None:
        _expect(client.send(submit()), 201, client)
        record = json.loads(client.body)["id"]
        for _ in range(2):
            key = f"{head}Idempotency-Key: f{next(_keys)}\r\n"
            _expect(client.send(post(f"{path}/{record}/acts/approved", b"{}", key)), 200, client)

    return case


def _their_case() -> Callable[[Client], None]:
    """Ids follow from the order: six tasks a process, the two votes the third and the fifth."""
    cases = count()

    def case(client: Client) -> None:
        number = next(cases)
        _expect(client.send(_form("/request/start/", _values(LARGE))), 302, client)
        for turn, vote in enumerate(("first", "second")):
            task = 6 * number + 3 + 2 * turn
            path = f"/request/{number + 1}/{vote}/{task}/execute/"
            _expect(client.send(_form(path, {vote: "on"})), 302, client)

    return case


def _form(path: str, values: dict[str, str]) -> bytes:
    body = urlencode(values).encode()
    head = "Content-Type: application/x-www-form-urlencoded\r\n"
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _expect(status: int, wanted: int, client: Client) -> None:
    if status != wanted:
        raise SystemExit(f"a case failed: {status} {client.body[:2000]!r}")


def _long_life(lab: Lab, backend: str) -> list[Result]:
    """One record, event after event: the thousandth costs what the first did."""
    stock = lab.stock(backend, "life", "mover")
    acts = lab.sizes.of(ACTS, 30)
    made = create(stock.tenant, stock.actor, "errand", {"subject": "Go"}).id
    other = create(stock.tenant, stock.actor, "errand", {"subject": "Go"}).id
    fresh: list[float] = []
    worn: list[float] = []
    for _ in range(acts - 60 if acts > 100 else 0):
        act(stock.tenant, stock.actor, "errand", made, "again")
    for _ in range(min(acts, 55)):  # in turn: both meet the same machine
        for rid, taken in ((other, fresh), (made, worn)):
            begin = time.perf_counter()
            act(stock.tenant, stock.actor, "errand", rid, "again")
            taken.append(time.perf_counter() - begin)
    first, last = statistics.median(fresh), statistics.median(worn)
    return [
        result(SECTION, backend, "an act, the 1,000th / the first", last / first, "", at_most(1.1)),
        result(SECTION, backend, "… the first", first * 1000, "ms"),
    ]


def _timers(lab: Lab, backend: str) -> list[Result]:
    """Find the few timers that are due among very many open ones."""
    db = lab.stock(backend, "timers", "mover").tenant.db
    timers = lab.sizes.of(TIMERS, 500)
    columns = "id, form, record_id, kind, status, token, step, visit, rule, due_at"
    with db.write() as tx:
        for start in range(0, timers, 500):
            rows = range(start, min(start + 500, timers))
            marks = ", ".join(
                ["(?, 'errand', ?, 'timer', 'open', 0, 'turn', 1, 'due', ?)"] * len(rows)
            )
            params = [value for n in rows for value in (n + 1, n + 1, n * 1000)]
            tx.queue(f"INSERT INTO rf_due ({columns}) VALUES {marks}", params)
    if backend == "postgres":
        db.execute_now("ANALYZE rf_due")
    taken = []
    for _ in range(lab.sizes.of(51, 3)):
        begin = time.perf_counter()
        due = list(due_timers(db, 50_000))
        taken.append(time.perf_counter() - begin)
    if len(due) != 51:
        raise SystemExit(f"{len(due)} timers found")
    told = f"51 due timers found among {timers:,}"
    return [result(SECTION, backend, told, statistics.median(taken) * 1000, "ms", at_most(5))]


def _sweep(lab: Lab) -> list[Result]:
    """The sweep over tenants that have nothing to do."""
    tenants = lab.tenants("sqlite")
    control = Control(tenants.installation.settings)
    number = lab.sizes.of(TENANTS, 20)
    for n in range(number):
        control.enter(f"idle{n}")
        control.visited(f"idle{n}", None, tenants.now_us())
    worker = Worker(
        tenants,
        control,
        Outside.of(load_config(config_file(lab, "sqlite", []))),
        lab.data("sqlite"),
    )
    worker.sweep_due()
    taken = []
    for _ in range(lab.sizes.of(15, 2)):
        begin = time.process_time()
        worker.sweep_due()
        taken.append(time.process_time() - begin)
    control.close()
    told = f"sweep of {number:,} tenants with nothing due, processor"
    return [result(SECTION, "sqlite", told, statistics.median(taken) * 1000, "ms", at_most(50))]
