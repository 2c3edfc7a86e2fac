"""A period beside an earlier one: `compare` of a report.

The report is run a second time for the earlier periods (see `app.reports.earlier`), and what it
comes to there stands beside each row: the value before, and the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.catalog.model import Report, ReportMeasure
from app.reports.earlier import earlier, time_group
from app.reports.result import BEFORE, CHANGE, MEASURE, ResultColumn
from forms.expr import DECIMAL
from forms.values import NUMBER_SCALE, Money, Text

Key = tuple[Any, ...]
Cells = dict[Key, dict[str, Any]]
"""Key of the groups (and the currency, where rows are split by it) → measure values."""

_SIX = Decimal(1).scaleb(-NUMBER_SCALE)
_EMPTY = frozenset({"count", "distinct"})
_MEASURED = frozenset({"integer", "decimal", "money", "duration"})
_WHEN = {
    "previous_period": Text("上期", "previous period"),
    "previous_year": Text("去年同期", "a year before"),
}
_CHANGE = Text("变化", "change")


def put_beside(report: Report, split: bool, now: Cells, before: Cells) -> Cells:
    """The cells of now, each with what was before. A group that was there before only gets a row
    in those periods that have rows at all."""
    timed = time_group(report)
    if timed is None:
        return now
    place, group = timed
    later: dict[date, list[date]] = {}
    for start in {key[place] for key in now} - {None}:
        later.setdefault(earlier(start, group.unit, report.compare), []).append(start)
    found = {key: dict(values) for key, values in now.items()}
    beside: dict[Key, dict[str, Any]] = {}
    for key, values in before.items():
        for start in later.get(key[place], ()):
            beside[(*key[:place], start, *key[place + 1 :])] = values
    for key in beside:
        if key not in found:
            found[key] = _nothing(report, key[-1] if split else None)
    for key, values in found.items():
        if key[place] is None:
            continue
        was = beside.get(key) or _nothing(report, key[-1] if split else None)
        for measure in report.measures.values():
            values[before_id(measure.id)] = was.get(measure.id)
            values[change_id(measure.id)] = change(
                measure, values.get(measure.id), was.get(measure.id)
            )
    return found


def _nothing(report: Report, currency: str | None) -> dict[str, Any]:
    """What measures come to where there are no rows."""
    found: dict[str, Any] = {}
    for measure in report.measures.values():
        if measure.kind in _EMPTY:
            found[measure.id] = 0
        elif measure.kind == "sum":
            found[measure.id] = _zero(measure.type.kind, currency)
    return found


def _zero(kind: str, currency: str | None) -> Any:
    if kind == "money":
        return Money(Decimal(0), currency or "")
    return {"integer": 0, "duration": timedelta(0)}.get(kind, Decimal(0))


def change(measure: ReportMeasure, now: Any, was: Any) -> Decimal | None:
    """The change as a share of what was (0.25: a quarter more); of shares, the difference. Nothing
    where there is nothing to compare with."""
    high, low = _number(now), _number(was)
    if high is None or low is None:
        return None
    if measure.show == "percent":
        return high - low
    return ((high - low) / abs(low)).quantize(_SIX, ROUND_HALF_UP) if low else None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, Money):
        return value.amount
    if isinstance(value, timedelta):
        return Decimal(value // timedelta(seconds=1))
    return Decimal(value) if isinstance(value, int | Decimal) else None


def before_id(measure: str) -> str:
    """The column of a measure's earlier values."""
    return f"{measure}.{BEFORE}"


def change_id(measure: str) -> str:
    """The column of a measure's change."""
    return f"{measure}.{CHANGE}"


def with_comparison(report: Report, columns: Sequence[ResultColumn]) -> list[ResultColumn]:
    """The columns of a report that compares: after each measure its value before and the change."""
    found: list[ResultColumn] = []
    when = _WHEN[report.compare]
    for column in columns:
        found.append(column)
        if column.role != MEASURE:
            continue
        label = Text(f"{column.label.zh}（{when.zh}）", f"{column.label.en} ({when.en})")
        found.append(
            ResultColumn(before_id(column.id), label, BEFORE, column.type, show=column.show)
        )
        if column.type.kind in _MEASURED:
            named = Text(f"{column.label.zh}{_CHANGE.zh}", f"{column.label.en}: {_CHANGE.en}")
            show = "points" if column.show == "percent" else "change"
            found.append(ResultColumn(change_id(column.id), named, CHANGE, DECIMAL, show=show))
    return found
