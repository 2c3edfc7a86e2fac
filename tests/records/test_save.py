"""What one save writes, in which order, and what it refuses."""

from __future__ import annotations

import json

from app.access.actor import SYSTEM
from app.records.look import history, read
from app.records.save import create, delete, update
from tests.records.shop import AGENT, BOSS, NOBODY, Shop, refused
from tests.support.statements import count_statements

MOST_STATEMENTS = 14


def test_a_record_is_kept_as_it_was_given_with_all_it_brings(shop: Shop):
    body = shop.claim("1", "2.5", "1", contact="Li", due_on="2026-12-01", cost="12.30")
    saved = create(shop.tenant, BOSS, "claim", body, key="k1")
    assert (saved.number, saved.title, saved.version) == ("C-2026-0001", "C-2026-0001 · Li", 1)
    row = read(shop.tenant, BOSS, "claim", saved.id).row
    assert [str(line["quantity"]) for line in row["lines"]] == ["1", "2.5", "1"]
    assert str(row["total"]) == "11.25 CNY" and str(row["pieces"]) == "4.5"
    assert str(row["cost"]) == "12.3 CNY"
    assert shop.measures("claimable", shop.lines[1])[:2] == (3_000_000, 2_500_000)
    (entry,) = history(shop.tenant, BOSS, "claim", saved.id)
    assert (entry.act, entry.seq, entry.actor_name) == ("create", 1, "Boss")
    assert entry.changes["number"] == [None, "C-2026-0001"]
    assert len(entry.changes["lines"]) == 3
    (event,) = shop.db.query(
        "SELECT form, record_id, payload FROM rf_outbox WHERE record_id = ?", (saved.id,)
    )
    assert event[:2] == ("claim", saved.id)
    assert json.loads(event[2])["act"] == "create"
    (due,) = shop.db.query("SELECT kind, due_at FROM rf_due WHERE record_id = ?", (saved.id,))
    assert due == ("keep", 1_858_435_200_000_000)
    assert shop.woken == [shop.tenant.id]


