"""A customer's way through the portal, as plain HTML."""

from __future__ import annotations

import re
from html import unescape
from io import BytesIO
from typing import Any

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.records import list_, publish, read
from forms.values import encode_id
from tests.api.shop import PNG
from tests.portal.world import FILES, TENANT, World
from tests.web.house import Visitor, inputs


def claims(world: World) -> list[dict[str, Any]]:
    found = list_(world.tenant, SYSTEM, "claim", columns=("reason", "channel")).rows
    return [read(world.tenant, SYSTEM, "claim", one["id"]).row for one in found]


def press(browser: Visitor, path: str, data: dict[str, Any], name: str, value: str) -> Any:
    return browser.post(path, {**data, name: value})


def test_the_door_asks_what_the_definition_says_in_both_languages(world: World) -> None:
    page = world.browser().get("/portal/returns/")
    assert page.status_code == 200
    assert "Order no." in page.text and "Send something back" in page.text
    page = world.browser("zh").get("/portal/returns/")
    assert "订单号" in page.text and "自助退货" in page.text and 'lang="zh-CN"' in page.text
    nowhere = world.browser().get("/portal/nothing/")
    assert nowhere.status_code == 404 and "Sailcloth Home" in nowhere.text


def test_a_return_from_the_door_to_the_answer(world: World) -> None:
    browser = world.inside()
    home = browser.get("/portal/returns/")
    assert "Welcome, Li Na" in home.text and "P-1" in home.text and "P-2" in home.text
    assert "Lamp" in home.text and "× 2" in home.text
    assert "W-SECRET" not in home.text and "Wu Wei" not in home.text

    path = "/portal/returns/records/claim/new"
    page = browser.get(f"{path}?of={world.rid('p1')}")
    assert page.status_code == 200
    data = inputs(page)
    assert data["purchase"] == [world.rid("p1")]
    assert "buyer" not in data and "cost" not in data and "channel" not in data
    offered = re.findall(r'name="_take" value="([^"]+)"', page.text)
    assert offered == [f"lines.bought.{world.line('p1', n)}" for n in (0, 1)]

    page = press(browser, path, data, "_take", offered[0])
    data = inputs(page)
    (row,) = data["lines@rows"][1:]
    assert data[f"lines.{row}.bought"] == [world.line("p1")]
    assert len(re.findall(r'name="_take"', page.text)) == 1

    answer = browser.post(path, {**data, f"lines.{row}.quantity": "3", "reason": "broken"})
    assert answer.status_code == 409, re.findall(r"<li>.*?<.li>", answer.text)
    assert "At most 2 can come back" in answer.text
    data = inputs(answer)
    assert data["reason"] == ["broken"], "nothing typed is lost"
    answer = browser.post(path, {**data, f"lines.{row}.quantity": "2"})
    assert answer.status_code == 303, answer.text

    page = browser.get(answer.location)
    assert "R0002 · Li Na" in page.text and "broken" in page.text and "Lamp" in page.text
    made = claims(world)[0]
    assert made["buyer"] == world.saved["li"].id and made["channel"] == "portal"
    assert made["created_by"] is None

    world.work()
    page = browser.get(answer.location)
    assert "We have R0002" in page.text
    assert world.mailbox.to("Li@Home.test")[-1]["Subject"] == "We have R0002"
    assert "R0002" in browser.get("/portal/returns/").text


