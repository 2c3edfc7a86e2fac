"""The pieces of the API's description that are about reports: those the caller may read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.access.actor import Actor
from app.access.rights import rights
from app.api.formschema import ID, Json
from app.api.openapi_parts import WHEN, Words, listed, operation, ref, whole
from app.api.reportquery import operators_of
from app.api.reports import IDS
from app.catalog.model import Catalog, Report
from app.records.reporting import exportable_by, lists_records, readable_by, shown_to
from app.reports.filters import LINK, RANGE, Filter, of_report
from app.reports.result import COLUMN, ResultColumn
from app.reports.run import columns_of
from forms.expr import Type

_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_DAY: Json = {"type": "string", "format": "date"}
_NUMBER: Json = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_VALUES: Mapping[str, Json] = {
    "integer": {"type": "integer"},
    "decimal": _NUMBER,
    "money": {
        "type": "object",
        "required": ["amount", "currency"],
        "properties": {"amount": _NUMBER, "currency": _MAYBE},
    },
    "boolean": {"type": "boolean"},
    "date": _DAY,
    "datetime": WHEN,
    "duration": {"type": "string", "pattern": "^-?P"},
    "list": {"type": "array"},
}
"""Kind of value → how it is given; the others are texts, or ids."""


def schemas() -> Mapping[str, Json]:
    """What does not depend on a report: the list of reports, columns, names."""
    column: Json = {
        "id": _TEXT,
        "label": _TEXT,
        "role": {"enum": ["group", "currency", "measure", "before", "change", "column"]},
        "type": _TEXT,
        "unit": _MAYBE,
        "show": _MAYBE,
    }
    return {
        "report": {
            "type": "object",
            "required": ["id", "label", "source", "filters", "groups", "measures", "may_export"],
        },
        "reports": whole({"reports": listed(ref("report"))}),
        "report.column": whole(column),
        "report.names": {
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": _TEXT},
        },
    }


def general(lang: str) -> Mapping[str, Json]:
    """The list of reports."""
    say = Words(lang)
    return {
        "/reports": {
            "get": operation("reports", say("可看的报表", "Reports I may read"), "reports")
        }
    }


def readable_reports(catalog: Catalog, actor: Actor) -> list[Report]:
    """The reports of a release that a caller may read."""
    return [one for one in catalog.reports.values() if readable_by(catalog, actor, one)]


def report_schemas(catalog: Catalog, actor: Actor, report: Report) -> Mapping[str, Json]:
    """What one report gives."""
    columns = columns_of(report)
    if lists_records(report):
        columns = [ResultColumn(c.source, c.label, COLUMN, c.value.type) for c in report.columns]
    found = {f"report-result.{report.id}": _page(_row(columns), cut={"type": "boolean"})}
    shown = shown_to(catalog, actor, report)
    if shown:
        behind = [ResultColumn(c.source, c.label, COLUMN, c.value.type) for c in shown]
        found[f"report-rows.{report.id}"] = _page(whole({"record": ID, "values": _row(behind)}))
    return found


def report_paths(catalog: Catalog, actor: Actor, report: Report, lang: str) -> Mapping[str, Json]:
    """What the caller may do with one report."""
    say, base = Words(lang), f"/reports/{report.id}"
    known = of_report(catalog, report)
    narrowed = [one for each in known.values() for one in _parameters(each, lang)]
    spot = _spot(report, say)
    paths: dict[str, Json] = {}

    def add(
        tail: str, name: str, summary: str, schema: str | None, *parameters: Json | str
    ) -> None:
        one = operation(f"report.{report.id}.{name}", summary, schema)
        one["parameters"] = list(parameters)
        one["tags"] = [report.label.pick(lang) or report.id]
        if schema is None:
            one["responses"]["200"]["content"] = {"text/csv": {"schema": _TEXT}}
        paths[f"{base}{tail}"] = {"get": one}

    paging = ("limit", "cursor")
    add("", "about", say("报表定义", "The report"), "report")
    result, rows = f"report-result.{report.id}", f"report-rows.{report.id}"
    add("/result", "result", say("结果", "What it comes to"), result, *narrowed, *paging)
    if exportable_by(catalog, actor, report):
        add("/result.csv", "result_csv", say("结果文件", "The result as a file"), None, *narrowed)
    if shown_to(catalog, actor, report):
        behind = say("数字背后的记录", "The rows behind a number")
        add("/rows", "rows", behind, rows, *narrowed, *spot, *paging)
        if rights(catalog, actor, report.source.partition(".")[0]).may("export"):
            add("/rows.csv", "rows_csv", behind, None, *narrowed, *spot)
    for one in known.values():
        if one.kind == LINK:
            choices = say("筛选项的候选", "Choices of a filter")
            add(f"/choices/{one.id}", f"choices.{one.id}", choices, "choices", "q", "limit")
    return paths


def _parameters(one: Filter, lang: str) -> Iterable[Json]:
    """One parameter for each operator of a filter."""
    label = one.label.pick(lang) or one.id
    for operator in operators_of(one):
        schema = _filter_schema(one)
        if operator == "in":
            schema = {"type": "array", "items": schema}
        yield {
            "in": "query",
            "name": f"filter[{one.id}][{operator}]",
            "description": label,
            "schema": schema,
            **({"style": "form", "explode": False} if operator == "in" else {}),
        }


def _filter_schema(one: Filter) -> Json:
    if one.kind == RANGE:
        return _DAY if one.dates else _NUMBER
    if one.options:
        return {"type": "string", "enum": [value for value, _label in one.options]}
    return ID if one.kind == LINK else _TEXT


def _spot(report: Report, say: Words) -> list[Json]:
    """The parameters that name a number: its groups, its measure, its currency."""
    found: list[Json] = [
        {
            "in": "query",
            "name": f"group[{one.id}]",
            "description": say("该数字所在的分组", "the group the number stands in"),
            "schema": {"anyOf": [_value(one.by.type, _DAY if one.unit else None), {"const": ""}]},
        }
        for one in report.group.values()
    ]
    measure: Json = {"type": "string", "enum": list(report.measures)}
    if report.measures:
        found.append({"in": "query", "name": "measure", "schema": measure})
    found.append({"in": "query", "name": "currency", "schema": _TEXT})
    if report.compare:
        found.append({"in": "query", "name": "before", "schema": {"type": "boolean"}})
    return found


def _row(columns: Iterable[ResultColumn]) -> Json:
    """A row: a value or null for each column."""
    properties: Json = {}
    for column in columns:
        value = _value(column.type, _DAY if column.unit else None)
        properties[column.id] = {"anyOf": [value, {"type": "null"}], "title": column.label.en}
    return whole(properties)


def _value(kind: Type, other: Json | None = None) -> Json:
    if other is not None:
        return other
    return ID if kind.kind in IDS else _VALUES.get(kind.kind, _TEXT)


def _page(row: Json, **more: Json) -> Json:
    return whole(
        {
            "report": _TEXT,
            "columns": listed(ref("report.column")),
            "names": ref("report.names"),
            "rows": listed(row),
            "next": _MAYBE,
            **more,
        }
    )
