"""Who may see a report: what it reads, here and over links, must be open to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from app.catalog.model import Catalog, Column, Report
from app.reports.sql import RowsOf
from forms.expr import Expr
from forms.model import Form, Lines


def readable(
    catalog: Catalog,
    report: Report,
    rows_of: RowsOf,
    hidden: Callable[[str], frozenset[str]],
) -> bool:
    """Whether a reader may see a report: its forms' lists are his, and no field it reads is
    hidden from him, here or in a record that is linked to; the same for the reports it takes
    measures of.
    """
    for one in _with_others(catalog.reports, report):
        held = rows_of(one.source.partition(".")[0])
        if held is not None and not held:
            return False
        if not _open(catalog.forms, one.source, _exprs(one), hidden):
            return False
    return True


def shown_behind(
    catalog: Catalog, report: Report, hidden: Callable[[str], frozenset[str]]
) -> tuple[Column, ...]:
    """What a reader may be shown of the rows behind a number: columns that read a hidden field are
    left out."""
    return tuple(
        one for one in report.drill if _open(catalog.forms, report.source, [one.value], hidden)
    )


def _open(
    forms: Mapping[str, Form],
    source: str,
    exprs: Sequence[Expr],
    hidden: Callable[[str], frozenset[str]],
) -> bool:
    """Whether expressions over rows of a source read nothing hidden."""
    for form_id, name in _reads(forms, source, exprs):
        concealed = hidden(form_id)
        if name in concealed or name.partition(".")[0] in concealed:
            return False
    return True


def _with_others(reports: Mapping[str, Report], report: Report) -> list[Report]:
    found, left = {report.id: report}, [report]
    while left:
        for measure in left.pop().measures.values():
            if measure.of is not None and measure.of[0] not in found:
                other = reports[measure.of[0]]
                found[other.id] = other
                left.append(other)
    return list(found.values())


def _exprs(report: Report) -> list[Expr]:
    """Every expression a report computes."""
    exprs = [one.by for one in report.group.values()]
    exprs += [one.by for one in report.filters.values()]
    exprs += [one.value for one in report.measures.values() if one.value is not None]
    exprs += [one.where for one in report.measures.values() if one.where is not None]
    return exprs + [one.value for one in report.columns] + ([report.where] if report.where else [])


def _reads(forms: Mapping[str, Form], source: str, exprs: Sequence[Expr]) -> set[tuple[str, str]]:
    """(form, dotted name) of every field that expressions over rows of a source read, there and
    over links."""
    form_id, _dot, lines = source.partition(".")
    found: set[tuple[str, str]] = set()
    for expr in exprs:
        found |= {(form_id, name if "." in name else _dotted(lines, name)) for name in expr.names}
        found |= {(form_id, name) for name in expr.parent_names}
        for path, name in expr.link_reads:
            owner = _target(forms, form_id, lines, path)
            if owner is not None:
                found.add((owner[0], _dotted(owner[1], name)))
    return found


def _target(
    forms: Mapping[str, Form], form_id: str, lines: str, path: str
) -> tuple[str, str] | None:
    """Where a path of links leads from a row: (form, its lines or ""); None: to no record."""
    for step in path.split("."):
        field = forms[form_id].field_at(_dotted(lines, step))
        if field is None and lines and step in ("parent", form_id):
            lines = ""
            continue
        field = field or forms[form_id].field_at(step)  # in lines, also a field of the record
        if isinstance(field, Lines):
            lines = step
        elif field is not None and field.to:
            form_id, _dot, lines = field.to.partition(".")
        elif step != "this":
            return None
    return form_id, lines


def _dotted(lines: str, name: str) -> str:
    return f"{lines}.{name}" if lines else name
