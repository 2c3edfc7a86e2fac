"""What other records link to stays."""

from __future__ import annotations

from app.records.look import read
from app.records.save import create, delete, update
from tests.records.shop import BOSS, Shop, refused


def test_a_record_others_link_to_is_not_deleted(shop: Shop) -> None:
    claim = create(shop.tenant, BOSS, "claim", shop.claim(1))
    said = refused("in_use", delete, shop.tenant, BOSS, "buyer", shop.buyer, version=None)
    assert str(claim.number or claim.title) in said.message.en
    assert "Still linked to from" in said.message.en
    assert "仍被引用" in said.message.zh
    assert read(shop.tenant, BOSS, "buyer", shop.buyer).row["id"] == shop.buyer

    refused("in_use", delete, shop.tenant, BOSS, "purchase", shop.purchase, version=None)
    delete(shop.tenant, BOSS, "claim", claim.id, version=None)
    delete(shop.tenant, BOSS, "purchase", shop.purchase, version=None)
    delete(shop.tenant, BOSS, "buyer", shop.buyer, version=None)


def test_a_line_others_link_to_is_not_taken_out(shop: Shop) -> None:
    create(shop.tenant, BOSS, "claim", shop.claim(1))
    lines = [
        {"id": one["id"]} for one in read(shop.tenant, BOSS, "purchase", shop.purchase).row["lines"]
    ]

    def keep(left: list[dict[str, int]]) -> object:
        values = {"lines": left}
        return update(shop.tenant, BOSS, "purchase", shop.purchase, values, version=None)

    refused("in_use", keep, lines[1:])
    keep(lines[:2])
    assert len(read(shop.tenant, BOSS, "purchase", shop.purchase).row["lines"]) == 2
