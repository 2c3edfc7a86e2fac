"""What is closed to a person stays closed on records of an older release."""

from __future__ import annotations

import gc
import io

from app import process
from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.records.files import attach, attachments, open_attachment
from app.records.look import history, preview, read
from app.records.releases import publish
from app.records.save import create, update
from tests.records.shop import AGENT, BOSS, FILES, Shop, refused
from tests.records.test_releases import CLAIM, changed


def test_a_page_cannot_go_on_for_ever_under_rules_that_are_no_more(shop: Shop):
    stricter = changed(("  contact:   {type: text}", "  contact:   {type: text, required: true}"))
    publish(shop.tenant, SYSTEM, stricter)
    shop.clock.pass_by(hours=23)
    create(shop.tenant, BOSS, "claim", shop.claim("1"), release_no=1)
    shop.clock.pass_by(hours=2)
    late = shop.claim("1")
    refused("release_changed", create, shop.tenant, BOSS, "claim", late, release_no=1)
    refused("release_changed", preview, shop.tenant, BOSS, "claim", late, release_no=1)


RENAMED = Sources(
    {
        **FILES,
        CLAIM: FILES[CLAIM]
        .replace("  cost:      {type: money}", "  expense:   {type: money, was: cost}")
        .replace(
            "  refused:   {type: boolean, default: false}",
            "  denied: {type: boolean, was: refused}",
        )
        .replace("  evidence:  {", "  proofs:  {was: evidence, ")
        .replace("  address:   {type: text, lines: 3}\n", "")
        .replace(
            "      price:         {type: money}", "      unit:          {type: money, was: price}"
        )
        .replace("quantity * price", "quantity * unit")
        .replace("{price: purchase_line.price}", "{unit: purchase_line.price}"),
        "packs/shop/aggregates/claimable.yaml": FILES[
            "packs/shop/aggregates/claimable.yaml"
        ].replace("parent.refused", "parent.denied"),
        "packs/shop/roles/agent.yaml": FILES["packs/shop/roles/agent.yaml"]
        .replace("[cost, lines.price,", "[expense, proofs, lines.unit,")
        .replace("[refused]", "[denied]"),
    },
    "acme",
)


def test_what_a_role_hides_stays_hidden_under_the_name_it_had_before(shop: Shop):
    proof = attach(shop.tenant, BOSS, "claim", "evidence", io.BytesIO(b"x"), "a.txt")
    old = create(
        shop.tenant, BOSS, "claim", shop.claim("1", cost="9.50", address="Hall 3", evidence=[proof])
    )
    shop.db.execute_now("UPDATE f_claim SET created_by = ?", (AGENT.user_id,))
    publish(shop.tenant, SYSTEM, RENAMED)
    view = read(shop.tenant, AGENT, "claim", old.id)
    assert view.release_no == 1
    assert not {"cost", "expense", "evidence", "total"} & view.row.keys()
    assert "price" not in view.row["lines"][0] and view.row["address"] == "Hall 3"
    (entry,) = history(shop.tenant, AGENT, "claim", old.id)
    assert not {"cost", "evidence", "total"} & entry.changes.keys()
    assert all("price" not in line["+"] for line in entry.changes["lines"].values())
    refused("not_found", open_attachment, shop.tenant, AGENT, "claim", old.id, proof)
    assert attachments(shop.tenant, AGENT, "claim", old.id, [proof]) == {}
    assert proof in attachments(shop.tenant, BOSS, "claim", old.id, [proof])
    for values in ({"refused": True}, {"cost": "1"}):
        refused("invalid", update, shop.tenant, AGENT, "claim", old.id, values, version=1)
        sent = shop.claim("1", **values)
        refused("invalid", create, shop.tenant, AGENT, "claim", sent, release_no=1)


def test_a_field_that_is_no_more_stays_as_closed_as_it_was(shop: Shop):
    old = create(shop.tenant, BOSS, "claim", shop.claim("1", cost="9.50"))
    shop.db.execute_now("UPDATE f_claim SET created_by = ?", (AGENT.user_id,))
    dropped = dict(RENAMED.files)
    dropped[CLAIM] = dropped[CLAIM].replace("  expense:   {type: money, was: cost}\n", "")
    role = "packs/shop/roles/agent.yaml"
    dropped[role] = dropped[role].replace("[expense, ", "[")
    publish(shop.tenant, SYSTEM, Sources(dropped, "acme"))
    assert "cost" not in read(shop.tenant, AGENT, "claim", old.id).row
    assert "cost" in read(shop.tenant, BOSS, "claim", old.id).row


def test_a_server_keeps_a_loaded_release_from_the_collector(shop: Shop, monkeypatch):
    monkeypatch.setattr(process._heap, "serving", True)
    monkeypatch.setattr(process._heap, "stale", False)
    try:
        publish(shop.tenant, SYSTEM, RENAMED)
        shop.tenant.refresh()
        first = gc.get_freeze_count()
        assert first > 0
        assert process._heap.stale is False
        shop.tenant.refresh()
        assert gc.get_freeze_count() == first
    finally:
        gc.unfreeze()
