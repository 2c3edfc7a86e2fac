"""Conditions on the date that is compared move to the earlier period: as plain SQL and plain
Python count it, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from app.catalog.build import build
from app.reports.behind import Spot, rows_behind
from app.reports.earlier import earlier
from app.reports.filters import Range
from app.reports.run import run
from tests.reports.conftest import ZONE, World
from tests.web.pack import sources

_REPORT = """
report: beside
label: {zh: 对比, en: Beside}
source: %(source)s
%(where)s
filters: {asked: %(date)s}
group:
  month: {label: {zh: 月份, en: Month}, by: %(date)s, unit: %(unit)s}
measures:
  claims: {label: {zh: 单数, en: Claims}, count: true%(measure)s}
compare: %(compare)s
drill: [%(shown)s]
"""
CLAIM = {"source": "claim", "date": "asked_at", "shown": "asked_at"}
LINE = {"source": "claim.lines", "date": "parent.asked_at", "shown": "item"}
TODAY = date(2026, 3, 1)
"""Of the world these tests run in; its claims begin on 28 December and end in the middle of
March."""

Day = Callable[[date], bool]


def report_of(world: World, where: str = "", measure: str = "", **more: str) -> tuple[Any, Any]:
    given = {"unit": "month", "compare": "previous_period", **CLAIM, **more}
    given["where"] = f'where: "{where}"' if where else ""
    given["measure"] = f', where: "{measure}"' if measure else ""
    built = build(sources().replaced("packs/claims/reports/beside.yaml", _REPORT % given))
    assert built.catalog is not None, [str(one) for one in built.problems]
    return built.catalog, built.catalog.reports["beside"]


def numbers(world: World, report: Any, **chosen: Any) -> dict[date, tuple[int, int]]:
    result = run(world.source(), world.db.query, report, lambda form: None, chosen)
    return {row[0]: (row[1], row[2]) for row in result.rows if row[1] or row[2]}


def days(world: World) -> list[date]:
    return [claim["asked_at"].astimezone(ZONE).date() for claim in world.claims]


def month(day: date) -> date:
    return day.replace(day=1)


def wanted(world: World, now: Day, before: Day) -> dict[date, tuple[int, int]]:
    """Plain Python: the claims of a month, and those of the month before it."""
    found: dict[date, list[int]] = {}
    for day in days(world):
        found.setdefault(month(day), [0, 0])[0] += now(day)
    for day in days(world):
        later = month(month(day) + timedelta(days=31))
        if later in found:
            found[later][1] += before(day)
    return {key: (one, two) for key, (one, two) in found.items() if one or two}


CASES: list[tuple[str, Day, Day]] = [
    (
        "asked_at >= datetime('2026-02-03T00:00') and asked_at < datetime('2026-02-21T00:00')",
        lambda d: date(2026, 2, 3) <= d <= date(2026, 2, 20),
        lambda d: date(2026, 1, 3) <= d <= date(2026, 1, 20),
    ),
    (
        "date('2026-02-03') <= date(asked_at) <= date('2026-02-28')",
        lambda d: date(2026, 2, 3) <= d <= date(2026, 2, 28),
        lambda d: date(2026, 1, 3) <= d <= date(2026, 1, 31),
    ),
    (
        "days_between(asked_at, today()) in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]",
        lambda d: 0 <= (TODAY - d).days <= 9,
        lambda d: 0 <= (date(2026, 2, 1) - d).days <= 9,
    ),
    ("month(asked_at) == 2", lambda d: d.month == 2, lambda d: d.month == 1),
    ("year(asked_at) == 2026", lambda d: d.year == 2026, lambda d: d >= date(2025, 12, 1)),
    ("day(asked_at) <= 10", lambda d: d.day <= 10, lambda d: d.day <= 10),
    ("weekday(asked_at) == 1", lambda d: d.weekday() == 0, lambda d: d.weekday() == 0),
    (
        "not (date(asked_at) < '2026-02-03')",
        lambda d: d >= date(2026, 2, 3),
        lambda d: d >= date(2026, 1, 3),
    ),
]


@pytest.mark.parametrize(("where", "now", "before"), CASES, ids=[one[0] for one in CASES])
def test_a_condition_on_the_date_moves_along(
    world: World, where: str, now: Day, before: Day
) -> None:
    assert any(map(now, days(world))) and any(map(before, days(world)))
    for written in ({"where": where}, {"measure": where}):
        _catalog, report = report_of(world, **written)
        assert numbers(world, report) == wanted(world, now, before), written


def test_it_agrees_with_a_filter_of_the_same_days_and_with_plain_sql(world: World) -> None:
    where = "asked_at >= datetime('2026-02-10T00:00') and asked_at < datetime('2026-03-01T00:00')"
    _catalog, report = report_of(world, where)
    _catalog, plain = report_of(world)
    chosen = Range(date(2026, 2, 10), date(2026, 2, 28))
    (only,) = numbers(world, report).values()
    (narrowed,) = numbers(world, plain, asked=chosen).values()
    assert only == narrowed
    home = world.source().tables.forms["claim"]
    column = home.columns["asked_at"].name

    def counted(first: date, last: date) -> int:
        ends = [datetime.combine(one, time(), ZONE) for one in (first, last + timedelta(days=1))]
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        sql = f"SELECT COUNT(*) FROM {home.table} WHERE {column} >= ? AND {column} < ?"
        params = [(one - epoch) // timedelta(microseconds=1) for one in ends]
        return int(world.db.query(sql, params)[0][0])

    february = counted(date(2026, 2, 10), date(2026, 2, 28))
    january = counted(date(2026, 1, 10), date(2026, 1, 31))
    assert only == (february, january)
    assert january and february


def test_a_condition_that_reads_more_of_the_row_stays(world: World) -> None:
    where = "if(state == 'done', asked_at, updated_at) >= datetime('2026-02-01T00:00')"
    _catalog, report = report_of(world, where)
    assert all(before == 0 for key, (_now, before) in numbers(world, report).items()
               if key == date(2026, 2, 1))  # fmt: skip
    _catalog, report = report_of(world, "state == 'done' and asked_at >= '2026-01-31T23:00Z'")
    done = {d for d, c in zip(days(world), world.claims, strict=True) if c["state"] == "done"}
    found = numbers(world, report)[date(2026, 2, 1)]
    assert found == (
        sum(d.month == 2 for d in done),
        sum(d >= date(2026, 1, 1) and d.month == 1 for d in done),
    )


def test_a_year_before_and_the_lines_of_a_record(world: World) -> None:
    for number in range(3):
        asked = datetime(2025, 2, 10 + number, 12, tzinfo=ZONE)
        world.desk.create("claim", {"asked_at": asked, "state": "done", "lines": [{"item": "x"}]})
    for where in ("year(parent.asked_at) == year(today())", "year(parent.asked_at) == 2026"):
        _catalog, report = report_of(world, where, **LINE, compare="previous_year")
        result = run(world.source(), world.db.query, report, lambda form: None, {})
        rows = {row[0]: row[1:3] for row in result.rows}
        assert date(2025, 12, 1) not in rows
        lines = sum(len(c["lines"]) for d, c in zip(days(world), world.claims, strict=True)
                    if month(d) == date(2026, 2, 1))  # fmt: skip
        assert rows[date(2026, 2, 1)] == [lines, 3]


def test_the_rows_behind_the_value_before_are_those_it_counted(world: World) -> None:
    where = "asked_at >= datetime('2026-02-03T00:00') and asked_at < datetime('2026-02-21T00:00')"
    catalog, report = report_of(world, where)
    (start, (now, before)), *_ = numbers(world, report).items()
    assert now and before
    for spot, count, months in (
        (Spot({"month": start}, "claims"), now, {2}),
        (Spot({"month": start}, "claims", before=True), before, {1}),
    ):
        behind = rows_behind(
            world.source(), world.db.query, report, lambda form: None, {}, spot, report.drill, 100
        )
        asked = [row[0].astimezone(ZONE).date() for row in behind.result.rows]
        assert len(asked) == count
        assert {one.month for one in asked} == months
    assert catalog.reports["beside"] is report


def test_a_measure_of_another_report_moves_by_its_own_date(world: World) -> None:
    where = "date(asked_at) >= '2026-02-01'"
    _catalog, _report = report_of(world)
    given = {"unit": "month", "compare": "previous_period", "where": "", "measure": "", **CLAIM}
    taken = (_REPORT % given).replace("measures:", "measures:\n  of_other: {of: other.claims}")
    other = (_REPORT % {**given, "where": f'where: "{where}"'}).replace(
        "report: beside", "report: other"
    ).replace("compare: previous_period", "")  # fmt: skip
    files = sources().replaced("packs/claims/reports/beside.yaml", taken)
    built = build(files.replaced("packs/claims/reports/other.yaml", other))
    assert built.catalog is not None, [str(one) for one in built.problems]
    source = world.source()
    source = type(source)(built.catalog, source.tables, source.dialect, source.env)
    report = built.catalog.reports["beside"]
    result = run(source, world.db.query, report, lambda form: None, {})
    place = result.index("of_other")
    february = next(row for row in result.rows if row[0] == date(2026, 2, 1))
    assert february[place : place + 2] == [
        sum(d.month == 2 for d in days(world)),
        sum(month(d) == date(2026, 1, 1) for d in days(world)),
    ]


def test_limits_move_as_the_ends_of_a_filter_do() -> None:
    assert earlier(date(2026, 3, 30), "month", "previous_period") == date(2026, 2, 28)
    assert earlier(date(2026, 2, 28), "month", "previous_period", ends=True) == date(2026, 1, 31)
