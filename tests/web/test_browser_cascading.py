"""Choices that hang on another choice, live: in the record, in its rows, in copies of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.records import list_, publish, read
from tests.web.cascade import cascading
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.pack import sources
from tests.web.test_browser_desk import rows

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shop(house: House) -> Iterator[House]:
    publish(house.tenant, house.actor("boss"), cascading())
    house.tenant.refresh()
    yield house
    publish(house.tenant, house.actor("boss"), sources())
    house.tenant.refresh()


def options(page: Page, name: str) -> str:
    return f'select[name="{name}"] option:not([value=""])'


def test_options_follow_the_choice_above(shop: House, open_page: Open) -> None:
    page = open_page("boss")
    page.goto("forms/complaint/new")
    page.fill('[name="subject"]', "cascade")
    expect(page.locator(options(page, "detail"))).to_have_count(0)
    page.select_option('[name="cause"]', "transit")
    expect(page.locator(options(page, "detail"))).to_have_text(["Crushed", "Lost"])
    page.select_option('[name="detail"]', "crushed")
    deeper = page.locator('[data-rf-field="deeper"]')
    expect(deeper.locator("label")).to_have_text(["Torn", "Wet"])
    page.check('[name="deeper"][value="wet"]')

    # Another choice above: what does not stand there is let go, down to the last level.
    page.select_option('[name="cause"]', "quality")
    expect(page.locator(options(page, "detail"))).to_have_text(["Scratched", "Does not work"])
    expect(page.locator('[name="detail"]')).to_have_value("")
    expect(deeper.locator("[type=checkbox]")).to_have_count(0)
    page.select_option('[name="detail"]', "dead")

    (first,) = rows(page)
    page.fill(f'[name="lines.{first}.item"]', "lamp")
    page.select_option(f'[name="lines.{first}.own"]', "transit")
    why = options(page, f"lines.{first}.why")
    expect(page.locator(why)).to_have_text(["Crushed", "Lost"])
    page.select_option(f'[name="lines.{first}.why"]', "lost")
    like = page.locator(options(page, f"lines.{first}.like"))
    expect(like).to_have_text(["Scratched", "Does not work"])
    page.click("[data-rf-line=copy]")
    second = rows(page)[1]
    expect(page.locator(f'[name="lines.{second}.why"]')).to_have_value("lost")

    page.click("button[name=_act] >> nth=0")
    page.wait_for_selector(".rf-timeline")
    (found,) = list_(shop.tenant, shop.actor("boss"), "complaint", search="cascade").rows
    row = read(shop.tenant, shop.actor("boss"), "complaint", found["id"]).row
    assert (row["cause"], row["detail"], row["deeper"]) == ("quality", "dead", None)
    assert [one["why"] for one in row["lines"]] == ["lost", "lost"]


def test_the_page_is_accessible_and_fits_a_phone(shop: House, open_page: Open) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page("boss", "zh", color_scheme="dark", viewport={"width": 390, "height": 844})
    page.goto("forms/complaint/new")
    page.select_option('[name="cause"]', "transit")
    expect(page.locator(options(page, "detail"))).to_have_text(["压坏", "丢失"])
    page.select_option('[name="detail"]', "crushed")
    expect(page.locator('[name="deeper"]').last).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []
