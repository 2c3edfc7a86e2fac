"""Publishing, with the scenarios at the door: one that fails keeps the release out."""

from __future__ import annotations

from app.access.actor import Actor
from app.catalog.sources import PACKS, Sources
from app.records.releases import publish as publish_release
from app.records.releases import release_sources
from app.records.tenant import Tenant
from app.scenarios.result import Report
from app.scenarios.run import run_pack, run_tenant


class ScenariosFail(Exception):
    """Scenarios do not come out as told; `reports` say which and where."""

    def __init__(self, reports: tuple[Report, ...]) -> None:
        self.reports = reports
        failed = [one.id for report in reports for one in report.failed]
        super().__init__(f"scenarios fail: {', '.join(failed)}")


def publish(
    tenant: Tenant, actor: Actor, sources: Sources, note: str = "", *, despite: str = ""
) -> int:
    """Make a release of the definitions and put it into force; its number.

    The tenant's scenarios are run first, and those of its packs where the packs differ from the
    release in force. `despite` says why it is published all the same: it stands in the release's
    note, with the names of those that fail. Raises ScenariosFail, Unpublishable, Refused.
    """
    reports = tuple(report for report in judged(tenant, sources) if report.failed)
    if not reports:
        return publish_release(tenant, actor, sources, note)
    if not despite.strip():
        raise ScenariosFail(reports)
    failed = ", ".join(one.id for report in reports for one in report.failed)
    why = f"{note}\n" if note else ""
    return publish_release(
        tenant, actor, sources, f"{why}published although {failed} fail: {despite.strip()}"
    )


def judged(tenant: Tenant, sources: Sources) -> list[Report]:
    """The scenarios that publishing these definitions runs. Raises Unpublishable."""
    reports = []
    packs = _packs(sources)
    active = release_sources(tenant.db, tenant.refresh().no)
    if active is None or _packs(active).hash != packs.hash:
        reports.append(run_pack(packs, "packs"))
    reports.append(run_tenant(sources, sources.tenant))
    return reports


def _packs(sources: Sources) -> Sources:
    return Sources({p: text for p, text in sources.files.items() if p.startswith(f"{PACKS}/")})
