"""`make shop-year`: the whole year, with time and memory, on one database or both."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.importers.state import Progress as Counts
from app.records.tenant import Tenants
from app.storage.databases import Installation, StorageSettings, tune_process
from tests.shop_year.expected import SHOP_DATA, Expected, Slice
from tests.shop_year.judge import judge
from tests.shop_year.slices import cut
from tests.shop_year.year import TENANT, run_year, timed
from tests.support.postgres import postgres_server

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run and judge the year; exit code 1 where something does not agree."""
    parser = argparse.ArgumentParser(prog="make shop-year", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--orders", type=int, help="only so many orders (default: all)")
    chosen = parser.parse_args()
    out = Console(soft_wrap=True, highlight=False)
    if not SHOP_DATA.is_dir():
        out.print(f"The shop's files are not at {SHOP_DATA}.")
        sys.exit(1)
    tune_process()
    with tempfile.TemporaryDirectory(prefix="shop-year-") as folder, _url(chosen.database) as url:
        work = Path(folder)
        files = SHOP_DATA if chosen.orders is None else cut(work / "files", chosen.orders)
        installation = Installation(StorageSettings(work / "data", url=url))
        installation.create(TENANT)
        tenants = Tenants(installation)
        with timed(out.print, f"the year on {chosen.database}"), _bar(out) as bar:
            tasks = {}

            def watch(name: str, counts: Counts, share: float) -> None:
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=1.0)
                bar.update(tasks[name], completed=share)

            year = run_year(
                tenants.get(TENANT), ROOT / "definitions", files, work, out.print, watch
            )
        with timed(out.print, "judged"):
            expected = Expected(Slice(chosen.orders))
            classes = judge(year, expected)
        for (match, verdict), lines in sorted(classes.items()):
            out.print(f"  {match:<10}{verdict:<10}{lines:>7,} lines")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        out.print(f"records {year.accepted:,}; peak memory {peak:,.0f} MiB; everything agrees")
        tenants.close()


@contextmanager
def _url(database: str) -> Iterator[str]:
    if database == "sqlite":
        yield "sqlite"
    else:
        with postgres_server() as (url, _log):
            yield url


def _bar(out: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=out,
        transient=True,
    )


main()
