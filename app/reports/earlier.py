"""The earlier period that `compare` puts beside each: its days, its filters, its conditions.

What asks for the very date that is compared moves along, so that a report narrowed to this year's
first ten days of March stands beside the first ten days of February. Filters do so, and so do
conditions (`where`) that read that date and nothing else of the row: a fixed day or moment in them
stands for the one a period earlier; year(), month() and day() of the date are those of the day it
stands beside. Whatever else is asked for (the day of the week, the days between two dates of the
row) holds for both periods as it is written.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from app.catalog.model import Group, Report
from app.reports.filters import Range
from forms.expr import DATE, FUNCTIONS, INTEGER, Env, Expr
from forms.expr import nodes as n
from forms.expr.closures import compile_node
from forms.expr.errors import EvalError

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
_YEAR_OF_WEEKS = 364
_DAY = timedelta(days=1)
_MOMENTS = frozenset({"date", "datetime"})
_PARTS = frozenset({"year", "month", "day"})
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def time_group(report: Report) -> tuple[int, Group] | None:
    """The group that is compared (the first by a unit of time) and its place in a key."""
    for place, group in enumerate(report.group.values()):
        if group.unit:
            return place, group
    return None


def earlier(day: date, unit: str, compare: str, *, ends: bool = False) -> date:
    """The day that stands beside one: a unit or a year before. Weeks are compared with those of 52
    weeks before, so that weekdays meet. `ends`: the last day of a month stays the last of one."""
    months, days = _step(unit, compare)
    if days:
        return day - timedelta(days=days)
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    last = monthrange(year, month)[1]
    whole = ends and day.day == monthrange(day.year, day.month)[1]
    return date(year, month, last if whole else min(day.day, last))


def _step(unit: str, compare: str) -> tuple[int, int]:
    """(months, days) between a period and the one it is compared with; one of them is 0."""
    if compare == "previous_year":
        return (0, _YEAR_OF_WEEKS) if unit == "week" else (12, 0)
    return _MONTHS.get(unit, 0), _DAYS.get(unit, 0)


@dataclass(frozen=True, slots=True)
class Back:
    """How far the earlier period lies back: by the unit that is compared, as `compare` says."""

    unit: str
    compare: str

    @classmethod
    def of(cls, report: Report) -> Back | None:
        """That of a report; None where it compares nothing."""
        timed = time_group(report)
        if timed is None or not report.compare:
            return None
        return cls(timed[1].unit, report.compare)

    def day(self, day: date, *, ends: bool = False) -> date:
        """See `earlier`."""
        return earlier(day, self.unit, self.compare, ends=ends)

    def chosen(self, report: Report, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """The filters of the earlier period: those of the date the report is grouped by moved."""
        found = dict(chosen)
        timed = time_group(report)
        for name, wanted in chosen.items():
            one = report.filters.get(name)
            if timed is None or one is None or not isinstance(wanted, Range):
                continue
            if _alike(_core(one.by.node), _core(timed[1].by.node)):
                found[name] = Range(self._end(wanted.low), self._end(wanted.high, ends=True))
        return found

    def _end(self, day: Any, *, ends: bool = False) -> Any:
        return self.day(day, ends=ends) if isinstance(day, date) else day

    def groups(self, report: Report, groups: Mapping[str, Any]) -> dict[str, Any]:
        """The groups of a number, those of the earlier period instead."""
        found = dict(groups)
        timed = time_group(report)
        start = None if timed is None else groups.get(timed[1].id)
        if timed is not None and start is not None:
            found[timed[1].id] = self.day(start)
        return found

    def report(self, report: Report, env: Env) -> Report:
        """The report as it counts the earlier period: conditions on the date moved."""
        timed = time_group(report)
        if timed is None:
            return report
        mover = _Mover(self, _core(timed[1].by.node), env)
        measures = {
            name: replace(measure, where=mover.moved(measure.where))
            for name, measure in report.measures.items()
        }
        return replace(report, where=mover.moved(report.where), measures=measures)


@dataclass(frozen=True, slots=True)
class _Mover:
    """Moves what conditions ask of one date of the rows."""

    back: Back
    subject: n.Node
    env: Env

    def moved(self, condition: Expr | None) -> Expr | None:
        """The condition on rows of the earlier period."""
        if condition is None:
            return None
        return replace(condition, node=self._condition(condition.node))

    def _condition(self, node: n.Node) -> n.Node:
        if isinstance(node, n.Logic | n.Not):
            return n.mapped(node, self._condition)
        if not self._of_date_alone(node):
            return node
        if self._in_parts_only(node):
            return self._parts(node)
        if isinstance(node, n.Compare):
            return self._compared(node)
        if isinstance(node, n.ChainedCompare):
            return self._chained(node)
        return self._fixed(node)

    def _is_date(self, node: n.Node) -> bool:
        return _alike(_core(node), self.subject)

    def _of_date_alone(self, node: n.Node) -> bool:
        """Whether a condition reads the date, and nothing else of the row."""
        found = False

        def alone(one: n.Node) -> bool:
            nonlocal found
            if self._is_date(one):
                found = True
                return True
            return not _reads(one) and all(alone(below) for below in n.children(one))

        return alone(node) and found

    def _in_parts_only(self, node: n.Node) -> bool:
        """Whether only year(), month() or day() of the date are asked for."""
        if self._is_date(node):
            return False
        if isinstance(node, n.Apply) and node.function in _PARTS:
            return True
        return all(self._in_parts_only(below) for below in n.children(node))

    def _parts(self, node: n.Node) -> n.Node:
        """Those of the day that the date stands beside."""
        if self._is_date(node):
            months, days = _step(self.back.unit, self.back.compare)
            day = node
            if node.type.kind == "datetime":
                overload = FUNCTIONS["date"].overloads[-1]
                day = n.Apply(DATE, "date", overload, (node,), node.offset)
            step = n.Const(INTEGER, months or days, node.offset)
            name = "add_months" if months else "add_days"
            overload = FUNCTIONS[name].overloads[0]
            return n.Apply(DATE, name, overload, (day, step), node.offset)
        return n.mapped(node, self._parts)

    def _compared(self, node: n.Compare) -> n.Node:
        if self._is_date(node.left):
            return replace(node, right=self._fixed(node.right, node.op))
        if self._is_date(node.right):
            return replace(node, left=self._fixed(node.left, _FLIPPED.get(node.op, node.op)))
        return self._fixed(node)

    def _chained(self, node: n.ChainedCompare) -> n.Node:
        """`low <= the date < high`: each end by the sign between them."""
        found = list(node.operands)
        for place, op in enumerate(node.ops):
            left, right = node.operands[place], node.operands[place + 1]
            if self._is_date(left):
                found[place + 1] = self._fixed(right, op)
            elif self._is_date(right):
                found[place] = self._fixed(left, _FLIPPED.get(op, op))
        return replace(node, operands=tuple(found))

    def _fixed(self, node: n.Node, op: str = "") -> n.Node:
        """With every fixed day and moment a period earlier; `op`: how the date is compared."""
        if self._is_date(node):
            return node
        if node.type.kind not in _MOMENTS or not _known(node):
            return n.mapped(node, self._fixed)
        try:
            value = compile_node(node)({}, self.env)
            moved = value and self._moment(value, op)
        except (EvalError, ValueError, OverflowError):  # beyond the years there are
            return node
        return n.Const(node.type, moved, node.offset)

    def _moment(self, value: Any, op: str) -> Any:
        """A moment keeps its time of the day; one at midnight bounds whole days."""
        if not isinstance(value, datetime):
            return self._bound(value, op)
        local = value.astimezone(self.env.zone)
        if local.time() == time():
            op = {"<=": "<", ">": ">="}.get(op, op)
            day = self._bound(local.date(), op)
        else:
            day = self.back.day(local.date())
        return datetime.combine(day, local.time(), self.env.zone).astimezone(UTC)

    def _bound(self, day: date, op: str) -> date:
        """A day as a limit: what is counted last stays the last of its month, as in filters."""
        if op == "<=":
            return self.back.day(day, ends=True)
        if op == "<":
            return self.back.day(day - _DAY, ends=True) + _DAY
        if op == ">":
            return self.back.day(day + _DAY) - _DAY
        return self.back.day(day)


def _core(node: n.Node) -> n.Node:
    """A date, however it is taken of a moment."""
    while isinstance(node, n.Apply) and node.function == "date" and len(node.args) == 1:
        node = node.args[0]
    return node


def _reads(node: n.Node) -> bool:
    """Whether a node itself reads something of the row or of another record."""
    return isinstance(node, n.Read | n.LinkRead | n.AggregateRead | n.Loop)


def _known(node: n.Node) -> bool:
    return not _reads(node) and all(_known(below) for below in n.children(node))


def _alike(one: n.Node, other: n.Node) -> bool:
    """Whether two nodes mean the same; where they stand does not matter."""
    return _placeless(one) == _placeless(other)


def _placeless(node: n.Node) -> n.Node:
    return replace(n.mapped(node, _placeless), offset=0)
