"""What readers narrow reports by: understood wholly or told what is wrong, on both databases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from app.catalog.build import build
from app.reports.filters import Directory, Named, Range, Wish, of_dashboard, of_report
from app.reports.narrowing import read
from forms.values import encode_id
from tests.reports.conftest import ZONE, World
from tests.web.cascade import cascading
from tests.web.pack import sources

TODAY = date(2026, 2, 20)


def _directory(known: Sequence[Named]) -> Directory:
    def by_id(target: str, ids: Collection[int]) -> list[Named]:
        return [one for one in known if one.id in ids]

    def by_text(target: str, text: str, most: int) -> list[Named]:
        return [one for one in known if text.lower() in one.title.lower()][:most]

    return Directory(by_id, by_text)


def _wish(world: World, report: str, *known: Named, **given: str | list[str]) -> Wish:
    filters = of_report(world.catalog, world.catalog.reports[report])
    address = {
        f"f.{name.replace('__', '.')}": [value] if isinstance(value, str) else value
        for name, value in given.items()
    }
    return read(filters, address, _directory(known), TODAY)


def _claims(world: World, wish: Wish) -> int:
    assert wish.problems == []
    return sum(row[2] for row in world.run("per_month", **wish.chosen).rows)


def _day(at: datetime) -> date:
    return at.astimezone(ZONE).date()


def test_days_are_the_zones_and_both_ends_count(world: World) -> None:
    days = sorted(_day(one["asked_at"]) for one in world.claims)
    low, high = days[10], days[30]
    wish = _wish(world, "per_month", asked__from=str(low), asked__to=str(high))
    assert _claims(world, wish) == sum(low <= day <= high for day in days)
    wish = _wish(world, "per_month", asked__from=str(high + timedelta(days=1)))
    assert _claims(world, wish) == sum(day > high for day in days)


def test_amounts_lie_between_two_numbers(world: World) -> None:
    totals = sorted(one["total"].amount for one in world.claims)
    low, high = totals[15], totals[40]
    wish = _wish(world, "per_month", total__from=str(low), total__to=str(high))
    assert _claims(world, wish) == sum(low <= total <= high for total in totals)
    huge = _wish(world, "per_month", total__from="9" * 18)
    assert _claims(world, huge) == 0


def test_choices_links_and_yes_or_no(world: World) -> None:
    clients = sorted({one["client"] for one in world.claims})
    named = [Named(one, f"client {n}") for n, one in enumerate(clients)]
    wish = _wish(world, "per_month", *named, client=[encode_id(one) for one in clients[:2]])
    assert _claims(world, wish) == sum(one["client"] in clients[:2] for one in world.claims)
    assert [one.title for one in wish.named["client"]] == ["client 0", "client 1"]

    wish = _wish(world, "per_month", state="open")
    assert _claims(world, wish) == sum(one["state"] == "open" for one in world.claims)
    wish = _wish(world, "per_month", state=["open", "done"])
    assert _claims(world, wish) == len(world.claims)
    assert _claims(world, _wish(world, "per_month", urgent="true")) == 0
    assert _claims(world, _wish(world, "per_month", urgent="", state=" ")) == len(world.claims)


def test_a_word_typed_for_a_link_has_to_mean_one(world: World) -> None:
    some = [Named(7, "Ada"), Named(8, "Adam"), Named(9, "Ben")]
    typed = {"client@text": "ben"}
    assert _wish(world, "per_month", *some, **typed).chosen == {"client": [9]}
    assert _wish(world, "per_month", *some, **{"client@text": "ada"}).chosen == {"client": [7]}
    several = _wish(world, "per_month", *some, **{"client@text": "ad"})
    assert "Ada, Adam" in several.problems[0].en and several.chosen == {}
    none = _wish(world, "per_month", *some, **{"client@text": "zoe"})
    assert "nothing matches “zoe”" in none.problems[0].en


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("asked.from", "2026-02-30", "is no date: write it like 2026-03-31"),
        ("asked.to", "yesterday", "is no date"),
        ("asked.to", "0001-01-01", "of the years 1900 to 2999"),
        ("asked", "2026-02-03", "takes f.asked.from and f.asked.to"),
        ("total.from", "1,5", "is no number: write it like 1234.5"),
        ("state", "opne", "(did you mean open?); allowed: open, done"),
        ("urgent", "yes", "allowed: true, false"),
        ("client", "0000000000007", "or it is not yours to see"),
        ("client", "Ada", "or it is not yours to see"),
        ("state.from", "open", "has no from and to"),
        ("stat", "open", "There is no filter “stat” (did you mean state?); allowed: asked"),
    ],
)
def test_what_is_wrong_is_told(world: World, key: str, value: str, said: str) -> None:
    (problem,) = _wish(world, "per_month", **{key: value}).problems
    assert said in problem.en and value in problem.en + key + value
    assert problem.zh and problem.zh != problem.en


def test_turned_round_ends_are_told(world: World) -> None:
    wish = _wish(world, "per_month", asked__from="2026-02-02", asked__to="2026-01-01")
    assert "turn them round" in wish.problems[0].en


def test_a_dashboards_filter_begins_with_its_default_until_it_is_taken_away(world: World) -> None:
    board = (
        "dashboard: early\nlabel: Early\nfilters: {asked: {default: last_30_days},"
        " fault: {default: broken}}\ntiles: {items: {report: per_item}}\n"
    )
    catalog = build(sources().replaced("packs/claims/dashboards/early.yaml", board)).catalog
    assert catalog is not None
    known = of_dashboard(catalog, catalog.dashboards["early"], [catalog.reports["per_item"]])
    wish = read(known, {}, _directory([]), TODAY)
    assert wish.chosen["asked"] == Range(date(2026, 1, 22), TODAY)
    assert wish.chosen["fault"] == ["broken"]
    cleared = read(known, {"f.asked.from": [""], "f.fault": [""]}, _directory([]), TODAY)
    assert cleared.chosen == {} and cleared.args == {"f.asked": [""], "f.fault": [""]}
    again = read(known, cleared.args, _directory([]), TODAY)
    assert again.chosen == {}
    assert read(known, {"f.fault": ["wrong"]}, _directory([]), TODAY).chosen["fault"] == ["wrong"]


def test_numbers_keep_their_decimals(world: World) -> None:
    wish = _wish(world, "per_month", total__from="1234.5")
    assert wish.chosen["total"] == Range(Decimal("1234.5"), None)
    assert wish.of(world.catalog.reports["per_month"]) == {"f.total.from": ["1234.5"]}
    assert wish.of(world.catalog.reports["per_item"]) == {}


def test_a_choice_of_a_tree_offers_what_the_field_can_hold() -> None:
    text = (
        "report: causes\nsource: complaint.lines\nmeasures: {lines: count}\n"
        "filters: {whole: parent.cause, own: own, why: why}\n"
    )
    catalog = build(cascading().replaced("packs/claims/reports/causes.yaml", text)).catalog
    assert catalog is not None
    filters = of_report(catalog, catalog.reports["causes"])
    offered = {name: [value for value, _label in one.options] for name, one in filters.items()}
    assert offered["whole"] == offered["own"] == ["transit", "quality"]
    assert offered["why"] == ["crushed", "lost", "torn", "wet", "scratch", "dead"]