def test_pictures_go_up_without_scripts_and_are_the_person_s_own(world: World) -> None:
    browser = world.inside()
    path = "/portal/returns/records/claim/new"
    page = browser.get(f"{path}?of={world.rid('p2')}")
    data = inputs(page)
    (row,) = data["lines@rows"][1:]
    assert data[f"lines.{row}.bought"] == [world.line("p2")], "the only thing is taken by itself"
    answer = browser.post(
        path,
        {**data, f"lines.{row}.quantity": "1", "reason": "x",
         "photos@file": (BytesIO(PNG), "kettle.png")},
        content_type="multipart/form-data",
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    page = browser.get(answer.location)
    (url,) = set(re.findall(r'href="([^"]+/files/[^"]+)\?show=1"', page.text))
    picture = browser.get(f"{url}?show=1")
    assert picture.mimetype == "image/png" and picture.data == PNG
    other = world.inside("W-SECRET", "wu@home.test")
    assert other.get(url).status_code == 404


def test_a_letter_s_language_is_the_one_chosen_at_the_door(world: World) -> None:
    world.inside(lang="zh")
    assert "是您的验证码" in world.mailbox.letters[-1]["Subject"]
    rows = world.tenant.db.query("SELECT principal, lang FROM rf_contact")
    assert rows == [(f"contact:buyer:{world.saved['li'].id}", "zh")]


def test_rules_are_answered_live(world: World) -> None:
    browser = world.inside()
    page = browser.get(f"/portal/returns/records/claim/new?of={world.rid('p1')}")
    data = inputs(page)
    answer = browser.post("/portal/returns/records/claim/preview", data)
    fields = answer.json["fields"]
    assert fields["reason"]["required"] and "buyer" not in fields and "cost" not in fields


def test_choices_that_hang_on_another_are_offered_and_held_to(world: World) -> None:
    claim = FILES["packs/shop/forms/claim.yaml"].replace(
        "  lines:\n",
        "  kind: {type: choice, options: why}\n  why: {type: choice, options: why, under: kind}\n"
        "  lines:\n",
    )
    why = "options: why\nvalues: {late: {}, bad: {}, week: {parent: late}, dent: {parent: bad}}\n"
    name = world.names[0]
    files = {
        **FILES,
        "packs/shop/forms/claim.yaml": claim,
        "packs/shop/options/why.yaml": why,
        f"tenants/{name}/tenant.yaml": TENANT.format(name=name),
    }
    publish(world.tenant, SYSTEM, Sources(files, name))
    browser, path = world.inside(), "/portal/returns/records/claim/new"
    data = inputs(browser.get(f"{path}?of={world.rid('p1')}"))
    live = browser.post(path.replace("/new", "/preview"), {**data, "kind": "late"})
    assert live.json["fields"]["why"]["options"] == [["week", "week"]]
    again = browser.post(path, {**data, "kind": "bad", "why": "week", "reason": "x"})
    assert again.status_code == 422
    assert "“week” does not stand under “bad”; allowed: dent" in unescape(again.text)
    assert 'value="dent"' in again.text and 'value="week"' not in again.text


def test_leaving_ends_the_visit(world: World) -> None:
    browser = world.inside()
    page = browser.get("/portal/returns/")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    browser.post("/portal/returns/leave", {"csrf_token": token[1]})
    assert "Show who you are" in browser.get("/portal/returns/").text
    assert encode_id(1)


def test_a_link_in_a_letter_leads_to_its_page_after_the_code(world: World) -> None:
    browser = world.browser()
    path = f"/portal/returns/records/claim/new?of={world.rid('p1')}"
    door = browser.get(path)
    assert door.status_code == 303
    page = browser.get(door.location)
    assert "to the page of the link" in page.text and "Your visit has ended" not in page.text
    asked = {"by.0": "P-1", "by.1": "li@home.test", **hidden(page)}
    answer = browser.post("/portal/returns/code", asked)
    world.work()
    page = browser.get(answer.location)
    wrong = browser.post("/portal/returns/enter", {**hidden(page), "code": "1"})
    answer = browser.post("/portal/returns/enter", {**hidden(wrong), "code": world.code()})
    assert answer.location == browser.root + path
    assert browser.get(answer.location).status_code == 200
    world.clock.pass_by(hours=2)
    late = browser.get(browser.get(path).location)
    assert "Your visit has ended" in late.text and hidden(late)["next"] == browser.root + path


def hidden(page: Any) -> dict[str, str]:
    """The hidden inputs of the first form of a page's content."""
    form = page.text.partition("<main")[2].partition("<form")[2].partition("</form>")[0]
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in found}


def test_a_new_code_is_asked_for_without_typing_again(world: World) -> None:
    browser = world.browser()
    world.ask(browser, "P-1", "li@home.tset")
    page = browser.get("/portal/returns/code")
    assert "<dd>li@home.tset</dd>" in page.text
    again = browser.get("/portal/returns/?again=1").text
    assert 'value="P-1"' in again and 'value="li@home.tset"' in again
    world.ask(browser, "P-1", "li@home.test")
    page = browser.get("/portal/returns/code")
    part = page.text.partition('id="nothing"')[2]
    sent = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', part))
    assert browser.post("/portal/returns/code", sent).status_code == 303
    world.work()
    assert world.enter(browser, world.code()).status_code == 303
    assert "li@home.tset" not in browser.get("/portal/returns/?again=1").text


def test_the_door_says_what_is_missing(world: World) -> None:
    answer = world.ask(world.browser(), "P-1", "")
    assert answer.status_code == 422 and "Please fill in: email" in answer.text
    assert 'value="P-1"' in answer.text and answer.text.count('aria-invalid="true"') == 1


def test_other_orders_are_offered_and_nothing_typed_is_lost(world: World) -> None:
    browser, path = world.inside(), "/portal/returns/records/claim/new"
    page = browser.get(f"{path}?of={world.rid('p1')}")
    assert "<span>Lamp × 2</span>" in page.text, "how many were bought is told"
    data = {**inputs(page), "reason": "broken"}
    page = press(browser, path, data, "_everything", "1")
    assert inputs(page)["reason"] == ["broken"] and inputs(page)["_of"] == ["all"]
    assert 'name="_everything"' not in page.text


def test_a_complaint_says_which_row_it_is_about(world: World) -> None:
    browser, path = world.inside(), "/portal/returns/records/claim/new"
    page = browser.get(f"{path}?of={world.rid('p1')}")
    for _ in range(2):
        offered = re.findall(r'name="_take" value="([^"]+)"', page.text)
        page = press(browser, path, inputs(page), "_take", offered[0])
    data = inputs(page)
    first = data["lines@rows"][1]
    answer = browser.post(path, {**data, f"lines.{first}.quantity": "1", "reason": "x"})
    assert answer.status_code == 422
    (told,) = re.findall(r'<li><a href="#f-lines[^"]+">([^<]+)</a>', answer.text)
    assert told == "Goods coming back, line 2, How many"


def test_what_is_too_large_is_told_with_how_much_is_not(world: World) -> None:
    answer = world.browser().post(
        "/portal/returns/records/claim/upload/photos",
        bytes(3 << 20),
        content_type="multipart/form-data; boundary=x",
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 413
    assert "at most 2 MB" in answer.json["error"]["message"]
    page = world.inside().get(f"/portal/returns/records/claim/new?of={world.rid('p1')}")
    assert f'data-rf-most="{25 << 20}"' in page.text and "at most 25 MB" in page.text
