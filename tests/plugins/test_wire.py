"""HTTP to checked addresses: redirects, names that change their mind, slow and endless answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.hooks import TryAgain, Unknown
from plugins import wire
from plugins.addresses import Allowed, Blocked


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        self.server.seen.append((self.path, dict(self.headers), self._body()))  # type: ignore[attr-defined]
        kind = self.path.strip("/")
        if kind.startswith("to="):
            self.send_response(307)
            self.send_header("Location", self.server.target)  # type: ignore[attr-defined]
            self.end_headers()
        elif kind == "drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b".")
                self.wfile.flush()
                time.sleep(0.05)
        elif kind == "endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b"x" * 65536)
        elif kind == "silent":
            self.close_connection = True
        else:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    do_GET = do_POST

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.target = ""

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what these tests are about."""


@pytest.fixture
def server() -> Iterator[_Server]:
    made = _Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def _address(server: _Server, path: str = "/", host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.server_address[1]}{path}"


def _here(server: _Server) -> Allowed:
    return Allowed.of([f"127.0.0.1:{server.server_address[1]}"])


def test_an_allowed_address_is_reached_with_body_and_headers(server: _Server) -> None:
    reply = wire.send(
        "POST", _address(server, "/a?b=1"), body=b"hi", headers={"X-A": "b"}, allowed=_here(server)
    )
    assert (reply.status, reply.json()) == (200, {})
    ((path, headers, body),) = server.seen
    assert (path, headers["X-A"], body) == ("/a?b=1", "b", b"hi")
    assert headers["Host"] == f"127.0.0.1:{server.server_address[1]}"


def test_an_address_inside_is_refused_before_anything_is_sent(server: _Server) -> None:
    with pytest.raises(Blocked, match="not a public address"):
        wire.send("POST", _address(server), body=b"hi")
    assert server.seen == []


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "gopher://x/", "http://", "http://user:pass@example.com/"),
        *("http://example.com:0/", "http://example.com:99999/", "http://exa mple.com/", "//x/"),
        "http://example.com/\r\nX: y",
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(Blocked):
        wire.send("GET", url)


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:1/", "http://[::1]:1/", "http://169.254.169.254/latest", "file:///x"],
)
def test_a_redirect_is_judged_like_a_first_hop(server: _Server, target: str) -> None:
    server.target = target
    with pytest.raises(Blocked):
        wire.send("POST", _address(server, "/to="), allowed=_here(server))
    assert len(server.seen) == 1


def test_a_redirect_to_where_one_may_go_is_followed_with_the_body(server: _Server) -> None:
    server.target = "/elsewhere"
    reply = wire.send("POST", _address(server, "/to="), body=b"hi", allowed=_here(server))
    assert reply.status == 200
    assert [(path, body) for path, _, body in server.seen] == [
        ("/to=", b"hi"),
        ("/elsewhere", b"hi"),
    ]


def test_redirects_come_to_an_end(server: _Server) -> None:
    server.target = "/to="
    with pytest.raises(Blocked, match="redirects"):
        wire.send("POST", _address(server, "/to="), allowed=_here(server))
    assert len(server.seen) == wire.HOPS + 1


def test_a_name_that_changes_its_mind_gains_nothing(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer for the name is public, every later one leads inside (DNS rebinding)."""
    asked: list[str] = []
    reached: list[tuple[str, int]] = []

    def resolve(host: str, port: int, **options: object) -> list[object]:
        asked.append(host)
        text = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        reached.append(address)
        raise ConnectionRefusedError("no network here")

    monkeypatch.setattr("plugins.addresses.socket.getaddrinfo", resolve)
    monkeypatch.setattr("plugins.wire.socket.create_connection", connect)
    port = server.server_address[1]
    with pytest.raises(TryAgain):
        wire.send("POST", f"http://rebind.example:{port}/")
    assert (asked, reached) == (["rebind.example"], [("93.184.216.34", port)])
    with pytest.raises(Blocked):
        wire.send("POST", f"http://rebind.example:{port}/")
    assert len(reached) == 1


def test_a_name_that_leads_outside_and_inside_is_a_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, **options: object) -> list[object]:
        texts = ("93.184.216.34", "10.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in texts]

    monkeypatch.setattr("plugins.addresses.socket.getaddrinfo", resolve)
    with pytest.raises(Blocked, match=r"10\.0\.0\.1"):
        wire.send("POST", "http://both.example/")


def test_nothing_sent_and_nothing_known_are_told_apart(server: _Server) -> None:
    with pytest.raises(TryAgain):
        wire.send("POST", "http://127.0.0.1:1/", allowed=Allowed.of(["127.0.0.1:1"]))
    with pytest.raises(Unknown):
        wire.send("POST", _address(server, "/silent"), allowed=_here(server))


def test_a_dripping_answer_is_cut_when_time_is_up(server: _Server) -> None:
    started = time.monotonic()
    with pytest.raises(Unknown):
        wire.send("POST", _address(server, "/drip"), allowed=_here(server), timeout=0.4)
    assert time.monotonic() - started < 2


def test_an_endless_answer_is_read_to_the_limit_only(server: _Server) -> None:
    reply = wire.send("POST", _address(server, "/endless"), allowed=_here(server))
    assert len(reply.body) == wire.LARGEST


def test_a_greeting_that_drips_is_cut_when_time_is_up() -> None:
    """The handshake of https has as many bytes as the other end likes."""
    door = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        caller, _ = door.accept()
        with caller:
            caller.sendall(b"\x16\x03\x03\x3f\xff")  # a record of 16 KiB begins
            while not over.wait(0.1):
                try:
                    caller.sendall(b".")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    address = f"https://127.0.0.1:{door.getsockname()[1]}/"
    began = time.monotonic()
    try:
        with pytest.raises(TryAgain):
            wire.send("POST", address, allowed=Allowed.of(["127.0.0.0/8"]), timeout=0.5)
        assert time.monotonic() - began < 3
    finally:
        over.set()
        thread.join()
        door.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ftp://li:pass-word@host/in", "ftp://host/in"),
        ("http://li:pass-word@host/in", ""),
        ("http://li:pass-word@host:port/in", ""),
        ("https://host:0/in?token=pass-word", "https://host"),
    ],
)
def test_what_is_said_of_an_address_holds_no_password(url: str, shown: str) -> None:
    with pytest.raises(Blocked) as caught:
        wire.send("POST", url)
    assert "pass-word" not in str(caught.value) and shown in str(caught.value)


def test_what_is_said_of_a_redirect_holds_no_token(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.target = _address(server) + "?token=pass-word"
    hop = wire._hop

    def as_if_secure(method: str, parts: Any, *rest: Any) -> wire.Reply:
        return hop(method, parts._replace(scheme="http"), *rest)

    monkeypatch.setattr(wire, "_hop", as_if_secure)
    url = _address(server, "/to=?key=pass-word").replace("http:", "https:")
    with pytest.raises(Blocked, match="redirects from https") as caught:
        wire.send("POST", url, allowed=_here(server))
    assert "pass-word" not in str(caught.value)
