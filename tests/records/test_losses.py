"""What a change of type would lose is counted before, exactly, and told only to who may know."""

from __future__ import annotations

import pytest

from app.access.actor import SYSTEM, Actor
from app.catalog.build import build
from app.catalog.model import Catalog
from app.catalog.sources import Sources
from app.records.look import read
from app.records.losses import example_words, harmful, losses, words
from app.records.releases import plan_publish, publish
from app.records.save import create, delete
from app.storage import losses as counting
from app.storage.losses import Loss
from tests.records.shop import AGENT, BOSS, SOURCES, Shop, refused
from tests.records.test_releases import changed

RETYPED = changed(
    ("  reference: {type: text}", "  outside:   {type: integer, was: reference}"),
    ("fields: [reference]", "fields: [outside]"),
    ("  address:   {type: text, lines: 3}", "  address:   {type: date}"),
    ("  received:  {type: datetime, default: now(), required: true}", "  received:  {type: date}"),
    ("  channel:   {type: choice, options: [desk, phone, portal]", "  channel:   {type: text"),
    ("  quantity:      {type: decimal, min: 0.001", "  quantity:      {type: integer, min: 1"),
)
BACK = changed(("  reference: {type: text}", "  reference: {type: text, lines: 2}"))


def catalog(sources: Sources) -> Catalog:
    found = build(sources).catalog
    assert found is not None
    return found


def fill(shop: Shop) -> None:
    """Seven claims; the last is deleted, the first has no reference."""
    big = shop.buy("1000", "1000", code="P-big").id
    shop.lines = [line["id"] for line in read(shop.tenant, BOSS, "purchase", big).row["lines"]]
    for reference in (None, "17", "R-2", "18", "eighteen", "9" * 30):
        create(shop.tenant, BOSS, "claim", shop.claim("0.5", "1", reference=reference))
    gone = create(shop.tenant, BOSS, "claim", shop.claim("0.25", reference="gone"))
    delete(shop.tenant, BOSS, "claim", gone.id, version=1)


def by_field(
    shop: Shop, sources: Sources, actor: Actor = BOSS, most: int | None = None
) -> dict[str, Loss]:
    found = losses(shop.tenant, actor, catalog(sources), most=most)
    return {loss.field: loss for loss in found}


def test_the_count_is_what_publishing_then_leaves_empty(shop: Shop) -> None:
    fill(shop)
    found = by_field(shop, RETYPED)
    assert set(found) == {"reference", "address", "received", "quantity"}, "channel stays as it is"
    counts = {name: (one.values, one.lost, one.cut, one.whole) for name, one in found.items()}
    assert counts == {
        "reference": (5, 3, 0, True),
        "address": (0, 0, 0, True),
        "received": (6, 0, 6, True),
        "quantity": (12, 6, 0, True),
    }
    assert words(found["reference"]).en.endswith("(text → integer): 3 of 5 values would be lost")
    assert words(found["address"]).zh == "claim.address（text → date）：0 个值均可带过去"
    assert words(found["received"]).en.endswith("carried over, 6 without their time of day")
    lost = [example_words(one) for one in found["reference"].examples]
    assert lost == ["C-2026-0003: R-2", "C-2026-0005: eighteen", f"C-2026-0006: {'9' * 30}"]
    assert [one.value for one in found["quantity"].examples] == ["0.5"] * counting.EXAMPLES
    before = shop.tenant.active().tables.forms["claim"]
    publish(shop.tenant, SYSTEM, RETYPED)
    after = shop.tenant.active().tables.forms["claim"]
    for old, new, table, join in (
        (before.columns["reference"], after.columns["outside"], before.table, ""),
        (
            before.children["lines"].columns["quantity"],
            after.children["lines"].columns["quantity"],
            before.children["lines"].table,
            f"JOIN {before.table} AS p ON p.id = t.record_id",
        ),
    ):
        ((emptied,),) = shop.db.query(
            f"SELECT count(*) FROM {table} AS t {join} WHERE t.{old.name} IS NOT NULL"
            f" AND t.{new.name} IS NULL AND {'p' if join else 't'}.deleted = 0"
        )
        assert emptied == found[old.field].lost


def test_going_back_loses_only_what_was_made_since(shop: Shop) -> None:
    fill(shop)
    publish(shop.tenant, SYSTEM, RETYPED)
    create(shop.tenant, BOSS, "claim", shop.claim("2", outside=99, received="2026-11-20"))
    back = losses(shop.tenant, BOSS, catalog(SOURCES))
    told = {one.field: (one.values, one.lost) for one in back}
    assert told == {"outside": (1, 0), "address": (0, 0), "received": (1, 0), "quantity": (1, 0)}
    assert not harmful(back)
    publish(shop.tenant, SYSTEM, SOURCES)
    assert losses(shop.tenant, BOSS, catalog(SOURCES)) == []
    assert losses(shop.tenant, BOSS, catalog(BACK)) == [], "the type is the same"


def test_rows_are_streamed_and_counting_stops_where_it_is_told(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop)
    monkeypatch.setattr(counting, "PORTION", 2)
    seen: list[int] = []
    found = losses(shop.tenant, BOSS, catalog(RETYPED), watch=seen.append)
    assert max(seen) == 2 and sum(seen) == 5 + 0 + 6 + 12
    assert all(one.whole for one in found)
    for most, expected in ((4, (4, 2, False)), (5, (5, 3, True)), (6, (5, 3, True))):
        one = by_field(shop, RETYPED, most=most)["reference"]
        assert (one.values, one.lost, one.whole) == expected
    one = by_field(shop, RETYPED, most=1)["reference"]
    assert one.lost == 0 and harmful([one]), "nobody knows of the rest"
    assert "not counted beyond the first 1" in words(one).en
    assert "只统计了前 1 个" in words(one).zh


def test_examples_are_only_of_what_the_reader_may_see(shop: Shop) -> None:
    cost = changed(("  cost:      {type: money}", "  cost:      {type: integer}"))
    for name in ("R-Boss", "R-Agent"):
        made = create(shop.tenant, BOSS, "claim", shop.claim("1", reference=name, cost="1.5"))
    shop.db.execute_now("UPDATE f_claim SET created_by = ? WHERE id = ?", (AGENT.user_id, made.id))
    mine, all_ = (by_field(shop, RETYPED, who)["reference"] for who in (AGENT, SYSTEM))
    assert mine.lost == all_.lost == 2
    assert [one.value for one in mine.examples] == ["R-Agent"], "only this record is the agent's"
    assert [one.value for one in all_.examples] == ["R-Boss", "R-Agent"]
    mine, all_ = (by_field(shop, cost, who)["cost"] for who in (AGENT, BOSS))
    assert mine.lost == all_.lost == 2
    assert mine.examples == (), "what it cost is hidden from the agent"
    assert [one.value for one in all_.examples] == ["1.5 CNY"] * 2


def test_the_plan_says_what_publishing_refuses(shop: Shop) -> None:
    other = changed(("  cost:      {type: money}", "  cost:      {type: user}"))
    _, plan = plan_publish(shop.tenant, other)
    (told,) = [one.words for one in plan.tables]
    assert "publishing refuses it" in told.en and "发布会被拒绝" in told.zh
    refused("invalid", publish, shop.tenant, BOSS, other)
    assert losses(shop.tenant, SYSTEM, catalog(other)) == []
