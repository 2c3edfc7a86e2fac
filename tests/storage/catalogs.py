"""Small catalogs for storage's tests, compiled by the real compilers."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forms.compile import compile_form
from forms.compile_library import StaticLibrary
from forms.expr import DECIMAL, INTEGER, MONEY, Scope, Type, compile_expr
from forms.model import Form
from forms.signature import signature

ORDER = {
    "title": "{order_no}",
    "currency": "currency",
    "fields": {
        "order_no": {"type": "text", "required": True, "index": True},
        "currency": {"type": "text", "required": True, "format": "currency"},
        "placed_on": {"type": "date", "index": True},
        "express": {"type": "boolean"},
        "lines": {
            "type": "lines",
            "fields": {
                "sku": {"type": "text", "required": True},
                "quantity": {"type": "decimal", "required": True},
                "price": {"type": "money"},
            },
        },
        "total": {"type": "money"},
    },
    "unique": {"one_number": {"fields": ["order_no"]}},
    "list": {"columns": ["order_no", "placed_on", "total"], "search": ["title", "order_no"]},
}
RETURN = {
    "number": {"pattern": "RMA-{seq:4}", "at": "create"},
    "title": "{number}",
    "currency": "currency",
    "fields": {
        "order": {"type": "link", "to": "order", "index": True},
        "currency": {"type": "text", "format": "currency"},
        "applied_at": {"type": "datetime"},
        "took": {"type": "duration"},
        "rate": {"type": "percent"},
        "pieces": {"type": "integer"},
        "kind": {"type": "choice", "options": ["refund", "exchange", "repair"]},
        "tags": {"type": "choice", "options": ["a", "b", "c"], "many": True},
        "photos": {"type": "image", "many": True},
        "cost": {"type": "money", "currency": "USD"},
        "lines": {
            "type": "lines",
            "fields": {
                "order_line": {"type": "link", "to": "order.lines"},
                "quantity": {"type": "decimal", "required": True},
                "amount": {"type": "money"},
                "verdict": {"type": "choice", "options": ["accept", "refuse"]},
            },
        },
    },
}
RETURNABLE = {
    "per": "order.lines",
    "measures": {
        "delivered": {"from": "order.lines", "sum": "quantity"},
        "asked": {
            "from": "return_request.lines",
            "by": "order_line",
            "sum": "quantity",
            "where": "verdict != 'refuse' and parent.stage != 'withdrawn'",
        },
    },
}


@dataclass(frozen=True, slots=True)
class Measure:
    id: str
    source: str
    by: str | None
    sum: Any
    where: Any
    type: Type
    scale: int


@dataclass(frozen=True, slots=True)
class Aggregate:
    id: str
    per: str
    measures: Mapping[str, Measure]


@dataclass(frozen=True, slots=True)
class SmallCatalog:
    """What publishing needs of a catalog."""

    hash: str
    forms: Mapping[str, Form]
    content: bytes
    aggregates: Mapping[str, Aggregate] = field(default_factory=dict)
    connections: Mapping[str, Any] = field(default_factory=dict)


def catalog(
    forms: Mapping[str, Mapping[str, Any]],
    aggregates: Mapping[str, Mapping[str, Any]] | None = None,
) -> SmallCatalog:
    """Compile definitions given as plain maps."""
    library = StaticLibrary({name: signature(name, each) for name, each in forms.items()})
    compiled: dict[str, Form] = {}
    for name, each in forms.items():
        form, problems = compile_form(name, each, library)
        assert form is not None, problems
        compiled[name] = form
    text = json.dumps([forms, aggregates or {}], sort_keys=False).encode()
    return SmallCatalog(
        hashlib.sha256(text).hexdigest(),
        compiled,
        zlib.compress(text),
        {name: _aggregate(name, each, library) for name, each in (aggregates or {}).items()},
    )


def shop(**changes: Any) -> SmallCatalog:
    """Orders and returns with the aggregate that ties them."""
    forms = {"order": ORDER, "return_request": RETURN} | changes
    return catalog(forms, {"returnable": RETURNABLE})


def changed(definition: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """The definition with fields added, replaced or (None) removed; lines__x is one of lines."""
    made = json.loads(json.dumps(definition))
    for path, value in fields.items():
        lines, _, name = path.rpartition("__")
        target = made["fields"][lines]["fields"] if lines else made["fields"]
        if value is None:
            target.pop(name)
        else:
            target[name] = value
    return made


def _aggregate(name: str, raw: Mapping[str, Any], library: StaticLibrary) -> Aggregate:
    measures = {}
    for each, given in raw["measures"].items():
        source = given["from"]
        form, _, lines = source.partition(".")
        scope = Scope(
            library.fields_of(source), library.fields_of(form) if lines else None, library=library
        )
        total = given.get("sum") and compile_expr(given["sum"], scope, [INTEGER, DECIMAL, MONEY])
        where = given.get("where") and compile_expr(given["where"], scope)
        kind = total.type if total else INTEGER
        scale = {"decimal": 6, "money": 4}.get(kind.kind, 0)
        measures[each] = Measure(each, source, given.get("by"), total, where, kind, scale)
    return Aggregate(name, raw["per"], measures)
