"""What a report comes to: columns and rows of plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from app.catalog.model import Report
from app.reports.filters import Range
from forms.expr import Type
from forms.values import Money, Text

GROUP, CURRENCY, MEASURE, COLUMN = "group", "currency", "measure", "column"
BEFORE, CHANGE = "before", "change"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_ZERO = date(1970, 1, 1)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column. `role`: group, currency (of the row's amounts), measure (its value `before` and its
    `change`, where the report compares) or column; `unit` of a group by time; `show` as the
    definition says (of a change: "change" as a share, "points" of percentages).
    """

    id: str
    label: Text
    role: str
    type: Type
    unit: str = ""
    show: str = ""
    options: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of values in the order of the columns. Groups by time hold the unit's first day.

    `cut` says that `limit` left rows out. An amount's currency is its own; where amounts of
    several currencies come up, each has rows of its own, told apart by the currency column.
    """

    report: Report
    columns: Sequence[ResultColumn]
    rows: list[list[Any]] = field(default_factory=list)
    cut: bool = False

    def index(self, column_id: str) -> int:
        """The place of a column. Raises KeyError."""
        for place, column in enumerate(self.columns):
            if column.id == column_id:
                return place
        raise KeyError(column_id)


def decode(kind: Type, stored: Any, scale: int, currency: str | None) -> Any:
    """A value as the database gave it (see `forms.expr.sql_parts.Sql`)."""
    if stored is None:
        return None
    name = kind.kind
    if name == "money":
        return Money(scaled(stored, scale), currency or "")
    if name == "decimal":
        return scaled(stored, scale)
    if name == "boolean":
        return bool(stored)
    if name == "date":
        return _DAY_ZERO + timedelta(days=int(stored))
    if name == "datetime":
        return _EPOCH + timedelta(microseconds=int(stored))
    if name == "duration":
        return timedelta(seconds=int(stored))
    if name == "list":
        return json.loads(stored)
    if name in ("integer", "link", "user", "department"):
        return int(stored)
    return stored


def stored(value: Any, scale: int) -> Any:
    """A value as the database has it: the other way round than `decode`."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Money):
        return int(value.amount.scaleb(scale))
    if isinstance(value, Decimal):
        return int(value.scaleb(scale))
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, date):
        return (value - _DAY_ZERO).days
    if isinstance(value, timedelta):
        return value // timedelta(seconds=1)
    return value


def limits(kind: str, wanted: Range, scale: int, zone: tzinfo) -> list[tuple[str, Any]]:
    """A range as comparisons (sign, stored value) with a value of a kind; both ends counted, days
    of moments wholly, as the zone has them."""
    low, high = wanted.low, wanted.high
    found: list[tuple[str, Any]] = []
    if low is not None:
        found.append((">=", _limit(low, kind, scale, zone, ROUND_CEILING)))
    if isinstance(high, date):
        found.append(("<", _limit(high + timedelta(days=1), kind, scale, zone, ROUND_FLOOR)))
    elif high is not None:
        found.append(("<=", _limit(high, kind, scale, zone, ROUND_FLOOR)))
    return found


def _limit(value: date | Decimal, kind: str, scale: int, zone: tzinfo, rounding: str) -> Any:
    if isinstance(value, Decimal):
        exact = int(value.scaleb(scale).to_integral_value(rounding))
        return max(-_LARGEST, min(exact, _LARGEST))  # beyond what a column holds: all or nothing
    if kind == "datetime":
        return stored(datetime.combine(value, time.min, zone).astimezone(UTC), 0)
    return stored(value, 0)


def scaled(stored: Any, scale: int) -> Decimal:
    """A stored integer as the exact number it stands for."""
    return Decimal(int(stored)).scaleb(-scale)
