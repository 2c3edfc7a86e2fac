"""What is to do comes first on the first page; the back office and the timeline speak in words."""

from __future__ import annotations

import re
from html import unescape
from types import SimpleNamespace

import pytest

from app.catalog.build import build
from app.catalog.settings import alone
from app.catalog.sources import read_packs
from app.web.desk.said import _aside
from app.web.desk.sayings import SAID
from app.web.desk.waiting import waiting_for
from app.web.desk.why import Teller
from forms.values import encode_id
from tests.pack.naming import original
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

    def event(self, one: dict[str, object], name: str) -> str:
        return f"<{name}>"

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


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("zh", ["“通过”：是否需寄回 为 需寄回", "等待：客户已付款", "结果：地址有误",
                "收到：已送达仓库", "周敏 作了处置：重试"]),
        ("en", ["“Accepted”: Goods wanted back is Send them back",
                "Waits for: The customer has paid",
                "Answer: Bad address", "Arrived: Delivered to us", "周敏 mended it: tried again"]),
    ],
)  # fmt: skip
def test_reasons_use_the_labels_of_the_definitions(
    house: House, lang: str, told: list[str]
) -> None:
    sources, _ = read_packs(original().folder, ["returns"])
    catalog = build(alone(sources, "words", "Asia/Shanghai", "CNY")).catalog
    assert catalog is not None
    flows = {name: Teller(catalog.flows[name], catalog, lang, {}, {})
             for name in ("return_request", "exchange")}  # fmt: skip
    decisions: list[tuple[str, dict[str, object]]] = [
        ("return_request", {"kind": "switch", "step": "accepted", "on": "goods", "value": "back"}),
        ("exchange", {"kind": "wait", "step": "pay_link", "for": ["payment.authorised"]}),
        ("exchange", {"kind": "answer", "step": "ship", "outcome": "failed.bad_address"}),
        ("return_request",
         {"kind": "arrive", "step": "await_goods", "event": "carrier.delivered"}),
        ("exchange", {"kind": "mend", "step": "ship", "name": "周敏", "how": "retry"}),
    ]  # fmt: skip
    with house.app.test_request_context(headers={"Accept-Language": lang}):
        assert [flows[form].tell(one).text for form, one in decisions] == told
        seat = flows["exchange"].seat("contact:customer:12")
    assert seat == {"zh": "客户", "en": "Customer"}[lang]


@pytest.mark.parametrize(
    ("form", "step", "zh", "en"),
    [
        ("exchange", "pay_link", "客户已付款", "The customer has paid"),
        ("return_request", "await_goods", "到货 · 已到包裹 > 0", "Arrivals · Parcels > 0"),
    ],
)
def test_what_is_waited_for_is_told(house: House, form: str, step: str, zh: str, en: str) -> None:
    sources, _ = read_packs(original().folder, ["returns"])
    catalog = build(alone(sources, "words", "Asia/Shanghai", "CNY")).catalog
    assert catalog is not None
    token = SimpleNamespace(scope="", step=step, outcome=None, children=0)
    view = SimpleNamespace(flow=catalog.flows[form], outcome=None, tasks=(), tokens=(token, token))
    for lang, said in (("zh", zh), ("en", en)):
        with house.app.test_request_context(headers={"Accept-Language": lang}):
            (one,) = waiting_for(view, {}, lang)  # type: ignore[arg-type]
            assert said in one.note and one.title and not one.name
    view.outcome = "completed"
    assert waiting_for(view, {}, "en") == []  # type: ignore[arg-type]


def test_fields_that_hold_nothing_are_named_together(house: House) -> None:
    page = unescape(house.client("boss").get(f"/forms/client/{house.rid('ada')}").text)
    assert re.search(r"Not filled in:[^<]*E-mail", page) and "owes us" in page
    chinese = unescape(house.client("boss", "zh").get(f"/forms/client/{house.rid('ada')}").text)
    assert re.search("未填写：[^<]*邮箱", chinese)
