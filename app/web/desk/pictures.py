"""The picture of a report: one for each currency, with its legend."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.reports.chart import Series, draw
from app.reports.compare import before_id, change_id
from app.reports.earlier import time_group
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
        _figure(view, result, measures[0], teller)
        return
    groups = [c.id for c in result.columns if c.role == GROUP]
    x = chart.x if _has(result, chart.x) else groups[0] if groups else ""
    if not x:
        return
    drawn = measures
    if result.report.compare and not chart.stacked and not _has(result, chart.series):
        drawn = [each for one in measures for each in (one, before_id(one))]
    if chart.type == "pie":
        drawn = measures[:1]
    for caption, rows in _by_currency(result, measures, drawn):
        labels, series = _series(result, rows, x, chart.series, drawn, teller)
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


def _figure(view: TileView, result: Result, measure: str, teller: Teller) -> None:
    """The number itself; where it is compared, that of the latest period and its change."""
    places = [result.index(measure)]
    rows = result.rows
    timed = time_group(result.report) if result.report.compare else None
    if timed is not None and _has(result, timed[1].id):
        when = result.index(timed[1].id)
        latest = max((row[when] for row in rows if row[when] is not None), default=None)
        rows = [row for row in rows if row[when] == latest]
        places.append(result.index(before_id(measure)))
        if _has(result, change_id(measure)):
            places.append(result.index(change_id(measure)))
    view.figure = " · ".join(teller.cell(result.columns[places[0]], row[places[0]]) for row in rows)
    if places[1:]:
        view.beside = " · ".join(
            f"{result.columns[n].label.pick(teller.lang)}: {teller.cell(result.columns[n], row[n])}"
            for row in rows
            for n in places[1:]
        )


def _by_currency(
    result: Result, measures: Sequence[str], drawn: Sequence[str]
) -> list[tuple[str, list[list[Any]]]]:
    """The rows of each picture: one a currency, but counts are added up over all of them."""
    if not _has(result, "currency"):
        return [("", result.rows)]
    place = result.index("currency")
    if all(result.report.measures[one].kind in ADDED for one in measures) and not any(
        result.columns[result.index(one)].type.kind == "money" for one in measures
    ):
        return [("", _added(result, drawn))]
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
