"""Importing sales of 23 lines each: two CSV files through every rule, with look-ups by key."""

from __future__ import annotations

import time
from dataclasses import dataclass

from app.access.actor import SYSTEM
from app.importers.run import Job, run_import
from bench.files import write_sales
from bench.fill import fill_items, fill_parties, settle
from bench.lab import Lab
from bench.report import Result, at_least, result

SECTION = "8 Import: sales of 23 lines"
LINES = 23


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import took, seconds on the wall and of the processor."""

    lines: int
    wall: float
    cpu: float


def run(lab: Lab) -> list[Result]:
    """Import into an empty table on each database."""
    found = []
    for backend in lab.backends:
        done = import_sales(lab, backend, "imports", lab.sizes.of(400, 10))
        target = at_least(3000) if backend == "sqlite" else None
        rows = [
            ("lines a second", done.lines / done.wall, "/s", target),
            ("lines a second of processor", done.lines / done.cpu, "/s", None),
            ("one sale of 23 lines", done.wall / done.lines * LINES * 1000, "ms", None),
        ]
        found += [
            result(SECTION, backend, what, value, unit, aim) for what, value, unit, aim in rows
        ]
    return found


def import_sales(lab: Lab, backend: str, name: str, orders: int) -> Imported:
    """Import into a new tenant; a small file first, so that everything is compiled."""
    tenant = lab.tenant(backend, name)
    parties, skus = fill_parties(tenant.db, 500), fill_items(tenant.db, 2000)
    settle(tenant.db)
    definition = tenant.active().catalog.imports["sales"]
    wall = cpu = 0.0
    for part, count in (("warm", 5), ("all", orders)):
        folder = lab.folder / f"{name}-{backend}-{part}"
        folder.mkdir()
        write_sales(folder, count, LINES, parties, skus)
        job = Job(tenant, SYSTEM, definition, {}, folder, folder / "rejected.csv")
        if part == "all":  # the sales of the first file are there already
            tenant.db.execute_now("DELETE FROM f_sale__lines")
            tenant.db.execute_now("DELETE FROM f_sale")
        begin, busy = time.perf_counter(), time.process_time()
        progress = run_import(job)
        wall, cpu = time.perf_counter() - begin, time.process_time() - busy
        if progress.accepted != count:
            raise SystemExit(f"{name}: rows were refused: {job.rejects.read_text()[:2000]}")
    return Imported(orders * LINES, wall, cpu)
