"""What each operation says on the wire: BEGIN and COMMIT, reads and writes alike.

SQLite tells through its trace callback, PostgreSQL through its own statement log.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

from app.access.actor import SYSTEM
from app.importers.run import Job, run_import
from app.records import attach, create, list_, read, update
from app.storage.conditions import Filter
from bench.files import write_sales
from bench.lab import Lab, Stock
from bench.report import Result, at_most, result
from tests.support.statements import POSTGRES_LOG, count_statements

SECTION = "6 Statements on the wire"
CREATE = 14


def run(lab: Lab) -> list[Result]:
    """Count on each database."""
    return [row for backend in lab.backends for row in _count(lab, backend)]


def _count(lab: Lab, backend: str) -> list[Result]:
    stock = lab.stock(backend, "statements")
    if backend == "postgres":
        os.environ[POSTGRES_LOG] = str(lab.postgres_log)
    tenant, actor = stock.tenant, stock.actor
    create(tenant, actor, "claim", stock.claim(), key="warm")
    made = create(tenant, actor, "claim", stock.claim(), key="first")
    job = _import(lab, stock, backend)
    operations: dict[str, Callable[[], object]] = {
        "create, with key, 3 links to check, 5 aggregate keys": lambda: create(
            tenant, actor, "claim", stock.claim(), key="second"
        ),
        "update of one field": lambda: update(
            tenant, actor, "claim", made.id, {"note": "opened"}, version=1, key="third"
        ),
        "read with lines": lambda: read(tenant, actor, "claim", made.id),
        "list: filter, sort, 50": lambda: list_(
            tenant,
            actor,
            "claim",
            filters=[Filter("channel", "eq", "desk")],
            sort=[("total", True)],
        ),
        "attach a file": lambda: attach(tenant, actor, "party", "slip", _file(), "slip.txt"),
        f"import of {ORDERS} orders, each": job,
    }
    found = []
    for name, work in operations.items():
        with count_statements(tenant.db) as seen:
            work()
        count = len(seen) / (ORDERS if name.startswith("import") else 1)
        target = at_most(CREATE) if name.startswith("create") else None
        found.append(result(SECTION, backend, name, count, "", target))
    return found


ORDERS = 20


def _import(lab: Lab, stock: Stock, backend: str) -> Callable[[], object]:
    folder = lab.folder / f"statements-{backend}"
    folder.mkdir()
    write_sales(folder, ORDERS, 3, ["P1"], ["I0", "I1", "I2"])
    definition = stock.tenant.active().catalog.imports["sales"]
    rejects = folder / "rejected.csv"
    return lambda: _all_taken(
        run_import(Job(stock.tenant, SYSTEM, definition, {}, folder, rejects)), rejects
    )


def _all_taken(progress: object, rejects: Path) -> None:
    if getattr(progress, "accepted", 0) != ORDERS:
        raise SystemExit(f"the import refused rows: {rejects.read_text()[:2000]}")


def _file() -> io.BytesIO:
    return io.BytesIO(b"a slip of paper\n")
