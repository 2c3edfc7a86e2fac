"""A cheap HTTP/1.1 client: keep-alive over a bare socket; the server is what is measured."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence

MakeRequest = Callable[[], bytes]


class Client:
    """One kept connection."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.body = b""

    def send(self, request: bytes) -> int:
        """Send a request and read the whole answer; its status. The body stays in `body`."""
        self._socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head = data[:end].lower()
        at = head.find(b"content-length:")
        body = data[end + 4 :]
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            while len(body) < length:
                body += self._more()
        elif b"transfer-encoding: chunked" in head:
            while not body.endswith(b"0\r\n\r\n"):
                body += self._more()
        self.body = body
        return int(data[9:12])

    def _more(self) -> bytes:
        part = self._socket.recv(262_144)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def get(path: str, headers: str = "") -> bytes:
    """A GET request; `headers` are lines that end in CRLF."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """A POST of JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


def burst(
    clients: Sequence[Client], make: MakeRequest, count: int, expect: int = 200
) -> tuple[float, list[float]]:
    """`count` requests over the clients, each sending its next as soon as it has its answer.

    Gives (seconds for all, seconds of each). Raises SystemExit for another status than expected.
    """
    left = iter(range(count))
    lock, taken, wrong = threading.Lock(), [], []

    def work(client: Client) -> None:
        mine = []
        while True:
            with lock:
                if next(left, None) is None or wrong:
                    break
                request = make()
            begin = time.perf_counter()
            status = client.send(request)
            mine.append(time.perf_counter() - begin)
            if status != expect:
                wrong.append((status, client.body[:2000]))
        taken.extend(mine)

    threads = [threading.Thread(target=work, args=(client,)) for client in clients[1:]]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    work(clients[0])
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    if wrong:
        raise SystemExit(f"a request failed: {wrong[0]}")
    return seconds, taken
