"""Lists, candidates and titles show a reader what is his to see."""

from __future__ import annotations

from app.records import bulk, choices, count, each, list_, titles
from app.records.save import create, update
from app.storage.conditions import Filter
from tests.records.shop import AGENT, BOSS, NOBODY, Shop, refused


def test_a_list_pages_through_what_the_reader_may_see(shop: Shop):
    for n in range(5):
        create(shop.tenant, BOSS, "claim", shop.claim("0.1", contact=f"c{n}"))
    page = list_(shop.tenant, BOSS, "claim", columns=("contact", "cost"), limit=3)
    assert [row["contact"] for row in page.rows] == ["c4", "c3", "c2"]
    rest = list_(shop.tenant, BOSS, "claim", columns=("contact",), limit=3, cursor=page.next)
    assert [row["contact"] for row in rest.rows] == ["c1", "c0"]
    assert count(shop.tenant, BOSS, "claim") == 5
    assert len(list(each(shop.tenant, BOSS, "claim", columns=("contact",)))) == 5
    assert list_(shop.tenant, AGENT, "claim").rows == []
    refused("forbidden", list_, shop.tenant, NOBODY, "claim")
    refused("forbidden", each(shop.tenant, AGENT, "claim").__next__)
    found = list_(shop.tenant, BOSS, "claim", filters=[Filter("contact", "eq", "c2")])
    assert len(found.rows) == 1


def test_what_is_hidden_cannot_be_asked_for_by_the_back_door(shop: Shop):
    create(shop.tenant, BOSS, "claim", shop.claim("1", cost="3"))
    shop.db.execute_now("UPDATE f_claim SET created_by = ?", (AGENT.user_id,))
    (row,) = list_(shop.tenant, AGENT, "claim", columns=("cost", "contact")).rows
    assert "cost" not in row and "contact" in row
    refused("bad_request", list_, shop.tenant, AGENT, "claim", filters=[Filter("cost", "gt", 1)])
    refused("bad_request", list_, shop.tenant, AGENT, "claim", sort=[("cost", True)])
    refused("bad_request", count, shop.tenant, AGENT, "claim", filters=[Filter("cost", "gt", 1)])
    refused("bad_request", list_, shop.tenant, BOSS, "claim", cursor="nonsense")
    refused("bad_request", list_, shop.tenant, BOSS, "claim", filters=[Filter("none", "eq", 1)])


def test_candidates_obey_the_links_own_condition_and_the_readers_rights(shop: Shop):
    other = create(shop.tenant, BOSS, "buyer", {"name": "Wang", "owner": None})
    create(
        shop.tenant,
        BOSS,
        "purchase",
        {"buyer": other.id, "code": "P-9", "lines": [{"item": "X", "quantity": "1"}]},
    )
    assert [c.title for c in choices(shop.tenant, BOSS, "claim", ("buyer",))] == ["Li", "Wang"]
    assert [c.title for c in choices(shop.tenant, BOSS, "claim", ("buyer",), "WA")] == ["Wang"]
    draft = {"buyer": shop.buyer, "lines": [{}]}
    path = ("lines", "purchase_line")
    found = choices(shop.tenant, BOSS, "claim", path, "", draft, 0)
    assert [c.id for c in found] == shop.lines
    assert found[0].title == "I0 · P-1"
    assert len(choices(shop.tenant, BOSS, "claim", path, "i1", draft, 0)) == 1
    draft["buyer"] = other.id
    assert [c.title for c in choices(shop.tenant, BOSS, "claim", path, "", draft, 0)] == ["X · P-9"]
    assert choices(shop.tenant, AGENT, "claim", ("buyer",)) == []
    refused("forbidden", choices, shop.tenant, NOBODY, "claim", ("buyer",))
    refused("not_found", choices, shop.tenant, BOSS, "claim", ("nothing",))


def test_titles_are_told_only_of_what_one_may_read(shop: Shop):
    found = titles(shop.tenant, BOSS, "purchase.lines", shop.lines)
    assert found[shop.lines[1]].title == "I1 · P-1"
    assert found[shop.lines[1]].record == shop.purchase
    assert titles(shop.tenant, AGENT, "purchase", [shop.purchase]) == {}
    assert titles(shop.tenant, BOSS, "unknown", [1]) == {}
    plain = create(shop.tenant, BOSS, "claim", shop.claim("1", "1"))
    rows = shop.db.query("SELECT id FROM f_claim__lines ORDER BY position")
    told = titles(shop.tenant, BOSS, "claim.lines", [row[0] for row in rows])
    assert [told[row[0]].title for row in rows] == [f"{plain.title} · #1", f"{plain.title} · #2"]
    shop.db.execute_now("UPDATE f_buyer SET deleted = 1 WHERE id = ?", (shop.buyer,))
    assert titles(shop.tenant, BOSS, "buyer", [shop.buyer])[shop.buyer].title == "Li"


def test_bulk_acts_give_a_result_for_each_record(shop: Shop):
    items = [(None, None, shop.claim(q)) for q in ("3", "3", "2")]
    results = bulk(shop.tenant, BOSS, "claim", "create", items, key="b")
    assert [r.refused.code if r.refused else "ok" for r in results] == ["ok", "limit_reached", "ok"]
    again = bulk(shop.tenant, BOSS, "claim", "create", items, key="b")
    assert [r.id for r in again] == [r.id for r in results]
    first = results[0].id
    changed = bulk(
        shop.tenant,
        BOSS,
        "claim",
        "update",
        [(first, 1, {"contact": "x"}), (first, 1, {"contact": "y"})],
    )
    assert changed[1].refused.code == "stale"
    gone = bulk(shop.tenant, BOSS, "claim", "delete", [(first, None, {})])
    assert gone[0].saved.version == 3
    refused("bad_request", bulk, shop.tenant, BOSS, "claim", "explode", [])
    update(shop.tenant, BOSS, "buyer", shop.buyer, {"phone": "1"}, version=None)
