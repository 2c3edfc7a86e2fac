"""What is to do comes first on the first page; the back office and the timeline speak in words."""

from __future__ import annotations

import re
from html import unescape

from app.web.desk.said import _aside
from app.web.desk.sayings import SAID
from forms.values import encode_id
from tests.web.house import House
from tests.web.test_acting import asked, page_of


def test_the_first_page_begins_with_what_is_to_do(house: House) -> None:
    saved = asked(house, "First things")
    page = unescape(house.client("lena").get("/").text)
    work = page.partition('id="work-title"')[2].partition("</section>")[0]
    assert saved.title in work and page_of(saved) in work
    assert "Approval · Head" in work
    assert page.index('id="work-title"') < page.index('id="card-1"')
    assert 'id="work-title"' not in house.client("nobody").get("/").text


def test_journal_outbox_and_users_are_told_in_words(house: House) -> None:
    saved = asked(house, "Words")
    for lang, form, made, who, role in (
        ("en", "Purchase request", "created", "Clerk", "Clerk"),
        ("zh", "采购申请", "新建", "Clerk", "专员"),
    ):
        boss = house.client("boss", lang=lang)
        page = boss.get(f"/admin/journal/?search={encode_id(saved.id)}").text
        row = re.findall(r"<td[^>]*>([^<]*)</td>", page)
        assert {form, made, who} <= set(row), row
        assert not {"create", "request"} & set(row)
        page = boss.get(f"/admin/outbox/?search={encode_id(saved.id)}").text
        row = re.findall(r"<td[^>]*>([^<]*)</td>", page)
        assert form in row and not {"record", "ready", "done", "request"} & set(row), row
        assert role in boss.get("/admin/users/").text


class _Teller:
    lang = "zh"

    def outcome(self, one: dict[str, object], name: str = "outcome") -> str:
        return f"<{one[name]}>"

    def facts(self, values: object) -> list[tuple[str, str]]:
        return []


def test_a_timeline_leaves_out_what_says_nothing_and_names_the_rest(house: House) -> None:
    assert _aside({"kind": "end", "step": "inspect/ok"})
    assert not _aside({"kind": "end", "step": "closed"})
    assert _aside({"kind": "call", "applies": False})
    with house.app.test_request_context(headers={"Accept-Language": "zh"}):
        tell = _Teller()
        text, _ = SAID["call"](tell, {"use": "carrier.create_label", "action": "label"})  # type: ignore[arg-type]
        assert "label" not in text and "carrier" not in text
        text, _ = SAID["call"](tell, {"use": "sms.send", "action": "tell"})  # type: ignore[arg-type]
        assert "sms.send" in text
        text, _ = SAID["arrive"](tell, {"step": "receive", "outcome": "counted"})  # type: ignore[arg-type]
        assert "<counted>" in text
        text, _ = SAID["arrive"](tell, {"step": "await", "event": "carrier.delivered"})  # type: ignore[arg-type]
        assert "<carrier.delivered>" in text
