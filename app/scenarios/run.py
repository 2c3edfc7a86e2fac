"""Run the scenarios of a pack or of a tenant.

Those of a pack are told of the pack alone, those of a tenant of what it makes of its packs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from app.catalog.build import build
from app.catalog.model import Catalog, Scenario
from app.catalog.problems import Located
from app.catalog.settings import alone, overlaid
from app.catalog.sources import TENANTS, Sources
from app.records.releases import Unpublishable
from app.scenarios.coverage import Coverage
from app.scenarios.play import play
from app.scenarios.quiet import quiet
from app.scenarios.result import Failure, Outcome, Report
from app.scenarios.script import FOLDER, Script
from app.scenarios.stage import Clock, Theatre

Watch = Callable[[Outcome], None]
PACK_TENANT = "scenarios"
CURRENCY = "CNY"
EPOCH = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
"""When a scenario begins that does not say."""


def run_pack(
    sources: Sources, name: str, only: Iterable[str] = (), watch: Watch = lambda _: None
) -> Report:
    """The scenarios of packs, in the zone of their calendar. Raises Unpublishable."""
    catalog = _built(sources)
    zones = {str(one.zone) for one in catalog.calendars.values()}
    zone = min(zones) if zones else "UTC"
    company = _connected(alone(sources, PACK_TENANT, zone, CURRENCY), catalog)
    return _run(company, name, [*catalog.scenarios], only, watch)


def run_tenant(
    sources: Sources, name: str, only: Iterable[str] = (), watch: Watch = lambda _: None
) -> Report:
    """A tenant's own scenarios, and those of its packs that it tells differently."""
    own = f"{TENANTS}/{sources.tenant}/{FOLDER}/"
    ids = [path[len(own) : -len(".yaml")] for path in sources.files if path.startswith(own)]
    return _run(_connected(sources, _built(sources)), name, sorted(ids), only, watch)


def _run(sources: Sources, name: str, ids: list[str], only: Iterable[str], watch: Watch) -> Report:
    wanted = set(only)
    began = time.perf_counter()
    catalog = _built(sources)
    coverage = Coverage(catalog)
    outcomes = []
    with Theatre() as theatre, quiet():
        theatre.prepare(sources)
        prepared = time.perf_counter() - began
        for scenario in (catalog.scenarios[one] for one in ids if one in catalog.scenarios):
            if wanted and scenario.id not in wanted:
                continue
            outcome = _one(theatre, sources, scenario, coverage)
            outcomes.append(outcome)
            watch(outcome)
    return Report(name, tuple(outcomes), prepared, coverage.steps, coverage.rules)


def _one(theatre: Theatre, sources: Sources, scenario: Scenario, coverage: Coverage) -> Outcome:
    script = Script.of(sources, scenario.id)
    stage = overlaid(sources, scenario.settings) if scenario.settings else sources
    try:
        theatre.prepare(stage)
    except Unpublishable as wrong:
        failures = tuple(_misfit(script, problem) for problem in wrong.problems)
        return Outcome(scenario.id, scenario.label, script.heading, failures, 0.0)
    clock = Clock(EPOCH)
    with theatre.tenant(stage, clock) as tenant:
        outcome, world = play(tenant, clock, scenario, script, theatre.letters)
        coverage.add(world)
    return outcome


def _misfit(script: Script, problem: Located) -> Failure:
    return Failure(script.heading, 0, "settings", "definitions without a problem", str(problem))


def _built(sources: Sources) -> Catalog:
    built = build(sources)
    if built.catalog is None:
        raise Unpublishable(built.problems)
    return built.catalog


def _connected(sources: Sources, catalog: Catalog) -> Sources:
    """Where nothing is connected at all, everything outside is: by the connector that writes down
    what it is asked."""
    if catalog.connections:
        return sources
    everything = dict.fromkeys(("payment", "carrier", "stock"), True)
    recorded = {"connection": {"outside": {"plugin": "recorded", "serves": everything}}}
    found = overlaid(sources, recorded)
    return replace(found, tenant=sources.tenant)
