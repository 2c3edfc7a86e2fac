"""Running a report for one reader: SQL → rows, ratios, measures of other reports, order, top.

Amounts are never added across currencies: where a report has amounts, each currency gets rows of
its own. Sums are exact; averages and ratios are exact quotients rounded to six decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cmp_to_key
from typing import Any

from app.catalog.model import Report, ReportMeasure
from app.reports.calendar import bucket_start
from app.reports.compare import put_beside, with_comparison
from app.reports.earlier import Back
from app.reports.labels import label_of
from app.reports.result import COLUMN, CURRENCY, GROUP, MEASURE, Result, ResultColumn, decode
from app.reports.sql import COUNTED, Builder, Piece, RowsOf, Source
from forms.expr import TEXT
from forms.values import MONEY_SCALE, NUMBER_SCALE, Money, Text

Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs a SELECT in the tenant's database."""

MOST = 10_000
"""Rows of a result at the most."""

_DEEPEST = 4
_CURRENCY = Text("币种", "Currency")
_SIX = Decimal(1).scaleb(-NUMBER_SCALE)
_FOUR = Decimal(1).scaleb(-MONEY_SCALE)

Key = tuple[Any, ...]


def run(
    source: Source,
    query: Query,
    report: Report,
    rows_of: RowsOf,
    chosen: Mapping[str, Any] | None = None,
) -> Result:
    """Run a report over the rows that `rows_of` lets the reader list.

    `chosen`: filter id → list of values, or a `Range` (as `app.reports.filters.read` gives them).
    """
    if not report.group and not report.measures:
        return _listed(source, query, report, rows_of, chosen or {})
    now = _Run(source, query, rows_of, chosen or {})
    back = Back.of(report)
    if back is None:
        return now.result(report, *now.cells(report, 0))
    split, cells = now.cells(report, 0)
    past = _Run(source, query, rows_of, chosen or {}, back)
    was_split, was = past.cells(report, 0)
    if was_split != split:
        was = {key[:-1] if was_split else (*key, None): values for key, values in was.items()}
    return now.result(report, split, put_beside(report, split, cells, was))


class _Run:
    """One reader's run, of the earlier periods where `back` is given; reports that others read from
    are run once."""

    def __init__(
        self,
        source: Source,
        query: Query,
        rows_of: RowsOf,
        chosen: Mapping[str, Any],
        back: Back | None = None,
    ) -> None:
        self.source, self.query, self.rows_of, self.chosen = source, query, rows_of, chosen
        self.back = back
        self.known: dict[str, tuple[bool, dict[Key, dict[str, Any]]]] = {}

    def result(self, report: Report, split: bool, cells: Mapping[Key, dict[str, Any]]) -> Result:
        """The cells as rows in the report's order."""
        currencies = {key[-1] for key in cells} if split else set()
        shown = split and len(currencies - {None}) > 1
        columns = columns_of(report, with_currency=shown)
        rows = []
        for key, values in cells.items():
            groups = list(key[:-1]) if split else list(key)
            row = dict(zip(report.group, groups, strict=True)) | values
            row[CURRENCY] = key[-1] if split else None
            rows.append([row.get(column.id) for column in columns])
        result = Result(report, columns, rows)
        return _ordered(self.source, result)

    def cells(self, report: Report, depth: int) -> tuple[bool, dict[Key, dict[str, Any]]]:
        """Whether the rows are split by currency, and key of the groups → measure values."""
        found = self.known.get(report.id)
        if found is None:
            split, cells = self._counted(report)
            for measure in report.measures.values():
                if measure.kind == "of" and depth < _DEEPEST:
                    split, cells = self._joined(measure, split, cells, depth)
            for values in cells.values():
                for measure in report.measures.values():
                    if measure.kind == "ratio" and measure.ratio is not None:
                        over, under = (values.get(one) for one in measure.ratio)
                        values[measure.id] = _quotient(over, under)
            found = self.known[report.id] = (split, cells)
        return found

    def _counted(self, report: Report) -> tuple[bool, dict[Key, dict[str, Any]]]:
        chosen = self.chosen
        if self.back is not None:
            chosen = self.back.chosen(report, chosen)
            report = self.back.report(report, self.source.env)
        builder = Builder(self.source, report, self.rows_of)
        builder.narrow(chosen)
        measures = [one for one in report.measures.values() if one.kind in COUNTED]
        sql, params, pieces = builder.grouped(measures)
        groups = list(report.group.values())
        count = len(pieces) - sum(2 if one.kind == "avg" else 1 for one in measures)
        split = count > len(groups)
        cells: dict[Key, dict[str, Any]] = {}
        for row in self.query(sql, params):
            key: list[Any] = []
            for place, group in enumerate(groups):
                piece, stored = pieces[place], row[place]
                if group.unit:
                    key.append(None if stored is None else bucket_start(int(stored), group.unit))
                else:
                    key.append(decode(piece.type, stored, piece.scale, None))
            code = row[len(groups)] if split else None
            if split:
                key.append(code)
            cells[tuple(key)] = _values(measures, pieces[count:], row[count:], code)
        return split, cells

    def _joined(
        self, measure: ReportMeasure, split: bool, cells: dict[Key, dict[str, Any]], depth: int
    ) -> tuple[bool, dict[Key, dict[str, Any]]]:
        """Put a measure of another report beside the rows with the same groups."""
        assert measure.of is not None
        other_id, name = measure.of
        other = self.source.catalog.reports[other_id]
        other_split, found = self.cells(other, depth + 1)
        if other_split and not split:  # its amounts are of several currencies: split these, too
            codes = sorted({key[-1] for key in found if key[-1] is not None}) or [None]
            if len(codes) == 1 or not cells:
                cells = {(*key, codes[0]): values for key, values in cells.items()}
                split = True
            else:
                found = {}
        for key, values in found.items():
            own = key if other_split == split else (*key, None)
            if split and not other_split:
                for known in [one for one in cells if one[:-1] == key]:
                    cells[known][measure.id] = values.get(name)
            else:
                cells.setdefault(own, {})[measure.id] = values.get(name)
        return split, cells


