"""A record with a flow in the portal: where it stands, what is asked for, and what is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from app.access.actors import actor_for_login
from app.records import act, read
from app.storage.databases import StorageSettings
from forms.values import decode_id
from tests.api.shop import PNG
from tests.portal.world import FILES, World, open_world
from tests.support.mailbox import Mailbox
from tests.web.house import Visitor, inputs, token

FLOW = """
flow: claim
label: {zh: 退货, en: Return}
stages:
  review:    {label: {zh: 审核中, en: Under review}}
  sending:   {label: {zh: 待寄回, en: Send it back}}
  settled:   {label: {zh: 已完成, en: Settled}}
  refused:   {label: {zh: 未通过, en: Refused}}
  withdrawn: {label: {zh: 已撤回, en: Withdrawn}}
slas:
  answer: {label: {zh: 答复, en: Our answer}, from: review, to: sending, within: 2d}
interrupts:
  withdraw:
    label: {zh: 撤回, en: Withdraw}
    by: [{field: buyer}]
    in: [review, sending]
    to: withdrawn
steps:
  apply:
    label: {zh: 填写申请, en: Fill in}
    stage: review
    task: {by: [{field: buyer}, {role: clerk}], edit: all}
    next: {submit: {to: check, label: {zh: 提交, en: Submit}}}
  check:
    label: {zh: 审核, en: Check}
    task: {by: [{role: clerk}], ask: {comment: optional}}
    next: {ok: send, more: {to: apply, max: 2}, turn_down: refused}
  send:
    label: {zh: 寄出商品, en: Send the goods}
    stage: sending
    task:
      by: [{field: buyer}]
      edit: [parcel]
      require: [parcel]
      ask: {attachment: optional, comment: optional}
    next: {sent: {to: pool, label: {zh: 已寄出, en: I have sent it}}}
  pool:
    label: {zh: 大家的任务, en: For every visitor}
    task: {by: [{role: visitor}, {role: clerk}]}
    next: {ok: settled}
  settled:   {stage: settled, end: settled}
  refused:   {stage: refused, end: refused}
  withdrawn: {stage: withdrawn, end: withdrawn}
