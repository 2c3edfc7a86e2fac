"""What letters say: of exchanges how much, how to pay, until when, and what happens instead; of
accepted returns where the goods go and who pays."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.catalog.build import build
from app.catalog.model import Catalog
from app.catalog.settings import alone
from app.catalog.sources import read_packs
from app.web.portal.way import ahead
from forms.expr import Env
from forms.values import Money, Text
from tests.pack.naming import original

ROW = {
    "id": 1,
    "number": "EX-202603-00001",
    "request": 2,
    "currency": "CNY",
    "advance": False,
    "deposit": Money(Decimal(60), "CNY"),
    "balance": Money(Decimal(60), "CNY"),
    "pay_to": None,
    "hold_ref": None,
    "tracking_no": "TN-1",
    "address": "上海",
    "@task": None,
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    sources, _ = read_packs(original().folder, ["returns"])
    made = build(alone(sources, "letters", "Asia/Shanghai", "CNY")).catalog
    assert made is not None
    return made


def letter(catalog: Catalog, name: str, **more: Any) -> tuple[Text, Text]:
    """Subject and body."""
    said = catalog.notifications[name].forms["exchange"]
    env = Env(datetime(2026, 3, 9, tzinfo=UTC))
    env.links = {"return_request": {2: {"id": 2, "number": "RMA-202603-00007"}}}
    row = {**ROW, **more}
    assert said.body is not None
    return said.subject.render(row, env), said.body.render(row, env, 4_000)


def test_who_has_to_pay_is_told_how_much_how_and_until_when(catalog: Catalog) -> None:
    subject, body = letter(catalog, "exchange_payment")
    assert "60.00 CNY" in subject.zh and "60.00 CNY" in subject.en
    assert "RMA-202603-00007" in subject.zh
    for said, asked in ((body.zh, "联系客服"), (body.en, "call our customer service")):
        assert "60.00 CNY" in said and "EX-202603-00001" in said and "48" in said
        assert asked in said
    assert "补付差价" in body.zh and "refunded instead" in body.en


def test_a_company_names_its_account_once(catalog: Catalog) -> None:
    _, body = letter(catalog, "exchange_payment", pay_to="云帆家居 6222 0000 1234")
    assert "请付至：\n云帆家居 6222 0000 1234" in body.zh and "联系客服" not in body.zh
    assert "Please pay to:\n云帆家居 6222 0000 1234" in body.en


def test_what_is_held_for_a_replacement_that_goes_first_is_not_called_a_difference(
    catalog: Catalog,
) -> None:
    _, body = letter(catalog, "exchange_payment", advance=True)
    assert "预授权" in body.zh and "差价" not in body.zh and "difference" not in body.en
    _, sent = letter(catalog, "exchange_sent", advance=True, hold_ref="H1")
    assert "已预授权 60 CNY，收到退货后解除" in sent.zh and "are held until" in sent.en
    _, bare = letter(catalog, "exchange_sent")
    assert "held" not in bare.en and "TN-1" in bare.en


def test_a_cancelled_exchange_says_what_happens_instead(catalog: Catalog) -> None:
    _, late = letter(catalog, "exchange_cancelled")
    assert "改为退款" in late.zh and "refunded instead" in late.en
    _, first = letter(catalog, "exchange_cancelled", advance=True)
    assert "再为您换货" in first.zh and "have come back" in first.en
    subject, _ = letter(catalog, "exchange_charged")
    assert "60.00 CNY" in subject.zh


RETURN = {
    "id": 2,
    "number": "RMA-202603-00007",
    "method": None,
    "address": "上海市徐汇区",
    "send_to": "main",
    "freight_payer": "merchant",
    "@task": None,
}


@pytest.mark.parametrize(
    ("method", "send_to", "zh", "en"),
    [
        ("own", "main", "请将商品寄到：\n退货仓", "send the goods to:\nReturns warehouse"),
        ("pick_up", None, "取件，请备好包裹：\n上海市徐汇区", "fetches the goods here"),
        ("label", None, "运单号会显示在退货页面", "Once the label is made"),
        ("store", None, "门店", "to a store"),
    ],
)
def test_an_accepted_return_says_where_the_goods_go_and_who_pays(
    catalog: Catalog, method: str, send_to: str | None, zh: str, en: str
) -> None:
    said = catalog.notifications["request_accepted"].forms["return_request"]
    assert said.body is not None
    env = Env(datetime(2026, 3, 9, tzinfo=UTC))
    row = {**RETURN, "method": method, "send_to": send_to}
    body = said.body.render(row, env, 4_000)
    assert zh in body.zh and en in body.en
    assert "运费由我们承担" in body.zh and "RMA-202603-00007" in body.en
    yours = said.body.render({**row, "freight_payer": "customer"}, env, 4_000)
    assert "运费由您承担" in yours.zh and "You pay the freight" in yours.en


def test_customers_see_the_stages_in_the_order_they_mostly_come(catalog: Catalog) -> None:
    found = ahead(catalog.flows["return_request"], ["approval"])
    assert found == ["returning", "checking", "settling", "refunding", "completed"]
