"""What a stranger, or a customer who wants more than is theirs, tries at the portal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.access import portal as access
from app.records.outbox import read_error
from app.storage.databases import StorageSettings
from forms.values import encode_id
from tests.portal.world import World, open_world
from tests.support.mailbox import Mailbox
from tests.web.house import PASSWORD, Visitor, inputs, token

NEW = "/portal/returns/records/claim/new"
SECRETS = ("W-SECRET", "Wu Wei", "wu&#39;s own", "owes us", "Clara")


@pytest.fixture
def world(
    storage_settings: StorageSettings, tmp_path: Path, tenant_id: str, mailbox: Mailbox
) -> Iterator[World]:
    """The world of the portal's tests, on each database."""
    opened = open_world(storage_settings, tmp_path, (tenant_id, f"{tenant_id}b"), mailbox)
    for kept in (mailbox.letters, mailbox.raw, mailbox.recipients):
        kept.clear()
    yield opened
    opened.tenants.close()


def filled(world: World, browser: Visitor, **more: Any) -> dict[str, Any]:
    """A good page for one kettle."""
    page = browser.get(f"{NEW}?of={world.rid('p2')}")
    data = inputs(page)
    (row,) = data["lines@rows"][1:]
    return {**data, f"lines.{row}.quantity": "1", "reason": "x", **more}


def count(world: World, table: str = "f_claim") -> int:
    return world.tenant.db.query(f"SELECT count(*) FROM {table}")[0][0]


def test_known_and_unknown_orders_get_the_same_answer_by_the_same_way(world: World) -> None:
    answers = []
    statements: list[list[str]] = []
    db = world.tenant.db
    for code, email in (
        ("P-1", "li@home.test"),
        ("P-1", "wrong@home.test"),
        ("NO", "li@home.test"),
    ):
        browser = world.browser()
        page = browser.get("/portal/returns/")
        seen: list[str] = []
        statements.append(seen)
        with _watched(db, seen):
            answer = browser.post(
                "/portal/returns/code",
                {"by.0": code, "by.1": email, "csrf_token": token(page)},
            )
        shown = browser.get("/portal/returns/code").text
        shown = re.sub(r'value="[^"]*"|<dd>[^<]*</dd>', "", shown)  # what was typed stands there
        answers.append((answer.status_code, answer.location, shown))
    assert answers[0] == answers[1] == answers[2]
    assert statements[0] == statements[1] == statements[2]
    assert not any("f_purchase" in one or "f_buyer" in one for one in statements[0])
    world.work()
    assert len(world.mailbox.letters) == 1, "only the one who is known is written to"
    assert world.mailbox.recipients == [["Li@Home.test"]]


def test_a_server_that_says_nothing_gets_another_code_and_the_first_is_void(world: World) -> None:
    browser = world.browser()
    world.mailbox.hangs_up = world.mailbox.keeps = True
    world.ask(browser, "P-1", "li@home.test")
    world.work()
    db = world.tenants.get(world.names[0]).db
    ((status, error),) = db.query(
        "SELECT status, last_error FROM rf_outbox WHERE topic = 'portal_code' AND status <> 'done'"
    )
    assert status == "ready" and "did not say whether it took" in read_error(error).en
    assert "未答复" in read_error(error).zh
    world.mailbox.hangs_up = world.mailbox.keeps = False
    world.clock.pass_by(minutes=1)
    world.work()
    first, second = (re.findall(r"\d{6}", one["Subject"])[0] for one in world.mailbox.letters)
    assert first != second
    assert world.enter(browser, first).status_code == 422, "void"
    assert world.enter(browser, second).status_code == 303


class _watched:
    """Notes every statement a tenant's database is asked."""

    def __init__(self, db: Any, seen: list[str]) -> None:
        self.db, self.seen = db, seen

    def __enter__(self) -> None:
        self.query, self.write = self.db.query, self.db.write
        db, seen, query, write = self.db, self.seen, self.query, self.write

        def asked(sql: str, params: Any = ()) -> Any:
            seen.append(sql)
            return query(sql, params)

        class Writing:
            def __enter__(self) -> Any:
                self.inner = write()
                tx = self.inner.__enter__()
                self.tx, run = tx, tx.execute
                seen.append("BEGIN")

                class Seen:
                    def execute(self, sql: str, params: Any = ()) -> Any:
                        seen.append(sql)
                        return run(sql, params)

                return Seen()

            def __exit__(self, *error: Any) -> Any:
                return self.inner.__exit__(*error)

        db.query, db.write = asked, Writing

    def __exit__(self, *error: Any) -> None:
        del self.db.query, self.db.write