def _values(
    measures: Sequence[ReportMeasure], pieces: Sequence[Piece], row: Sequence[Any], code: str | None
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    place = 0
    for measure in measures:
        piece, stored = pieces[place], row[place]
        place += 1
        if measure.kind == "sum" and stored is None:
            stored = 0
        value = decode(piece.type, stored, piece.scale, code)
        if measure.kind == "avg":
            count = row[place]
            place += 1
            value = _average(value, int(count or 0))
        values[measure.id] = value
    return values


def _average(total: Any, count: int) -> Any:
    if total is None or not count:
        return None
    if isinstance(total, Money):
        return Money((total.amount / count).quantize(_FOUR, ROUND_HALF_UP), total.currency)
    if isinstance(total, int | Decimal):
        return (Decimal(total) / count).quantize(_SIX, ROUND_HALF_UP)
    return total / count


def _quotient(over: Any, under: Any) -> Any:
    """The first divided by the second: of amounts only in one currency; by zero nothing."""
    if over is None or under is None:
        return None
    if isinstance(over, Money) and isinstance(under, Money):
        if over.currency != under.currency:
            return None
        over, under = over.amount, under.amount
    elif isinstance(over, Money) and under:
        return Money((over.amount / under).quantize(_FOUR, ROUND_HALF_UP), over.currency)
    try:
        if not under:
            return None
        return (Decimal(over) / Decimal(under)).quantize(_SIX, ROUND_HALF_UP)
    except TypeError:
        return over / under


def columns_of(report: Report, *, with_currency: bool = False) -> list[ResultColumn]:
    """The columns of a report that counts; `with_currency` where several come up."""
    found = []
    for one in report.show or (*report.group, *report.measures):
        group, measure = report.group.get(one), report.measures.get(one)
        if group is not None:
            kind = group.by.type
            found.append(
                ResultColumn(
                    one, group.label, GROUP, kind, group.unit, options=kind.options_id or ""
                )
            )
        elif measure is not None:
            found.append(ResultColumn(one, measure.label, MEASURE, measure.type, show=measure.show))
    if with_currency:
        groups = sum(column.role == GROUP for column in found)
        found.insert(groups, ResultColumn(CURRENCY, _CURRENCY, CURRENCY, TEXT))
    return with_comparison(report, found) if report.compare else found


def _ordered(source: Source, result: Result) -> Result:
    """Sorted as the report says, else by its groups; empty values last; only the top ones."""
    report = result.report
    order = list(report.sort) or [(one, False) for one in report.group]
    ids = [column.id for column in result.columns]
    keys = [(ids.index(one), down) for one, down in order if one in ids]
    options = {
        place: {value: n for n, value in enumerate(column.type.options or ())}
        for place, column in enumerate(result.columns)
        if column.type.kind == "choice"
    }

    def compare(left: list[Any], right: list[Any]) -> int:
        for place, down in keys:
            ranks = options.get(place)
            a, b = (ranks.get(v) if ranks else v for v in (left[place], right[place]))
            if a == b:
                continue
            if a is None or b is None:
                return 1 if a is None else -1
            a, b = (v.amount if isinstance(v, Money) else v for v in (a, b))
            if a != b:
                return (1 if a > b else -1) * (-1 if down else 1)
        return 0

    rows = sorted(result.rows, key=cmp_to_key(compare))
    most = min(report.top or MOST, MOST)
    if CURRENCY in ids:
        rows = _top_of_each(rows, ids.index(CURRENCY), most)
        cut = False
    else:
        rows, cut = rows[:most], len(rows) > most and report.top is None
    return replace(result, rows=rows, cut=cut)


def _top_of_each(rows: list[list[Any]], place: int, most: int) -> list[list[Any]]:
    """The first rows of each currency: amounts of different ones have no order."""
    taken: dict[Any, int] = {}
    kept = []
    for row in rows:
        taken[row[place]] = taken.get(row[place], 0) + 1
        if taken[row[place]] <= most:
            kept.append(row)
    return kept


def _listed(
    source: Source, query: Query, report: Report, rows_of: RowsOf, chosen: Mapping[str, Any]
) -> Result:
    builder = Builder(source, report, rows_of)
    builder.narrow(chosen)
    names = [column.source for column in report.columns]
    sort = [(names.index(one), down) for one, down in report.sort if one in names]
    most = min(report.top or MOST, MOST)
    sql, params, pieces = builder.listed([one.value for one in report.columns], sort, most)
    rows = [
        [
            decode(pieces[n].type, row[n], pieces[n].scale, row[n + 1])
            for n in range(0, len(pieces), 2)
        ]
        for row in query(sql, params)
    ]
    columns = [
        ResultColumn(one.source, label_of(source.catalog, report, one), COLUMN, one.value.type)
        for one in report.columns
    ]
    return Result(report, columns, rows[:most], len(rows) > most and report.top is None)
