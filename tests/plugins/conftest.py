"""Plugins as the worker loads them, and the sandboxes they talk to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pluggy
import pytest

from app.hooks import load_plugins
from tests.support.sandboxes import Sandbox, allow, running


@pytest.fixture
def plugins() -> Iterator[pluggy.PluginManager]:
    yield load_plugins([], allow())
    load_plugins([])


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running("payment_sandbox", tmp_path_factory.mktemp("bank") / "ledger.jsonl") as box:
        yield box


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running("carrier_sandbox", tmp_path_factory.mktemp("carrier") / "ledger.jsonl") as box:
        yield box


class Receiver(ThreadingHTTPServer):
    """Keeps what it gets, answers what it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/in"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.end_headers()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()