def test_a_code_is_good_once_for_ten_minutes_and_five_tries(world: World) -> None:
    browser = world.browser()
    world.ask(browser, "P-1", "li@home.test")
    world.work()
    code = world.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for slip in ("", "12345", code + "1", "abcdef"):
        assert "six digits" in world.enter(browser, slip).text, "a slip is no guess"
    for _ in range(access.TRIES - 1):
        assert world.enter(browser, wrong).status_code == 422
    assert world.enter(browser, code).status_code == 303
    late = world.browser()
    world.ask(late, "P-2", "li@home.test")
    world.work()
    world.clock.pass_by(minutes=10)
    assert world.enter(late, world.code()).status_code == 422

    third = world.browser()
    world.ask(third, "P-2", "li@home.test")
    world.work()
    code = world.code()
    for _ in range(access.TRIES):
        world.enter(third, wrong if wrong != code else "000000")
    assert world.enter(third, code).status_code == 422, "guessed too often"


def test_a_code_cannot_be_used_again_nor_in_another_browser(world: World) -> None:
    browser = world.browser()
    world.ask(browser, "P-1", "li@home.test")
    world.work()
    code = world.code()
    thief = world.browser()
    world.ask(thief, "W-SECRET", "wu@home.test")
    assert world.enter(thief, code).status_code == 422, "the code of another request"
    cookie = browser.client.get_cookie("rf_ask_returns", path=browser.root)
    assert world.enter(browser, code).status_code == 303
    again = world.browser()
    again.client.set_cookie("rf_ask_returns", cookie.value, path=again.root)
    assert world.enter(again, code).status_code == 422, "used up"


def test_nothing_in_the_database_opens_the_door(world: World) -> None:
    browser = world.browser()
    world.ask(browser, "P-1", "li@home.test")
    ((given,),) = world.tenant.db.query("SELECT given FROM rf_portal_ask")
    assert "P-1" in given
    world.work()
    code = world.code()
    ((given, kept),) = world.tenant.db.query("SELECT given, code FROM rf_portal_ask")
    assert given is None and code not in kept and len(kept) == 64
    rows = world.tenant.db.query("SELECT payload FROM rf_outbox WHERE topic = 'portal_code'")
    assert all(code not in row[0] and "P-1" not in row[0] for row in rows)
    world.enter(browser, code)
    cookie = browser.client.get_cookie("rf_visit_returns", path=browser.root)
    ((stored,),) = world.tenant.db.query("SELECT id FROM rf_portal_session")
    assert cookie.value not in stored
    forged = world.browser()
    forged.client.set_cookie("rf_visit_returns", stored, path=forged.root)
    assert "Show who you are" in forged.get("/portal/returns/").text


def test_asking_is_counted_per_order_and_per_address(world: World) -> None:
    for n in range(access.ASKS.most):
        browser = world.browser()
        address = {"environ_base": {"REMOTE_ADDR": f"192.0.2.{n}"}}
        assert world.ask(browser, "NO-SUCH", f"{n}@x.test", **address).status_code == 303
    last = {"environ_base": {"REMOTE_ADDR": "192.0.2.99"}}
    answer = world.ask(world.browser(), "no-such", "z@x.test", **last)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    for n in range(access.PER_ADDRESS.most):
        world.ask(world.browser(), f"ORDER-{n}", "z@x.test")
    assert world.ask(world.browser(), "P-1", "li@home.test").status_code == 429


def test_another_s_records_are_not_there(world: World) -> None:
    browser = world.inside()
    other = world.rid("c3")
    for path in (
        f"/portal/returns/records/claim/{other}",
        f"/portal/returns/records/purchase/{world.rid('p3')}",
        f"/portal/returns/records/claim/{other}/files/{other}",
        "/portal/returns/records/buyer/" + world.rid("li"),
        "/portal/returns/records/product/" + world.rid("lamp"),
        "/portal/returns/records/product/new",
        "/portal/returns/records/purchase/new",
        "/portal/returns/records/claim/nonsense",
    ):
        assert browser.get(path).status_code == 404, path
    page = browser.get(f"{NEW}?of={world.rid('p3')}")
    for text in (page.text, browser.get("/portal/returns/").text):
        assert not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("how", ["purchase", "buyer", "bought", "hidden", "readonly", "unknown"])
def test_posting_what_is_not_one_s_own_changes_nothing(world: World, how: str) -> None:
    browser = world.inside()
    before = count(world)
    data = filled(world, browser)
    row = data["lines@rows"][1]
    data |= {
        "purchase": {"purchase": world.rid("p3")},
        "buyer": {"buyer": world.rid("wu")},
        "bought": {f"lines.{row}.bought": world.line("p3")},
        "hidden": {"cost": "1"},
        "readonly": {"channel": "desk"},
        "unknown": {"created_by": "1", "stage": "paid"},
    }[how]
    answer = browser.post(NEW, data)
    if how in ("buyer", "unknown"):  # not read from the page at all
        assert answer.status_code == 303
        (row,) = world.tenant.db.query(
            "SELECT c_buyer, created_by, stage FROM f_claim ORDER BY id DESC LIMIT 1"
        )
        assert row == (world.saved["li"].id, None, None)
    else:
        assert answer.status_code == 422, answer.status_code
        assert not any(secret in answer.text for secret in SECRETS)
        assert count(world) == before


