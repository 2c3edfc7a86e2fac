"""The same request twice is done once and answered twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from app.records import outbox
from app.records.idempotency import KEEP, forget
from app.records.save import create, delete, update
from tests.records.shop import AGENT, BOSS, Shop, refused


def test_the_same_key_gives_the_first_answer_whatever_happened_since(shop: Shop):
    body = shop.claim("5")
    first = create(shop.tenant, BOSS, "claim", body, key="a")
    update(shop.tenant, BOSS, "claim", first.id, {"contact": "Li"}, version=1)
    again = create(shop.tenant, BOSS, "claim", body, key="a")
    assert again == replace(first, replayed=True)
    assert shop.count("f_claim") == 1


def test_another_request_under_the_same_key_is_refused(shop: Shop):
    create(shop.tenant, BOSS, "claim", shop.claim("1"), key="a")
    refused("key_reused", create, shop.tenant, BOSS, "claim", shop.claim("2"), key="a")
    refused("key_reused", create, shop.tenant, BOSS, "claim", {"lines": []}, key="a")


def test_a_key_belongs_to_who_sent_it_and_how(shop: Shop):
    other = replace(AGENT, roles=frozenset({"boss"}))
    ids = {
        create(shop.tenant, actor, "claim", shop.claim("0.5"), key="a").id
        for actor in (BOSS, other, replace(BOSS, via="api"))
    }
    assert len(ids) == 3


def test_changes_and_deletions_have_keys_too(shop: Shop):
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1"))
    change = {"contact": "Li"}
    first = update(shop.tenant, BOSS, "claim", saved.id, change, version=1, key="u")
    assert update(shop.tenant, BOSS, "claim", saved.id, change, version=1, key="u").replayed
    assert first.version == 2
    gone = delete(shop.tenant, BOSS, "claim", saved.id, version=2, key="d")
    again = delete(shop.tenant, BOSS, "claim", saved.id, version=2, key="d")
    assert (again.replayed, again.version) == (True, gone.version)


def test_keys_are_bounded_and_forgotten_in_time(shop: Shop):
    refused("bad_request", create, shop.tenant, BOSS, "claim", shop.claim("1"), key="x" * 201)
    create(shop.tenant, BOSS, "claim", shop.claim("1"), key="a")
    forget(shop.db, shop.tenant.now_us() + KEEP - 1)
    assert shop.count("rf_idempotency") == 1
    forget(shop.db, shop.tenant.now_us() + KEEP + 1)
    assert shop.count("rf_idempotency") == 0


def test_the_key_of_an_effect_stays_as_long_as_its_row(shop: Shop):
    create(shop.tenant, BOSS, "claim", shop.claim("1"), key="effect")
    row = (1, "effect", "start", "claim", 1, "{}", 0, 0)
    shop.db.execute_now(outbox.INSERT_ONCE, row)
    forget(shop.db, shop.tenant.now_us() + KEEP + 1)
    assert shop.count("rf_idempotency") == 1
    assert create(shop.tenant, BOSS, "claim", shop.claim("1"), key="effect").replayed
    shop.db.execute_now("DELETE FROM rf_outbox WHERE once = 'effect'")
    forget(shop.db, shop.tenant.now_us() + KEEP + 1)
    assert shop.count("rf_idempotency") == 0


def test_the_same_key_at_once_is_done_once(shop: Shop):
    start = threading.Barrier(8)
    body = shop.claim("5", "3", "2")

    def one(_: int):
        start.wait(timeout=20)
        return create(shop.tenant, BOSS, "claim", body, key="same")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(8)))
    assert len({saved.id for saved in found}) == 1
    assert sum(not saved.replayed for saved in found) == 1
    assert shop.count("f_claim") == 1
    start.reset()
    payout = {"purchase": shop.purchase, "amount": "25"}

    def pay(_: int):
        start.wait(timeout=20)
        return create(shop.tenant, BOSS, "payout", payout, key="pay")

    with ThreadPoolExecutor(8) as pool:
        paid = list(pool.map(pay, range(8)))
    assert {saved.number for saved in paid} == {"P000001"}
    assert sum(not saved.replayed for saved in paid) == 1
