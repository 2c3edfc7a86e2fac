"""The desk's new-form page and list page (50 of 100,000, filtered and sorted) against twins."""

from __future__ import annotations

import re
from contextlib import ExitStack

from app.access.signin import sign_in
from bench.client import get
from bench.fill import fill_claims, fill_items, fill_parties
from bench.lab import PASSWORD, Lab
from bench.measure import take_turns
from bench.report import Result, at_least, result
from bench.sections.http import round_of
from bench.server import Server, serve, serve_product

SECTION = "4 Pages of the desk, one client"
TENANT = "pages"
LIST = "forms/claim/?f.channel=desk&sort=-received_at"
PAGES = {"new-form page": "forms/claim/new", "list page, 50 of 100,000": LIST}
OURS, TWIN = "desk", "hand-written page"
_TAGS = re.compile(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", re.S)
_INPUTS = re.compile(r"<(?:input|select|textarea|button|option|th|td|a)\b")


def run(lab: Lab) -> list[Result]:
    """Both serve the same tenant's rows in turn, on each database."""
    return [row for backend in lab.backends for row in _measure(lab, backend)]


def _measure(lab: Lab, backend: str) -> list[Result]:
    db = lab.stock(backend, TENANT).tenant.db
    fill_parties(db, 500)
    fill_items(db, 10)
    fill_claims(db, lab.sizes.of(100_000, 500), parties=500, items=10, minutes=5)
    cookie = sign_in(db, "clerk", PASSWORD, ip="127.0.0.1").cookie
    headers = f"Cookie: rf_session={cookie}\r\nAccept: text/html\r\nAccept-Language: en\r\n"
    found: list[Result] = []
    with ExitStack() as stack:
        ours = stack.enter_context(serve_product(lab, backend, [TENANT]))
        place = lab.url(backend)
        if backend == "sqlite":
            place = str(lab.data(backend) / "tenants" / f"{TENANT}.sqlite3")
        environment = {"BENCH_DATABASE": place, "BENCH_TENANT": TENANT}
        log = lab.folder / f"pages-{backend}.log"
        twin = stack.enter_context(
            serve("bench.twins.pages:app", environment, log, path="/healthz")
        )
        for what, path in PAGES.items():
            requests = {
                OURS: (ours, get(f"/t/{TENANT}/{path}", headers)),
                TWIN: (twin, get(f"/{path}", headers)),
            }
            _same(what, requests)
            turns = {
                name: round_of(server, lambda asked=asked: asked, 200, lab.sizes.of(20, 3), 1)  # type: ignore[misc]
                for name, (server, asked) in requests.items()
            }
            timed = take_turns(turns, rounds=lab.sizes.of(25, 2), warm_up=lab.sizes.of(2, 1))
            rows = [
                (f"{what}: desk's rate / twin's", timed.ratio(TWIN, OURS), "", at_least(0.6)),
                ("… processor time of the servers", timed.cpu_ratio(TWIN, OURS), "", None),
                ("… desk", timed.seconds(OURS) * 1000, "ms", None),
                ("… twin", timed.seconds(TWIN) * 1000, "ms", None),
            ]
            found += [result(SECTION, backend, *row) for row in rows]
    return found


def _same(what: str, requests: dict[str, tuple[Server, bytes]]) -> None:
    """A twin that shows less proves nothing: the same words, as many inputs, links and cells.

    Raises SystemExit where they differ.
    """
    shown = {}
    for name, (server, asked) in requests.items():
        (client,) = server.clients(1)
        if client.send(asked) != 200:
            raise SystemExit(f"{what}, {name}: {client.body[:2000]!r}")
        html = client.body.decode()
        words = re.sub(r"\d\d:\d\d", "", " ".join(_TAGS.sub(" ", html).split()))
        own = html.count('name="_release"')  # what only a product with releases has to send back
        shown[name] = (words, len(_INPUTS.findall(html)) - own)
        client.close()
    if shown[OURS] != shown[TWIN]:
        told = "\n".join(f"{name}: {count} {words}" for name, (words, count) in shown.items())
        raise SystemExit(f"{what}: the twin shows something else\n{told}")
