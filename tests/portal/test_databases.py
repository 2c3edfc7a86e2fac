"""The door and a return on both databases."""

from __future__ import annotations

from pathlib import Path

from app.access import portal as access
from app.access.sweep import sweep
from app.access.users import create_user
from app.records.incidents import incidents
from app.storage.databases import StorageSettings
from tests.portal.test_flow import FLOW, PORTAL, applied, decide, todo, way
from tests.portal.world import open_world
from tests.support.mailbox import Mailbox
from tests.web.house import PASSWORD, inputs, token


def test_in_and_through_on_this_database(
    storage_settings: StorageSettings, tmp_path: Path, tenant_id: str, mailbox: Mailbox
) -> None:
    names = (tenant_id, f"{tenant_id}b")
    world = open_world(
        storage_settings, tmp_path, names, mailbox, flows__claim=FLOW, portals__returns=PORTAL
    )
    try:
        browser = world.inside()
        path = applied(world, browser)
        decide(world, path, "ok")
        world.work()
        page = browser.get(path)
        assert way(page)[1] == ("now", "Send it back") and "We have R" in page.text
        url = todo(page, "Go on")
        data = inputs(browser.get(url))
        answer = browser.post(url.partition("?")[0], {**data, "_act": "sent", "parcel": "X"})
        assert answer.status_code == 303
        db, later = world.tenant.db, world.tenant.now_us() + access.ABSOLUTE + access.IDLE
        sweep(db, now=later)
        assert db.query("SELECT count(*) FROM rf_portal_session") == [(0,)]
        assert db.query("SELECT count(*) FROM rf_portal_ask") == [(0,)]
    finally:
        world.tenants.close()


def test_a_code_the_mail_server_does_not_take_is_shown_as_what_it_is(
    storage_settings: StorageSettings, tmp_path: Path, tenant_id: str, mailbox: Mailbox
) -> None:
    names = (tenant_id, f"{tenant_id}b")
    chief = "role: chief\nlabel: Chief\nadmin: [incidents]\n"
    world = open_world(storage_settings, tmp_path, names, mailbox, roles__chief=chief)
    try:
        create_user(world.tenant.db, "chief", "Chief", PASSWORD, roles=["chief"], lang="en")
        browser = world.browser()
        mailbox.refusals = 3
        world.ask(browser, "P-1", "li@home.test")
        for _ in range(3):
            world.work()
            world.clock.pass_by(minutes=1)
        chief_s = world.browser()
        page = chief_s.get("/sign-in")
        data = {"login": "chief", "password": PASSWORD, "csrf_token": token(page)}
        assert chief_s.post("/sign-in", data).status_code == 302
        listed = chief_s.get("/admin/incidents/").text
        assert "One-time code for the portal" in listed and "keeps failing" in listed
        assert "portal_code" not in listed and "@portal" not in listed
        (found,) = incidents(world.tenant)
        page = chief_s.get(f"/admin/incidents/{found.name}/")
        assert "belongs to no record" in page.text and "&#34;ask&#34;" not in page.text
        data = {"csrf_token": token(page), "reason": "the mail server is back"}
        assert chief_s.post(f"/admin/incidents/{found.name}/retry", data).status_code == 302
        world.work()
        assert incidents(world.tenant) == []
        assert world.enter(browser, world.code()).status_code == 303
    finally:
        mailbox.refusals = 0
        world.tenants.close()