def test_the_other_tenant_s_portal_knows_nobody_from_here(world: World) -> None:
    browser = world.inside()
    cookie = browser.client.get_cookie("rf_visit_returns", path=browser.root)
    there = world.browser(number=1)
    there.client.set_cookie("rf_visit_returns", cookie.value, path=there.root)
    assert "Show who you are" in there.get("/portal/returns/").text
    assert there.get(f"/portal/returns/records/claim/{world.rid('c3')}").status_code == 303
    assert world.ask(there, "P-1", "li@home.test").status_code == 303
    letters = len(world.mailbox.letters)
    world.work(1)
    assert len(world.mailbox.letters) == letters, "no such order over there"


def test_staff_and_visitors_are_kept_apart(world: World) -> None:
    browser = world.inside()
    assert browser.get("/").status_code == 302
    assert browser.get("/forms/claim/").status_code == 302
    assert browser.get("/api/v1/me").status_code == 401
    assert browser.get("/admin/").status_code in (302, 401, 403, 404)
    staff = world.browser()
    page = staff.get("/sign-in")
    signed = {"login": "clerk", "password": PASSWORD, "csrf_token": token(page)}
    assert staff.post("/sign-in", signed).status_code == 302
    assert "Show who you are" in staff.get("/portal/returns/").text
    assert staff.get(f"/portal/returns/records/claim/{world.rid('c3')}").status_code == 303


def test_nothing_is_done_without_the_page_s_token(world: World) -> None:
    browser = world.inside()
    before = count(world)
    data = filled(world, browser)
    del data["csrf_token"]
    assert browser.post(NEW, data).status_code == 400
    assert count(world) == before
    for path in ("code", "enter", "leave", "preferences"):
        assert browser.post(f"/portal/returns/{path}", {}).status_code == 400
    assert "Welcome" in browser.get("/portal/returns/").text


def test_the_same_page_sent_twice_makes_one_record(world: World) -> None:
    browser = world.inside()
    data = filled(world, browser)
    before = count(world)
    first, second = browser.post(NEW, data), browser.post(NEW, data)
    assert first.location == second.location
    assert count(world) == before + 1


def test_another_s_upload_cannot_be_taken(world: World) -> None:
    from io import BytesIO

    from app.access.actor import Actor
    from app.records import attach
    from tests.api.shop import PNG

    wu = f"contact:buyer:{world.saved['wu'].id}"
    actor = Actor(None, "Wu", frozenset({"visitor"}), via="portal", contact=wu)
    theirs = attach(world.tenant, actor, "claim", "photos", BytesIO(PNG), "w.png")
    browser = world.inside()
    answer = browser.post(NEW, filled(world, browser, photos=encode_id(theirs)))
    assert answer.status_code == 422 and "w.png" not in answer.text


def test_staff_names_are_nobody_s_business(world: World) -> None:
    from app.access.actor import Actor
    from app.records import choices

    li = f"contact:buyer:{world.saved['li'].id}"
    actor = Actor(None, "Li", frozenset({"visitor"}), via="portal", contact=li)
    assert choices(world.tenant, actor, "claim", ("checker",)) == []


def test_a_visit_ends_by_itself_and_with_its_person(world: World) -> None:
    browser = world.inside()
    world.clock.pass_by(minutes=59)
    assert "Welcome" in browser.get("/portal/returns/").text
    world.clock.pass_by(minutes=61)
    assert "Show who you are" in browser.get("/portal/returns/").text
    fresh = world.inside()
    world.tenant.db.execute_now(
        "UPDATE f_buyer SET deleted = 1 WHERE id = ?", (world.saved["li"].id,)
    )
    assert "Show who you are" in fresh.get("/portal/returns/").text


def test_nobody_is_sent_elsewhere(world: World) -> None:
    browser = world.browser()
    page = browser.get("/portal/returns/")
    for wish in ("https://evil.test/", "//evil.test", "/t/other/portal/returns/", "\\evil", ""):
        data = {"lang": "en", "next": wish, "csrf_token": token(page)}
        answer = browser.post("/portal/returns/preferences", data)
        assert answer.location == f"{browser.root}/portal/returns/", wish
        world.ask(browser, "P-1", "li@home.test")
        world.work()
        page = browser.get("/portal/returns/code")
        data = {"code": world.code(), "next": wish, "csrf_token": token(page)}
        answer = browser.post("/portal/returns/enter", data)
        assert answer.location == f"{browser.root}/portal/returns/", wish
        page = browser.get("/portal/returns/")
        browser.post("/portal/returns/leave", {"csrf_token": token(page)})
        page = browser.get("/portal/returns/")
