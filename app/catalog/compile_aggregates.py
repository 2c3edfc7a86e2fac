"""Aggregates: totals that the writing transaction keeps, and what they forbid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog.compiling import Compiling
from app.catalog.model import Aggregate, Measure, Never
from forms.expr import DECIMAL, INTEGER, MONEY, AggregateType, Expr, Scope, Type, link
from forms.problems import Path
from forms.values import MONEY_SCALE, NUMBER_SCALE, Text

KEYS = ("aggregate", "label", "help", "was", "per", "measures", "never")
MEASURE_KEYS = ("label", "from", "by", "sum", "count", "where")
NEVER_KEYS = ("when", "message")

_SCALES = {"integer": 0, "decimal": NUMBER_SCALE, "money": MONEY_SCALE}


def compile_aggregate(aggregate_id: str, at: Compiling) -> Aggregate | None:
    """Compile one aggregate, or None where `per` is unknown or a measure is wrong."""
    per = at.data.get("per")
    if not isinstance(per, str) or not at.target(per, ("per",)):
        return None
    before = len(at.problems)
    measures: dict[str, Measure] = {}
    for name, raw in at.data.get("measures", {}).items():
        measure = _measure(name, raw, per, at)
        if measure is not None:
            measures[name] = measure
    if len(at.problems) > before:
        return None
    scope = Scope({name: measure.type for name, measure in measures.items()})
    never: dict[str, Never] = {}
    for name, raw in at.data.get("never", {}).items():
        rule = _never(name, raw, scope, at)
        if rule is not None:
            never[name] = rule
    return Aggregate(
        id=aggregate_id,
        label=at.text("label", aggregate_id),
        per=per,
        measures=measures,
        never=never,
        was=str(at.data.get("was", "")),
    )


def aggregate_type(aggregate: Aggregate) -> AggregateType:
    """The aggregate as expressions see it."""
    return AggregateType(aggregate.per, {m.id: m.type for m in aggregate.measures.values()})


def _measure(name: str, raw: Mapping[str, Any], per: str, at: Compiling) -> Measure | None:
    path = ("measures", name)
    source = raw.get("from")
    if not isinstance(source, str) or not at.target(source, (*path, "from")):
        return None
    scope = at.scope(source)
    if scope is None:
        return None
    by = _by(raw.get("by"), source, per, path, scope, at)
    total = None
    if "sum" in raw:
        total = at.expr(raw["sum"], (*path, "sum"), scope, [INTEGER, DECIMAL, MONEY])
        _only_the_row(total, (*path, "sum"), at)
    where = at.condition(raw.get("where"), (*path, "where"), scope)
    _only_the_row(where, (*path, "where"), at)
    kind = total.type if total is not None else INTEGER
    return Measure(
        id=name,
        label=Text.of(raw.get("label"), name),
        source=source,
        by=by,
        sum=total,
        where=where,
        type=Type(kind.kind),
        scale=_SCALES.get(kind.kind, 0),
    )


def _by(
    raw: str | None, source: str, per: str, path: Path, scope: Scope, at: Compiling
) -> str | None:
    """The link from a row of `source` to its `per`; None where the row is the key itself."""
    if raw is None:
        if source != per:
            form, _, lines = source.partition(".")
            own = f"by: {form}" if lines and form == per else f"by: <a link to {per}>"
            at.problem(
                "missing_by",
                (*path, "from"),
                f"rows of {source} need a link to {per}",
                f"write {own}",
            )
        return None
    head, _, tail = raw.partition(".")
    names = scope.parent if head == "parent" and tail else scope.names
    found = (names or {}).get(tail if head == "parent" and tail else raw)
    links = [name for name, kind in scope.names.items() if kind == link(per) and name != "this"]
    if found is None:
        at.unknown_field(source, raw, (*path, "by"), links or list(scope.names))
    elif found != link(per):
        hint = f"a link to {per}: {', '.join(links)}" if links else f"a link to {per}"
        at.problem("by_no_link", (*path, "by"), f"{raw} is {found}", hint)
    return raw


def _only_the_row(expr: Expr | None, path: Path, at: Compiling) -> None:
    """A total must move only when its own row or record is written."""
    if expr is None:
        return
    if expr.link_reads:
        reads = ", ".join(sorted(f"{link}.{name}" for link, name in expr.link_reads))
        at.problem(
            "aggregate_reads_link",
            path,
            f"{reads} is another record: its change would not move this total",
            "fields of the row and of its record (parent.x); copy others with fill",
        )
    if expr.aggregates:
        at.problem(
            "aggregate_reads_aggregate", path, "a total cannot read another", "fields of the row"
        )
    if expr.reads_clock or expr.reads_me:
        at.problem(
            "aggregate_reads_clock",
            path,
            "the time and the person change without the row being written",
            "fields of the row and of its record",
        )


def _never(name: str, raw: Mapping[str, Any], scope: Scope, at: Compiling) -> Never | None:
    path = ("never", name)
    when = at.condition(raw.get("when"), (*path, "when"), scope)
    message = at.message(raw.get("message", ""), (*path, "message"), scope)
    if when is None and raw.get("when") is True:
        at.problem("never_always", (*path, "when"), "this would refuse every change", "a condition")
    if when is None or message is None:
        return None
    return Never(name, when, message)
