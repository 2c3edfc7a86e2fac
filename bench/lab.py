"""The place where is measured: both databases, set up like a production one, and what they hold."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from app.access import tokens, users
from app.access.actor import SYSTEM, Actor
from app.catalog.sources import Sources, read_packs
from app.process import tune_process
from app.records import create, publish
from app.records.tenant import Tenant, Tenants
from app.storage.databases import Installation, StorageSettings
from forms.values import encode_id
from tests.support.postgres import postgres_server

ROOT = Path(__file__).parents[1]
BACKENDS = ("sqlite", "postgres")
PASSWORD = "a bench of oak and ash"
PLENTY = 1_000_000_000
"""Pieces sold on each line: no measurement runs into the aggregate's `never`."""


@dataclass(slots=True)
class Sizes:
    """How much is measured: the full run, or the quick one that only shows that all runs."""

    quick: bool

    def of(self, full: int, quick: int) -> int:
        """One number of the two."""
        return quick if self.quick else full


@dataclass(slots=True)
class Stock:
    """A tenant with the measured pack, a party, items and a sale to claim from."""

    tenant: Tenant
    actor: Actor
    token: str
    party: int
    items: list[int]
    sale_lines: list[int]
    made: int = 0

    def claim(self) -> dict[str, Any]:
        """What is submitted for one claim, as JSON gives it: 12 fields with the two formulas, and
        3 lines, each of them on a line sold."""
        self.made += 1
        lines = [
            {
                "sale_line": encode_id(line),
                "quantity": "2",
                "reason": "broken",
                "verdict": "restock" if at else "pending",
            }
            for at, line in enumerate(self.sale_lines)
        ]
        return {
            "party": encode_id(self.party),
            "received_at": "2026-03-18T08:30:00Z",
            "channel": "desk",
            "reference": f"R-{self.made}",
            "country": "Germany",
            "currency": "CNY",
            "contact": "li@example.com",
            "urgent": True,
            "due_on": "2026-04-18",
            "note": "The box was open",
            "lines": lines,
        }


@dataclass
class Lab:
    """Databases on demand, all gone with the lab."""

    sizes: Sizes
    folder: Path
    stack: ExitStack
    backends: tuple[str, ...] = BACKENDS
    _open: dict[str, Tenants] = field(default_factory=dict)

    @cached_property
    def postgres(self) -> str:
        """The address of a server that flushes each commit to the disk."""
        url, log = self.stack.enter_context(postgres_server(durable=True))
        self.postgres_log = log
        return url

    @cached_property
    def sources(self) -> Sources:
        """The measured pack."""
        sources, problems = read_packs(ROOT / "bench" / "definitions", ["bench"])
        if problems:
            raise SystemExit("\n".join(map(str, problems)))
        return sources

    def url(self, backend: str) -> str:
        """The setting `database.url`."""
        return "sqlite" if backend == "sqlite" else self.postgres

    def data(self, backend: str) -> Path:
        """The folder of an installation."""
        found = self.folder / backend
        found.mkdir(exist_ok=True)
        return found

    def tenants(self, backend: str) -> Tenants:
        """The installation on one database."""
        found = self._open.get(backend)
        if found is None:
            settings = StorageSettings(self.data(backend), self.url(backend))
            found = self._open[backend] = Tenants(Installation(settings))
            self.stack.callback(found.close)
        return found

    def tenant(self, backend: str, name: str, sources: Sources | None = None) -> Tenant:
        """A new tenant with the measured pack published."""
        tenants = self.tenants(backend)
        tenants.installation.create(name)
        tenant = tenants.get(name)
        publish(tenant, SYSTEM, sources or self.sources, note="first")
        return tenant

    def stock(self, backend: str, name: str, role: str = "clerk") -> Stock:
        """A new tenant with a clerk, a party, three items and a sale of them. `role`: the clerk's,
        who is a "mover" where records move through flows."""
        tenant = self.tenant(backend, name)
        clerk = users.create_user(tenant.db, "clerk", "Clerk", PASSWORD, roles=[role], lang="en")
        _, token = tokens.issue_token(tenant.db, clerk, "bench", "*:*")
        party = create(tenant, SYSTEM, "party", {"code": "P1", "name": "Li & Sons"}).id
        items = [
            create(tenant, SYSTEM, "item", {"sku": f"I{n}", "name": f"Item {n}"}).id
            for n in range(3)
        ]
        lines = [
            {"line_no": n + 1, "item": encode_id(item), "quantity": PLENTY, "price": "2.55"}
            for n, item in enumerate(items)
        ]
        sale = create(
            tenant,
            SYSTEM,
            "sale",
            {"sale_no": "S1", "party": encode_id(party), "lines": lines},
        ).id
        rows = tenant.db.query(
            "SELECT id FROM f_sale__lines WHERE record_id = ? ORDER BY position", (sale,)
        )
        actor = Actor(clerk, "Clerk", frozenset({role}), via="api", lang="en", login="clerk")
        return Stock(tenant, actor, token, party, items, [row[0] for row in rows])


@contextmanager
def open_lab(*, quick: bool) -> Iterator[Lab]:
    """A lab in a folder of its own, removed afterwards."""
    tune_process()
    folder = Path(tempfile.mkdtemp(prefix="rf-bench-"))
    try:
        with ExitStack() as stack:
            yield Lab(Sizes(quick), folder, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
