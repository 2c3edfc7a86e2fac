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
    assert world.browser().get("/portal/nothing/").status_code == 404


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
