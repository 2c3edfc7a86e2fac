"""A small world for expressions: forms, options and aggregates as a plain dictionary library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from forms.expr import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    DEPARTMENT,
    DURATION,
    FILE,
    INTEGER,
    MONEY,
    TEXT,
    USER,
    AggregateType,
    Env,
    Scope,
    Type,
    choice,
    lines,
    link,
    many,
)

NOW = datetime(2026, 3, 18, 10, 0, tzinfo=UTC)
VERDICT = choice("refuse", "auto", "review")
FAULT = choice("customer", "merchant", "carrier")
PAYER = choice("customer", "merchant")
REASON = choice("unwanted", "wrong_size", "quality", "transit", options_id="return_reason")
LIABILITY = choice("ours", "customer", "supplier", options_id="liability")
FAULT_OF = {
    "unwanted": "customer",
    "wrong_size": "customer",
    "quality": "merchant",
    "transit": "carrier",
}


def record(form: str, **fields: Type) -> dict[str, Type]:
    """Fields of a form with its system names."""
    return {
        "this": link(form),
        "me": USER,
        "id": link(form),
        "number": TEXT,
        "title": TEXT,
        "stage": TEXT,
        "created_at": DATETIME,
        "created_by": USER,
        **fields,
    }


def line(form: str, name: str, **fields: Type) -> dict[str, Type]:
    """Fields of a form's lines, with the implicit link to the record they belong to."""
    return {
        "this": link(f"{form}.{name}"),
        "id": link(f"{form}.{name}"),
        form: link(form),
        **fields,
    }


FORMS: dict[str, dict[str, Type]] = {
    "order": record(
        "order",
        customer=link("customer"),
        currency=TEXT,
        placed_on=DATE,
        delivered_on=DATE,
        freight=MONEY,
        paid=MONEY,
        lines=lines("order.lines"),
    ),
    "order.lines": line(
        "order", "lines", sku=TEXT, quantity=DECIMAL, delivered=DECIMAL, total=MONEY, tax=MONEY
    ),
    "customer": record("customer", name=TEXT),
    "division": record("division", name=TEXT, head=USER),
    "product": record("product", sku=TEXT, price=MONEY),
    "rectification": record("rectification", owner=USER, measures=lines("rectification.measures")),
    "rectification.measures": line("rectification", "measures", what=TEXT, who=USER, until=DATE),
    "return_analysis": record("return_analysis", liability=LIABILITY),
    "return_request": record(
        "return_request",
        order=link("order"),
        customer=link("customer"),
        applied_on=DATE,
        address=TEXT,
        lines=lines("return_request.lines"),
        verdict=VERDICT,
        freight_payer=PAYER,
        level=INTEGER,
        return_freight=MONEY,
        tracking_no=TEXT,
        received_at=DATETIME,
        waited=DURATION,
        department=DEPARTMENT,
        express=BOOLEAN,
        tags=many(choice("vip", "fragile", "bulky")),
        label_file=FILE,
        goods_refund=MONEY,
        refund_total=MONEY,
    ),
    "return_request.lines": line(
        "return_request",
        "lines",
        order_line=link("order.lines"),
        quantity=DECIMAL,
        reason=REASON,
        intact=BOOLEAN,
        photos=FILE,
        verdict=VERDICT,
        fault=FAULT,
        disposition=choice("restock", "scrap", "send_back", options_id="disposition"),
        refund_percent=DECIMAL,
        paid=MONEY,
        refund=MONEY,
    ),
    "return_handling": record(
        "return_handling",
        order=link("order"),
        division=link("division"),
        goods=lines("return_handling.goods"),
        liability=LIABILITY,
        analysis=link("return_analysis"),
        rectification=link("rectification"),
        credit=MONEY,
    ),
    "return_handling.goods": line(
        "return_handling",
        "goods",
        order_line=link("order.lines"),
        quantity=DECIMAL,
        received=DECIMAL,
        liability=LIABILITY,
        credit=MONEY,
    ),
    "exchange": record(
        "exchange",
        order=link("order"),
        address=TEXT,
        advance=BOOLEAN,
        lines=lines("exchange.lines"),
        wanted=lines("exchange.wanted"),
        due_before=MONEY,
        deposit=MONEY,
        hold_ref=TEXT,
        shipped=BOOLEAN,
        balance=MONEY,
    ),
    "exchange.lines": line(
        "exchange",
        "lines",
        order_line=link("order.lines"),
        quantity=DECIMAL,
        missing=DECIMAL,
        open=DECIMAL,
        price=MONEY,
        credit=MONEY,
    ),
    "exchange.wanted": line(
        "exchange", "wanted", product=link("product"), quantity=DECIMAL, price=MONEY, amount=MONEY
    ),
    "receipt": record("receipt", exchange=link("exchange"), lines=lines("receipt.lines")),
    "receipt.lines": line(
        "receipt",
        "lines",
        line=link("exchange.lines"),
        quantity=DECIMAL,
        grade=choice("perfect", "slight", "severe", "wrong_item"),
        disposition=choice("restock", "scrap", "send_back", options_id="disposition"),
    ),
    "refund": record("refund", order=link("order"), amount=MONEY),
}

AGGREGATES = {
    "returnable": AggregateType("order.lines", {"delivered": DECIMAL, "asked": DECIMAL}),
    "refundable": AggregateType("order", {"paid": MONEY, "refunded": MONEY}),
    "received": AggregateType(
        "exchange.lines", {"announced": DECIMAL, "counted": DECIMAL, "accepted": DECIMAL}
    ),
}


class Shop:
    """A library of the forms above."""

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        return FORMS.get(target)

    def attributes_of(self, options_id: str) -> Mapping[str, Type] | None:
        return {"fault": FAULT, "weight": DECIMAL} if options_id == "return_reason" else None

    def attribute(self, options_id: str, value: str, name: str) -> object:
        return FAULT_OF.get(value) if name == "fault" else None

    def aggregate(self, name: str) -> AggregateType | None:
        return AGGREGATES.get(name)

    def aggregate_names(self) -> Iterable[str]:
        return AGGREGATES


SHOP = Shop()


def scope(form: str, max_hops: int = 1, **more: Type) -> Scope:
    """The scope of a record's own expressions, or of a line's ("order.lines") with its parent."""
    parent = FORMS[form.partition(".")[0]] if "." in form else None
    return Scope({**FORMS[form], **more}, parent, None, SHOP, max_hops)


def env(**changes: object) -> Env:
    """An environment at a fixed moment, in CNY."""
    return Env(NOW, **{"currency": "CNY", **changes})