def test_the_journal_is_a_chain_that_ends_in_the_record(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1"))
    update(shop.tenant, BOSS, "claim", saved.id, {"contact": "Wang"}, version=1)
    rows = shop.db.query(
        "SELECT seq, prev, hash FROM rf_journal WHERE record_id = ? ORDER BY seq", (saved.id,)
    )
    table = shop.tenant.active().tables.forms["claim"].table
    head = shop.db.query(f"SELECT journal_seq, journal_head FROM {table} WHERE id = ?", (saved.id,))
    assert bytes(rows[1][1]) == bytes(rows[0][2])
    assert (2, bytes(rows[1][2])) == (head[0][0], bytes(head[0][1]))


def test_a_create_takes_few_statements_with_all_kinds_of_rows(shop: Shop):
    create(shop.tenant, BOSS, "claim", shop.claim("0.1"), key="first")
    tables = (
        "rf_due",
        "rf_aggregate",
        "rf_journal",
        "rf_idempotency",
        "rf_outbox",
        "rf_sequence",
        "f_claim",
        "f_claim__lines",
    )
    before = {table: shop.count(table) for table in tables}
    body = shop.claim(
        "1",
        "1",
        "1",
        reference="R1",
        address="Somewhere",
        contact="Li",
        urgent=True,
        due_on="2026-12-01",
        cost="1.00",
        channel="phone",
        received="2026-11-20T08:00:00Z",
        currency="CNY",
    )
    assert len(body) == 11
    with count_statements(shop.db) as seen:
        create(shop.tenant, BOSS, "claim", body, key="second")
    after = {table: shop.count(table) for table in tables}
    grown = {table: after[table] - before[table] for table in tables}
    assert grown == {
        "rf_due": 1,
        "rf_aggregate": 0,
        "rf_journal": 1,
        "rf_idempotency": 1,
        "rf_outbox": 1,
        "rf_sequence": 0,
        "f_claim": 1,
        "f_claim__lines": 3,
    }
    assert len(seen) <= MOST_STATEMENTS, "\n".join(seen)
    order = [text for text in seen if "INSERT INTO f_" in text or "rf_" in text]
    places = [
        next(n for n, text in enumerate(order) if mark in text)
        for mark in (
            "INSERT INTO f_claim ",
            "f_claim__lines",
            "rf_due",
            "INTO rf_aggregate",
            "INTO rf_journal",
            "INTO rf_outbox",
        )
    ]
    assert places == sorted(places)


def test_only_what_is_submitted_changes_and_lines_are_given_wholly(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1", "2", contact="Li"))
    row = read(shop.tenant, BOSS, "claim", saved.id).row
    second = row["lines"][1]
    lines = [
        {"id": second["id"], "quantity": "3"},
        {"purchase_line": shop.lines[2], "quantity": "1", "reason": "wrong"},
    ]
    again = update(shop.tenant, BOSS, "claim", saved.id, {"lines": lines}, version=1)
    assert again.version == 2
    now = read(shop.tenant, BOSS, "claim", saved.id).row
    assert now["contact"] == "Li"
    assert [str(line["quantity"]) for line in now["lines"]] == ["3", "1"]
    assert now["lines"][0]["id"] == second["id"]
    assert [shop.measures("claimable", line)[1] for line in shop.lines] == [0, 3_000_000, 1_000_000]
    changes = history(shop.tenant, BOSS, "claim", saved.id)[1].changes
    assert changes["pieces"] == ["3", "4"]
    kinds = sorted(tuple(sorted(one)) for one in changes["lines"].values())
    assert kinds == [("+",), ("-",), ("amount", "quantity")]


def test_a_save_that_changes_nothing_writes_nothing(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1", contact="Li"))
    same = update(shop.tenant, BOSS, "claim", saved.id, {"contact": "Li"}, version=1)
    assert same.version == 1
    assert len(history(shop.tenant, BOSS, "claim", saved.id)) == 1


def test_whoever_saves_second_is_told(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1"))
    update(shop.tenant, BOSS, "claim", saved.id, {"contact": "A"}, version=1)
    refused("stale", update, shop.tenant, BOSS, "claim", saved.id, {"contact": "B"}, version=1)
    latest = update(shop.tenant, BOSS, "claim", saved.id, {"contact": "C"}, version=None)
    assert latest.version == 3


def test_a_deleted_record_is_gone_and_gives_back_what_it_used(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("5"))
    refused("limit_reached", create, shop.tenant, BOSS, "claim", shop.claim("1"))
    delete(shop.tenant, BOSS, "claim", saved.id, version=1)
    refused("not_found", read, shop.tenant, BOSS, "claim", saved.id)
    refused("not_found", delete, shop.tenant, BOSS, "claim", saved.id, version=None)
    assert shop.measures("claimable", shop.lines[0])[1] == 0
    create(shop.tenant, BOSS, "claim", shop.claim("5"))
    entries = shop.db.query(
        "SELECT act FROM rf_journal WHERE record_id = ? ORDER BY seq", (saved.id,)
    )
    assert entries == [("create",), ("delete",)]


def test_invalid_values_are_all_named_and_nothing_is_written(shop: Shop):
    before = shop.count("rf_journal")
    found = refused(
        "invalid",
        create,
        shop.tenant,
        BOSS,
        "claim",
        {"lines": [{"quantity": "x", "reason": "broken"}], "colour": "red"},
    )
    assert {(d.path, d.code) for d in found.details} == {
        (("buyer",), "required"),
        (("lines", 0, "quantity"), "not_a_number"),
        (("colour",), "unknown_field"),
    }
    assert shop.count("rf_journal") == before


def test_what_must_be_unique_is_refused_with_its_message(shop: Shop):
    found = refused("not_unique", shop.buy, "1", code="P-1")
    assert found.message.en == "This code exists already"
    assert [d.path for d in found.details] == [("code",)]
    create(shop.tenant, BOSS, "claim", shop.claim("1", reference="R1"))
    found = refused(
        "not_unique", create, shop.tenant, BOSS, "claim", shop.claim("1", reference="R1")
    )
    assert [d.path for d in found.details] == [("reference",)]
    create(shop.tenant, BOSS, "claim", shop.claim("1"))
    create(shop.tenant, BOSS, "claim", shop.claim("1"))


def test_gapless_numbers_are_drawn_last_and_have_no_gaps(shop: Shop):
    body = {"purchase": shop.purchase, "amount": "10"}
    first = create(shop.tenant, BOSS, "payout", body, key="p1")
    assert (first.number, first.title) == ("P000001", "P000001 for P-1")
    refused("limit_reached", create, shop.tenant, BOSS, "payout", {**body, "amount": "16"})
    with count_statements(shop.db) as seen:
        second = create(shop.tenant, BOSS, "payout", body, key="p2")
    assert second.number == "P000002"
    assert create(shop.tenant, BOSS, "payout", body, key="p2").number == "P000002"
    places = [
        n for n, text in enumerate(seen) if "rf_sequence" in text or "INTO rf_aggregate" in text
    ]
    assert "rf_aggregate" in seen[places[0]] and "rf_sequence" in seen[places[1]]
    row = read(shop.tenant, BOSS, "payout", second.id).row
    assert (row["number"], row["title"]) == ("P000002", "P000002 for P-1")


def test_rights_decide_who_may_write(shop: Shop):
    refused("forbidden", create, shop.tenant, NOBODY, "claim", shop.claim("1"))
    refused("forbidden", create, shop.tenant, AGENT, "purchase", {"code": "X"})
    refused("not_found", create, shop.tenant, BOSS, "unknown", {})
    create(shop.tenant, SYSTEM, "buyer", {"name": "x"})


def test_a_draft_gets_its_number_when_it_is_submitted(shop: Shop):
    refused("invalid", create, shop.tenant, BOSS, "memo", {})
    draft = create(shop.tenant, BOSS, "memo", {}, moment="save")
    assert draft.number is None
    draft = update(shop.tenant, BOSS, "memo", draft.id, {"text": "a"}, version=1, moment="save")
    sent = update(shop.tenant, BOSS, "memo", draft.id, {}, version=2)
    assert (sent.number, sent.title, sent.version) == ("M-2026-001", "M-2026-001", 3)
    again = {"text": None}
    refused("invalid", update, shop.tenant, BOSS, "memo", sent.id, again, version=3, moment="save")
    refused("invalid", create, shop.tenant, BOSS, "claim", {}, moment="save")


def test_a_counter_that_starts_over_goes_on_after_the_numbers_in_use(shop: Shop):
    for _ in range(9):
        create(shop.tenant, BOSS, "claim", shop.claim("0.1"))
    shop.db.execute_now("UPDATE rf_sequence SET value = 0 WHERE name = 'claim'")
    assert create(shop.tenant, BOSS, "claim", shop.claim("0.1")).number == "C-2026-0010"
