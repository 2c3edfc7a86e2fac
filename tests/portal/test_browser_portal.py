"""The portal in a real browser: with scripts and without, on a phone, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from app.storage.databases import StorageSettings
from tests.api.shop import PNG
from tests.portal.test_flow import FLOW, PORTAL, decide
from tests.portal.world import World, open_world
from tests.support.mailbox import Mailbox

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 740}
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox
) -> Iterator[tuple[World, str]]:
    folder: Path = tmp_path_factory.mktemp("portal")
    world = open_world(
        StorageSettings(folder=folder / "data"), folder, ("acme", "other"), mailbox,
        flows__claim=FLOW, portals__returns=PORTAL,
    )  # fmt: skip
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield world, f"http://127.0.0.1:{server.server_port}/t/acme/portal/returns/"
    server.shutdown()
    thread.join(5)
    world.tenants.close()


def enter(chromium: Browser, served: tuple[World, str], order: str = "P-1", **more: Any) -> Page:
    """A page in which Li has come in by the code from her letter."""
    world, address = served
    context = chromium.new_context(base_url=address, **{"locale": "en-GB", **more})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("")
    page.fill("#by-0", order)
    page.fill("#by-1", "li@home.test")
    page.keyboard.press("Enter")
    page.wait_for_selector("#code")
    world.work()
    page.fill("#code", world.code())
    page.keyboard.press("Enter")
    page.wait_for_selector(".rp-order")
    return page


def test_a_return_by_keyboard_and_the_way_it_goes(
    chromium: Browser, served: tuple[World, str]
) -> None:
    world, _ = served
    page = enter(chromium, served)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.get_by_role("link", name="Return", exact=True).first.click()
    page.fill('[name="reason"]', "it leaks")
    form = page.url
    page.set_input_files('[name="photos@file"]', [
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"words"},
        {"name": "b.png", "mimeType": "image/png", "buffer": PNG},
    ])  # fmt: skip
    expect(page.locator('[data-rf-field="photos"] .rf-chip')).to_have_count(1)
    expect(page.locator('[data-rf-field="photos"] .rf-progress')).to_contain_text("a.txt: Only")
    page.get_by_role("button", name="Kettle").click()
    row = page.locator("tr[data-rf-row]")
    expect(row).to_have_count(1)
    assert page.url == form, "one goes on where one was, and back leads out"
    expect(row.locator('[name$=".quantity"]')).to_be_focused()
    assert page.input_value('[name="reason"]') == "it leaks"
    asked: list[str] = []
    page.once("dialog", lambda one: (asked.append(one.type), one.dismiss()))
    page.get_by_role("link", name="Back").click(no_wait_after=True)
    assert asked == ["beforeunload"], "what was typed before is not left behind unasked"
    page.locator('[name$=".quantity"]:not([name*="__row__"])').fill("9")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-rf-summary]")
    assert "At most 1 can come back" in page.inner_text("[data-rf-summary]")
    assert page.evaluate("document.activeElement.matches('[data-rf-summary]')")
    assert page.input_value('[name="reason"]') == "it leaks"
    page.locator('[name$=".quantity"]:not([name*="__row__"])').fill("1")
    send = page.get_by_role("button", name="Send", exact=True)
    low = (send.bounding_box() or {})["height"] - 4  # pressed where it is, though a complaint goes
    send.click(position={"x": 20, "y": low})
    page.wait_for_selector(".rp-way")
    assert page.inner_text('[aria-current="step"]').startswith("Under review")
    path = page.url
    decide(world, path, "ok")
    world.work()
    page.reload()
    page.get_by_role("link", name="Go on").click()
    page.fill('[name="parcel"]', "SF-1")
    page.get_by_role("button", name="I have sent it").click()
    page.wait_for_selector(".rp-way")
    assert "SF-1" in page.inner_text("main") and "We have R" in page.inner_text("main")
    assert complaints == []
    page.context.close()


def test_without_scripts_it_goes_as_well(chromium: Browser, served: tuple[World, str]) -> None:
    page = enter(chromium, served, java_script_enabled=False)
    page.get_by_role("link", name="Return", exact=True).nth(1).click()
    page.fill('[name="reason"]', "too hot")
    page.locator('[name$=".quantity"]:not([name*="__row__"])').first.fill("1")
    page.get_by_role("button", name="Send", exact=True).click()
    assert re.search(r"/records/claim/\w{13}$", page.url), page.inner_text("main")
    assert page.locator(".rp-way").count() == 1
    page.context.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh-CN", "en-GB"])
def test_everybody_can_use_it(
    chromium: Browser, served: tuple[World, str], colours: Any, lang: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = enter(chromium, served, "P-2", locale=lang, viewport=PHONE, color_scheme=colours)
    record = page.locator(".rp-item-link").first.get_attribute("href")
    survey = "records/survey/new?of=" + (record or "").rpartition("/")[2]
    for place in ("", f"records/claim/new?of={served[0].rid('p1')}", record or "", survey):
        page.goto(place)
        judge(Axe(), page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], place
    page.context.clear_cookies()
    for place in ("", "code"):
        page.goto(place)
        judge(Axe(), page)
    page.context.close()


def judge(axe: Any, page: Page) -> None:
    """No finding of axe on a page."""
    found = [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in axe.run(page).response["violations"]
    ]
    assert found == [], page.url
