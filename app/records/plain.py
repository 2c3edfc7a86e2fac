"""Values of expressions as plain JSON: what effects, traces and the outbox carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from forms.expr import Type
from forms.values import Money, encode_id

_ODD = re.compile("[\x00\ud800-\udfff]")
LINKS = ("link", "file", "lines")
_AS_IS = frozenset({str, bool, float, type(None)})


def plain(value: Any, kind: Type | None = None) -> Any:
    """A value as JSON: amounts as {"amount", "currency"}, numbers with decimals as text, times in
    ISO 8601, durations in seconds; ids of records and files, told by their type, as people see
    them."""
    if type(value) in _AS_IS or isinstance(value, bool | str | float):
        return value
    if type(value) is dict:
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, int):
        return encode_id(value) if kind is not None and kind.kind in LINKS and value > 0 else value
    if isinstance(value, Money):
        return {"amount": _number(value.amount), "currency": value.currency}
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        item = kind.item if kind is not None and kind.kind == "list" else kind
        return [plain(one, item) for one in value]
    return str(value)


def storable(value: Any) -> Any:
    """JSON that comes from outside, with what no database keeps (NUL, half a surrogate pair) in its
    texts replaced by U+FFFD."""
    if isinstance(value, str):
        return _ODD.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


def _number(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
