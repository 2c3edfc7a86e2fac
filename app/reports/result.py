"""What a report comes to: columns and rows of plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.catalog.model import Report
from forms.expr import Type
from forms.values import Money, Text

GROUP, CURRENCY, MEASURE, COLUMN = "group", "currency", "measure", "column"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_ZERO = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column. `role`: group, currency (of the row's amounts), measure or column; `unit` of a
    group by time; `show` as the definition says.
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


def scaled(stored: Any, scale: int) -> Decimal:
    """A stored integer as the exact number it stands for."""
    return Decimal(int(stored)).scaleb(-scale)
