"""A clerk's day in a real browser: keyboard, live answers, limits, pictures, both languages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.records import read
from forms.values import Money, decode_id
from tests.web.conftest import Open
from tests.web.house import PASSWORD, House

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def pick(page: Page, name: str, text: str) -> None:
    """Choose a record by typing into a link picker, with the keyboard alone."""
    box = page.locator(f'[name="{name}@text"]')
    box.click()
    box.press_sequentially(text, delay=15)
    chosen = page.locator(f'[data-rf-field="{name}"] [role=option][aria-selected=true]')
    expect(chosen).to_contain_text(text)
    box.press("Enter")


def rows(page: Page) -> list[str]:
    """The keys of the lines on the page."""
    return page.eval_on_selector_all(
        "tbody tr[data-rf-row]", "found => found.map(row => row.dataset.rfRow)"
    )


def test_a_claim_with_three_lines(house: House, open_page: Open) -> None:
    page = open_page()
    page.goto("forms/claim/new")
    pick(page, "client", "Ada")
    assert page.input_value('[name="client"]') == house.rid("ada")

    # Urgent asks why, and only then.
    assert page.is_hidden('[data-rf-field="why_urgent"]')
    page.check('[name="urgent"][value="true"]')
    page.wait_for_selector('[data-rf-field="why_urgent"]:not([hidden])')
    page.fill('[name="why_urgent"]', "tomorrow is late")

    (first,) = rows(page)
    pick(page, f"lines.{first}.delivered", "bowl")
    # The link fills item and price; the amount follows the quantity.
    expect(page.locator(f'[name="lines.{first}.item"]')).to_have_value("bowl")
    page.fill(f'[name="lines.{first}.quantity"]', "2")
    page.select_option(f'[name="lines.{first}.fault"]', "broken")
    expect(page.locator("#f-total")).to_have_value("21.00")

    page.click("[data-rf-line=copy]")
    second = rows(page)[1]
    expect(page.locator("#f-total")).to_have_value("42.00")
    page.fill(f'[name="lines.{second}.quantity"]', "1")

    # Enter in the last line adds another one.
    page.locator(f'[name="lines.{second}.quantity"]').press("Enter")
    third = rows(page)[2]
    pick(page, f"lines.{third}.delivered", "jug")
    page.fill(f'[name="lines.{third}.quantity"]', "4")
    page.select_option(f'[name="lines.{third}.fault"]', "wrong")
    expect(page.locator("#f-pieces")).to_have_value("7")

    # Four jugs were never delivered: the limit is told at the line, nothing is lost.
    page.click("button[name=_act]")
    page.wait_for_selector("[data-rf-summary]")
    third = rows(page)[2]
    assert page.inner_text(f"#f-lines-{third}-quantity-error") == "At most 3 can be claimed"
    assert page.evaluate("document.activeElement.matches('[data-rf-summary]')")
    assert page.input_value('[name="why_urgent"]') == "tomorrow is late"
    assert page.input_value(f'[name="lines.{third}.quantity"]') == "4"

    page.fill(f'[name="lines.{third}.quantity"]', "3")
    page.click("button[name=_act]")
    page.wait_for_selector(".rf-timeline")
    rid = decode_id(page.url.rpartition("/")[2])
    row = read(house.tenant, house.actor("clerk"), "claim", rid).row
    assert [str(line["quantity"]) for line in row["lines"]] == ["2", "1", "3"]
    assert row["total"] == Money(row["total"].amount, "CNY")
    assert row["total"].amount == 69


def test_typing_is_never_disturbed(open_page: Open) -> None:
    page = open_page()
    page.goto("forms/claim/new")
    (key,) = rows(page)
    page.fill(f'[name="lines.{key}.price"]', "2")
    quantity = page.locator(f'[name="lines.{key}.quantity"]')
    quantity.click()
    with page.expect_response("**/preview"):
        quantity.press_sequentially("12.", delay=30)
    assert quantity.input_value() == "12."
    assert page.evaluate("document.activeElement.name") == f"lines.{key}.quantity"
    quantity.press_sequentially("5")
    expect(page.locator("#f-total")).to_have_value("25.00")


def test_complaints_come_when_a_field_is_left_and_go_when_it_is_mended(open_page: Open) -> None:
    page = open_page()
    page.goto("forms/claim/new")
    discount = page.locator("#f-discount")
    discount.fill("120")
    page.wait_for_timeout(50)
    with page.expect_response("**/preview"):
        discount.press("Tab")
        page.keyboard.type("x")
    expect(page.locator("#f-discount-error")).not_to_be_empty()
    assert discount.get_attribute("aria-invalid") == "true"
    discount.fill("12")
    expect(page.locator("#f-discount-error")).to_be_empty()


def test_files_go_up_when_they_are_chosen(open_page: Open, tmp_path: Path) -> None:
    paper = tmp_path / "paper.txt"
    paper.write_text("hello", encoding="utf-8")
    page = open_page()
    page.goto("forms/claim/new")
    page.set_input_files("#f-papers", str(paper))
    page.wait_for_selector('[data-rf-field="papers"] .rf-chip')
    assert page.inner_text('[data-rf-field="papers"] .rf-chip span') == "paper.txt"
    page.click('[data-rf-field="papers"] [data-rf-unattach]')
    assert page.locator('[data-rf-field="papers"] .rf-chips > li').count() == 0


def test_a_session_that_ends_while_typing_loses_nothing(open_page: Open) -> None:
    page = open_page()
    page.goto("forms/client/new")
    page.fill("#f-name", "Dee")
    page.context.clear_cookies(name="rf_session")
    with page.expect_response("**/preview"):
        page.fill("#f-email", "dee@example.com")
    page.wait_for_selector('[data-rf-note="signed-out"]:not([hidden])')
    page.click("button[name=_act]")
    page.fill("#login", "clerk")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#f-name")
    assert page.input_value("#f-name") == "Dee"
    assert page.input_value("#f-email") == "dee@example.com"
    page.click("button[name=_act]")
    page.wait_for_selector(".rf-timeline")
    assert "Dee" in page.inner_text("h1")


def test_the_list_answers_as_one_types(house: House, open_page: Open) -> None:
    page = open_page()
    page.goto("forms/delivery/")
    page.wait_for_selector("tbody tr")
    page.locator("#q").press_sequentially("d2", delay=30)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "q"
    assert "q=d2" in page.url
    page.fill("#q", "")
    expect(page.locator("#results tbody tr")).to_have_count(2)
    page.click("thead a:has-text('Code')")
    page.wait_for_selector("th[aria-sort=ascending]")


def test_the_dashboard_shows_pictures_and_numbers(house: House, open_page: Open) -> None:
    house.create(
        "claim",
        {
            "client": house.saved["ada"].id,
            "lines": [{"item": "pan", "quantity": 3, "price": 7, "fault": "broken"}],
        },
    )
    page = open_page("boss")
    page.click("nav.rf-side >> text=Overview")
    page.wait_for_selector(".rf-chart svg")
    assert page.locator(".rf-chart svg").count() >= 3
    page.click(".rf-tile:has-text('Most claimed items') summary")
    assert "pan" in page.inner_text(".rf-tile:has-text('Most claimed items') table")


def test_the_bar_of_buttons_never_hides_what_has_the_focus(open_page: Open) -> None:
    page = open_page("boss", viewport={"width": 1000, "height": 420})
    page.goto("forms/delivery/new")
    page.locator("main form input:visible").first.focus()
    covered = []
    for _ in range(25):
        page.keyboard.press("Tab")
        page.wait_for_timeout(120)  # scrolling follows the focus
        found = page.evaluate(
            """() => {
              const one = document.activeElement, box = one.getBoundingClientRect();
              const foot = document.querySelector(".rf-form-foot");
              if (!one.closest("main") || foot.contains(one)) return null;
              const under = box.bottom > foot.getBoundingClientRect().top + 1;
              return [one.name || one.className, under && box.height < 100];
            }"""
        )
        if found and found[1]:
            covered.append(found[0])
    assert covered == []


PLACES = (
    "",
    "forms/claim/",
    "forms/claim/?f.total.from=abc",
    "forms/claim/new",
    "forms/delivery/{d1}",
    "forms/delivery/{d1}/edit",
    "dashboards/overview",
    "reports/per_item",
    "admin/",
    "admin/users/",
    "admin/users/new/",
    "admin/tokens/",
    "admin/journal/",
    "admin/releases/",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(house: House, open_page: Open, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page("boss", "zh" if scheme == "dark" else "en", color_scheme=scheme)
    found = []
    for place in PLACES:
        page.goto(place.format(d1=house.rid("d1")))
        for finding in Axe().run(page).response["violations"]:
            nodes = [node["html"][:160] for node in finding["nodes"][:3]]
            found.append((place, finding["id"], nodes))
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone(house: House, open_page: Open, tmp_path: Path, scheme: str) -> None:
    page = open_page(
        "boss", "zh", color_scheme=scheme, viewport={"width": 390, "height": 844}, has_touch=True
    )
    for number, place in enumerate(PLACES):
        page.goto(place.format(d1=house.rid("d1")))
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, (place, wide)
        picture = tmp_path / f"{scheme}-{number}.png"
        page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 5000
