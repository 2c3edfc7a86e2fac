"""Dashboards and reports: filters, pictures, tables, CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, g, make_response, render_template, request, url_for

from app.catalog.model import Dashboard, Report, Tile
from app.records.reporting import may_export, may_read, run_report
from app.reports.filters import Filter, Wish, of_dashboard, of_report
from app.web.desk.drilling import Links
from app.web.desk.narrowing import canonical, narrow_view, offer, wish_of
from app.web.desk.pictures import draw_picture
from app.web.desk.telling import css_of, readable_report, refusal, teller_of
from app.web.desk.tiles import Cell, NarrowView, TileView
from app.web.downloads import table
from app.web.i18n import language

TABLE_ROWS = 200
"""Rows of the table beside a picture; the CSV has them all."""


def add_routes(desk: Blueprint) -> None:
    """Dashboards, their tiles, reports, CSV, and what their filters may be set to."""
    board, report = "/dashboards/<board_id>", "/reports/<report_id>"
    desk.add_url_rule(board, "dashboard", show_dashboard)
    desk.add_url_rule(f"{board}/tiles/<tile_id>", "tile", show_tile)
    desk.add_url_rule(f"{board}/choices/<filter_id>", "dashboard_choices", offer_of_dashboard)
    desk.add_url_rule(report, "report", show_report)
    desk.add_url_rule(f"{report}.csv", "report_csv", send_csv)
    desk.add_url_rule(f"{report}/choices/<filter_id>", "report_choices", offer_of_report)


def readable_dashboards(catalog: Any, actor: Any) -> list[Dashboard]:
    """The dashboards with at least one report the actor may read."""
    return [board for board in catalog.dashboards.values() if readable_tiles(board)]


def readable_tiles(board: Dashboard) -> list[Tile]:
    """The tiles of a dashboard whose report the reader may see."""
    reports = g.tenant.active().catalog.reports
    return [
        tile for tile in board.tiles.values() if may_read(g.tenant, g.actor, reports[tile.report])
    ]


def show_dashboard(board_id: str) -> Any:
    """A dashboard, all its tiles narrowed by its filters."""
    catalog, lang = g.tenant.active().catalog, language()
    board, tiles = _board(board_id)
    known = _board_filters(board, tiles)
    wish = wish_of(known)
    url = url_for("desk.dashboard", board_id=board_id)
    choices = url_for("desk.dashboard_choices", board_id=board_id, filter_id="_")[:-1]
    views = []
    for tile in () if wish.problems else tiles:
        report = catalog.reports[tile.report]
        views.append(_tile(report, tile, wish))
        views[-1].untouched = _untouched(known, wish, report)
    return _page(
        "desk/dashboard.html",
        narrow_view(known, wish, url, choices),
        wish,
        title=board.label.pick(lang) or board.id,
        help=board.help.pick(lang),
        tiles=views,
    )


def show_tile(board_id: str, tile_id: str) -> Any:
    """One tile by itself, to refresh it."""
    board, tiles = _board(board_id)
    tile = board.tiles.get(tile_id)
    if tile is None:
        abort(404)
    report = readable_report(tile.report)
    wish = wish_of(_board_filters(board, tiles))
    if wish.problems:
        return refusal(wish.problems)
    return render_template("desk/tile.html", tile=_tile(report, tile, wish))


def show_report(report_id: str) -> Any:
    """A report on a page of its own."""
    report, lang = readable_report(report_id), language()
    known = of_report(g.tenant.active().catalog, report)
    wish = wish_of(known)
    url = url_for("desk.report", report_id=report_id)
    choices = url_for("desk.report_choices", report_id=report_id, filter_id="_")[:-1]
    return _page(
        "desk/report.html",
        narrow_view(known, wish, url, choices),
        wish,
        title=report.label.pick(lang) or report.id,
        tile=None if wish.problems else _tile(report, None, wish),
    )


def send_csv(report_id: str) -> Any:
    """All rows of a report as it is narrowed; amounts in two columns, number and currency."""
    report = readable_report(report_id)
    wish = wish_of(of_report(g.tenant.active().catalog, report))
    if wish.problems:
        return refusal(wish.problems)
    teller = teller_of(run_report(g.tenant, g.actor, report, wish.chosen, file=True))
    return table(teller, report_id)


def offer_of_dashboard(board_id: str, filter_id: str) -> Any:
    """What a link filter of a dashboard may be set to."""
    return offer(_board_filters(*_board(board_id)), filter_id)


def offer_of_report(report_id: str, filter_id: str) -> Any:
    """What a link filter of a report may be set to."""
    return offer(of_report(g.tenant.active().catalog, readable_report(report_id)), filter_id)


def _board(board_id: str) -> tuple[Dashboard, list[Tile]]:
    """A dashboard and the tiles of its reader; 404 where there is none, 403 without any tile."""
    board: Dashboard | None = g.tenant.active().catalog.dashboards.get(board_id)
    if board is None:
        abort(404)
    tiles = readable_tiles(board)
    if not tiles:
        abort(403)
    return board, tiles


def _board_filters(board: Dashboard, tiles: list[Tile]) -> dict[str, Filter]:
    catalog = g.tenant.active().catalog
    return of_dashboard(catalog, board, [catalog.reports[one.report] for one in tiles])


def _untouched(known: Mapping[str, Filter], wish: Wish, report: Report) -> str:
    """The names of what is chosen on the page and does not act on a report."""
    lang = language()
    names = [known[one].label.pick(lang) for one in wish.chosen if one not in report.filters]
    return ("、" if lang == "zh" else ", ").join(names)


def _page(template: str, narrow: NarrowView, wish: Wish, **more: Any) -> Any:
    """A page with filters. Where only its results were asked for, the address gets tidied up."""
    answer = make_response(render_template(template, narrow=narrow, **more))
    if request.headers.get("HX-Request"):
        answer.headers["HX-Push-Url"] = canonical(narrow.url, wish)
    return answer


def _tile(report: Report, tile: Tile | None, wish: Wish) -> TileView:
    lang = language()
    result = run_report(g.tenant, g.actor, report, wish.chosen)
    teller = teller_of(result)
    label = tile.label.pick(lang) if tile is not None else ""
    asked: dict[str, Any] = dict(wish.of(report))
    csv = may_export(g.tenant, g.actor, report)
    view = TileView(
        id=tile.id if tile is not None else report.id,
        title=label or report.label.pick(lang) or report.id,
        help=report.help.pick(lang),
        url=url_for("desk.report", report_id=report.id, **asked),
        csv_url=url_for("desk.report_csv", report_id=report.id, **asked) if csv else "",
        size=tile.size if tile is not None else "full",
        cut=result.cut or len(result.rows) > TABLE_ROWS,
    )
    view.heads = [(column.label.pick(lang), css_of(column)) for column in result.columns]
    css = [one for _label, one in view.heads]
    links = Links(report, result, wish)
    view.rows = [
        [Cell(*one) for one in zip(teller.row(row), css, links.row(row), strict=True)]
        for row in result.rows[:TABLE_ROWS]
    ]
    draw_picture(view, result, teller)
    if view.figure and len(view.rows) == 1:
        view.figure_url = next((cell.url for cell in view.rows[0] if cell.url), "")
    view.table_open = not view.charts and not view.figure
    return view
