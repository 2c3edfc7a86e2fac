"""Rows and fields: everybody writes and sees what his roles give him, and nothing besides."""

from __future__ import annotations

import pytest

from app.access.actor import SYSTEM
from app.records.look import history, preview, read
from app.records.save import create, delete, update
from tests.records.shop import AGENT, BOSS, NOBODY, PHONES, Shop, refused


@pytest.fixture
def users(shop: Shop) -> Shop:
    """The actors as users of the tenant, and a buyer and purchase that are the agent's."""
    with shop.db.write() as tx:
        for actor in (BOSS, AGENT, PHONES, NOBODY):
            tx.queue(
                "INSERT INTO rf_user (id, login, name, email, password, active, created_at,"
                " updated_at) VALUES (?, ?, ?, '', '', 1, 0, 0)",
                (actor.user_id, actor.name.lower(), actor.name),
            )
    update(shop.tenant, BOSS, "buyer", shop.buyer, {"owner": AGENT.user_id}, version=None)
    return shop


def test_a_record_one_may_not_read_is_not_there(users: Shop):
    mine = create(users.tenant, AGENT, "claim", users.claim("1"))
    theirs = create(users.tenant, BOSS, "claim", users.claim("1"))
    assert read(users.tenant, AGENT, "claim", mine.id).row["id"] == mine.id
    missing = refused("not_found", read, users.tenant, AGENT, "claim", 12345)
    for work in (read, history):
        assert (
            refused("not_found", work, users.tenant, AGENT, "claim", theirs.id).message
            == missing.message
        )
    refused("not_found", update, users.tenant, AGENT, "claim", theirs.id, {}, version=1)
    refused("not_found", preview, users.tenant, AGENT, "claim", {}, rid=theirs.id)
    refused("not_found", read, users.tenant, NOBODY, "claim", theirs.id)
    refused("forbidden", delete, users.tenant, AGENT, "claim", mine.id, version=1)


def test_hidden_fields_are_neither_shown_nor_taken(users: Shop):
    saved = create(users.tenant, BOSS, "claim", users.claim("1", cost="3"))
    create(users.tenant, SYSTEM, "buyer", {"name": "x"})
    users.db.execute_now("UPDATE f_claim SET created_by = ?", (AGENT.user_id,))
    view = read(users.tenant, AGENT, "claim", saved.id)
    assert "cost" not in view.row and "total" not in view.row
    assert {"price", "amount"}.isdisjoint(view.row["lines"][0])
    assert view.may == {"list", "read", "create", "update"}
    (entry,) = history(users.tenant, AGENT, "claim", saved.id)
    assert {"cost", "total"}.isdisjoint(entry.changes)
    (line,) = entry.changes["lines"].values()
    assert {"price", "amount"}.isdisjoint(line["+"])
    found = refused(
        "invalid", update, users.tenant, AGENT, "claim", saved.id, {"cost": "1"}, version=1
    )
    assert [(d.path, d.code) for d in found.details] == [(("cost",), "readonly")]
    found = refused(
        "invalid", update, users.tenant, AGENT, "claim", saved.id, {"refused": True}, version=1
    )
    assert [d.code for d in found.details] == ["readonly"]
    update(users.tenant, AGENT, "claim", saved.id, {"contact": "Li"}, version=1)
    assert str(read(users.tenant, BOSS, "claim", saved.id).row["cost"]) == "3 CNY"


def test_a_row_one_could_not_see_cannot_be_made(users: Shop):
    create(users.tenant, BOSS, "buyer", {"name": "Other", "owner": BOSS.user_id})
    own = create(users.tenant, BOSS, "buyer", {"name": "Own", "owner": PHONES.user_id})
    lines = [{"quantity": "1", "reason": "wrong"}]
    saved = create(users.tenant, PHONES, "claim", {"buyer": own.id, "lines": lines})
    refused(
        "forbidden", create, users.tenant, PHONES, "claim", {"buyer": users.buyer, "lines": lines}
    )
    refused(
        "forbidden",
        update,
        users.tenant,
        PHONES,
        "claim",
        saved.id,
        {"buyer": users.buyer},
        version=1,
    )
    users.db.execute_now("UPDATE f_buyer SET c_owner = ? WHERE id = ?", (BOSS.user_id, own.id))
    refused("not_found", read, users.tenant, PHONES, "claim", saved.id)


def test_a_link_leads_only_where_one_may_look(users: Shop):
    other = create(users.tenant, BOSS, "buyer", {"name": "Other", "owner": BOSS.user_id})
    lines = [{"quantity": "1", "reason": "wrong"}]
    found = refused(
        "invalid", create, users.tenant, AGENT, "claim", {"buyer": other.id, "lines": lines}
    )
    assert [(d.path, d.code) for d in found.details] == [(("buyer",), "link_missing")]
    create(users.tenant, AGENT, "claim", users.claim("1"))
    users.db.execute_now("UPDATE f_buyer SET c_owner = ?", (BOSS.user_id,))
    found = refused("invalid", create, users.tenant, AGENT, "claim", users.claim("1"))
    assert (("lines", 0, "purchase_line"), "link_missing") in [
        (d.path, d.code) for d in found.details
    ]


def test_a_link_kept_from_before_stays_good(users: Shop):
    saved = create(users.tenant, AGENT, "claim", users.claim("1"))
    users.db.execute_now("UPDATE f_buyer SET c_owner = ?", (BOSS.user_id,))
    again = update(users.tenant, AGENT, "claim", saved.id, {"contact": "Li"}, version=1)
    assert again.title.endswith("Li")
    users.db.execute_now("UPDATE f_buyer SET deleted = 1")  # as retention does
    update(users.tenant, AGENT, "claim", saved.id, {"contact": "Wang"}, version=2)


def test_a_preview_judges_without_writing(users: Shop):
    before = users.count("rf_journal")
    empty = preview(users.tenant, BOSS, "claim", {})
    assert empty.values["channel"] == "desk" and empty.values["number"] is None
    assert ("buyer",) in {e.path for e in empty.errors}
    assert empty.required["buyer",] and empty.readonly["total",]
    shown = preview(users.tenant, AGENT, "claim", users.claim("2"))
    assert "total" not in shown.values and shown.visible["total",] is False
    full = preview(users.tenant, BOSS, "claim", users.claim("2"))
    assert str(full.values["total"]) == "5.00 CNY"
    assert users.count("rf_journal") == before
    refused("forbidden", preview, users.tenant, NOBODY, "claim", {})
