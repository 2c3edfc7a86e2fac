"""What a report takes of others, and its ratios: known once every report is compiled by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.catalog.compile_reports import ADDABLE, MOMENTS, known_name
from app.catalog.compiling import Compiling
from app.catalog.model import Report, ReportMeasure
from forms.expr import DECIMAL, Type
from forms.problems import Path, listed, suggest


def link_reports(reports: Mapping[str, Report], report: Report, at: Compiling) -> Report:
    """Complete what a report takes of others and its ratios: types, and groups that agree."""
    measures = dict(report.measures)
    for name, measure in report.measures.items():
        if measure.of is not None:
            kind = _taken(reports, report, name, measure.of, at)
            measures[name] = replace(measure, type=kind or DECIMAL)
    for name, measure in report.measures.items():
        for index, part in enumerate(measure.ratio or ()):
            _ratio_part(measures, name, part, ("measures", name, "ratio", index), at)
    return replace(report, measures=measures)


def _taken(
    reports: Mapping[str, Report], report: Report, name: str, of: tuple[str, str], at: Compiling
) -> Type | None:
    """The type of a measure taken from another report, if the two can stand side by side."""
    path: Path = ("measures", name, "of")
    if not at.refers("report", of[0], path) or of[0] not in reports:
        return None
    other = reports[of[0]]
    found = other.measures.get(of[1])
    if found is None:
        known = [f"{of[0]}.{measure}" for measure in other.measures]
        at.problem(
            "unknown_column",
            path,
            f"the report {of[0]} has no measure {of[1]}",
            listed(known) if known else "",
            suggest(".".join(of), known),
        )
        return None
    if found.kind in ("of", "ratio"):
        at.problem(
            "of_not_counted", path, f"{of[1]} is itself computed from measures", "a counted one"
        )
        return None
    mine = {g.id: (g.unit, alike(g.by.type)) for g in report.group.values()}
    theirs = {g.id: (g.unit, alike(g.by.type)) for g in other.group.values()}
    if mine != theirs:
        at.problem(
            "groups_differ",
            path,
            f"{of[0]} is grouped by {_words(other)}, this report by {_words(report)}",
            "the same ids, units and kinds of values",
        )
    return found.type


def alike(kind: Type) -> str:
    """Kinds of values that can be put side by side; dates and moments of one unit can."""
    if kind.kind in MOMENTS:
        return "moment"
    return f"link to {kind.target}" if kind.kind == "link" else kind.kind


def _words(report: Report) -> str:
    named = [f"{g.id} ({g.unit or g.by.type})" for g in report.group.values()]
    return ", ".join(named) or "nothing"


def _ratio_part(
    measures: Mapping[str, ReportMeasure], name: str, part: str, path: Path, at: Compiling
) -> None:
    known = [m for m in at.data.get("measures", {}) if m != name]
    if not known_name(part, known, path, "other measure", at) or part not in measures:
        return
    found = measures[part]
    if found.kind == "ratio":
        at.problem("ratio_of_ratio", path, f"{part} is itself a ratio", "a counted measure")
    elif found.type.kind not in ADDABLE:
        at.problem("bad_measure", path, f"{found.type} cannot be divided", listed(sorted(ADDABLE)))
