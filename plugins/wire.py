"""HTTP for connectors: to checked addresses only, in bounded time, with answers of bounded size.

The name is resolved here and the connection goes to an address that was judged, so a name that
leads elsewhere a moment later changes nothing. Each redirect is a new hop, judged anew.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from app.hooks import TryAgain, Unknown
from plugins.addresses import Allowed, Blocked, checked

TIMEOUT = 10.0
"""Seconds for everything: connecting, sending, the whole answer, all hops."""

LARGEST = 1024 * 1024
"""Bytes of an answer that are read."""

HOPS = 3
_KEEP_METHOD = frozenset({307, 308})
_REDIRECTS = frozenset({301, 302, 303}) | _KEEP_METHOD


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `headers` have lower-case names; `body` ends at `LARGEST` bytes."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Unknown where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unknown(
                f"the answer ({self.status}) is no JSON object",
                zh=f"应答（{self.status}）不是 JSON 对象",
            )
        return found

    @property
    def retry_after(self) -> float | None:
        """Seconds the service asks us to wait."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def send(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    allowed: Allowed | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Send a request and give the answer, whatever its status.

    Raises Blocked where an address may not be reached, TryAgain where nothing was sent, Unknown
    where it was sent and no whole answer came.
    """
    allowed, sent = allowed or Allowed(), dict(headers or {})
    clock = _Deadline(timeout)
    try:
        for _ in range(HOPS + 1):
            parts = _parts(url)
            reply = _hop(method, parts, body, sent, allowed, clock)
            if reply.status not in _REDIRECTS or "location" not in reply.headers:
                return reply
            onward = urljoin(url, reply.headers["location"])
            if parts.scheme == "https" and urlsplit(onward).scheme != "https":
                raise Blocked(f"{_shown(url)} redirects from https to {_shown(onward)}")
            if urlsplit(onward)[:2] != parts[:2]:
                sent.pop("authorization", None)
            if reply.status not in _KEEP_METHOD:
                method, body = "GET", b""
            url = onward
    finally:
        clock.stop()
    raise Blocked(f"more than {HOPS} redirects")


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Blocked(f"{_shown(url)!r} is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Blocked(f"{_shown(url)!r}: http:// or https:// with a host is expected")
    if "@" in parts.netloc:
        raise Blocked("an address with a name and password in it is not taken")
    if any(ord(char) <= 32 or ord(char) >= 127 for char in url):
        raise Blocked("an address has no spaces and no letters beyond ASCII")
    return parts


def _shown(url: str) -> str:
    """An address as it may be told: names, passwords and tokens are not."""
    scheme, slashes, rest = url.partition("?")[0].partition("//")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"[:200]


def _hop(
    method: str,
    parts: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Allowed,
    clock: _Deadline,
) -> Reply:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = checked(host, port, allowed)
    except OSError as error:
        raise TryAgain(f"{host} cannot be found: {error}", zh=f"找不到 {host}：{error}") from error
    connection = _connection(parts.scheme, host, port)
    try:
        connection.sock = _connected(parts.scheme, host, port, addresses, clock)
        clock.watch(connection.sock)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, target, body or None, dict(headers))
            answer = connection.getresponse()
            content = answer.read(LARGEST)
        except (OSError, http.client.HTTPException) as error:
            raise Unknown(
                f"{host}:{port} did not answer: {error or type(error).__name__}",
                zh=f"{host}:{port} 没有应答：{error or type(error).__name__}",
            ) from error
        if clock.over:
            raise Unknown(
                f"{host}:{port} took longer than {clock.seconds:g} s",
                zh=f"{host}:{port} 超过 {clock.seconds:g} 秒没有答完",
            )
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, content)
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int) -> http.client.HTTPConnection:
    """A connection that names the host in its header; its socket is ours."""
    made: http.client.HTTPConnection
    if scheme == "https":
        made = http.client.HTTPSConnection(host, port)
    else:
        made = http.client.HTTPConnection(host, port)
    made.auto_open = 0
    return made


def _connected(
    scheme: str, host: str, port: int, addresses: list[str], clock: _Deadline
) -> socket.socket:
    failed: OSError = OSError("no address")
    for address in addresses:
        try:
            plain = socket.create_connection((address, port), timeout=clock.left())
        except OSError as error:
            failed = error
            continue
        if scheme == "http":
            return plain
        secured = ssl.create_default_context().wrap_socket(
            plain, server_hostname=host, do_handshake_on_connect=False
        )
        clock.watch(secured)  # a greeting may drip as well as an answer
        try:
            secured.do_handshake()
        except (OSError, ValueError) as error:
            secured.close()
            failed = error if isinstance(error, OSError) else OSError(str(error))
            continue
        return secured
    raise TryAgain(
        f"{host}:{port} cannot be reached: {failed}", zh=f"无法连接 {host}:{port}：{failed}"
    ) from failed


class _Deadline:
    """Cuts the connection when time is up, however slowly its bytes drip."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, connected: socket.socket) -> None:
        """The socket to cut."""
        self._socket = connected

    def left(self) -> float:
        """A time limit for one step; TryAgain where none is left."""
        if self.over:
            raise TryAgain(
                f"not connected within {self.seconds:g} s", zh=f"{self.seconds:g} 秒内未能连接"
            )
        return self.seconds

    def stop(self) -> None:
        """No more cutting."""
        self._timer.cancel()

    def _cut(self) -> None:
        self.over = True
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
