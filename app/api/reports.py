"""Reports by API: which there are, what they come to, the rows behind a number; JSON and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, abort, g, request

from app.api.entry import answer
from app.api.query import read_query
from app.api.reportquery import Reader, operators_of
from app.api.shapes import when
from app.catalog.model import Report
from app.records.reporting import (
    columns_behind,
    directory,
    lists_records,
    may_export,
    may_read,
    names_in,
    run_behind,
    run_report,
)
from app.reports.filters import LINK, Filter, of_report
from app.reports.result import Result, ResultColumn
from app.reports.run import MOST
from app.reports.words import Teller
from app.web.downloads import table
from app.web.i18n import language
from forms.expr import Type
from forms.types import field_type
from forms.types.numbers import plain
from forms.values import Money, encode_id, minor_units

Json = dict[str, Any]
IDS = frozenset({"link", "user", "department"})
_NAMED = frozenset({"choice", "text"}) | IDS
"""Kinds of values that may be called something else than they are."""


def add_reports(api: Blueprint) -> None:
    """`/reports`, and below a report its result and the rows behind a number."""
    one = "/reports/<report_id>"
    api.get("/reports")(reports)
    api.get(one)(report)
    api.get(f"{one}/result")(result)
    api.get(f"{one}/result.csv")(send_result)
    api.get(f"{one}/rows")(rows)
    api.get(f"{one}/rows.csv")(send_rows)
    api.get(f"{one}/choices/<filter_id>")(report_choices)


def reports() -> Response:
    """The reports the caller may read."""
    catalog, lang = g.tenant.active().catalog, language()
    found = [one for one in catalog.reports.values() if may_read(g.tenant, g.actor, one)]
    return answer({"reports": [_report(one, lang) for one in found]})


def report(report_id: str) -> Response:
    """What a report counts, and what it can be narrowed by."""
    return answer(_report(_open(report_id), language()))


def result(report_id: str) -> Response:
    """A page of what a report comes to for the caller."""
    opened = _open(report_id)
    reader = _reader(opened)
    asked = reader.of_result(request.args)
    found = run_report(g.tenant, g.actor, opened, asked.chosen)
    end = asked.offset + asked.limit
    page = found.rows[asked.offset : end]
    more = end < len(found.rows)
    return answer(
        _table(found, page)
        | {
            "rows": [_row(found, row) for row in page],
            "cut": found.cut,
            "next": reader.cursor(request.args, end) if more else None,
        }
    )


def send_result(report_id: str) -> Response:
    """All of it as a file."""
    opened = _open(report_id)
    asked = _reader(opened).of_result(request.args, paged=False)
    found = run_report(g.tenant, g.actor, opened, asked.chosen, file=True)
    return table(_teller(found), report_id)


def rows(report_id: str) -> Response:
    """A page of the rows behind a number, those of the newest records first."""
    opened = _drilled(report_id)
    reader = _reader(opened)
    asked = reader.of_rows(request.args)
    found = run_behind(
        g.tenant,
        g.actor,
        opened,
        asked.chosen,
        asked.spot,
        limit=asked.limit,
        offset=asked.offset,
    )
    page = found.result.rows
    listed = [
        {"record": encode_id(record), "values": _row(found.result, row)}
        for record, row in zip(found.records, page, strict=True)
    ]
    following = asked.offset + asked.limit
    return answer(
        _table(found.result, page)
        | {
            "rows": listed,
            "next": reader.cursor(request.args, following) if found.more else None,
        }
    )


def send_rows(report_id: str) -> Response:
    """The rows behind a number as a file."""
    opened = _drilled(report_id)
    asked = _reader(opened).of_rows(request.args, paged=False)
    found = run_behind(g.tenant, g.actor, opened, asked.chosen, asked.spot, limit=MOST, file=True)
    return table(_teller(found.result), f"{report_id}_rows")


def report_choices(report_id: str, filter_id: str) -> Response:
    """What a link filter may be set to, of what the caller may see."""
    known = of_report(g.tenant.active().catalog, _open(report_id)).get(filter_id)
    if known is None or known.kind != LINK:
        abort(404)
    asked = read_query(request.args, ("q", "limit"))
    found = directory(g.tenant, g.actor).find(known.target, asked.q, asked.limit)
    return answer({"choices": [{"id": encode_id(one.id), "title": one.title} for one in found]})


def _open(report_id: str) -> Report:
    """A report of the release in force; 404 where there is none or it is not the caller's."""
    found: Report | None = g.tenant.active().catalog.reports.get(report_id)
    if found is None or not may_read(g.tenant, g.actor, found):
        abort(404)
    return found


