"""The rows behind a number of a report: `drill`.

A number is named by the values of its row's groups, the measure and the currency, so that an
address can name it: `g.<group>`, `m`, `currency`, `before` (the value of the earlier period that
stands beside it). Its rows are those the report counted there, for
this reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.catalog.model import Column, Group, Report, ReportMeasure
from app.reports.earlier import Back
from app.reports.filters import KINDS, LINK, Range
from app.reports.labels import label_of
from app.reports.narrowing import NUMBER
from app.reports.result import COLUMN, Result, ResultColumn, decode
from app.reports.sql import COUNTED, Builder, RowsOf, Source
from forms.problems import suggest
from forms.values import Text, decode_id, encode_id

Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

GROUP_PREFIX, MEASURE_KEY, CURRENCY_KEY, BEFORE_KEY = "g.", "m", "currency", "before"
_STEPS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Spot:
    """One number: the groups' values (None: rows where it is empty), which measure ("": all rows
    there), in which currency ("": all). `before`: the value beside it, of the earlier period."""

    groups: Mapping[str, Any] = field(default_factory=dict)
    measure: str = ""
    currency: str = ""
    before: bool = False


@dataclass(frozen=True, slots=True)
class Behind:
    """Some rows behind a number: what is shown of them, and the record each belongs to."""

    result: Result
    records: Sequence[int]
    more: bool


def spot_args(report: Report, spot: Spot) -> dict[str, str]:
    """How an address names a number."""
    found = {
        f"{GROUP_PREFIX}{name}": _written(report.group[name], value)
        for name, value in spot.groups.items()
    }
    also = {MEASURE_KEY: spot.measure, CURRENCY_KEY: spot.currency}
    also[BEFORE_KEY] = "true" if spot.before else ""
    return found | {key: value for key, value in also.items() if value}


def _written(group: Group, value: Any) -> str:
    if value is None:
        return ""
    if _is_id(group):
        return encode_id(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def read_spot(report: Report, given: Mapping[str, str]) -> tuple[Spot, list[Text]]:
    """The number an address names, and what cannot be understood of it."""
    groups: dict[str, Any] = {}
    problems: list[Text] = []
    for key, text in given.items():
        if not key.startswith(GROUP_PREFIX):
            continue
        name = key.removeprefix(GROUP_PREFIX)
        group = report.group.get(name)
        if group is None:
            problems.append(_unknown(name, list(report.group)))
            continue
        try:
            groups[name] = _value(group, text.strip())
        except ValueError:
            problems.append(
                Text(
                    f"{group.label.pick('zh')}：“{text[:60]}”不是此分组的值",
                    f"{group.label.pick('en')}: “{text[:60]}” is no value of this group",
                )
            )
    measure = given.get(MEASURE_KEY, "")
    if measure and measure not in report.measures:
        problems.append(_unknown(measure, list(report.measures)))
    currency = given.get(CURRENCY_KEY, "").strip()[:3]
    before = given.get(BEFORE_KEY, "")
    if before not in ("", "true", "false"):
        problems.append(
            Text(
                f"“{before[:60]}”应为 true 或 false",
                f"“{before[:60]}” is neither true nor false",
            )
        )
    elif before == "true" and not report.compare:
        problems.append(Text("此报表不作对比", "This report is compared with nothing"))
    return Spot(groups, measure, currency, before == "true"), problems


def _is_id(group: Group) -> bool:
    return KINDS.get(group.by.type.kind) == LINK


def _value(group: Group, text: str) -> Any:
    """Raises ValueError."""
    if not text:
        return None
    kind = group.by.type.kind
    if group.unit or kind == "date":
        return date.fromisoformat(text)
    if _is_id(group):
        return decode_id(text)
    if kind == "boolean":
        if text not in ("true", "false"):
            raise ValueError(text)
        return text == "true"
    if kind in ("integer", "decimal"):
        if not NUMBER.fullmatch(text):
            raise ValueError(text)
        return Decimal(text)
    return text


def _unknown(name: str, known: Sequence[str]) -> Text:
    near = suggest(name, known)
    listed = ", ".join(known)
    return Text(
        f"此报表没有“{name[:60]}”" + (f"（是否想用 {near}？）" if near else "")
        + f"；可用：{listed}",
        f"This report has no {name[:60]}" + (f" (did you mean {near}?)" if near else "")
        + f"; allowed: {listed}",
    )  # fmt: skip


def rows_behind(
    source: Source,
    query: Query,
    report: Report,
    rows_of: RowsOf,
    chosen: Mapping[str, Any],
    spot: Spot,
    columns: Sequence[Column],
    limit: int,
    offset: int = 0,
) -> Behind:
    """The rows a number is made of, those of the newest records first."""
    back = Back.of(report) if spot.before else None
    if back is not None:
        chosen = back.chosen(report, chosen)
        spot = replace(spot, groups=back.groups(report, spot.groups))
        report = back.report(report, source.env)
    builder = Builder(source, report, rows_of)
    builder.narrow(chosen)
    for name, value in spot.groups.items():
        group = report.group[name]
        wanted = [value] if value is None or not group.unit else _span(value, group.unit)
        builder.only(group.by, wanted)
    measure = report.measures.get(spot.measure)
    if measure is not None and measure.where is not None:
        builder.also(measure.where)
    if spot.currency:
        builder.of_currency(_amounts(report), spot.currency)
    sql, params, pieces = builder.behind([one.value for one in columns], limit + 1, offset)
    found = query(sql, params)
    rows = [
        [
            decode(pieces[n].type, row[n + 1], pieces[n].scale, row[n + 2])
            for n in range(0, len(pieces), 2)
        ]
        for row in found[:limit]
    ]
    heads = [
        ResultColumn(one.source, label_of(source.catalog, report, one), COLUMN, one.value.type)
        for one in columns
    ]
    return Behind(
        Result(report, heads, rows), [int(row[0]) for row in found[:limit]], len(found) > limit
    )


def _amounts(report: Report) -> list[ReportMeasure]:
    return [
        one
        for one in report.measures.values()
        if one.kind in COUNTED and one.value is not None and one.type.kind == "money"
    ]


def _span(start: date, unit: str) -> Range:
    """The days of a unit that begins on a day."""
    if unit in _STEPS:
        return Range(start, start + timedelta(days=_STEPS[unit] - 1))
    index = start.year * 12 + start.month - 1 + _MONTHS[unit]
    return Range(start, date(index // 12, index % 12 + 1, 1) - timedelta(days=1))


def rows_of_measure(measure: ReportMeasure | None) -> bool:
    """Whether a number has rows of its own report behind it; ratios are made of other numbers, and
    a measure of another report has its rows there."""
    return measure is None or measure.kind in COUNTED
