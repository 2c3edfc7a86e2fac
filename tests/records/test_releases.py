"""Releases come into force under running saves, and old records stay what they were."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.access.actor import SYSTEM
from app.catalog.build import build
from app.catalog.sources import Sources
from app.records.errors import Refused
from app.records.look import preview, read
from app.records.proof import verify_aggregates, verify_journal
from app.records.releases import (
    JOURNAL_FORM,
    Unpublishable,
    finish_interrupted,
    pack,
    plan_publish,
    publish,
    release_sources,
    releases,
    rollback,
    unpack,
)
from app.records.save import create, update
from app.storage.errors import PublishError
from app.storage.publication import unfinished
from app.storage.publish import publish as storage_publish
from tests.records.shop import AGENT, BOSS, FILES, SOURCES, Shop, refused

CLAIM = "packs/shop/forms/claim.yaml"


def changed(*pairs: tuple[str, str], path: str = CLAIM) -> Sources:
    """The shop's definitions with some text replaced."""
    text = FILES[path]
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    return Sources({**FILES, path: text}, "acme")


MORE = changed(
    ("  contact:   {type: text}", "  contact:   {type: text}\n  colour:    {type: text}")
)
RETYPED = changed(
    ("  reference: {type: text}", "  outside:   {type: text, was: reference}"),
    ("fields: [reference]", "fields: [outside]"),
    ("  quantity:      {type: decimal", "  quantity:      {type: integer"),
    ("min: 0.001", "min: 1"),
)


def test_releases_are_listed_told_by_content_and_journaled(shop: Shop):
    assert publish(shop.tenant, BOSS, SOURCES) == 1
    no = publish(shop.tenant, BOSS, MORE, "colours")
    assert no == 2
    found = releases(shop.tenant)
    assert [(one.no, one.note, one.active) for one in found] == [
        (2, "colours", True),
        (1, "", False),
    ]
    assert found[0].hash == MORE.hash
    assert release_sources(shop.db, 2) == MORE and release_sources(shop.db, 9) is None
    assert unpack(pack(MORE)) == MORE and pack(MORE) == pack(unpack(pack(MORE)))
    assert rollback(shop.tenant, BOSS, 1) == 1
    assert publish(shop.tenant, BOSS, MORE) == 2
    acts = shop.db.query(
        "SELECT record_id, seq, act, actor_name FROM rf_journal WHERE form = ?",
        (JOURNAL_FORM,),
    )
    assert sorted(acts) == [
        (1, 1, "publish", "system"),
        (1, 2, "rollback", "Boss"),
        (2, 1, "publish", "Boss"),
        (2, 2, "publish", "Boss"),
    ]
    assert verify_journal(shop.tenant, None).findings == ()


def test_only_who_may_publishes_and_only_what_is_sound(shop: Shop):
    refused("forbidden", publish, shop.tenant, AGENT, MORE)
    refused("forbidden", rollback, shop.tenant, AGENT, 1)
    refused("not_found", rollback, shop.tenant, BOSS, 7)
    with pytest.raises(Unpublishable) as caught:
        publish(shop.tenant, BOSS, changed(("type: date", "type: dtae")))
    assert any("date" in str(problem) for problem in caught.value.problems)
    _, plan = plan_publish(shop.tenant, MORE)
    assert plan is not None


def test_a_save_under_a_stale_release_runs_once_more_silently(shop: Shop):
    other = shop.reopen()
    other.active()
    publish(shop.tenant, SYSTEM, MORE)
    assert other.current().no == 1
    saved = create(other, BOSS, "claim", shop.claim("1", contact="Li"))
    assert saved.release_no == 2
    assert update(other, BOSS, "claim", saved.id, {"colour": "red"}, version=1).version == 2


def test_a_page_is_judged_by_the_release_it_names(shop: Shop):
    publish(
        shop.tenant,
        SYSTEM,
        changed(("  contact:   {type: text}", "  contact:   {type: text, required: true}")),
    )
    refused("invalid", create, shop.tenant, BOSS, "claim", shop.claim("1"))
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1"), release_no=1)
    assert saved.release_no == 1
    refused("release_changed", create, shop.tenant, BOSS, "claim", shop.claim("1"), release_no=99)
    update(shop.tenant, BOSS, "claim", saved.id, {"address": "x"}, version=1, release_no=1)
    refused(
        "release_changed",
        update,
        shop.tenant,
        BOSS,
        "claim",
        saved.id,
        {"address": "y"},
        version=2,
        release_no=2,
    )
    assert preview(shop.tenant, BOSS, "claim", {}, release_no=1).release_no == 1


