"""Publishing, with the scenarios at the door: one that fails keeps the release out."""

from __future__ import annotations

from app.access.actor import Actor
from app.catalog.sources import PACKS, Sources
from app.records.releases import publish as publish_release
from app.records.releases import release_info, release_sources
from app.records.tenant import Tenant
from app.records.verdict import Verdict
from app.scenarios.result import Report
from app.scenarios.run import Watch, run_pack, run_tenant


class ScenariosFail(Exception):
    """Scenarios do not come out as told; `reports` say which and where."""

    def __init__(self, reports: tuple[Report, ...]) -> None:
        self.reports = reports
        failed = [one.id for report in reports for one in report.failed]
        super().__init__(f"scenarios fail: {', '.join(failed)}")


def publish(
    tenant: Tenant,
    actor: Actor,
    sources: Sources,
    note: str = "",
    *,
    despite: str = "",
    watch: Watch = lambda _: None,
) -> int:
    """Make a release of the definitions and put it into force; its number.

    The scenarios are run first (see `judged`); `watch` is called after each. `despite` says why it
    is published though some fail: it is kept with the release, as are their names. Raises
    ScenariosFail, Unpublishable, Refused.
    """
    reports = tuple(report for report in judged(tenant, sources, watch) if report.failed)
    if reports and not despite.strip():
        raise ScenariosFail(reports)
    failed = tuple(one.id for report in reports for one in report.failed)
    verdict = Verdict(sources.hash, failed, despite)
    return publish_release(tenant, actor, sources, note, verdict=verdict)


def judged(tenant: Tenant, sources: Sources, watch: Watch = lambda _: None) -> list[Report]:
    """The scenarios that publishing these definitions runs: the tenant's, and those of its packs.

    None where these very definitions are in force; none of the packs where the release in force
    has the same packs and all its scenarios came out as told. Raises Unpublishable.
    """
    active = release_sources(tenant.db, tenant.refresh().no)
    if active is not None and active.hash == sources.hash:
        return []
    reports = []
    packs = _packs(sources)
    if active is None or _packs(active).hash != packs.hash or not _clean(tenant):
        reports.append(run_pack(packs, "packs", watch=watch))
    reports.append(run_tenant(sources, sources.tenant, watch=watch))
    return reports


def _clean(tenant: Tenant) -> bool:
    """Whether the scenarios of the release in force were run, and none failed."""
    info = release_info(tenant, tenant.active().no)
    return info is not None and info.failing == ()


def _packs(sources: Sources) -> Sources:
    return Sources({p: text for p, text in sources.files.items() if p.startswith(f"{PACKS}/")})
