"""The worked cases played through the engine, with the facts they need in at most three rounds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.catalog.build import build
from app.catalog.model import Catalog
from app.catalog.sources import Sources
from tests.catalog.support import SHARED_EXAMPLES
from tests.catalog.test_worked_cases import cases
from tests.flows.play import RECORD, Play, World, money

pytestmark = pytest.mark.skipif(
    not SHARED_EXAMPLES.exists(), reason="the worked cases lie beside the project"
)

ROLES = {
    "cs_lead": (3,),
    "finance": (4, 5),
    "finance_lead": (6,),
    "warehouse": (7,),
    "returns_admin": (8,),
    "quality": (9,),
    "quality_head": (10,),
    "sales_director": (11,),
    "management_rep": (12,),
}
LINE = RECORD + 1


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    result = build(Sources(cases()))
    assert result.catalog is not None
    return result.catalog


def world() -> World:
    """Order 50 with two lines, a division, a product."""
    rows: dict[str, dict[int, dict[str, Any]]] = {
        "order": {
            50: {
                "customer": 60,
                "currency": "CNY",
                "placed_on": date(2026, 2, 25),
                "delivered_on": date(2026, 2, 27),
            }
        },
        "order.lines": {
            51: {"order": 50, "sku": "X", "quantity": Decimal(2), "total": money(200)},
            52: {"order": 50, "sku": "Y", "quantity": Decimal(1), "total": money(2000)},
        },
        "division": {70: {"head": 21}},
        "product": {80: {"price": money(30)}},
        "exchange": {90: {"customer": 60, "address": "there"}},
        "exchange.lines": {91: {"order_line": 51, "exchange": 90}},
    }
    totals = {
        "returnable": {
            51: {"asked": Decimal(1), "delivered": Decimal(2)},
            52: {"asked": Decimal(1), "delivered": Decimal(1)},
        }
    }
    return World(rows, totals, roles=ROLES)


def request(catalog: Catalog, **line: Any) -> Play:
    first = {
        "order_line": 51,
        "quantity": Decimal(1),
        "reason": "quality",
        "intact": False,
        "refund_percent": Decimal(100),
        **line,
    }
    return Play(
        catalog.flows["return_request"],
        world(),
        order=50,
        customer=60,
        applied_on=date(2026, 3, 2),
        address="here",
        lines=[first],
    )


@pytest.mark.parametrize("prefetch", [True, False])
def test_a_quality_fault_goes_through_by_itself(catalog: Catalog, prefetch: bool) -> None:
    play = request(catalog)
    play.prefetch = prefetch
    play.begin("submit")
    assert play.row["lines"][0]["paid"] == money("100.00")
    assert (play.row["verdict"], play.row["freight_payer"]) == ("auto", "merchant")
    assert play.at() == ["make_label"]
    [decided] = [one for one in play.said("decide") if one.get("policy") == "return_policy"]
    assert (decided["rule"], decided["inputs"]["days"]) == ("quality", 3)
    play.answer(tracking_no="T1")
    assert (play.row["stage"], play.row["tracking_no"]) == ("returning", "T1")
    play.event("carrier.delivered")
    assert play.at() == ["inspect"]
    play.act("done", 7, sets={"lines": [{**play.row["lines"][0], "disposition": "restock"}]})
    assert play.at() == ["move", "move/stock"]
    assert play.calls[-1].arguments == {
        "sku": "X",
        "quantity": Decimal(1),
        "to": "restock",
    }
    play.answer()
    assert play.at() == ["pay"]
    assert play.starts[0].values["amount"] == money("100.00")
    play.answer(record=99).child_ends("paid")
    assert play.ended == "completed"
    assert play.row["refund"] == 99
    assert play.state.tokens[0].data["sla"]["refund"]["state"] == "met"
    assert play.most_rounds <= (1 if prefetch else 3)


def test_what_is_too_much_is_approved_by_two(catalog: Catalog) -> None:
    play = request(catalog, order_line=52, reason="unwanted", intact=False).begin("submit")
    assert play.at() == ["approval"]
    assert play.row["level"] == 2
    play.act("approved", 3).act("approved", 4)
    assert play.at() == ["approval"]
    play.act("approved", 5)
    assert play.at() == ["make_label"]
    assert play.most_rounds <= 1


def test_what_came_too_late_is_refused(catalog: Catalog) -> None:
    play = request(catalog)
    play.world.rows["order"][50]["delivered_on"] = date(2026, 1, 1)
    play.begin("submit")
    assert (play.ended, play.row["stage"]) == ("refused", "refused")


def test_a_bad_address_is_mended_three_times(catalog: Catalog) -> None:
    play = request(catalog).begin("submit")
    for _ in range(3):
        play.answer("failed.bad_address").act("submit", 1, sets={"address": "elsewhere"})
    play.answer("failed.bad_address").pass_time(days=8)
    assert play.ended == "expired"


def handling(catalog: Catalog, **fields: Any) -> Play:
    goods = {"order_line": 52, "quantity": Decimal(1), "defect": "cracked"}
    return Play(
        catalog.flows["return_handling"],
        world(),
        order=50,
        customer=60,
        division=70,
        goods=[goods],
        **fields,
    )


def test_the_factory_handles_a_return(catalog: Catalog) -> None:
    play = handling(catalog).begin("submit")
    assert play.open() == [("sales_head", ("user:3",))]
    play.act("approved", 3, signature="s")
    assert play.starts[0].values == {
        "handling": RECORD,
        "samples": [{"goods_line": LINE}],
    }
    play.world.rows["return_analysis"] = {99: {"liability": "ours"}}
    play.answer(record=99).child_ends("concluded")
    assert play.row["liability"] == "ours"
    assert play.at() == ["fix"]
    assert play.starts[1].values == {"handling": RECORD, "owner": 21}
    play.answer(record=100)
    goods = [{**play.row["goods"][0], "received": Decimal(1), "liability": "ours"}]
    play.act("received", 7, attachments=(1,), sets={"goods": goods})
    play.act("done", 9, signature="s")
    # The act's formulas are the form's; the engine computes them again when it writes.
    play.changed()
    assert play.row["credit"] == money("2000.00")
    play.act("approved", 4, comment="", sets={"credit_note": "1"})
    assert play.at() == ["until_fixed"]
    play.world.rows["rectification"] = {100: {"stage": "planning"}}
    play.pass_time(days=8)
    assert play.told.count("remind.until_fixed.weekly") == 1
    play.world.rows["rectification"][100]["stage"] = "closed"
    play.changed()
    assert play.ended == "closed"
    assert play.most_rounds <= 2


def exchange(catalog: Catalog, **fields: Any) -> Play:
    line = {"order_line": 51, "quantity": Decimal(1), "missing": Decimal(0)}
    wanted = {"product": 80, "quantity": Decimal(4), "price": money(30)}
    play = Play(
        catalog.flows["exchange"],
        world(),
        order=50,
        customer=60,
        address="here",
        lines=[line],
        wanted=[wanted],
        **{"advance": False, "shipped": False, **fields},
    )
    play.world.totals["received"] = {LINE: {"graded": Decimal(0), "accepted": Decimal(0)}}
    return play


@pytest.mark.parametrize("prefetch", [True, False])
def test_an_exchange_with_a_price_difference(catalog: Catalog, prefetch: bool) -> None:
    play = exchange(catalog)
    play.prefetch = prefetch
    play.begin("submit")
    play.changed()  # the form computes what the record is worth
    play.act("approved", 3)
    assert play.row["deposit"] == money("20.00")
    play.answer("failed.declined")
    assert play.at() == ["pay_link"]
    play.event("payment.authorised", hold_ref="H1")
    assert play.at() == ["swap", "swap/back/await", "swap/out/goods"]
    assert {what for _, what in play.last.watches} == {(("aggregate:received", LINE),)}
    play.world.totals["received"][LINE] = {"graded": Decimal(1), "accepted": Decimal(1)}
    play.changed()
    assert play.at() == ["swap", "swap/out/ship"]
    assert play.calls[-1].arguments == {"lines": play.row["wanted"]}
    play.answer().answer(tracking_no="T9")
    assert play.row["shipped"] is True
    assert play.row["balance"] == money("20.00")
    assert play.at() == ["collect"]
    play.answer()
    assert play.at() == ["release"]
    assert play.calls[-1].arguments == {"reference": "H1"}
    play.answer()
    assert play.ended == "completed"
    assert play.most_rounds <= 3


def test_an_exchange_whose_goods_never_come(catalog: Catalog) -> None:
    play = exchange(catalog, advance=True).begin("submit")
    play.changed()
    play.act("approved", 3).answer(reference="H1")
    assert play.at() == ["swap", "swap/back/await", "swap/out/ship"]
    play.answer().answer(tracking_no="T9")
    assert play.at() == ["swap", "swap/back/await"]
    play.pass_time(days=15)
    assert play.told.count("remind.await.send_it") == 3
    assert play.at() == ["swap", "swap/back/give_up"]
    missing = [{**play.row["lines"][0], "missing": Decimal(1)}]
    play.act("close_short", 3, sets={"lines": missing})
    assert play.at() == ["collect"]


def test_withdrawing_an_exchange_releases_what_was_held(catalog: Catalog) -> None:
    play = exchange(catalog).begin("submit")
    play.changed()
    play.act("approved", 3).answer("failed.declined")
    play.interrupt("withdraw", 1)
    assert play.ended == "cancelled"


def test_goods_are_put_away_line_by_line(catalog: Catalog) -> None:
    lines = [
        {"line": 91, "quantity": Decimal(1), "disposition": "restock"},
        {"line": 91, "quantity": Decimal(1), "disposition": "send_back"},
    ]
    play = Play(catalog.flows["receipt"], world(), exchange=90, lines=lines).begin()
    play.act("done", 7).act("done", 9)
    assert play.at() == ["put_away", "put_away/move", "put_away/tell"]
    assert play.calls[0].arguments["sku"] == "X"
    assert play.open() == [("tell", ("contact:customer:60",))]
    play.answer()
    play.pass_time(days=6)
    assert play.calls[-1].arguments == {"payer": "customer", "address": "there"}
    play.answer()
    assert play.ended == "stored"
    assert play.most_rounds <= 3
