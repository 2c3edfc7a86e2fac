"""A small shop's definitions, as the catalog hands them over, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from forms.compile import StaticLibrary, compile_form, compile_options
from forms.expr import AggregateType, Env, Type
from forms.model import Form, Options
from forms.problems import Problem
from forms.signature import signature

NOW = datetime(2026, 3, 18, 10, 0, tzinfo=UTC)

REASON: dict[str, Any] = {
    "options": "reason",
    "attributes": {"fault": ["customer", "merchant"]},
    "values": {
        "unwanted": {"label": {"zh": "不想要了", "en": "Changed my mind"}, "fault": "customer"},
        "quality": {"label": {"zh": "质量问题", "en": "Quality fault"}, "fault": "merchant"},
        "recall": {
            "label": "Recall",
            "fault": "merchant",
            "from": "2026-01-01",
            "until": "2026-02-01",
        },
    },
}

CUSTOMER: dict[str, Any] = {
    "form": "customer",
    "title": "{name}",
    "fields": {"name": {"type": "text", "required": True}, "level": {"type": "integer"}},
}

ORDER: dict[str, Any] = {
    "form": "order",
    "fields": {
        "number": {"type": "text", "required": True},
        "customer": {"type": "link", "to": "customer"},
        "currency": {"type": "text", "format": "currency"},
        "lines": {
            "type": "lines",
            "fields": {
                "sku": {"type": "text", "required": True},
                "quantity": {"type": "decimal", "required": True},
                "total": {"type": "money"},
            },
        },
    },
}

RETURN: dict[str, Any] = {
    "form": "return_request",
    "label": {"zh": "退货申请", "en": "Return request"},
    "number": {"pattern": "RMA-{yyyy}{mm}-{seq:5}", "reset": "month", "at": "submit"},
    "title": "{number} · {customer.name}",
    "currency": "order.currency",
    "fields": {
        "order": {
            "type": "link",
            "to": "order",
            "required": True,
            "fill": {"customer": "order.customer"},
        },
        "customer": {"type": "link", "to": "customer", "readonly": True},
        "applied_on": {"type": "date", "default": "today()", "readonly": True},
        "address": {"type": "text", "lines": 3, "required": True},
        "paid_by": {"type": "choice", "options": ["customer", "merchant"], "default": "customer"},
        "lines": {
            "type": "lines",
            "min": 1,
            "unique": ["order_line"],
            "fields": {
                "order_line": {
                    "type": "link",
                    "to": "order.lines",
                    "where": "order == parent.order",
                    "required": True,
                },
                "quantity": {"type": "decimal", "min": Decimal("0.001"), "required": True},
                "reason": {"type": "choice", "options": "reason", "required": True},
                "note": {
                    "type": "text",
                    "visible": "reason == 'quality'",
                    "required": "quantity > 1",
                },
                "percent": {"type": "percent", "default": 100},
                "paid": {"type": "money"},
                "refund": {"type": "money", "round": "down", "formula": "paid * percent / 100"},
            },
        },
        "freight": {"type": "money", "min": 0},
        "goods": {"type": "money", "formula": "sum(lines.refund where reason != 'recall')"},
        "total": {"type": "money", "formula": "goods + coalesce(freight, 0)"},
    },
    "checks": {
        "small": {
            "that": "total < 1000",
            "at": ["submit"],
            "message": {"zh": "退款 {total} 过大", "en": "The refund of {total} is too large"},
        },
        "few": {"that": "count(lines) < 3", "warn": True},
    },
}


def env(**given: Any) -> Env:
    """An env at a fixed moment; keywords as of `Env`."""
    return Env(NOW, **given)


def build(
    forms: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Mapping[str, Any]] | None = None,
    aggregates: Mapping[str, AggregateType] | None = None,
) -> tuple[dict[str, Form], list[Problem]]:
    """Compile options, then forms; all problems of all."""
    problems: list[Problem] = []
    compiled: dict[str, Options] = {}
    for key, one in (options or {}).items():
        made, found = compile_options(key, one)
        problems += found
        if made:
            compiled[key] = made
    bare = StaticLibrary({}, compiled)
    signatures = {key: signature(key, one, bare.option_values) for key, one in forms.items()}
    library = StaticLibrary(signatures, compiled, aggregates)
    result = {}
    for key, one in forms.items():
        form, found = compile_form(key, one, library)
        problems += found
        if form:
            result[key] = form
    return result, problems


def one_form(fields: Mapping[str, Any], **more: Any) -> Form:
    """A form of these fields, which has to compile."""
    forms, problems = build(
        {"thing": {"form": "thing", "fields": fields, **more}}, {"reason": REASON}
    )
    assert problems == []
    return forms["thing"]


def problems_of(fields: Mapping[str, Any], **more: Any) -> list[Problem]:
    """The problems of a form of these fields, beside a small shop."""
    _, problems = build(
        {
            "customer": CUSTOMER,
            "order": ORDER,
            "thing": {"form": "thing", "fields": fields, **more},
        },
        {"reason": REASON},
        {"returnable": AggregateType("order.lines", {"asked": Type("decimal")})},
    )
    return problems


def shop() -> dict[str, Form]:
    """Customer, order and return request, compiled."""
    forms, problems = build(
        {"customer": CUSTOMER, "order": ORDER, "return_request": RETURN}, {"reason": REASON}
    )
    assert problems == []
    return forms
