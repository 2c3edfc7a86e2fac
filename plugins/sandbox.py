"""What the sandboxes share: a service of its own process that keeps a ledger in a file.

They stand in for services outside, with the manners of real ones: idempotency keys, signatures,
time-outs and refusals on demand. The ledger is append-only JSON lines, read again at the start;
whoever judges what happened reads the file.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from plugins.signing import HEADER, holds

HOST = "127.0.0.1"
BEHAVIOURS = ("timeout_before", "timeout_after", "decline", "fail", "busy", "slow")
"""Close without an answer before or after booking, decline, answer 500, answer 503, wait."""

HANG_SECONDS = 15.0
_LARGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What the service answers; `status` 0 closes the connection without a word."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its method, path parts, JSON body and idempotency key."""

    method: str
    parts: tuple[str, ...]
    body: Mapping[str, Any]
    key: str


class Ledger:
    """Entries in a file, one JSON object a line, synced before anybody is told."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.entries = read_ledger(path)

    def append(self, **entry: Any) -> dict[str, Any]:
        """Write an entry with its number and time; gives it."""
        made = {"no": len(self.entries) + 1, "at": now_text(), **entry}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(made, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(made)
        return made

    def of_key(self, key: str) -> dict[str, Any] | None:
        """The entry booked under an idempotency key."""
        return next((one for one in self.entries if one.get("key") == key), None)


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """The entries of a ledger file; a line that a crash cut off is not one."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def now_text() -> str:
    """The time as ISO text, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Service:
    """A sandbox's manners; `answer` of a subclass says what it does."""

    name = "sandbox"

    def __init__(self, ledger: Path, secret: str) -> None:
        self.ledger, self.secret = Ledger(ledger), secret
        self.lock = threading.Lock()
        self.hang = HANG_SECONDS
        self._next: deque[str] = deque()
        self._always = ""

    def answer(self, asked: Asked) -> Reply:
        """Do what is asked; called under the lock. Subclasses say what."""
        raise NotImplementedError

    def control(self, parts: tuple[str, ...], data: Mapping[str, Any]) -> Reply:
        """What whoever plays the world outside can have it do: `POST /control/…`, unsigned."""
        return Reply(404, {"code": "unknown_address"})

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """One request, from its signature to its answer."""
        parts = tuple(part for part in path.partition("?")[0].split("/") if part)
        try:
            data = json.loads(body) if body else {}
        except ValueError:
            return Reply(400, {"code": "bad_json"})
        if not isinstance(data, dict):
            return Reply(400, {"code": "bad_json"})
        if parts == ("behaviour",) and method == "POST":
            return self._behave(data)
        if method == "POST" and parts[:1] == ("control",):
            return self.control(parts[1:], data)
        if parts == ("ledger",):
            return Reply(200, {"entries": self.ledger.entries})
        if parts == ():
            return Reply(200, {"service": self.name, "entries": len(self.ledger.entries)})
        signed = body or path.encode()
        if not holds(self.secret, headers.get(HEADER, ""), signed, time.time()):
            return Reply(401, {"code": "bad_signature"})
        asked = Asked(method, parts, data, headers.get("idempotency-key", ""))
        return self._misbehave(asked) if method == "POST" else self._answer(asked)

    def _answer(self, asked: Asked) -> Reply:
        with self.lock:
            return self.answer(asked)

    def _behave(self, data: Mapping[str, Any]) -> Reply:
        wanted = [data["do"]] * int(data.get("times", 1)) if "do" in data else []
        always = str(data.get("always", ""))
        unknown = [one for one in (*wanted, always) if one and one not in BEHAVIOURS]
        if unknown:
            return Reply(400, {"code": "unknown_behaviour", "allowed": list(BEHAVIOURS)})
        with self.lock:
            self._next.extend(wanted)
            self._always = always if "always" in data else self._always
            self.hang = float(data.get("hang", self.hang))
        return Reply(200, {"next": list(self._next), "always": self._always})

    def _misbehave(self, asked: Asked) -> Reply:
        with self.lock:
            how = self._next.popleft() if self._next else self._always
        if how == "fail":
            return Reply(500, {"code": "failed"})
        if how == "busy":
            return Reply(503, {"code": "busy"})
        if how == "decline":
            with self.lock:
                return self.decline(asked)
        if how in ("timeout_before", "slow"):
            time.sleep(self.hang)
        if how == "timeout_before":
            return Reply(0, {})
        reply = self._answer(asked)
        if how == "timeout_after":
            time.sleep(self.hang)
            return Reply(0, {})
        return reply

    def decline(self, asked: Asked) -> Reply:
        """Refuse for a reason of the service's own, and remember it for the key."""
        before = self.ledger.of_key(asked.key)
        if before is None:
            self.ledger.append(key=asked.key, kind="declined", asked=dict(asked.body))
        return self.answer(asked)


def serve(service: Service, port: int, host: str = HOST) -> ThreadingHTTPServer:
    """A server for a service; `serve_forever` runs it."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the ledger is the log."""

        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def _do(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if size > _LARGEST:
                self.send_error(413)
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = service.handle(self.command, self.path, headers, self.rfile.read(size))
            if not reply.status:
                self.close_connection = True
                return
            content = json.dumps(reply.body, ensure_ascii=False).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if reply.status == 503:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server


def main(name: str, make: Callable[[Path, str], Service], default_port: int) -> None:
    """Run a sandbox in the foreground until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog=f"python -m plugins.{name}")
    parser.add_argument("--port", type=int, default=default_port)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--ledger", type=Path, default=Path(f"var/sandbox/{name}.jsonl"))
    parser.add_argument("--secret", default=os.environ.get("SANDBOX_SECRET", "sandbox"))
    given = parser.parse_args()
    server = serve(make(given.ledger, given.secret), given.port, given.host)

    def stop(number: int, frame: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"{name} listens on http://{given.host}:{server.server_address[1]}", flush=True)  # noqa: T201
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
