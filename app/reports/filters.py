"""What readers narrow reports and dashboards by: the inputs there are, and what is chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from app.catalog.model import Catalog, Dashboard, Report
from app.reports import flowwords
from forms.expr import Expr, Type
from forms.model import Field, OptionValue
from forms.values import Text

PREFIX = "f."
FROM, TO, TYPED = ".from", ".to", "@text"
RANGE, CHOICE, BOOLEAN, LINK, PLAIN = "range", "choice", "boolean", "link", "text"
KINDS: Mapping[str, str] = {
    **dict.fromkeys(("date", "datetime", "integer", "decimal", "money"), RANGE),
    **dict.fromkeys(("link", "user", "department"), LINK),
    "choice": CHOICE,
    "boolean": BOOLEAN,
    "text": PLAIN,
}
"""Kind of value → how it is asked for."""

_MOMENTS = ("date", "datetime")
_PARENT = "parent."
_YES_NO = (("true", Text("是", "yes")), ("false", Text("否", "no")))


@dataclass(frozen=True, slots=True)
class Range:
    """From-until, both counted; None: open on that side. Dates (days of the tenant's zone) or
    numbers."""

    low: date | Decimal | None
    high: date | Decimal | None


@dataclass(frozen=True, slots=True)
class Filter:
    """One input. `kind` as in `KINDS`; `options`: what a choice offers; `target`: where a link
    leads ("order", "order.lines", "@user", "@department"); `default`: what stands in it at first.
    """

    id: str
    label: Text
    kind: str
    type: Type
    options: tuple[tuple[str, Text], ...] = ()
    target: str = ""
    default: object = None

    @property
    def dates(self) -> bool:
        """Whether it asks for days."""
        return self.type.kind in _MOMENTS


@dataclass(frozen=True, slots=True)
class Named:
    """A record or person a link filter found: id and title."""

    id: int
    title: str


@dataclass(frozen=True, slots=True)
class Directory:
    """What the reader may see of what links lead to. `known`: (target, ids) → those that are
    visible; `find`: (target, text, most) → those whose title holds the text."""

    known: Callable[[str, Collection[int]], Sequence[Named]]
    find: Callable[[str, str, int], Sequence[Named]]


@dataclass(slots=True)
class Wish:
    """What an address asks for.

    `chosen`: filter id → `Range` or list of values, for the report's run. `args`: the filters as
    they stand in addresses. `named`: what chosen links are called. `problems`: what is wrong, in
    both languages; a report with problems is not run.
    """

    chosen: dict[str, Any] = field(default_factory=dict)
    args: dict[str, list[str]] = field(default_factory=dict)
    named: dict[str, list[Named]] = field(default_factory=dict)
    problems: list[Text] = field(default_factory=list)

    def of(self, report: Report) -> dict[str, list[str]]:
        """Those of the arguments that a report has a filter for."""
        return {
            key: values
            for key, values in self.args.items()
            if id_of(key) in report.filters and any(values)
        }


def id_of(key: str) -> str:
    """The filter an argument of an address belongs to: "f.month.from" → "month"."""
    return key.removeprefix(PREFIX).partition(".")[0].removesuffix(TYPED)


def of_report(catalog: Catalog, report: Report) -> dict[str, Filter]:
    """The filters of a report, in its order."""
    found = {}
    for one in report.filters.values():
        kind, options = KINDS[one.by.type.kind], _options(catalog, report, one.by)
        if kind == PLAIN and options:
            kind = CHOICE
        found[one.id] = Filter(one.id, one.label, kind, one.by.type, options, _target(one.by.type))
    return found


def of_dashboard(
    catalog: Catalog, board: Dashboard, reports: Iterable[Report]
) -> dict[str, Filter]:
    """The filters of a dashboard that act on one of the given reports (those of its reader)."""
    by_report = [of_report(catalog, report) for report in reports]
    found = {}
    for one in board.filters.values():
        alike = [filters[one.id] for filters in by_report if one.id in filters]
        if alike:
            options = dict(pair for each in alike for pair in each.options)
            found[one.id] = replace(
                alike[0], label=one.label, default=one.default, options=tuple(options.items())
            )
    return found


def _target(kind: Type) -> str:
    if kind.kind == "link":
        return kind.target or ""
    return f"@{kind.kind}" if kind.kind in ("user", "department") else ""


def _options(catalog: Catalog, report: Report, by: Expr) -> tuple[tuple[str, Text], ...]:
    kind = by.type
    named = flowwords.labels(catalog, report, by)
    if named:
        return tuple(named.items())
    if kind.kind == "boolean":
        return _YES_NO
    if kind.kind != "choice":
        return ()
    field = _field(catalog, report, by)
    if field is not None and field.options is not None:
        return tuple((one.id, one.label) for one in field.choosable)
    known = catalog.options.get(kind.options_id or "")
    values = known.values if known is not None else _inline(catalog, report, kind)
    return tuple(
        (one, values[one].label if one in values else Text.of(one)) for one in kind.options or ()
    )


def _field(catalog: Catalog, report: Report, by: Expr) -> Field | None:
    """The field of the source, or of its record, that a filter simply names."""
    form_id, _dot, lines = report.source.partition(".")
    form, name = catalog.forms[form_id], by.source.strip()
    if lines:
        own = None if name.startswith(_PARENT) else form.field_at(f"{lines}.{name}")
        return own or form.field_at(name.removeprefix(_PARENT))
    return form.field_at(name)


def _inline(catalog: Catalog, report: Report, kind: Type) -> Mapping[str, OptionValue]:
    """Options written inside a field have no name of their own: they are found by their values."""
    form = catalog.forms[report.source.partition(".")[0]]
    for one in form.fields.values():
        for each in (one, *getattr(one, "fields", {}).values()):
            if each.options is not None and tuple(each.options.values) == kind.options:
                values: Mapping[str, OptionValue] = each.options.values
                return values
    return {}
