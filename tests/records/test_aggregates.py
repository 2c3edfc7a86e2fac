"""What many records may do together: kept with each save, refused where it would be too much."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.records.errors import Refused
from app.records.look import read
from app.records.save import create, delete, update
from tests.records.shop import BOSS, Shop, refused


def test_asking_for_too_much_says_how_much_is_left(shop: Shop):
    create(shop.tenant, BOSS, "claim", shop.claim("2"))
    before = shop.count("rf_journal"), shop.count("rf_outbox"), shop.count("f_claim__lines")
    found = refused("limit_reached", create, shop.tenant, BOSS, "claim", shop.claim("4"))
    assert found.message.en == "At most 3 can be returned"
    assert found.message.zh == "最多可退 3"
    assert [(d.path, d.code) for d in found.details] == [
        (("lines", 0, "quantity"), "limit_reached")
    ]
    assert (
        shop.count("rf_journal"),
        shop.count("rf_outbox"),
        shop.count("f_claim__lines"),
    ) == before
    create(shop.tenant, BOSS, "claim", shop.claim("3"))


def test_a_change_may_use_what_the_record_itself_had_taken(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("4"))
    (line,) = read(shop.tenant, BOSS, "claim", saved.id).row["lines"]
    more = {"lines": [{"id": line["id"], "quantity": "6"}]}
    found = refused("limit_reached", update, shop.tenant, BOSS, "claim", saved.id, more, version=1)
    assert found.message.en == "At most 5 can be returned"
    all_of_it = {"lines": [{"id": line["id"], "quantity": "5"}]}
    update(shop.tenant, BOSS, "claim", saved.id, all_of_it, version=1)
    assert shop.measures("claimable", shop.lines[0])[1] == 5_000_000


def test_the_row_that_goes_over_the_limit_is_named(shop: Shop):
    body = shop.claim("1", "1", "1", "2", "2")
    body["lines"][3]["purchase_line"] = body["lines"][4]["purchase_line"] = shop.lines[1]
    found = refused("limit_reached", create, shop.tenant, BOSS, "claim", body)
    assert found.message.en == "At most 3 can be returned"
    assert [d.path for d in found.details] == [("lines", 4, "quantity")]


def test_lowering_the_limit_below_what_is_used_is_refused(shop: Shop):
    create(shop.tenant, BOSS, "claim", shop.claim("4"))
    rows = read(shop.tenant, BOSS, "purchase", shop.purchase).row["lines"]
    less = [
        {"id": row["id"], **({"delivered": "3"} if n == 0 else {})} for n, row in enumerate(rows)
    ]
    found = refused(
        "limit_reached",
        update,
        shop.tenant,
        BOSS,
        "purchase",
        shop.purchase,
        {"lines": less},
        version=1,
    )
    assert "asked = 4" in found.message.en
    assert [d.path for d in found.details] == [("lines", 0, "delivered")]
    refused("in_use", delete, shop.tenant, BOSS, "purchase", shop.purchase, version=1)


def test_moving_a_link_gives_back_here_and_takes_there(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("2"))
    (line,) = read(shop.tenant, BOSS, "claim", saved.id).row["lines"]
    moved = {"lines": [{"id": line["id"], "purchase_line": shop.lines[2]}]}
    update(shop.tenant, BOSS, "claim", saved.id, moved, version=1)
    assert [shop.measures("claimable", key)[1] for key in shop.lines] == [0, 0, 2_000_000]


def test_a_field_of_the_record_counts_for_its_lines(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("5", "3"))
    refused("limit_reached", create, shop.tenant, BOSS, "claim", shop.claim("1"))
    update(shop.tenant, BOSS, "claim", saved.id, {"refused": True}, version=1)
    assert [shop.measures("claimable", key)[1] for key in shop.lines] == [0, 0, 0]
    create(shop.tenant, BOSS, "claim", shop.claim("1"))
    found = refused(
        "limit_reached", update, shop.tenant, BOSS, "claim", saved.id, {"refused": False}, version=2
    )
    assert found.message.en == "At most 4 can be returned"


def test_money_is_kept_per_currency_and_counted(shop: Shop):
    body = {"purchase": shop.purchase, "amount": "10.50"}
    create(shop.tenant, BOSS, "payout", body)
    assert shop.measures("refundable", shop.purchase) == (250_000, 105_000, 1)
    found = refused("limit_reached", create, shop.tenant, BOSS, "payout", {**body, "amount": "15"})
    assert found.message.en == "At most 14.50 CNY is left"
    assert [d.path for d in found.details] == [("amount",)]


def test_two_currencies_never_meet_under_one_key(shop: Shop):
    body = {"purchase": shop.purchase, "currency": "USD", "amount": "1"}
    found = refused("invalid", create, shop.tenant, BOSS, "payout", body)
    assert {d.code for d in found.details} == {"mixed_currency"}
    assert "CNY" in found.message.en and "USD" in found.message.en


def test_a_currency_can_be_put_right_while_nobody_else_counts(shop: Shop):
    saved = shop.buy("1", code="P-2", paid="10")
    changed = {"currency": "EUR", "paid": "8", "lines": []}
    update(shop.tenant, BOSS, "purchase", saved.id, changed, version=1)
    kept = shop.db.query("SELECT m0, currency FROM rf_aggregate WHERE key = ?", (saved.id,))
    assert kept == [(80_000, "EUR")]
    create(shop.tenant, BOSS, "payout", {"purchase": saved.id, "currency": "EUR", "amount": "1"})
    back = {"currency": "CNY", "paid": "10"}
    found = refused("invalid", update, shop.tenant, BOSS, "purchase", saved.id, back, version=2)
    assert {d.code for d in found.details} == {"mixed_currency"}


@pytest.mark.parametrize("requests", [50])
def test_of_many_at_once_for_one_unit_exactly_one_is_accepted(shop: Shop, requests: int):
    create(shop.tenant, BOSS, "claim", shop.claim("4"))
    start = threading.Barrier(10)

    def one(n: int) -> str:
        if n < 10:
            start.wait(timeout=20)
        try:
            create(shop.tenant, BOSS, "claim", shop.claim("1"), key=f"race-{n}")
        except Refused as error:
            return error.code
        return "accepted"

    with ThreadPoolExecutor(10) as pool:
        found = Counter(pool.map(one, range(requests)))
    assert found == {"accepted": 1, "limit_reached": requests - 1}
    assert shop.measures("claimable", shop.lines[0])[1] == 5_000_000


def test_hot_keys_in_any_order_never_deadlock(shop: Shop):
    big = shop.buy(*["1000"] * 6, code="P-hot")
    keys = [line["id"] for line in read(shop.tenant, BOSS, "purchase", big.id).row["lines"]]
    told: list[str] = []

    def writer(seed: int) -> int:
        chance = random.Random(seed)
        done = 0
        for _ in range(12):
            chosen = chance.sample(keys, 4)
            lines = [{"purchase_line": key, "quantity": "1", "reason": "wrong"} for key in chosen]
            try:
                saved = create(shop.tenant, BOSS, "claim", {"buyer": shop.buyer, "lines": lines})
                done += 4
                if chance.random() < 0.4:
                    delete(shop.tenant, BOSS, "claim", saved.id, version=1)
                    done -= 4
            except Refused as error:
                told.append(error.code)
        return done

    with ThreadPoolExecutor(8) as pool:
        written = sum(pool.map(writer, range(8)))
    assert told == []
    assert sum(shop.measures("claimable", key)[1] for key in keys) == written * 1_000_000
