"""The door and a return on both databases."""

from __future__ import annotations

from pathlib import Path

from app.access import portal as access
from app.access.sweep import sweep
from app.storage.databases import StorageSettings
from tests.portal.test_flow import FLOW, PORTAL, applied, decide, todo, way
from tests.portal.world import open_world
from tests.support.mailbox import Mailbox
from tests.web.house import inputs


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
