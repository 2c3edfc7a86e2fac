"""`make shop-year` and `make shop-year-flow`: the whole year, with time and memory, on a database.

With `--flow` every return lives through its flow, with people who act and goods that come back;
without, the returns are taken from their files as they happened.
"""

from __future__ import annotations

import argparse
import logging
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from app.process import tune_process
from app.records.tenant import Tenants
from app.storage.databases import Installation, StorageSettings
from tests.shop_year.connectors import Services
from tests.shop_year.expected import SHOP_DATA, Expected, Slice
from tests.shop_year.journey import Journey
from tests.shop_year.judge import judge
from tests.shop_year.judge_lived import judge_lived
from tests.shop_year.lived import Lived
from tests.shop_year.living import live
from tests.shop_year.slices import cut
from tests.shop_year.year import TENANT, run_year, timed
from tests.support.postgres import postgres_server

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run and judge the year; exit code 1 where something does not agree."""
    parser = argparse.ArgumentParser(prog="make shop-year", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--orders", type=int, help="only so many orders (default: all)")
    parser.add_argument("--flow", action="store_true", help="live the returns through their flow")
    chosen = parser.parse_args()
    out = Console(soft_wrap=True, highlight=False)
    if not SHOP_DATA.is_dir():
        out.print(f"The shop's files are not at {SHOP_DATA}.")
        sys.exit(1)
    tune_process()
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet)
    with tempfile.TemporaryDirectory(prefix="shop-year-") as folder, _url(chosen.database) as url:
        work = Path(folder)
        files = SHOP_DATA if chosen.orders is None else cut(work / "files", chosen.orders)
        installation = Installation(StorageSettings(work / "data", url=url))
        run = _flow if chosen.flow else _door
        with timed(out.print, f"all of it on {chosen.database}"):
            run(installation, files, work, chosen.orders, out)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        out.print(f"peak memory {peak:,.0f} MiB; everything agrees")
        installation.close()


def _door(
    installation: Installation, files: Path, work: Path, orders: int | None, out: Console
) -> None:
    installation.create(TENANT)
    tenant = Tenants(installation).get(TENANT)
    with timed(out.print, "the year"), _bar(out) as bar:
        year = run_year(tenant, ROOT / "definitions", files, work, out.print, _watch(bar))
    with timed(out.print, "judged"):
        classes = judge(year, Expected(Slice(orders)))
    for (match, verdict), lines in sorted(classes.items()):
        out.print(f"  {match:<10}{verdict:<10}{lines:>7,} lines")
    out.print(f"records {year.accepted:,}")


def _flow(
    installation: Installation, files: Path, work: Path, orders: int | None, out: Console
) -> None:
    with timed(out.print, "computed by SQL what must come of it"):
        expected = Lived(Slice(orders))
    services, definitions = Services(), ROOT / "definitions"
    with _bar(out) as bar:
        journey = live(
            *(installation, TENANT, definitions, files, work, expected, services, out.print),
            _watch(bar),
        )
    transitions = _told(journey, out)
    out.print(f"{transitions / journey.seconds:,.0f} transitions a second")
    with timed(out.print, "judged"):
        found = judge_lived(journey, expected, services)
    for outcome, count in sorted(found["outcomes"].items()):
        out.print(f"  {outcome:<12}{count:>7,} returns")
    for form, counts in found["traces"].items():
        entries = sum(counts.values()) - counts["records"]
        out.print(f"  {form:<16}{counts['records']:>7,} explained by {entries:>9,} trace entries")
    journey.close()
    services.close()


def _told(journey: Journey, out: Console) -> int:
    """Tell what was done and how fast; how many transitions records in flows made."""
    names = {home.key: form for form, home in journey.forms.items()}
    flows = journey.tenant.active().catalog.flows
    counts = journey.tenant.db.query("SELECT form, count(*) FROM rf_journal GROUP BY form")
    moved = {names[key]: count for key, count in counts if names.get(key) in flows}
    for form, count in sorted(moved.items()):
        out.print(f"  {form:<16}{count:>9,} transitions")
    for name, count in sorted(journey.acts.items()):
        if not name.startswith("back "):
            out.print(f"  {name:<32}{count:>7,}")
    out.print(f"the returns: {journey.seconds:,.1f} s, {journey.visits:,} visits of the worker")
    return sum(moved.values())


def _watch(bar: Progress) -> Callable[[str, object, float], None]:
    tasks: dict[str, TaskID] = {}

    def watch(name: str, _counts: object, share: float) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=1.0)
        bar.update(tasks[name], completed=share)

    return watch


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