def _drilled(report_id: str) -> Report:
    """A report whose rows the caller may be shown something of; else 404."""
    found = _open(report_id)
    if not columns_behind(g.tenant, g.actor, found):
        abort(404)
    return found


def _reader(opened: Report) -> Reader:
    published = g.tenant.active()
    place = f"{g.tenant.id}\0{published.no}\0{opened.id}\0{g.actor.user_id}\0{request.endpoint}"
    return Reader(
        opened,
        of_report(published.catalog, opened),
        directory(g.tenant, g.actor),
        g.tenant.now().astimezone(published.zone).date(),
        place,
    )


def _teller(found: Result) -> Teller:
    published, lang = g.tenant.active(), language()
    names = names_in(g.tenant, g.actor, found, lang)
    return Teller(found, lang, published.zone, published.catalog, names)


# -- as JSON


def _report(one: Report, lang: str) -> Json:
    """A report in the list of reports."""
    return {
        "id": one.id,
        "label": one.label.pick(lang) or one.id,
        "help": one.help.pick(lang),
        "source": one.source,
        "filters": [
            _filter(each, lang) for each in of_report(g.tenant.active().catalog, one).values()
        ],
        "groups": [
            {"id": each.id, "label": each.label.pick(lang), "type": each.by.type.kind,
             "unit": each.unit or None}
            for each in one.group.values()
        ],
        "measures": [
            {"id": each.id, "label": each.label.pick(lang), "type": each.type.kind}
            for each in one.measures.values()
        ],
        "compare": one.compare or None,
        "lists_records": lists_records(one),
        "may_export": may_export(g.tenant, g.actor, one),
        "has_rows": bool(columns_behind(g.tenant, g.actor, one)),
    }  # fmt: skip


def _filter(one: Filter, lang: str) -> Json:
    found: Json = {
        "id": one.id,
        "label": one.label.pick(lang) or one.id,
        "type": one.type.kind,
        "operators": list(operators_of(one)),
    }
    if one.options:
        found["options"] = [
            {"value": value, "label": text.pick(lang)} for value, text in one.options
        ]
    if one.target:
        found["to"] = one.target.removeprefix("@")
    return found


def _table(found: Result, page: Sequence[Sequence[Any]]) -> Json:
    """The report, its columns, and what the values on a page are called."""
    lang = language()
    shown = Result(found.report, found.columns, [list(row) for row in page])
    return {
        "report": found.report.id,
        "columns": [_column(one, lang) for one in found.columns],
        "names": _names(shown, _teller(shown)),
    }


def _column(one: ResultColumn, lang: str) -> Json:
    return {
        "id": one.id,
        "label": one.label.pick(lang) or one.id,
        "role": one.role,
        "type": one.type.kind,
        "unit": one.unit or None,
        "show": one.show or None,
    }


def _names(shown: Result, teller: Teller) -> dict[str, dict[str, str]]:
    """Column → value → what it is called, where that is something else."""
    found: dict[str, dict[str, str]] = {}
    for place, column in enumerate(shown.columns):
        if column.type.kind not in _NAMED:
            continue
        for value in {row[place] for row in shown.rows} - {None}:
            told, text = str(value_json(column.type, value)), teller.cell(column, value)
            if text != told:
                found.setdefault(column.id, {})[told] = text
    return found


def _row(found: Result, row: Sequence[Any]) -> Json:
    return {
        column.id: value_json(column.type, value)
        for column, value in zip(found.columns, row, strict=True)
    }


def value_json(kind: Type, value: Any) -> Any:
    """A value of a result as records carry it; a unit of time is its first day."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Money):
        return {
            "amount": plain(value.amount, minor_units(value.currency)),
            "currency": value.currency,
        }
    if isinstance(value, list | tuple):
        return [value_json(kind.item or kind, one) for one in value]
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        kept = field_type("duration")
        assert kept is not None
        return kept.to_json(value)
    if kind.kind in IDS:
        return encode_id(value)
    if kind.kind == "integer" and value == int(value):
        return int(value)
    return plain(Decimal(value))
