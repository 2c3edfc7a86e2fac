"""Reports agree with plain Python over the same rows, on both databases, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from app.catalog.build import build
from app.reports.calendar import bucket_start
from app.reports.seeing import readable
from forms.values import Money
from tests.reports.conftest import ZONE, World
from tests.web.pack import sources


def test_months_are_the_zones_and_currencies_stay_apart(world: World) -> None:
    counts: dict[tuple[date, str], int] = defaultdict(int)
    sums: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for claim in world.claims:
        key = (claim["asked_at"].astimezone(ZONE).date().replace(day=1), claim["currency"])
        counts[key] += 1
        sums[key] += claim["total"].amount

    result = world.run("per_month")

    assert [c.id for c in result.columns] == ["month", "currency", "claims", "amount", "average"]
    assert {(row[0], row[1]): row[2] for row in result.rows} == counts
    for month, code, count, amount, average in result.rows:
        assert amount == Money(sums[month, code], code)
        exact = (sums[month, code] / count).quantize(Decimal("0.0001"), ROUND_HALF_UP)
        assert average == Money(exact, code)
    assert [row[0] for row in result.rows] == sorted(row[0] for row in result.rows)


def test_lines_are_added_up_filtered_and_divided(world: World) -> None:
    pieces: dict[str, Decimal] = defaultdict(Decimal)
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for claim in world.claims:
        for line in claim["lines"]:
            pieces[line["item"]] += line["quantity"]
            if line["fault"] != "unwanted":
                ours[line["item"]] += line["quantity"]
    best = sorted(pieces, key=lambda item: -pieces[item])[:3]

    result = world.run("per_item")

    assert [row[0] for row in result.rows] == best
    for item, whole, part, share in result.rows:
        assert (whole, part) == (pieces[item], ours[item])
        assert share == (part / whole).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def test_two_groups(world: World) -> None:
    expected: dict[tuple[int, str], int] = defaultdict(int)
    for claim in world.claims:
        expected[claim["client"], claim["state"]] += 1
    result = world.run("per_client")
    assert {(row[0], row[1]): row[2] for row in result.rows} == expected


def test_a_measure_of_another_report_meets_its_own_groups(world: World) -> None:
    result = world.run("rate")
    assert len(result.rows) > 3
    for row in result.rows:
        own, other, rate = (row[result.index(one)] for one in ("own", "other", "rate"))
        assert own == other
        assert rate == Decimal(1)


def test_only_rows_the_reader_may_list_are_counted(world: World) -> None:
    own = world.catalog.roles["own"].can["claim"].rows
    assert own is not None
    mine = sum(len(claim["lines"]) == 2 for claim in world.claims)
    result = world.run("per_month", lambda form: [own], me=2)
    assert sum(row[result.index("claims")] for row in result.rows) == mine > 0
    assert world.run("per_month", lambda form: []).rows == []


def test_deleted_records_do_not_count(world: World) -> None:
    gone = world.claims[0]
    world.desk.change("claim", gone["id"], deleted=1)
    result = world.run("per_client")
    assert sum(row[2] for row in result.rows) == len(world.claims) - 1


def test_a_report_over_hidden_fields_or_forbidden_forms_is_not_readable(world: World) -> None:
    report = world.catalog.reports["per_month"]

    def hidden(*names: str):  # type: ignore[no-untyped-def]
        return lambda form: frozenset(names)

    def all_rows(form: str) -> None:
        return None

    assert readable(world.catalog, report, all_rows, hidden())
    assert not readable(world.catalog, report, all_rows, hidden("total"))
    assert not readable(world.catalog, world.catalog.reports["rate"], all_rows, hidden("total"))
    items = world.catalog.reports["per_item"]
    assert not readable(world.catalog, items, all_rows, hidden("lines.quantity"))
    assert not readable(world.catalog, items, all_rows, hidden("lines"))
    assert not readable(world.catalog, report, lambda form: [], hidden())


def test_buckets_start_where_they_should() -> None:
    assert bucket_start(20253, "quarter") == date(2025, 7, 1)
    assert bucket_start(-3, "week") == date(1969, 12, 29)
    assert bucket_start(202512, "month") == date(2025, 12, 1)
    assert bucket_start(2025, "year") == date(2025, 1, 1)


def test_a_report_that_reads_a_hidden_field_over_a_link_is_not_readable() -> None:
    def hidden(*names: str):  # type: ignore[no-untyped-def]
        return lambda form: frozenset(names) if form == "client" else frozenset()

    for text in (
        "report: names\nlabel: N\nsource: claim\ngroup: {who: {by: client.name}}\n"
        "measures: {n: {count: true}}\n",
        "report: names\nlabel: N\nsource: claim\ngroup: {state: {by: state}}\n"
        "measures: {n: {count: true, where: \"client.name == 'Ada'\"}}\n",
        "report: names\nlabel: N\nsource: claim.lines\ngroup: {who: {by: parent.client.name}}\n"
        "measures: {n: {count: true}}\n",
    ):
        made = build(sources().replaced("packs/claims/reports/names.yaml", text))
        assert made.catalog is not None, made.problems
        report = made.catalog.reports["names"]
        assert readable(made.catalog, report, lambda form: None, hidden("phone"))
        assert not readable(made.catalog, report, lambda form: None, hidden("name"))
