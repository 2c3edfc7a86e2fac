"""A period beside an earlier one agrees with plain Python over the same rows, on both databases."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest

from app.catalog.build import build
from app.reports.earlier import earlier
from app.reports.filters import Range
from app.reports.result import Result
from app.reports.run import run
from app.reports.words import Teller
from forms.values import Money
from tests.reports.conftest import ZONE, World
from tests.web.pack import sources

_REPORT = """
report: beside
label: {zh: 对比, en: Beside}
source: claim
filters: {asked: asked_at, state: state}
group:
  month: {label: {zh: 月份, en: Month}, by: asked_at, unit: %(unit)s}
%(group)s
measures:
  claims: {label: {zh: 单数, en: Claims}, count: true}
  done: {count: true, where: state == 'done'}
  share: {label: {zh: 完成率, en: Share}, ratio: [done, claims]}
%(measure)s
compare: %(compare)s
"""


def _run(
    world: World,
    compare: str = "previous_period",
    unit: str = "month",
    group: str = "",
    measure: str = "",
    **chosen: object,
) -> Result:
    text = _REPORT % {"compare": compare, "unit": unit, "group": group, "measure": measure}
    catalog = build(sources().replaced("packs/claims/reports/beside.yaml", text)).catalog
    assert catalog is not None
    report = catalog.reports["beside"]
    return run(world.source(), world.db.query, report, lambda form: None, chosen)


def _month(at: datetime) -> date:
    return at.astimezone(ZONE).date().replace(day=1)


def test_the_month_before_stands_beside_each_with_the_change(world: World) -> None:
    counts: dict[date, int] = defaultdict(int)
    done: dict[date, int] = defaultdict(int)
    for claim in world.claims:
        counts[_month(claim["asked_at"])] += 1
        done[_month(claim["asked_at"])] += claim["state"] == "done"

    result = _run(world)

    assert [c.id for c in result.columns] == [
        *("month", "claims", "claims.before", "claims.change", "done", "done.before"),
        *("done.change", "share", "share.before", "share.change"),
    ]
    assert [row[0] for row in result.rows] == sorted(counts)
    assert len(counts) >= 3
    for row in result.rows:
        month, now, was, change = row[:4]
        before = counts.get((month - timedelta(days=1)).replace(day=1), 0)
        assert (now, was) == (counts[month], before)
        if before:
            exact = (Decimal(now - before) / before).quantize(Decimal("0.000001"), ROUND_HALF_UP)
            assert change == exact
            share = Decimal(done[month]) / now
            assert abs(row[7] - share) < Decimal("0.000001")
            assert row[9] == row[7] - row[8]
        else:
            assert change is None and row[8] is None


def test_a_filter_of_the_date_does_not_cut_off_what_was_before(world: World) -> None:
    february = Range(date(2026, 2, 3), date(2026, 2, 20))
    days = [claim["asked_at"].astimezone(ZONE).date() for claim in world.claims]
    (row,) = _run(world, asked=february).rows
    assert row[:3] == [
        date(2026, 2, 1),
        sum(date(2026, 2, 3) <= day <= date(2026, 2, 20) for day in days),
        sum(date(2026, 1, 3) <= day <= date(2026, 1, 20) for day in days),
    ]
    open_ = sum(
        day.month == 1 and claim["state"] == "open"
        for day, claim in zip(days, world.claims, strict=True)
    )
    whole = Range(date(2026, 2, 1), date(2026, 2, 28))
    (row,) = _run(world, asked=whole, state=["open"]).rows
    assert row[2] == open_


def test_amounts_are_compared_in_their_own_currency(world: World) -> None:
    sums: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for claim in world.claims:
        sums[_month(claim["asked_at"]), claim["currency"]] += claim["total"].amount
    result = _run(world, measure="  amount: {label: Amount, sum: total}")
    place, amount = result.index("currency"), result.index("amount")
    for row in result.rows:
        code = row[place]
        before = (row[0] - timedelta(days=1)).replace(day=1)
        assert row[amount] == Money(sums[row[0], code], code)
        assert row[amount + 1] == Money(sums[before, code], code)


def test_what_was_there_only_before_gets_a_row(world: World) -> None:
    seen: dict[date, set[int]] = defaultdict(set)
    for claim in world.claims:
        seen[_week(claim["asked_at"])].add(claim["client"])
    result = _run(world, unit="week", group="  client: client")
    gone = 0
    for week, client, now, was, change in (row[:5] for row in result.rows):
        before = week - timedelta(days=7)
        assert client in seen[week] | seen[before]
        if client not in seen[week]:
            gone += 1
            assert (now, change) == (0, Decimal(-1)) and was > 0
    assert gone


def _week(at: datetime) -> date:
    day = at.astimezone(ZONE).date()
    return day - timedelta(days=day.weekday())


def test_a_year_before(world: World) -> None:
    world.desk.create("claim", {"asked_at": datetime(2025, 2, 10, tzinfo=ZONE), "state": "done"})
    rows = {row[0]: row for row in _run(world, compare="previous_year").rows}
    february = rows[date(2026, 2, 1)]
    assert february[2] == 1
    assert february[3] == Decimal(february[1] - 1)
    assert rows[date(2025, 2, 1)][2] == 0


@pytest.mark.parametrize(
    ("day", "unit", "compare", "before"),
    [
        ("2026-03-01", "month", "previous_period", "2026-02-01"),
        ("2026-01-01", "month", "previous_period", "2025-12-01"),
        ("2026-01-01", "quarter", "previous_period", "2025-10-01"),
        ("2026-01-01", "year", "previous_period", "2025-01-01"),
        ("2026-03-02", "week", "previous_period", "2026-02-23"),
        ("2026-03-01", "day", "previous_period", "2026-02-28"),
        ("2024-02-29", "day", "previous_year", "2023-02-28"),
        ("2026-03-02", "week", "previous_year", "2025-03-03"),
        ("2026-02-01", "month", "previous_year", "2025-02-01"),
    ],
)
def test_what_stands_beside_what(day: str, unit: str, compare: str, before: str) -> None:
    assert earlier(date.fromisoformat(day), unit, compare) == date.fromisoformat(before)


def test_the_end_of_a_month_stays_one() -> None:
    ends = earlier(date(2026, 2, 28), "month", "previous_period", ends=True)
    assert ends == date(2026, 1, 31)


def test_changes_in_words(world: World) -> None:
    result = _run(world)
    english = Teller(result, "en", ZONE, world.catalog, {})
    assert english.head()[1:4] == ["Claims", "Claims (previous period)", "Claims: change"]
    chinese = Teller(result, "zh", ZONE, world.catalog, {})
    assert chinese.head()[1:4] == ["单数", "单数（上期）", "单数变化"]
    change, points = result.columns[3], result.columns[9]
    assert english.cell(change, Decimal("0.25")) == "+25.00%"
    assert english.cell(change, Decimal("-0.5")) == "-50.00%"
    assert english.cell(change, None) == "–"
    assert chinese.cell(points, Decimal("0.1")) == "+10.00 个百分点"
