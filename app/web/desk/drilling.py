"""From a number of a report to the rows behind it, or to the report it was taken from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, g, render_template, request, url_for

from app.access.rights import rights
from app.catalog.model import Report
from app.records.reporting import columns_behind, may_read, run_behind
from app.reports.behind import Behind, Spot, read_spot, rows_of_measure, spot_args
from app.reports.earlier import Back, time_group
from app.reports.filters import FROM, PREFIX, TO, Filter, Range, Wish, of_report
from app.reports.result import BEFORE, CURRENCY, GROUP, MEASURE, Result, ResultColumn
from app.reports.words import Teller
from app.web.desk.narrowing import chosen_in_words, wish_of
from app.web.desk.telling import css_of, readable_report, refusal, teller_of
from app.web.desk.tiles import Cell
from app.web.downloads import table
from app.web.i18n import language
from forms.values import encode_id

PAGE = 100
MOST = 10_000
"""Rows of a file, as of a report."""

PAGE_KEY = "page"


def add_routes(desk: Blueprint) -> None:
    """The rows behind a number, as page and file."""
    desk.add_url_rule("/reports/<report_id>/rows", "report_rows", show_rows)
    desk.add_url_rule("/reports/<report_id>/rows.csv", "report_rows_csv", send_rows)


class Links:
    """Where the cells of a report lead for its reader. "" where nowhere."""

    def __init__(self, report: Report, result: Result, wish: Wish) -> None:
        self.report, self.wish = report, wish
        self.columns = result.columns
        self.places = {c.id: n for n, c in enumerate(result.columns) if c.role == GROUP}
        whole = set(report.group) <= set(self.places)
        self.opens = whole and bool(columns_behind(g.tenant, g.actor, report))
        self.whole = whole
        self.currency = next((n for n, c in enumerate(result.columns) if c.role == CURRENCY), None)

    def row(self, row: Sequence[Any]) -> list[str]:
        """The addresses behind the cells of a row."""
        code = row[self.currency] or "" if self.currency is not None else ""
        spot = Spot({name: row[place] for name, place in self.places.items()}, "", code)
        return [
            self._cell(column, value, spot) for column, value in zip(self.columns, row, strict=True)
        ]

    def _cell(self, column: ResultColumn, value: Any, spot: Spot) -> str:
        if column.role == GROUP:
            return self._rows(spot) if self.opens else ""
        if column.role not in (MEASURE, BEFORE) or not value:
            return ""
        measure = self.report.measures[column.id.partition(".")[0]]
        spot = replace(spot, measure=measure.id)
        if column.role == BEFORE:
            return self._before(spot) if self.opens and rows_of_measure(measure) else ""
        if measure.of is not None:
            return self._other(*measure.of, spot) if self.whole else ""
        return self._rows(spot) if self.opens and rows_of_measure(measure) else ""

    def _rows(self, spot: Spot) -> str:
        where: dict[str, Any] = {**self.wish.of(self.report), **spot_args(self.report, spot)}
        return url_for("desk.report_rows", report_id=self.report.id, **where)

    def _before(self, spot: Spot) -> str:
        """The rows of the earlier period that stands beside."""
        timed = time_group(self.report)
        if timed is None or spot.groups[timed[1].id] is None:
            return ""
        return self._rows(replace(spot, before=True))

    def _other(self, report_id: str, measure: str, spot: Spot) -> str:
        """To the report a measure was taken from: its rows, or else its page."""
        other = g.tenant.active().catalog.reports[report_id]
        if not may_read(g.tenant, g.actor, other):
            return ""
        where: dict[str, Any] = dict(self.wish.of(other))
        if not columns_behind(g.tenant, g.actor, other):
            return url_for("desk.report", report_id=report_id, **where)
        where |= spot_args(other, replace(spot, measure=measure))
        return url_for("desk.report_rows", report_id=report_id, **where)


def show_rows(report_id: str) -> Any:
    """A page of the rows behind a number."""
    report, lang = readable_report(report_id), language()
    if not columns_behind(g.tenant, g.actor, report):
        abort(404)
    known = of_report(g.tenant.active().catalog, report)
    wish = wish_of(known)
    spot, wrong = read_spot(report, request.args)
    asked: dict[str, Any] = dict(wish.of(report))
    back = url_for("desk.report", report_id=report_id, **asked)
    title = report.label.pick(lang) or report.id
    problems = [one.pick(lang) for one in (*wish.problems, *wrong)]
    if problems:
        return render_template(
            "desk/rows.html", title=title, back=back, problems=problems, rows=()
        ), 400
    page = max(1, request.args.get(PAGE_KEY, 1, type=int))
    behind = run_behind(
        g.tenant,
        g.actor,
        report,
        wish.chosen,
        spot,
        limit=PAGE,
        offset=min(page - 1, MOST) * PAGE,
    )
    form_id = report.source.partition(".")[0]
    held = rights(g.tenant.active().catalog, g.actor, form_id)
    here: dict[str, Any] = {"report_id": report_id, **asked, **spot_args(report, spot)}
    return render_template(
        "desk/rows.html",
        title=title,
        back=back,
        problems=(),
        named=_narrowed(report, known, wish, spot),
        heads=[(c.label.pick(lang), css_of(c)) for c in behind.result.columns],
        rows=_rows(behind, form_id, linked=held.may("read")),
        csv_url=url_for("desk.report_rows_csv", **here) if held.may("export") else "",
        first_url=url_for("desk.report_rows", **here) if page > 1 else "",
        next_url=url_for("desk.report_rows", **here, page=page + 1) if behind.more else "",
    )


def send_rows(report_id: str) -> Any:
    """The rows behind a number as a file."""
    report = readable_report(report_id)
    wish = wish_of(of_report(g.tenant.active().catalog, report))
    spot, wrong = read_spot(report, request.args)
    if wish.problems or wrong:
        return refusal([*wish.problems, *wrong])
    behind = run_behind(g.tenant, g.actor, report, wish.chosen, spot, limit=MOST, file=True)
    teller = teller_of(behind.result)
    return table(teller, f"{report_id}_rows")


def _rows(behind: Behind, form_id: str, *, linked: bool) -> list[list[Cell]]:
    """The rows in words; the first cell leads to the record."""
    teller = teller_of(behind.result)
    found = []
    for values, record in zip(behind.result.rows, behind.records, strict=True):
        cells = [
            Cell(text, css_of(column))
            for text, column in zip(teller.row(values), behind.result.columns, strict=True)
        ]
        if linked:
            cells[0].url = url_for("desk.record", form_id=form_id, rid=encode_id(record))
        found.append(cells)
    return found


def _narrowed(
    report: Report, known: Mapping[str, Filter], wish: Wish, spot: Spot
) -> list[tuple[str, str]]:
    """The number and what it was narrowed by in words; of an earlier period, as they are there."""
    back = Back.of(report) if spot.before else None
    if back is not None:
        args = dict(wish.args)
        for name, wanted in back.chosen(report, wish.chosen).items():
            if isinstance(wanted, Range):
                ends = {FROM: wanted.low, TO: wanted.high}
                args |= {f"{PREFIX}{name}{e}": [str(v)] for e, v in ends.items() if v is not None}
        wish = replace(wish, args=args)
        spot = replace(spot, groups=back.groups(report, spot.groups))
    return [*_named(report, spot, language()), *chosen_in_words(known, wish)]


def _named(report: Report, spot: Spot, lang: str) -> list[tuple[str, str]]:
    """The number in words: (group, value) …, (measure, "")."""
    columns = [
        ResultColumn(name, report.group[name].label, GROUP, report.group[name].by.type,
                     report.group[name].unit)
        for name in spot.groups
    ]  # fmt: skip
    result = Result(report, columns, [list(spot.groups.values())])
    teller: Teller = teller_of(result)
    labels = [column.label.pick(lang) for column in columns]
    found = list(zip(labels, teller.row(result.rows[0]), strict=True))
    if spot.currency:
        found.append((spot.currency, ""))
    if spot.measure:
        found.append((report.measures[spot.measure].label.pick(lang), ""))
    return found
