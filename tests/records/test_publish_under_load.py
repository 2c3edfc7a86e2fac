"""Eight writers keep saving while the form under them changes; nobody sees an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.records.look import read
from app.records.proof import verify_aggregates, verify_journal
from app.records.releases import publish, rollback
from app.records.save import create, update
from tests.records.shop import SOURCES, Shop

WRITERS = 8
PAUSE = 0.4
"""Seconds of writing between two publications."""

CLAIM = "packs/shop/forms/claim.yaml"
Change = Callable[[Sources], Sources]


def edit(path: str, old: str, new: str) -> Change:
    """Replace one piece of one file."""

    def change(sources: Sources) -> Sources:
        text = sources.files[path]
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        return sources.replaced(path, text.replace(old, new))

    return change


def add(path: str, text: str) -> Change:
    """Add one file."""
    return lambda sources: sources.replaced(path, text)


CHANGES: tuple[tuple[str, Change], ...] = (
    (
        "a field is added",
        edit(
            CLAIM, "  contact:   {type: text}\n", "  contact:   {type: text}\n  tag: {type: text}\n"
        ),
    ),
    (
        "a field is renamed",
        edit(
            CLAIM,
            "  address:   {type: text, lines: 3}",
            "  place: {type: text, lines: 3, was: address}",
        ),
    ),
    (
        "a field is widened",
        edit(
            CLAIM,
            "channel:   {type: choice, options: [desk, phone, portal],",
            "channel:   {type: text,",
        ),
    ),
    (
        "a field is retyped",
        edit(CLAIM, "  contact:   {type: text}", "  contact:   {type: integer}"),
    ),
    (
        "an aggregate is added",
        add(
            "packs/shop/aggregates/per_buyer.yaml",
            "aggregate: per_buyer\nlabel: Claims per buyer\nper: buyer\nmeasures:\n"
            "  claims: {from: claim, by: buyer, count: true}\n"
            "  pieces: {from: claim, by: buyer, sum: pieces}\n",
        ),
    ),
)


class Writer(threading.Thread):
    """Creates claims and changes some, until told to stop; keeps what went wrong."""

    def __init__(self, shop: Shop, number: int, stop: threading.Event) -> None:
        super().__init__(name=f"writer {number}")
        self.shop, self.number, self.stop = shop, number, stop
        self.made: list[tuple[int, int, str]] = []
        self.errors: list[str] = []

    def run(self) -> None:
        turn = 0
        while not self.stop.is_set():
            turn += 1
            try:
                self._one(turn)
            except Exception as error:
                self.errors.append(f"{self.name}, turn {turn}: {error!r}")
                return

    def _one(self, turn: int) -> None:
        contact = str(1000 * self.number + turn)
        submitted: dict[str, Any] = {
            "buyer": self.shop.buyer,
            "contact": contact,
            "lines": [{"quantity": "2", "reason": "broken", "price": "1.50"}],
        }
        saved = create(self.shop.tenant, SYSTEM, "claim", submitted, key=f"{self.number}-{turn}")
        self.made.append((saved.id, saved.release_no, contact))
        if turn % 5 == 0:
            changed = {"lines": [{"quantity": "3", "reason": "wrong", "price": "2"}]}
            update(self.shop.tenant, SYSTEM, "claim", saved.id, changed, version=None)


def test_the_form_changes_under_eight_writers_and_nobody_notices(shop: Shop) -> None:
    stop = threading.Event()
    writers = [Writer(shop, number, stop) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    sources, numbers = SOURCES, []
    try:
        for _what, change in CHANGES:
            time.sleep(PAUSE)
            sources = change(sources)
            numbers.append(publish(shop.tenant, SYSTEM, sources))
        time.sleep(PAUSE)
    finally:
        stop.set()
        for writer in writers:
            writer.join(30)
    assert [error for writer in writers for error in writer.errors] == []
    made = [one for writer in writers for one in writer.made]
    assert len({no for _, no, _ in made}) >= len(CHANGES), "writers worked under each release"
    assert numbers == sorted(set(numbers))

    published = shop.tenant.refresh()
    table = published.tables.forms["claim"].table
    ((count,),) = shop.tenant.db.query(f"SELECT count(*) FROM {table}")
    assert count == len(made)
    assert verify_aggregates(shop.tenant) == []
    assert verify_journal(shop.tenant, None).findings == ()
    for rid, no, contact in made[:: max(1, len(made) // 40)]:
        view = read(shop.tenant, SYSTEM, "claim", rid)
        assert view.release_no == no
        as_integer = no >= numbers[3]
        assert view.row["contact"] == (int(contact) if as_integer else contact)
        assert ("tag" in view.form.fields) == (no >= numbers[0])
        assert ("place" in view.form.fields) == (no >= numbers[1])

    before = numbers[0] - 1
    assert rollback(shop.tenant, SYSTEM, before) == before
    assert verify_aggregates(shop.tenant) == []