"""
PORTAL = FILES["packs/shop/portals/returns.yaml"] + "ask: {form: survey, at: [settled]}\n"
WANTED = """
notification: wanted
event: claim.task.assigned
to: [{field: buyer}]
channels: [inbox, mail]
text: {subject: "Please look at {number}", body: "By tomorrow: {link}"}
"""
NEW = "/portal/returns/records/claim/new"


@pytest.fixture
def flowing(tmp_path: Path, mailbox: Mailbox) -> Iterator[World]:
    opened = open_world(
        StorageSettings(folder=tmp_path / "data"), tmp_path, ("acme", "other"), mailbox,
        flows__claim=FLOW, portals__returns=PORTAL, notifications__wanted=WANTED,
    )  # fmt: skip
    for kept in (mailbox.letters, mailbox.raw, mailbox.recipients):
        kept.clear()
    yield opened
    opened.tenants.close()


def applied(world: World, browser: Visitor) -> str:
    """A return that was applied for: the address of its page."""
    page = browser.get(f"{NEW}?of={world.rid('p2')}")
    data = inputs(page)
    (row,) = data["lines@rows"][1:]
    answer = browser.post(NEW, {**data, f"lines.{row}.quantity": "1", "reason": "broken"})
    assert answer.status_code == 303, re.findall(r"<li>.*?</li>", answer.text)
    return str(answer.location)


def decide(world: World, path: str, name: str) -> None:
    """What the clerk does at the desk."""
    clerk = actor_for_login(world.tenant.db, "clerk", via="web")
    act(world.tenant, clerk, "claim", decode_id(path.rpartition("/")[2]), name)


def way(page: Any) -> list[tuple[str, str]]:
    """(state, label) of the stages shown."""
    shown = re.findall(
        r'<li class="rp-(\w+)"[^>]*>\s*<span class="rp-way-label">([^<]+)', page.text
    )
    return [(state, label) for state, label in shown]


def todo(page: Any, label: str) -> str:
    """The address behind a button."""
    found = re.search(rf'href="([^"]+)">{label}<', page.text)
    assert found is not None, page.text
    return found[1].replace("&amp;", "&")


def test_the_way_shows_what_was_what_is_and_what_comes(flowing: World) -> None:
    browser = flowing.inside()
    path = applied(flowing, browser)
    page = browser.get(path)
    assert way(page) == [
        ("now", "Under review"), ("ahead", "Send it back"), ("ahead", "Settled")
    ]  # fmt: skip
    assert "Our answer: by 2026-11-23" in page.text
    assert "Money back" not in page.text, "an amount of nothing is taken for a promise"
    flowing.clock.pass_by(days=1)
    decide(flowing, path, "ok")
    browser = flowing.inside()
    page = browser.get(path)
    assert way(page) == [("past", "Under review"), ("now", "Send it back"), ("ahead", "Settled")]
    assert 'datetime="2026-11-22T12:00:00+00:00"' in page.text
    assert "Send it back" in browser.get("/portal/returns/").text
    chinese = flowing.inside(lang="zh")
    assert ("now", "待寄回") in way(chinese.get(path))


def test_what_the_flow_asks_for_is_a_page_with_just_that(flowing: World) -> None:
    browser = flowing.inside()
    path = applied(flowing, browser)
    assert "Waiting for you" not in browser.get("/portal/returns/").text
    decide(flowing, path, "ok")
    page = browser.get(path)
    assert "We need something from you." in page.text and "Send the goods" in page.text
    url = todo(page, "Go on")
    flowing.work()
    page = browser.get(path)
    assert "Please look at R0002" in page.text and todo(page, "Send the goods") == url
    assert (
        "By tomorrow" in page.text and "/records/claim/" not in page.text.partition("Messages")[2]
    )
    home = browser.get("/portal/returns/").text
    assert "Waiting for you" in home and "Kettle × 1" in home
    page = browser.get(url)
    assert "Please look at R0002" in page.text and "By tomorrow" in page.text
    data = inputs(page)
    assert "parcel" in data and "reason" not in data and "cost" not in data
    assert "I have sent it" in page.text
    action = url.partition("?")[0]
    answer = browser.post(action, {**data, "_act": "sent"})
    assert answer.status_code == 422 and 'href="#f-parcel"' in answer.text
    answer = browser.post(
        action,
        {**inputs(answer), "_act": "sent", "parcel": "SF123", "_comment": "two boxes",
         "_files": (BytesIO(PNG), "box.png")},
        content_type="multipart/form-data",
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    rid = decode_id(path.rpartition("/")[2])
    clerk = actor_for_login(flowing.tenant.db, "clerk", via="web")
    assert read(flowing.tenant, clerk, "claim", rid).row["parcel"] == "SF123"
    again = browser.post(action, {**data, "_act": "sent", "parcel": "SF999"})
    assert again.status_code == 303
    assert read(flowing.tenant, clerk, "claim", rid).row["parcel"] == "SF123"


@pytest.mark.parametrize("more", [{"reason": "paid"}, {"cost": "1"}, {"channel": "desk"}])
def test_a_task_opens_no_other_field(flowing: World, more: dict[str, str]) -> None:
    browser = flowing.inside()
    path = applied(flowing, browser)
    decide(flowing, path, "ok")
    url = todo(browser.get(path), "Go on")
    data = {**inputs(browser.get(url)), "_act": "sent", "parcel": "SF1", **more}
    assert browser.post(url.partition("?")[0], data).status_code == 422
    assert way(browser.get(path))[1] == ("now", "Send it back")


def test_being_asked_for_more_opens_the_whole_form_again(flowing: World) -> None:
    browser = flowing.inside()
    path = applied(flowing, browser)
    decide(flowing, path, "more")
    url = todo(browser.get(path), "Go on")
    page = browser.get(url)
    data = inputs(page)
    assert data["reason"] == ["broken"] and "buyer" not in data
    assert "channel" not in page.text and "Money back" not in page.text, "what is worked out"
    answer = browser.post(
        url.partition("?")[0], {**data, "_act": "submit", "reason": "broken in the box"}
    )
    assert answer.status_code == 303, answer.text
    assert "broken in the box" in browser.get(path).text


def test_withdrawing_takes_back_what_was_not_sent_yet(flowing: World) -> None:
    browser = flowing.inside()
    path = applied(flowing, browser)
    url = todo(browser.get(path), "Withdraw")
    page = browser.get(url)
    answer = browser.post(url.partition("?")[0], {**inputs(page), "_act": "withdraw"})
    assert answer.status_code == 303, answer.text
    page = browser.get(path)
    assert way(page)[-1] == ("end", "Withdrawn")
    assert "Go on" not in page.text and "Withdraw<" not in page.text


def test_a_survey_is_asked_for_once_at_the_end(flowing: World) -> None:
    browser = flowing.inside()
    path = applied(flowing, browser)
    assert "How was it?" not in browser.get(path).text
    decide(flowing, path, "ok")
    url = todo(browser.get(path), "Go on")
    page = browser.get(url)
    browser.post(url.partition("?")[0], {**inputs(page), "_act": "sent", "parcel": "X"})
    decide(flowing, path, "ok")
    page = browser.get(path)
    assert way(page)[-1] == ("end", "Settled")
    url = todo(page, "Answer")
    data = inputs(browser.get(url))
    assert data["claim"] == [path.rpartition("/")[2]]
    answer = browser.post(url.partition("?")[0], {**data, "stars": "5"})
    assert answer.status_code == 303, answer.text
    page = browser.get(path)
    assert "How was it?" not in page.text
    second = browser.post(url.partition("?")[0], {**data, "_key": "k2", "stars": "1"})
    assert second.status_code == 409


def test_a_task_of_others_or_of_the_portal_s_role_is_nobody_s_there(flowing: World) -> None:
    browser = flowing.inside()
    path = applied(flowing, browser)
    rid = path.rpartition("/")[2]
    assert "Check" not in browser.get(path).text, "the clerk's task"
    page = browser.get(path)
    data = {"csrf_token": token(page), "_act": "ok", "name": "ok"}
    assert browser.post(f"/portal/returns/records/claim/{rid}/do", data).status_code == 303
    assert way(browser.get(path))[0] == ("now", "Under review")
    decide(flowing, path, "ok")
    url = todo(browser.get(path), "Go on")
    page = browser.get(url)
    browser.post(url.partition("?")[0], {**inputs(page), "_act": "sent", "parcel": "X"})
    assert "For every visitor" not in browser.get(path).text
    wu = flowing.inside("W-SECRET", "wu@home.test")
    assert wu.get(path).status_code == 404
    assert wu.get(url).status_code == 404
    assert wu.post(url.partition("?")[0], inputs(page)).status_code in (400, 404)
