"""The way of a request through real pages: inbox, acts, the picture, the timeline."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from forms.values import encode_id
from tests.web.conftest import Open
from tests.web.house import PASSWORD, House
from tests.web.test_acting import asked, page_of

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.browser


def test_from_a_draft_to_the_last_signature(house: House, open_page: Open, tmp_path: Path) -> None:
    clerk = open_page("clerk")
    clerk.goto("forms/request/new")
    clerk.fill("#f-subject", "Ladder")
    for name, value in (("what", "Ladder"), ("quantity", "2"), ("price", "80")):
        clerk.fill(f'[name$=".{name}"]', value)
    expect(clerk.locator("#f-total")).to_have_value("160.00")
    clerk.click("button[value=submit]")
    clerk.wait_for_selector(".rf-timeline")
    where = clerk.url.rpartition("/t/acme/")[2]

    # Lena finds it in her inbox and agrees, with a file, by keyboard.
    lena = open_page("lena")
    expect(lena.locator(".rf-side .rf-count-badge").first).to_be_visible()
    lena.goto("inbox?q=Ladder")
    lena.get_by_role("link", name="Ladder").press("Enter")
    expect(lena.locator(".rf-flow .rf-now")).to_contain_text("Approval")
    lena.locator("#f-comment").fill("well then")
    lena.locator("button[value=approved]").press("Enter")
    lena.wait_for_selector(".alert-success")
    expect(lena.locator(".rf-timeline")).to_contain_text("well then")

    # Finn signs, after the page has told him what is missing.
    finn = open_page("finn")
    finn.goto(where)
    finn.click("button[value=approved]")
    finn.wait_for_selector("[data-rf-summary]")
    assert finn.evaluate("document.activeElement.matches('[data-rf-summary]')")
    finn.fill("#f-budget", "B-1")
    finn.fill("#f-sign", "Finn")
    finn.fill("#f-password", PASSWORD)
    finn.click("button[value=approved]")
    finn.wait_for_selector(".alert-success")

    fay = open_page("fay")
    fay.goto(where)
    fay.click("summary:has-text('Hand over')")
    fay.locator("#f-user-transfer").press_sequentially("len", delay=20)
    option = fay.locator('[data-rf-field="_user"] [role=option]').first
    expect(option).to_contain_text("Lena")
    fay.fill("#f-sign", "Fay")
    fay.fill("#f-password", PASSWORD)
    fay.click("button[value=approved]")
    fay.wait_for_selector(".alert-success")

    # The picture shows the way taken, and where its rows stand.
    clerk.goto(where)
    taken = clerk.locator(".rf-flow .rf-exit.rf-taken text")
    assert {"Submit", "Yes", "Approved"} <= set(taken.all_text_contents())
    expect(clerk.locator(".rf-flow .rf-now").last).to_contain_text("Order")
    clerk.click("#why > summary")
    expect(clerk.locator(".rf-why")).to_contain_text("2 of 2 for")
    paper = tmp_path / "offer.txt"
    paper.write_text("an offer", encoding="utf-8")
    clerk.fill("#f-text", "see the offer")
    clerk.click("summary:has-text('Attach files')")
    clerk.set_input_files("#f-comment_files", str(paper))
    clerk.wait_for_selector('[data-rf-field="_comment_files"] .rf-chip')
    clerk.click(".rf-comment button[type=submit]")
    expect(clerk.locator(".rf-timeline")).to_contain_text("see the offer")
    with clerk.expect_download() as download:
        clerk.click(".rf-timeline a:has-text('offer.txt')")
    assert Path(download.value.path()).read_text(encoding="utf-8") == "an offer"


def test_many_are_decided_at_once(house: House, open_page: Open) -> None:
    for number in range(3):
        asked(house, f"Batch {number}")
    page = open_page("lena", "zh")
    page.goto("inbox")
    page.fill("#q", "Batch")
    page.wait_for_url("**q=Batch**")
    expect(page.locator(".rf-inbox tbody tr")).to_have_count(3)
    page.check("[data-rf-all]")
    page.fill(".rf-many-comment", "都可以")
    page.click("button[value=approved]")
    expect(page.locator("[role=status]")).to_contain_text("3 项已处理")


PLACES = (
    "inbox",
    "inbox?box=done",
    "inbox?box=started",
    "delegations",
    "forms/request/",
    "forms/request/flow",
    "forms/request/new",
    "{first}",
    "{draft}",
)


def places(house: House) -> list[str]:
    first = page_of(asked(house, "Shown")).removeprefix("/")
    values = {"subject": "Half", "currency": "CNY", "items": []}
    made = house.tenant, house.actor("boss"), "request", values
    from app.records import create, delegate, delegations

    draft = create(*made, moment="save")
    boss = house.actor("boss")
    if not delegations(house.tenant, boss):  # one of now, one to come
        later = house.tenant.now() + timedelta(days=30)
        delegate(house.tenant, boss, house.actor("nobody").user_id or 0, ends_at=later)
        delegate(house.tenant, boss, house.actor("own").user_id or 0, starts_at=later)
    known = {"first": first, "draft": f"forms/request/{encode_id(draft.id)}"}
    return [place.format(**known) for place in PLACES]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("login", ["lena", "boss"])
def test_pages_of_flows_are_accessible(
    house: House, open_page: Open, scheme: str, login: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(login, "zh" if scheme == "dark" else "en", color_scheme=scheme)
    found = []
    for place in places(house):
        if login == "lena" and place.endswith(("/new",)):
            continue
        page.goto(place)
        for details in page.locator("main details").all():
            details.evaluate("one => { one.open = true }")
        for finding in Axe().run(page).response["violations"]:
            nodes = [node["html"][:200] for node in finding["nodes"][:3]]
            found.append((place, finding["id"], nodes))
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_flows_fit_a_phone(
    house: House, open_page: Open, tmp_path: Path, scheme: str
) -> None:
    page = open_page(
        "boss", "zh", color_scheme=scheme, viewport={"width": 390, "height": 844}, has_touch=True
    )
    for place in places(house):
        page.goto(place)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, (place, wide)
        page.screenshot(path=tmp_path / "page.png", full_page=True)


def test_labels_stay_inside_their_shapes(open_page: Open) -> None:
    for lang in ("zh", "en"):
        page = open_page("boss", lang)
        page.goto("forms/request/flow")
        outside = page.evaluate(
            """() => [...document.querySelectorAll(".rf-step, .rf-exit")].filter((one) => {
              const text = one.querySelector("text").getBBox();
              const box = one.querySelector(".rf-box, .rf-pill").getBBox();
              return text.x < box.x - 1 || text.x + text.width > box.x + box.width + 1;
            }).map((one) => one.textContent)"""
        )
        assert outside == []
