"""Reports: numbers from rows, computed by the database."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.catalog.compiling import Compiling
from app.catalog.flow_rows import is_flow_rows
from app.catalog.flow_rows import scope as flow_scope
from app.catalog.model import (
    Chart,
    Column,
    Group,
    Report,
    ReportFilter,
    ReportMeasure,
    Schedule,
)
from app.catalog.sql_check import must_be_sql
from flows.model import Who
from forms.expr import DECIMAL, INTEGER, Expr, Scope, Type
from forms.problems import Path, listed, suggest
from forms.values import Text

KEYS = (
    "report label help was source where filters group measures columns sort top chart compare "
    "drill schedule"
).split()
GROUP_KEYS = ("label", "by", "unit")
KINDS = ("count", "sum", "avg", "min", "max", "distinct", "of", "ratio")
MEASURE_KEYS = ("label", *KINDS, "where", "show")
CHART_KEYS = ("type", "x", "series", "y", "stacked")
SCHEDULE_KEYS = ("every", "to", "as", "if_data")

ADDABLE = frozenset({"integer", "decimal", "money", "duration"})
_ORDERED = ADDABLE | {"date", "datetime", "text", "choice"}
_GROUPABLE = frozenset(
    {
        "text",
        "integer",
        "decimal",
        "boolean",
        "date",
        "datetime",
        "choice",
        "link",
        "user",
        "department",
    }
)
MOMENTS = ("date", "datetime")
_BY_NAME = frozenset({"user", "department", "head_of", "manager_of"})
_OF_RECORDS = frozenset({"assignee", "created_by", "updated_by", "me"})
_NAME = re.compile(r"[\w@+-]+(\.[\w@+-]+)*")
FILTERABLE = _GROUPABLE | {"money"}


def compile_report(report_id: str, at: Compiling) -> Report | None:
    """Compile one report by itself; `link_reports` afterwards looks at what it takes of others."""
    source = at.data.get("source")
    if not isinstance(source, str):
        return None
    if is_flow_rows(source, at.library, at.ids.get("flow", ())):
        scope: Scope | None = flow_scope(source, at.library)
    elif at.target(source, ("source",)):
        scope = at.scope(source)
    else:
        return None
    if scope is None:
        return None
    where = at.condition(at.data.get("where"), ("where",), scope)
    must_be_sql(where, source, ("where",), at)
    group: dict[str, Group] = {}
    for name, raw in at.data.get("group", {}).items():
        if (grouped := _group(name, raw, source, scope, at)) is not None:
            group[name] = grouped
    measures: dict[str, ReportMeasure] = {}
    for name, raw in at.data.get("measures", {}).items():
        if (measure := _measure(name, raw, source, scope, at)) is not None:
            measures[name] = measure
    report = Report(
        id=report_id,
        label=at.text("label", report_id),
        help=at.text("help"),
        source=source,
        where=where,
        filters=_filters(source, scope, at),
        group=group,
        measures=measures,
        show=_shown(at),
        columns=() if _counts(at) else _columns("columns", source, scope, at),
        sort=_sort(at),
        top=at.data.get("top"),
        chart=_chart(at),
        compare=at.data.get("compare", ""),
        drill=_columns("drill", source, scope, at),
        schedule=_schedule(at),
    )
    _whole(report, at)
    return report


def _counts(at: Compiling) -> bool:
    """Whether the report counts (has groups or measures) or lists rows."""
    return bool(at.data.get("group") or at.data.get("measures"))


def _group(name: str, raw: Any, source: str, scope: Scope, at: Compiling) -> Group | None:
    path: Path = ("group", name)
    spec = raw if isinstance(raw, Mapping) else {"by": raw}
    by_path = (*path, "by") if isinstance(raw, Mapping) else path
    by = at.expr(spec.get("by"), by_path, scope)
    if by is None:
        return None
    unit = str(spec.get("unit", ""))
    if by.type.kind not in _GROUPABLE:
        at.problem(
            "bad_group", by_path, f"rows cannot be grouped by {by.type}", listed(sorted(_GROUPABLE))
        )
        return None
    if unit and by.type.kind not in MOMENTS:
        at.problem(
            "unit_without_date", (*path, "unit"), f"{by.type} has no {unit}", "a date or time"
        )
    if by.type.kind == "datetime" and not unit:
        at.problem("datetime_without_unit", by_path, "every moment would be a group", "unit: day")
    must_be_sql(by, source, by_path, at)
    return Group(name, Text.of(spec.get("label"), name), by, unit)


def _measure(name: str, raw: Any, source: str, scope: Scope, at: Compiling) -> ReportMeasure | None:
    path: Path = ("measures", name)
    spec: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {str(raw): True}
    kind = next((k for k in KINDS if k in spec), "")
    label, show = Text.of(spec.get("label"), name), str(spec.get("show", ""))
    if kind in ("of", "ratio"):
        if "where" in spec:
            at.problem(
                "where_not_here",
                (*path, "where"),
                "this measure reads other measures, not rows",
                on_key=True,
            )
        if kind == "of":
            report, _, measure = str(spec["of"]).partition(".")
            return ReportMeasure(name, label, kind, DECIMAL, of=(report, measure), show=show)
        first, second = spec["ratio"]
        return ReportMeasure(
            name, label, kind, DECIMAL, ratio=(first, second), show=show or "percent"
        )
    where = at.condition(spec.get("where"), (*path, "where"), scope)
    must_be_sql(where, source, (*path, "where"), at)
    if kind == "count":
        return ReportMeasure(name, label, kind, INTEGER, where=where, show=show)
    value = at.expr(spec.get(kind), (*path, kind), scope)
    if value is None:
        return None
    must_be_sql(value, source, (*path, kind), at)
    return ReportMeasure(
        name, label, kind, _result(kind, value, (*path, kind), at), value, where, show=show
    )


def _result(kind: str, value: Expr, path: Path, at: Compiling) -> Type:
    """The type of a measure over values of an expression."""
    if kind == "distinct":
        return INTEGER
    allowed = ADDABLE if kind in ("sum", "avg") else _ORDERED
    if value.type.kind not in allowed:
        at.problem(
            "bad_measure", path, f"there is no {kind} of {value.type}", listed(sorted(allowed))
        )
    return DECIMAL if kind == "avg" and value.type == INTEGER else value.type


def _filters(source: str, scope: Scope, at: Compiling) -> dict[str, ReportFilter]:
    found: dict[str, ReportFilter] = {}
    for name, raw in at.data.get("filters", {}).items():
        spec = raw if isinstance(raw, Mapping) else {"by": raw}
        path: Path = ("filters", name, "by") if isinstance(raw, Mapping) else ("filters", name)
        by = at.expr(spec.get("by"), path, scope)
        if by is not None and by.type.kind not in FILTERABLE:
            at.problem(
                "bad_filter", path, f"readers cannot choose {by.type}", listed(sorted(FILTERABLE))
            )
        elif by is not None:
            must_be_sql(by, source, path, at)
            found[name] = ReportFilter(name, Text.of(spec.get("label"), name), by)
    return found


def _shown(at: Compiling) -> tuple[str, ...]:
    """Groups and measures in the order they appear."""
    if not _counts(at):
        return ()
    known = [*at.data.get("group", {}), *at.data.get("measures", {})]
    for index, name in enumerate(at.data.get("columns", ())):
        known_name(name, known, ("columns", index), "group or measure", at)
    return tuple(at.data.get("columns", known))


def _columns(key: str, source: str, scope: Scope, at: Compiling) -> tuple[Column, ...]:
    found = []
    for index, text in enumerate(at.data.get(key, ())):
        value = at.expr(text, (key, index), scope)
        if value is not None:
            must_be_sql(value, source, (key, index), at)
            found.append(Column(text, Text.of(text), value))
    return tuple(found)


def _sort(at: Compiling) -> tuple[tuple[str, bool], ...]:
    if _counts(at):
        known = [*at.data.get("group", {}), *at.data.get("measures", {})]
        what = "group or measure"
    else:
        known, what = list(at.data.get("columns", ())), "column"
    found = []
    for index, text in enumerate(at.data.get("sort", ())):
        name = text.removeprefix("-")
        if known_name(name, known, ("sort", index), what, at):
            found.append((name, text.startswith("-")))
    return tuple(found)


def known_name(name: str, known: list[str], path: Path, what: str, at: Compiling) -> bool:
    """Whether a name is one of those known; a problem is noted where it is not."""
    if name in known:
        return True
    at.problem(
        "unknown_column",
        path,
        f"there is no {what} {name} here",
        listed(known),
        suggest(name, known),
    )
    return False


def _chart(at: Compiling) -> Chart:
    raw = at.data.get("chart", "table" if at.data.get("group") or not _counts(at) else "number")
    spec: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {"type": raw}
    groups, measures = list(at.data.get("group", {})), list(at.data.get("measures", {}))
    kind = str(spec.get("type", "table"))
    for key, known, what in (("x", groups, "group"), ("series", groups, "group")):
        if key in spec:
            known_name(spec[key], known, ("chart", key), what, at)
    for index, name in enumerate(spec.get("y", ())):
        known_name(name, measures, ("chart", "y", index), "measure", at)
    if kind not in ("table", "number") and not (groups and measures):
        at.problem(
            "chart_needs_groups",
            ("chart",),
            f"a {kind} chart needs a group and a measure",
            "chart: table",
        )
    others = [name for name in groups if name != spec.get("x", groups[0] if groups else "")]
    return Chart(
        type=kind,
        x=spec.get("x", groups[0] if groups else ""),
        series=spec.get("series", others[0] if others else ""),
        y=tuple(spec.get("y", measures)),
        stacked=bool(spec.get("stacked")),
    )


def _schedule(at: Compiling) -> Schedule | None:
    raw = at.data.get("schedule")
    if raw is None:
        return None
    return Schedule(
        every=raw.get("every", ""),
        to=_recipients(raw.get("to", ()), at),
        format=raw.get("as", "xlsx"),
        if_data=bool(raw.get("if_data")),
    )


def _recipients(to: Sequence[Mapping[str, Any]], at: Compiling) -> tuple[Who, ...]:
    """Who gets a report: it belongs to no record, so nobody a record names."""
    found = []
    for index, entry in enumerate(to):
        ((kind, value),) = entry.items()
        path: Path = ("schedule", "to", index, kind)
        name = str(value)
        if kind == "role":
            if at.refers("role", value, path):
                found.append(Who(kind, name))
        elif kind in _BY_NAME and name not in _OF_RECORDS and _NAME.fullmatch(name):
            found.append(Who(kind, name))
        else:
            at.problem(
                "not_a_person",
                path,
                f"a report belongs to no record, so {kind}: {name} leads to nobody",
                "role: <id>, user: <login>, department: <code>, head_of: <code>,"
                " manager_of: <login>",
            )
    return tuple(found)


def _whole(report: Report, at: Compiling) -> None:
    """What only the report as a whole can get wrong."""
    if not _counts(at) and not at.data.get("columns"):
        at.problem(
            "empty_report", ("source",), "this report shows nothing", "measures, groups or columns"
        )
    if report.group and not at.data.get("measures"):
        at.problem(
            "empty_report",
            ("group",),
            "groups without measures show nothing",
            "measures",
            on_key=True,
        )
    if report.top is not None and not at.data.get("sort"):
        at.problem(
            "top_without_sort", ("top",), "the first of what?", "sort: [-<measure>]", on_key=True
        )
    if report.compare and not any(g.unit for g in report.group.values()):
        at.problem(
            "compare_needs_dates", ("compare",), "no earlier time is known", "a group with a unit"
        )
