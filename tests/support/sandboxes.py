"""Sandboxes as processes of their own, and what they do when told."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plugins.sandbox import read_ledger

ROOT = Path(__file__).parents[2]
SECRET = "sandbox key"


class Sandbox:
    """A running sandbox: its address, its ledger, and a way to tell it how to behave."""

    def __init__(self, process: subprocess.Popen[str], url: str, ledger: Path) -> None:
        self.process, self.url, self.file = process, url, ledger

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def tell(self, path: str = "behaviour", **data: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/{path}", json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def ledger(self, kind: str | None = None) -> list[dict[str, Any]]:
        return [one for one in read_ledger(self.file) if kind in (None, one["kind"])]

    def call(self, **given: Any) -> dict[str, Any]:
        """A call as the worker makes it for a connection to this sandbox."""
        call = {
            "key": "k1",
            "use": "payment.refund",
            "arguments": {"amount": {"amount": "12.30", "currency": "CNY"}},
            "connection": "box",
            "settings": {"url": self.url, "timeout": 2},
            "secrets": {"key": SECRET},
            "form": "refund",
            "record": "0000000000001",
            "attempt": 1,
            "undo_of": "",
            "events_url": "",
        }
        return {**call, **given}


@contextmanager
def running(name: str, ledger: Path, port: int = 0) -> Iterator[Sandbox]:
    """`payment_sandbox` or `carrier_sandbox`, stopped at the end."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", f"plugins.{name}", "--port", str(port)),
            *("--ledger", str(ledger), "--secret", SECRET),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[-1]
        yield Sandbox(process, url, ledger)
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


def allow(settings: Mapping[str, object] | None = None) -> dict[str, object]:
    """Settings that let connectors reach this machine."""
    return {"outgoing.allow": ("127.0.0.0/8",), **(settings or {})}
