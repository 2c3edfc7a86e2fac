"""A real shop's year through the door: imported, returned, refused, counted."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.access.actor import SYSTEM
from app.catalog.sources import read_tenant
from app.importers.run import Job, run_import
from app.importers.state import Progress
from app.records import publish
from app.records.tenant import Tenant
from app.scenarios import untold

TENANT = "shop"
STEPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("customers", {}),
    ("customers", {"orders.csv": "returns.csv"}),
    ("products", {}),
    ("products", {"order_lines.csv": "return_lines.csv"}),
    ("stocked_products", {}),
    ("orders", {}),
    ("stock_corrections", {}),
    ("returns", {}),
)
"""Imports in order; a map names the file read in place of the definition's own."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Year:
    """A tenant with the shop's year in it, and what each import counted."""

    tenant: Tenant
    steps: list[tuple[str, Progress, float]] = field(default_factory=list)
    rejects: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Records made by all imports."""
        return sum(counts.accepted for _, counts, _ in self.steps)

    def refused_returns(self) -> dict[str, str]:
        """Return number → code of its refusal."""
        return {row["return_no"]: row["reject_code"] for row in self.rejects.get("returns", [])}


def run_year(
    tenant: Tenant,
    definitions: Path,
    files: Path,
    work: Path,
    tell: Tell = lambda _line: None,
    watch: Callable[[str, Progress, float], None] = lambda _name, _counts, _share: None,
    overlay: str = TENANT,
    steps: Sequence[tuple[str, Mapping[str, str]]] = STEPS,
) -> Year:
    """Publish the definitions of a tenant and import the shop's files, all through the records'
    use cases."""
    sources, problems = read_tenant(definitions, overlay)
    if problems:
        raise AssertionError(problems)
    publish(tenant, SYSTEM, untold(sources), "the shop's year")
    year = Year(tenant)
    for number, (name, others) in enumerate(steps):
        definition = tenant.active().catalog.imports[name]
        chosen = {own: files / f"{other}.gz" for own, other in others.items()}
        rejects = work / f"{number}_{definition.rejects}"
        job = Job(tenant, SYSTEM, definition, chosen, files, rejects)
        begin = time.monotonic()
        counts = run_import(job, lambda c, share, name=name: watch(name, c, share))  # type: ignore[misc]
        seconds = time.monotonic() - begin
        year.steps.append((name, counts, seconds))
        year.rejects[name] = list(_rejected(rejects))
        rate = (counts.lines or counts.accepted) / seconds if seconds else 0
        codes = Counter(row["reject_code"] for row in year.rejects[name])
        tell(
            f"{name:<18}{counts.accepted:>8,} taken {counts.lines:>9,} lines"
            f" {counts.rejected:>6,} refused {counts.skipped:>8,} there already"
            f" {seconds:>8.1f} s {rate:>8,.0f}/s {dict(codes) or ''}"
        )
    return year


def _rejected(path: Path) -> Iterator[dict[str, str]]:
    if path.exists():
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield from csv.DictReader(stream)


@contextmanager
def timed(tell: Tell, what: str) -> Iterator[None]:
    """Tell how long something took."""
    begin = time.monotonic()
    yield
    tell(f"{what}: {time.monotonic() - begin:.1f} s")