def test_an_old_record_keeps_its_form_while_totals_follow_the_new_one(shop: Shop):
    old = create(shop.tenant, BOSS, "claim", shop.claim("1", reference="R1"))
    publish(shop.tenant, SYSTEM, RETYPED)
    view = read(shop.tenant, BOSS, "claim", old.id)
    assert view.release_no == 1 and view.row["reference"] == "R1"
    (line,) = view.row["lines"]
    more = {"lines": [{"id": line["id"], "quantity": "2"}], "reference": "R2"}
    update(shop.tenant, BOSS, "claim", old.id, more, version=1)
    new = create(shop.tenant, BOSS, "claim", shop.claim("3", outside="R3"))
    assert shop.measures("claimable", shop.lines[0])[1] != 0
    _totals_agree(shop)
    found = refused("limit_reached", create, shop.tenant, BOSS, "claim", shop.claim("1"))
    assert found.message.en == "At most 0 can be returned"
    refused("not_unique", update, shop.tenant, BOSS, "claim", new.id, {"outside": "R2"}, version=1)
    late = create(
        shop.tenant,
        BOSS,
        "claim",
        {
            **shop.claim("0.5"),
            "lines": [{"purchase_line": shop.lines[1], "quantity": "2", "reason": "wrong"}],
        },
        release_no=1,
    )
    assert late.release_no == 1
    _totals_agree(shop)


def _totals_agree(shop: Shop) -> None:
    """What is kept equals what the rows add up to."""
    assert verify_aggregates(shop.tenant) == []


def test_writers_go_on_while_releases_change(shop: Shop):
    big = shop.buy(*["100000"] * 4, code="P-big")
    keys = [line["id"] for line in read(shop.tenant, BOSS, "purchase", big.id).row["lines"]]
    stop = threading.Event()
    tenants = [shop.reopen() for _ in range(3)]

    def writer(n: int) -> int:
        done = 0
        while not stop.is_set() and done < 200:
            lines = [
                {"purchase_line": key, "quantity": "1", "reason": "wrong"}
                for key in (keys[done % 4], keys[(done + n) % 4])
            ]
            saved = create(tenants[n], BOSS, "claim", {"buyer": shop.buyer, "lines": lines})
            if done % 3 == 0:
                update(tenants[n], BOSS, "claim", saved.id, {"contact": f"c{done}"}, version=1)
            done += 1
        return done

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(writer, n) for n in range(3)]
        for sources in (MORE, RETYPED, SOURCES):
            publish(shop.tenant, SYSTEM, sources)
        stop.set()
        written = sum(future.result() for future in futures)
    assert written > 0
    assert sum(shop.measures("claimable", key)[1] for key in keys) in (
        written * 2,
        written * 2_000_000,
    )
    _totals_agree(shop)
    assert verify_journal(shop.tenant, None).findings == ()


UNIQUE_NAMES = SOURCES.replaced(
    "packs/shop/forms/buyer.yaml",
    FILES["packs/shop/forms/buyer.yaml"] + "unique:\n  one: {fields: [name]}\n",
)


def test_a_publication_the_rows_forbid_leaves_everything_as_it_was(shop: Shop) -> None:
    for _ in range(2):
        create(shop.tenant, SYSTEM, "buyer", {"name": "Same"})
    before = shop.tenant.refresh().no
    with pytest.raises(Refused, match="cannot be published"):
        publish(shop.tenant, SYSTEM, UNIQUE_NAMES)
    assert shop.tenant.refresh().no == before
    create(shop.tenant, SYSTEM, "buyer", {"name": "Same"})
    label = FILES["packs/shop/forms/buyer.yaml"].replace("phone: {", "phone: {label: Tel, ")
    assert publish(shop.tenant, SYSTEM, SOURCES.replaced("packs/shop/forms/buyer.yaml", label))
    assert verify_aggregates(shop.tenant) == []


def test_the_next_publication_finishes_or_gives_up_one_that_was_cut_off(shop: Shop) -> None:
    for _ in range(2):
        create(shop.tenant, SYSTEM, "buyer", {"name": "Same"})
    before = shop.tenant.refresh().no
    catalog = build(UNIQUE_NAMES).catalog
    assert catalog is not None
    with pytest.raises(PublishError):
        storage_publish(shop.db, catalog, content=pack(UNIQUE_NAMES), at=shop.tenant.now_us())
    assert unfinished(shop.db) is not None
    assert finish_interrupted(shop.tenant) is None
    assert unfinished(shop.db) is None
    assert shop.tenant.refresh().no == before


def test_a_release_accepted_under_fewer_checks_still_loads(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer product finds more to say of definitions; what is in force goes on."""
    publish(shop.tenant, BOSS, MORE)
    role = next(iter(shop.tenant.active().catalog.roles))
    first = create(shop.tenant, BOSS, "claim", shop.claim(1))

    monkeypatch.setattr(
        sys.modules["app.catalog.build"], "include_cycles", lambda roles: {role: [role, role]}
    )
    monkeypatch.setattr(sys.modules["app.records.releases"], "_cache", OrderedDict())
    reopened = shop.reopen()
    assert read(reopened, BOSS, "claim", first.id).row["id"] == first.id
    assert create(reopened, BOSS, "claim", shop.claim(1)).release_no == 2
    with pytest.raises(Unpublishable) as caught:
        publish(reopened, BOSS, RETYPED)
    assert [one.problem.code for one in caught.value.problems] == ["include_cycle"]
