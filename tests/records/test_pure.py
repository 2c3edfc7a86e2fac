"""The parts that need no database: chains, contributions, differences."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.build import build
from app.records.changes import ChangeWriter
from app.records.deltas import MixedCurrency, contributions, feeds_of, moves, scaled, unscaled
from app.records.idempotency import request_hash
from app.records.journal import GENESIS, Entry, canonical, chain_hash, entry_hash
from app.records.merkle import MerkleTree, merkle_root
from forms.expr import Env
from forms.values import Money, encode_id
from tests.records.shop import SOURCES

CATALOG = build(SOURCES).catalog
CLAIMS = feeds_of("claim", CATALOG.aggregates.values())
PAYOUTS = feeds_of("payout", CATALOG.aggregates.values())


def env() -> Env:
    return Env(datetime(2026, 11, 21, tzinfo=UTC), links={}, aggregates={}, currency="CNY")


def claim(*lines: tuple[int | None, str], refused: bool = False) -> dict:
    rows = [
        {"id": 100 + n, "purchase_line": key, "quantity": Decimal(quantity)}
        for n, (key, quantity) in enumerate(lines)
    ]
    return {"id": 1, "refused": refused, "lines": rows}


def moved(before: dict | None, after: dict | None) -> dict:
    found = moves(contributions(CLAIMS, before, env()), contributions(CLAIMS, after, env()))
    return {key: move.amounts[1] for key, move in found.items()}


def test_what_a_form_feeds_and_what_that_reads():
    (source,) = CLAIMS.lines["lines"]
    assert (source.aggregate, source.column, source.path_field) == ("claimable", 1, "quantity")
    assert {"refused", "lines.purchase_line", "lines.quantity"} <= CLAIMS.reads
    assert not feeds_of("buyer", CATALOG.aggregates.values())


def test_moves_are_the_difference_summed_per_key_in_order():
    one = claim((7, "1"), (5, "2"), (7, "0.5"), (None, "9"))
    assert moved(None, one) == {("claimable", 5): 2_000_000, ("claimable", 7): 1_500_000}
    assert list(moved(None, one)) == sorted(moved(None, one))
    assert moved(one, one) == {}
    assert moved(one, None) == {("claimable", 5): -2_000_000, ("claimable", 7): -1_500_000}
    assert moved(one, claim((5, "2"), (6, "1.5"))) == {
        ("claimable", 6): 1_500_000,
        ("claimable", 7): -1_500_000,
    }
    assert moved(one, {**one, "refused": True}) == moved(one, None)


_LINES = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 50).map(str)), max_size=6)


@given(st.lists(_LINES, min_size=1, max_size=5))
def test_any_history_of_changes_ends_at_what_the_last_state_holds(states):
    kept: dict = {}
    before = None
    for lines in states:
        after = claim(*lines)
        for key, amount in moved(before, after).items():
            kept[key] = kept.get(key, 0) + amount
        before = after
    assert {key: amount for key, amount in kept.items() if amount} == moved(None, before)


def test_a_change_of_currency_is_seen_and_two_in_one_key_are_refused():
    yuan = {"id": 1, "purchase": 9, "amount": Money(Decimal(5), "CNY"), "cancelled": False}
    euro = {**yuan, "amount": Money(Decimal(5), "EUR")}
    found = moves(contributions(PAYOUTS, yuan, env()), contributions(PAYOUTS, euro, env()))
    (move,) = found.values()
    assert (move.currency, move.replaces) == ("EUR", "CNY")
    both = contributions(PAYOUTS, yuan, env()) + contributions(PAYOUTS, euro, env())
    with pytest.raises(MixedCurrency):
        moves([], both)


def test_numbers_are_scaled_exactly_and_back():
    measure = CATALOG.aggregates["claimable"].measures["asked"]
    assert scaled(Decimal("0.0000005"), 6) == 1 and scaled(Decimal("-0.0000005"), 6) == -1
    assert scaled(3, 6) == 3_000_000
    assert unscaled(scaled(Decimal("123456789.123456"), 6), measure, None) == Decimal(
        "123456789.123456"
    )


def test_changes_name_what_differs_and_nothing_else():
    writer = ChangeWriter.of(CATALOG.forms["claim"])
    before = {
        "contact": "Li",
        "cost": Money(Decimal("1.50"), "CNY"),
        "lines": [{"id": 1, "quantity": Decimal(1)}, {"id": 2, "quantity": Decimal(2)}],
    }
    after = {
        "contact": "Li",
        "cost": Money(Decimal("1.5"), "CNY"),
        "number": "C-1",
        "lines": [{"id": 2, "quantity": Decimal(3)}, {"id": 3, "quantity": Decimal(1)}],
    }
    found = writer.updated(before, after)
    assert found == {
        "number": [None, "C-1"],
        "lines": {
            encode_id(1): {"-": {"quantity": "1"}},
            encode_id(2): {"quantity": ["2", "3"]},
            encode_id(3): {"+": {"quantity": "1"}},
        },
    }


def test_an_entry_is_bound_to_all_it_says():
    entry = Entry("claim", 1, 1, 2, 3, "Li", "web", "create", 1, canonical({"a": 1}), GENESIS)
    hashes = {entry_hash(entry)}
    for name, other in (
        ("form", "x"),
        ("record_id", 2),
        ("seq", 2),
        ("at", 9),
        ("actor", None),
        ("actor_name", "x"),
        ("via", "api"),
        ("act", "x"),
        ("release_no", 2),
        ("changes", "{}"),
        ("prev", b"x" * 32),
    ):
        hashes.add(entry_hash(entry._replace(**{name: other})))
    assert len(hashes) == 12
    assert entry_hash(entry) == chain_hash(GENESIS, *entry[:10])
    assert canonical({"b": 1, "a": "退"}) == '{"a":"退","b":1}'


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_a_tree_grown_leaf_by_leaf_has_the_root_of_the_whole(leaves):
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    assert tree.root() == merkle_root(leaves) and tree.leaves == len(leaves)


def test_the_order_of_keys_does_not_make_another_request():
    assert request_hash("create", "f", None, {"a": 1, "b": 2}) == request_hash(
        "create", "f", None, {"b": 2, "a": 1}
    )
    assert request_hash("create", "f", None, {"a": 1}) != request_hash(
        "update", "f", None, {"a": 1}
    )
