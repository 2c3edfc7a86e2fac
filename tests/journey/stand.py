"""The product as a newcomer starts it: one command, and every process it brings along."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from email.utils import parseaddr
from pathlib import Path
from typing import Any, TypeVar

from app.access.actor import SYSTEM
from app.catalog.sources import read_tenant
from app.config import Config, load_config
from app.records import publish
from app.records.tenant import Tenant, Tenants
from app.scenarios import untold
from plugins.sandbox import read_ledger
from tests.pack.naming import Named
from tests.support.mailbox import Mailbox

ROOT = Path(__file__).resolve().parents[2]
TENANT = "demo"
PATIENCE = 60.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ground:
    """What an installation stands on. Without a mailbox letters are kept as files."""

    name: str
    database: str = "sqlite"
    queue: str = "sqlite"
    mailbox: Mailbox | None = None


@dataclass(slots=True)
class Stand:
    """A running installation with one tenant: its address, its letters, its ledgers."""

    named: Named
    folder: Path
    config: Config
    tenants: Tenants
    port: int
    ground: Ground
    process: subprocess.Popen[bytes] | None = None
    letters_read: dict[Path, EmailMessage] = field(default_factory=dict)

    def n(self, dotted: str) -> str:
        """An original id in the running definitions' names."""
        return self.named.path(dotted)

    @property
    def tenant(self) -> Tenant:
        return self.tenants.get(TENANT)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/t/{TENANT}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def ledger(self, name: str, kind: str) -> list[dict[str, Any]]:
        """Entries of one kind in the ledger a sandbox keeps for itself."""
        entries = read_ledger(self.config.data_dir / "sandbox" / f"{name}.jsonl")
        return [one for one in entries if one["kind"] == kind]

    def on_the_road(self, tracking_no: str, event: str, times: int = 1) -> None:
        """Have the carrier tell, signed, what became of a parcel."""
        found = re.search(r"carrier_sandbox listens on (\S+)", self.log)
        assert found is not None, self.log[-2000:]
        body = json.dumps({"tracking_no": tracking_no, "event": event, "times": times}).encode()
        asked = urllib.request.Request(
            f"{found[1]}/control/events", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert set(json.load(answer)["answers"]) <= {200, 202, 204}

    def letters(self) -> list[tuple[str, EmailMessage]]:
        """(recipient, letter) of everything that was sent, in order."""
        if self.ground.mailbox is not None:
            box = self.ground.mailbox
            pairs = zip(box.recipients, box.letters, strict=False)
            return [(one.lower(), letter) for names, letter in pairs for one in names]
        for path in sorted((self.config.data_dir / "mail" / TENANT).glob("*.eml")):
            if path not in self.letters_read:
                letter = BytesParser(policy=default).parsebytes(path.read_bytes())
                self.letters_read[path] = letter
        kept = self.letters_read.values()
        return [(parseaddr(str(one["To"]))[1].lower(), one) for one in kept]

    def code(self, address: str) -> str:
        """The one-time code in the last letter to an address."""

        def found() -> str:
            for name, letter in reversed(self.letters()):
                code = re.search(r"\b(\d{6})\b", str(letter["Subject"]))
                if address in name and code is not None:
                    return code[1]
            return ""

        return until("a letter with a code", found)

    def stages(self, form: str) -> list[str]:
        """The stages of all records of a form."""
        home = self.tenant.active().tables.forms[self.n(form)]
        rows = self.tenant.db.query(f"SELECT stage FROM {home.table} WHERE deleted = 0 ORDER BY id")
        return [stage for (stage,) in rows]


def until(what: str, found: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Wait for something to be so; what it gives."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, f"no {what} in {seconds:.0f} s"
        time.sleep(0.15)


@contextmanager
def standing(named: Named, folder: Path, ground: Ground, fill: Callable[[Tenant, Named], None],
             ) -> Iterator[Stand]:  # fmt: skip
    """Publish the tenant, fill it, start everything by `run`; stop it all at the end."""
    port = _free_port()
    config_path = folder / "config.yaml"
    config_path.write_text(_config(named, ground, port), encoding="utf-8")
    config = load_config(config_path, {})
    tenants = Tenants.of(config)
    tenants.installation.create(TENANT)
    sources, problems = read_tenant(named.folder, TENANT)
    assert problems == []
    publish(tenants.get(TENANT), SYSTEM, untold(sources))
    fill(tenants.get(TENANT), named)
    stand = Stand(named, folder, config, tenants, port, ground)
    log = (folder / "log").open("wb")
    command = [sys.executable, "-m", "app.cli", "--config", str(config_path), "run"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RETURNFLOW_")}
    environment.pop("PORT", None)
    stand.process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        until("answer of the web server", lambda: _ready(stand))
        yield stand
    finally:
        stand.process.send_signal(signal.SIGINT)
        code = stand.process.wait(timeout=40)
        log.close()
        tenants.close()
    assert code == 0, stand.log[-2000:]


def _config(named: Named, ground: Ground, port: int) -> str:
    lines = [
        f"definitions: {named.folder}",
        f"database: {{url: '{ground.database}'}}",
        f"queue: {{url: '{ground.queue}'}}",
        f"web: {{port: {port}}}",
        "sandbox: {run: true}",
        f"tenants: {{{TENANT}: {{}}}}",
    ]
    if ground.mailbox is not None:
        box = ground.mailbox
        lines.append(f"mail: {{host: {box.host}, port: {box.port}, tls: none}}")
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(stand: Stand) -> bool:
    assert stand.process is not None
    assert stand.process.poll() is None, stand.log[-2000:]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stand.port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
