"""Values on pages: as an input holds them, and as people read them.

Inputs hold what the form engine reads back unchanged; moments are in the tenant's zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from forms.model import Field
from forms.shown import grouped, moment_shown, money_shown
from forms.types.numbers import plain
from forms.values import encode_id, minor_units

__all__ = [
    "IDS",
    "NUMBERS",
    "grouped",
    "input_value",
    "moment_shown",
    "money_shown",
    "shown_value",
]

IDS = frozenset({"link", "user", "department", "file", "image"})
"""Types whose values are ids: they are shown through names looked up in one batch."""

NUMBERS = frozenset({"integer", "decimal", "percent", "money", "duration"})
"""Types whose columns are set flush right."""


def input_value(field: Field, value: Any, zone: tzinfo = UTC) -> str | list[str]:
    """What an input of this field holds for a value; a list for fields of several."""
    several = field.many or field.type in {"file", "image"}
    if value is None:
        return [] if several else ""
    if several:
        return [encode_id(v) if field.type in IDS else str(v) for v in value]
    return _INPUTS.get(field.type, _as_text)(value, zone)


def shown_value(field: Field, lang: str, zone: tzinfo = UTC) -> Callable[[Any], str]:
    """How one column shows its values; ids are not its business."""
    kind = field.type
    if kind == "money":
        return money_shown
    if kind in {"integer", "decimal"}:
        unit = f" {field.unit.pick(lang)}" if field.unit else ""
        return lambda value: "" if value is None else f"{grouped(value)}{unit}"
    if kind == "datetime":
        return lambda value: "" if value is None else moment_shown(value, zone)
    return lambda value: "" if value is None else field.kind.format(value, lang, field)


def _as_text(value: Any, zone: tzinfo) -> str:
    return str(value)


def _number(value: Any, zone: tzinfo) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _money(value: Any, zone: tzinfo) -> str:
    return plain(value.amount, minor_units(value.currency))


def _moment(value: datetime, zone: tzinfo) -> str:
    local = value.astimezone(zone)
    return local.strftime("%Y-%m-%dT%H:%M:%S" if local.second else "%Y-%m-%dT%H:%M")


def _length(value: timedelta, zone: tzinfo) -> str:
    seconds = int(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + (" ".join(parts) or "0s")


def _id(value: int, zone: tzinfo) -> str:
    return encode_id(value)


_INPUTS: dict[str, Callable[[Any, tzinfo], str]] = {
    "boolean": lambda value, zone: "true" if value else "false",
    "integer": _number,
    "decimal": _number,
    "percent": _number,
    "money": _money,
    "datetime": _moment,
    "duration": _length,
    "date": lambda value, zone: value.isoformat(),
    "link": _id,
    "user": _id,
    "department": _id,
}
