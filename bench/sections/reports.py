"""Reports over 50,000 and 1,000,000 records against the SQL somebody would write for each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.records.tenant import Tenant
from app.reports.run import run as run_report
from app.reports.sql import Source
from bench.fill import fill_claims, fill_items, fill_parties
from bench.lab import Lab
from bench.measure import in_turn
from bench.report import Result, at_most, result

SECTION = "5 Reports against their raw SQL"
PER_CHANNEL, PER_MONTH, PER_ITEM = "claims_per_channel", "claims_per_month", "claimed_items"
WHAT = {
    PER_CHANNEL: "count by an indexed field",
    PER_MONTH: "count and sum by month",
    PER_ITEM: "20 most claimed items, by lines",
}
_MONTH = {
    "sqlite": "strftime('%Y-%m', c_received_at / 1000000, 'unixepoch')",
    "postgres": "date_trunc('month', to_timestamp(c_received_at / 1000000) AT TIME ZONE 'UTC')",
}


def run(lab: Lab) -> list[Result]:
    """Fill tables of two sizes on each database and let report and SQL take turns."""
    found: list[Result] = []
    for backend in lab.backends:
        for rows in (lab.sizes.of(50_000, 500), lab.sizes.of(1_000_000, 1_000)):
            found += _measure(lab, backend, rows)
    return found


def _measure(lab: Lab, backend: str, rows: int) -> list[Result]:
    tenant = lab.tenant(backend, f"reports_{rows}")
    fill_parties(tenant.db, 500)
    fill_items(tenant.db, 500)
    fill_claims(tenant.db, rows, parties=500, items=500, minutes=2_000_000 // rows)
    found: list[Result] = []
    for name, what in WHAT.items():
        report, sql = of_product(tenant, name), by_hand(tenant, name)
        _same(name, report(), sql())
        timed = in_turn(
            {"report": report, "sql": sql},
            calls=1 if rows > 100_000 else 3,
            rounds=lab.sizes.of(7 if rows > 100_000 else 15, 2),
        )
        told = f"{rows:,} records: {what}"
        ratio = timed.ratio("report", "sql")
        found.append(result(SECTION, backend, f"{told}, × its SQL", ratio, "", at_most(1.2)))
        milliseconds = timed.seconds("report") * 1000
        found.append(result(SECTION, backend, "… report", milliseconds, "ms"))
        if name == PER_CHANNEL and rows == 50_000:  # others on the machine can only add to it
            best = min(timed.wall["report"]) * 1000
            found.append(result(SECTION, backend, "… best of the rounds", best, "ms", at_most(10)))
    return found


def of_product(tenant: Tenant, name: str) -> Callable[[], list[Any]]:
    """A report as the desk runs it for a reader who may see all rows."""
    published = tenant.active()
    env = published.env(datetime(2026, 3, 1, tzinfo=UTC), None)
    source = Source(published.catalog, published.tables, tenant.db.dialect, env)
    report = published.catalog.reports[name]
    return lambda: list(run_report(source, tenant.db.query, report, lambda form: None).rows)


def by_hand(tenant: Tenant, name: str) -> Callable[[], list[Any]]:
    """The SQL for the same figures; its rows are read and nothing is done with them."""
    sql = {
        PER_CHANNEL: (
            "SELECT c_channel, count(*) FROM f_claim WHERE deleted = 0"
            " GROUP BY c_channel ORDER BY 2 DESC"
        ),
        PER_MONTH: (
            f"SELECT {_MONTH[tenant.db.dialect]} AS month, currency, count(*), sum(c_total)"
            " FROM f_claim WHERE deleted = 0 GROUP BY 1, 2 ORDER BY 1, 2"
        ),
        PER_ITEM: (
            "SELECT l.c_item, sum(l.c_quantity) AS pieces, count(*) FROM f_claim__lines AS l"
            " JOIN f_claim AS c ON c.id = l.record_id WHERE c.deleted = 0"
            " GROUP BY l.c_item ORDER BY 2 DESC, 1 LIMIT 20"
        ),
    }[name]
    return lambda: tenant.db.query(sql)


def _same(name: str, report: list[Any], rows: list[Any]) -> None:
    """A report that tells something else proves nothing. Raises SystemExit."""
    if name == PER_CHANNEL:
        ours, theirs = {tuple(row) for row in report}, {tuple(row) for row in rows}
    elif name == PER_MONTH:
        ours = sorted((row[1], int(row[2].amount * 10_000)) for row in report)
        theirs = sorted((row[2], int(row[3])) for row in rows)
    else:
        ours = [int(row[1] * 1_000_000) for row in report]
        theirs = [int(row[1]) for row in rows]
    if ours != theirs:
        raise SystemExit(f"report {name} tells something else: {report[:3]} {rows[:3]}")
