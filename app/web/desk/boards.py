"""Dashboards and reports: pictures, tables, CSV."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import Blueprint, Response, abort, g, render_template, url_for
from flask_babel import gettext as _

from app.access.rights import rights
from app.catalog.model import Dashboard, Report, Tile
from app.reports.calendar import bucket_name
from app.reports.chart import Series, draw
from app.reports.csvfile import lines
from app.reports.result import GROUP, MEASURE, Result, ResultColumn
from app.reports.run import readable, run
from app.reports.sql import Source
from app.web.desk.names import names_of_ids
from app.web.desk.values import grouped, moment_shown, money_shown
from app.web.i18n import language
from forms.expr import Expr
from forms.values import Money, encode_id

TABLE_ROWS = 200
"""Rows of the table beside a picture; the CSV has them all."""

MOST_MARKS = 400
COLOURS = 12
ADDED = frozenset({"count", "sum"})
_NUMBERS = frozenset({"integer", "decimal", "money", "duration"})
_YES_NO = {"zh": ("否", "是"), "en": ("no", "yes")}


@dataclass(slots=True)
class TileView:
    """A report ready to be shown."""

    id: str
    title: str
    help: str
    url: str
    csv_url: str
    size: str
    heads: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[tuple[str, str]]] = field(default_factory=list)
    cut: bool = False
    charts: list[tuple[str, str]] = field(default_factory=list)
    """(caption, svg): one picture for each currency."""
    legend: list[tuple[int, str]] = field(default_factory=list)
    figure: str = ""
    table_open: bool = False


def add_routes(desk: Blueprint) -> None:
    """Dashboards, their tiles, reports, CSV."""
    desk.add_url_rule("/dashboards/<board_id>", "dashboard", show_dashboard)
    desk.add_url_rule("/dashboards/<board_id>/tiles/<tile_id>", "tile", show_tile)
    desk.add_url_rule("/reports/<report_id>", "report", show_report)
    desk.add_url_rule("/reports/<report_id>.csv", "report_csv", send_csv)


def readable_dashboards(catalog: Any, actor: Any) -> list[Dashboard]:
    """The dashboards with at least one report the actor may read."""
    return [board for board in catalog.dashboards.values() if readable_tiles(board)]


def readable_tiles(board: Dashboard) -> list[Tile]:
    """The tiles of a dashboard whose report the reader may see."""
    reports = g.tenant.active().catalog.reports
    return [tile for tile in board.tiles.values() if _may_read(reports[tile.report])]


def show_dashboard(board_id: str) -> Any:
    """A dashboard; its tiles are fetched one by one where scripts run."""
    catalog, lang = g.tenant.active().catalog, language()
    board = catalog.dashboards.get(board_id)
    if board is None:
        abort(404)
    tiles = readable_tiles(board)
    if not tiles:
        abort(403)
    views = [_tile(catalog.reports[one.report], one) for one in tiles]
    return render_template(
        "desk/dashboard.html",
        title=board.label.pick(lang) or board.id,
        help=board.help.pick(lang),
        tiles=views,
    )


def show_tile(board_id: str, tile_id: str) -> Any:
    """One tile by itself, to refresh it."""
    catalog = g.tenant.active().catalog
    board = catalog.dashboards.get(board_id)
    tile = board.tiles.get(tile_id) if board else None
    if tile is None:
        abort(404)
    return render_template("desk/tile.html", tile=_tile(_report(tile.report), tile))


def show_report(report_id: str) -> Any:
    """A report on a page of its own."""
    view = _tile(_report(report_id), None)
    return render_template("desk/report.html", tile=view)


def send_csv(report_id: str) -> Any:
    """All rows of a report; amounts in two columns, number and currency."""
    report = _report(report_id)
    if not _may_export(report):
        abort(403)
    result = _run(report, "export" if _is_list(report) else "list")
    lang = language()
    teller = _Teller(result, lang)
    header: list[str] = []
    for column in result.columns:
        header.append(column.label.pick(lang))
        if column.type.kind == "money":
            header.append(_("%(column)s: currency", column=column.label.pick(lang)))
    rows = (teller.csv_row(row) for row in result.rows)
    name = f"{report_id}.csv"
    return Response(
        lines(header, rows),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )


def _report(report_id: str) -> Report:
    report: Report | None = g.tenant.active().catalog.reports.get(report_id)
    if report is None:
        abort(404)
    if not _may_read(report):
        abort(403)
    return report


def _may_read(report: Report) -> bool:
    catalog = g.tenant.active().catalog
    return readable(
        catalog, report, _rows_of, lambda form_id: rights(catalog, g.actor, form_id).hidden
    )


def _rows_of(form_id: str) -> Sequence[Expr] | None:
    return rights(g.tenant.active().catalog, g.actor, form_id).rows("list")


def _is_list(report: Report) -> bool:
    return not report.group and not report.measures


def _may_export(report: Report) -> bool:
    """A file of records is an export, also where a report lists them; a file of totals is none."""
    form_id = report.source.partition(".")[0]
    held = rights(g.tenant.active().catalog, g.actor, form_id)
    return not _is_list(report) or held.may("export")


def _run(report: Report, action: str = "list") -> Result:
    """Over the rows on which the reader has the action."""

    def rows_of(form_id: str) -> Sequence[Expr] | None:
        return rights(published.catalog, g.actor, form_id).rows(action)

    published = g.tenant.active()
    env = g.tenant.active().env(g.tenant.now(), g.actor.user_id)
    source = Source(published.catalog, published.tables, g.db.dialect, env)
    return run(source, g.db.query, report, rows_of)


def _tile(report: Report, tile: Tile | None) -> TileView:
    lang = language()
    result = _run(report)
    teller = _Teller(result, lang)
    label = tile.label.pick(lang) if tile is not None else ""
    view = TileView(
        id=tile.id if tile is not None else report.id,
        title=label or report.label.pick(lang) or report.id,
        help=report.help.pick(lang),
        url=url_for("desk.report", report_id=report.id),
        csv_url=url_for("desk.report_csv", report_id=report.id) if _may_export(report) else "",
        size=tile.size if tile is not None else "full",
        cut=result.cut or len(result.rows) > TABLE_ROWS,
    )
    view.heads = [(column.label.pick(lang), _css(column)) for column in result.columns]
    css = [one for _label, one in view.heads]
    view.rows = [list(zip(teller.row(row), css, strict=True)) for row in result.rows[:TABLE_ROWS]]
    _picture(view, result, teller)
    view.table_open = not view.charts and not view.figure
    return view


def _css(column: ResultColumn) -> str:
    right = column.role == MEASURE or column.type.kind in _NUMBERS
    return "rf-number" if right else ""


class _Teller:
    """Puts a result into words, names of records fetched in one go."""

    def __init__(self, result: Result, lang: str) -> None:
        self.result, self.lang, self.zone = result, lang, g.tenant.active().zone
        self.options = g.tenant.active().catalog.options
        wanted: dict[str, set[int]] = {}
        for place, column in enumerate(result.columns):
            target = _target(column)
            if target:
                ids = {row[place] for row in result.rows if row[place] is not None}
                wanted.setdefault(target, set()).update(ids)
        self.names = names_of_ids(wanted)

    def row(self, row: Sequence[Any]) -> list[str]:
        """A row as people read it."""
        return [self.cell(c, v) for c, v in zip(self.result.columns, row, strict=True)]

    def csv_row(self, row: Sequence[Any]) -> list[Any]:
        """A row for a file: numbers stay numbers, amounts take two cells."""
        cells: list[Any] = []
        for column, value in zip(self.result.columns, row, strict=True):
            if column.type.kind == "money":
                cells += [value.amount, value.currency] if isinstance(value, Money) else ["", ""]
            elif isinstance(value, int | Decimal) and not isinstance(value, bool):
                cells.append(value if not _target(column) else self.cell(column, value))
            else:
                cells.append(self.cell(column, value))
        return cells

    def cell(self, column: ResultColumn, value: Any) -> str:
        """One value in words."""
        if value is None:
            return _("(none)") if column.role == GROUP else "–"
        if column.unit and isinstance(value, date):
            return bucket_name(value, column.unit, self.lang)
        target = _target(column)
        if target:
            chip = self.names.get(target, {}).get(value)
            return chip.text if chip else encode_id(value)
        if column.type.kind == "choice":
            return self._option(column, str(value))
        if column.show == "percent" and isinstance(value, int | Decimal):
            return f"{(Decimal(value) * 100).quantize(Decimal('0.01'), ROUND_HALF_UP):,}%"
        return self._plain(value)

    def _plain(self, value: Any) -> str:
        if isinstance(value, bool):
            return _YES_NO[self.lang][value]
        if isinstance(value, Money):
            return money_shown(value)
        if isinstance(value, int | Decimal):
            return grouped(value)
        if isinstance(value, datetime):
            return moment_shown(value, self.zone)
        if isinstance(value, timedelta):
            hours, rest = divmod(int(value.total_seconds()), 3600)
            return f"{hours}:{rest // 60:02d}"
        if isinstance(value, list | tuple):
            return ", ".join(str(one) for one in value)
        return str(value)

    def _option(self, column: ResultColumn, value: str) -> str:
        options = self.options.get(column.type.options_id or "")
        found = options.values.get(value) if options else None
        return found.label.pick(self.lang) if found else value


def _target(column: ResultColumn) -> str:
    kind = column.type.kind
    if kind == "link":
        return column.type.target or ""
    return kind if kind in ("user", "department") else ""


def _picture(view: TileView, result: Result, teller: _Teller) -> None:
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
    teller: _Teller,
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
    teller: _Teller,
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
