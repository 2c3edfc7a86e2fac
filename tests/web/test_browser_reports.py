"""Filters of reports and dashboards in a real browser: live, by keyboard, in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Open
from tests.web.house import House
from tests.web.test_browser_desk import pick

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def claims(house: House) -> House:
    for client, item, asked in (
        ("ada", "bowl", "2026-01-31T23:30"),
        ("ada", "cup", "2026-02-10T08:00"),
        ("ben", "lid", "2026-02-10T09:00"),
    ):
        line = {"item": item, "quantity": 2, "price": 10, "fault": "broken"}
        values = {"client": house.saved[client].id, "asked_at": asked, "lines": [line]}
        house.create("claim", values)
    return house


def test_a_dashboard_is_narrowed_as_one_chooses(claims: House, open_page: Open) -> None:
    page = open_page("boss")
    page.goto("dashboards/overview")
    items = page.locator(".rf-tile:has-text('Most claimed items') tbody")
    expect(items).to_contain_text("lid")
    pick(page, "f.client", "Ada")
    expect(items).not_to_contain_text("lid")
    expect(items).to_contain_text("bowl")
    expect(page).to_have_url(re.compile(rf"\?f\.client={claims.rid('ada')}$"))
    page.fill('[name="f.asked.from"]', "2026-02-01")
    expect(items).not_to_contain_text("bowl")

    # The address says it all: another tab shows the same, and the report behind a tile, too.
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".rf-chip")).to_contain_text("Ada")
    expect(other.locator(".rf-tile:has-text('Most claimed items') tbody")).to_have_text(
        re.compile("^cup")
    )
    other.click("h2 a:has-text('Most claimed items')")
    expect(other.locator(".rf-chip")).to_contain_text("Ada")
    assert other.input_value('[name="f.asked.from"]') == "2026-02-01"

    page.click("[data-rf-unpick]")
    expect(items).to_contain_text("lid")
    page.go_back()
    expect(items).not_to_contain_text("lid")


def test_several_options_are_ticked(claims: House, open_page: Open) -> None:
    page = open_page("boss")
    page.goto("reports/per_item")
    page.click(".rf-several summary")
    page.check('[name="f.fault"][value="unwanted"]')
    expect(page.locator("#rf-numbers")).to_contain_text("No data yet")
    expect(page.locator(".rf-several summary")).to_have_text("Not wanted")
    page.check('[name="f.fault"][value="broken"]')
    expect(page.locator(".rf-several summary")).to_have_text("Broken, Not wanted")
    expect(page.locator("#rf-numbers tbody")).to_contain_text("bowl")
    assert page.url.endswith("?f.fault=unwanted&f.fault=broken") or page.url.endswith(
        "?f.fault=broken&f.fault=unwanted"
    )
