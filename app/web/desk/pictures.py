"""The picture of a report: one for each currency, with its legend."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.reports.chart import Series, draw
from app.reports.result import GROUP, MEASURE, Result
from app.reports.words import Teller
from app.web.desk.tiles import TileView
from forms.values import Money

MOST_MARKS = 400
COLOURS = 12
ADDED = frozenset({"count", "sum"})


def draw_picture(view: TileView, result: Result, teller: Teller) -> None:
    """Put the report's picture into its view, as the definition asks for; a table is none."""
    chart = result.report.chart
    if chart.type == "table" or not result.rows:
        return
    measures = [one for one in chart.y if _has(result, one)]
    measures = measures or [c.id for c in result.columns if c.role == MEASURE][:1]
    if not measures:
        return
    if chart.type == "number":
        place = result.index(measures[0])
        cells = [teller.cell(result.columns[place], row[place]) for row in result.rows]
        view.figure = " · ".join(cells)
        return
    groups = [c.id for c in result.columns if c.role == GROUP]
    x = chart.x if _has(result, chart.x) else groups[0] if groups else ""
    if not x:
        return
    for caption, rows in _by_currency(result, measures):
        labels, series = _series(result, rows, x, chart.series, measures, teller)
        if not labels:
            continue
        number = f"chart-{re.sub(r'[^a-z0-9_]', '', view.id)}-{len(view.charts)}"
        kind = "stacked" if chart.stacked and chart.type in ("column", "bar") else chart.type
        title = f"{view.title} ({caption})" if caption else view.title
        view.charts.append(
            (caption, draw(kind, title, labels, series, chart_id=number, size=view.size))
        )
        names = labels if kind == "pie" else [one.name for one in series]
        if len(names) > 1:
            view.legend = [(n % COLOURS, name) for n, name in enumerate(names[:COLOURS])]


def _has(result: Result, column_id: str) -> bool:
    return any(column.id == column_id for column in result.columns)


def _by_currency(result: Result, measures: Sequence[str]) -> list[tuple[str, list[list[Any]]]]:
    """The rows of each picture: one a currency, but counts are added up over all of them."""
    if not _has(result, "currency"):
        return [("", result.rows)]
    place = result.index("currency")
    if all(result.report.measures[one].kind in ADDED for one in measures) and not any(
        result.columns[result.index(one)].type.kind == "money" for one in measures
    ):
        return [("", _added(result, measures))]
    codes = list(dict.fromkeys(row[place] for row in result.rows))
    return [(code or "–", [row for row in result.rows if row[place] == code]) for code in codes]


def _added(result: Result, measures: Sequence[str]) -> list[list[Any]]:
    groups = [n for n, column in enumerate(result.columns) if column.role == GROUP]
    places = [result.index(one) for one in measures]
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in result.rows:
        key = tuple(row[n] for n in groups)
        known = found.get(key)
        if known is None:
            found[key] = list(row)
        else:
            for n in places:
                known[n] = (known[n] or 0) + (row[n] or 0)
    return list(found.values())


def _series(
    result: Result,
    rows: Sequence[list[Any]],
    x: str,
    by: str,
    measures: Sequence[str],
    teller: Teller,
) -> tuple[list[str], list[Series]]:
    across = result.index(x)
    rows = rows[:MOST_MARKS]
    axis = list(dict.fromkeys(row[across] for row in rows))
    labels = [teller.cell(result.columns[across], one) for one in axis]
    if not _has(result, by):
        return labels, [_one(result, rows, axis, across, one, teller) for one in measures]
    place = result.index(by)
    found = []
    for value in list(dict.fromkeys(row[place] for row in rows))[:COLOURS]:
        own = [row for row in rows if row[place] == value]
        line = _one(result, own, axis, across, measures[0], teller)
        found.append(Series(teller.cell(result.columns[place], value), line.values, line.shown))
    return labels, found


def _one(
    result: Result,
    rows: Sequence[list[Any]],
    axis: Sequence[Any],
    across: int,
    measure: str,
    teller: Teller,
) -> Series:
    place = result.index(measure)
    column = result.columns[place]
    known: Mapping[Any, Any] = {row[across]: row[place] for row in rows}
    percent = 100 if column.show == "percent" else 1
    values = [_height(known.get(one), percent) for one in axis]
    shown = [teller.cell(column, known.get(one)) for one in axis]
    return Series(column.label.pick(teller.lang), values, shown)


def _height(value: Any, factor: int) -> float | None:
    """The length of a mark: the only place where a number becomes a float."""
    if value is None:
        return None
    if isinstance(value, Money):
        value = value.amount
    if isinstance(value, timedelta):
        return value.total_seconds() / 3600
    return float(value) * factor if isinstance(value, int | Decimal) else None
