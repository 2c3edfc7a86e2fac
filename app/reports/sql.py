"""A report as SQL: one statement that counts and adds up where the rows are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.catalog.flow_rows import LINES, NAMES
from app.catalog.model import Catalog, Group, Report, ReportMeasure
from app.reports.calendar import bucket_sql, day_sql
from app.reports.filters import Range
from app.reports.result import limits, stored
from app.storage.manifest import ReleaseTables
from app.storage.ports import Dialect
from app.storage.resolver import (
    FlowRowsResolver,
    LinesResolver,
    RecordResolver,
    World,
    flow_rows,
)
from forms.expr import Env, Expr, Type
from forms.expr.sql_parts import ColumnRef, Sql

COUNTED = frozenset({"count", "sum", "avg", "min", "max", "distinct"})
"""Kinds of measures the database computes; the others are made of these."""

Rows = RecordResolver | LinesResolver | FlowRowsResolver
"""What answers for the rows of a report."""

RowsOf = Callable[[str], Sequence[Expr] | None]
"""The reader's row conditions on a form (None: all rows, empty: none)."""


@dataclass(frozen=True, slots=True)
class Source:
    """A release's data, and where and when it is read from."""

    catalog: Catalog
    tables: ReleaseTables
    dialect: Dialect
    env: Env


@dataclass(frozen=True, slots=True)
class Piece:
    """SQL of one value of the result: how it is aggregated, and how it is read back."""

    id: str
    sql: str
    params: tuple[Any, ...]
    type: Type
    scale: int = 0
    fold: str = ""
    """How values of days become values of a longer unit: SUM, MIN, MAX."""


class Builder:
    """Makes the statement of one report for one reader."""

    def __init__(self, source: Source, report: Report, rows_of: RowsOf) -> None:
        self.source, self.report = source, report
        form_id, _dot, lines = report.source.partition(".")
        world = World(source.catalog.forms, source.tables)
        home = source.tables.forms[form_id]
        self.record = RecordResolver(world, form_id, "t")
        self.rows: Rows = self.record
        self.table = f"{home.table} AS t"
        if lines == LINES and lines not in home.children:
            self.rows = FlowRowsResolver("l", self.record, NAMES)
            work = flow_rows(home.key)
            self.table = f"{work} AS l JOIN {home.table} AS t ON t.id = l.record_id"
        elif lines:
            self.rows = LinesResolver(world, form_id, lines, "l", self.record)
            child = home.children[lines].table
            self.table = f"{child} AS l JOIN {home.table} AS t ON t.id = l.record_id"
        self.where, self.where_params = self._conditions(form_id, rows_of)

    def _conditions(self, form_id: str, rows_of: RowsOf) -> tuple[list[str], list[Any]]:
        where, params = ["t.deleted = 0"], []
        held = rows_of(form_id)
        if held is not None:
            parts = [self.condition(one, self.record) for one in held]
            where.append(" OR ".join(f"({one.text})" for one in parts) or "1 = 0")
            params += [value for one in parts for value in one.params]
        if self.report.where is not None:
            made = self.condition(self.report.where, self.rows)
            where.append(made.text)
            params += made.params
        return where, params

    def narrow(self, chosen: Mapping[str, Any]) -> None:
        """Only rows whose filter has one of the given values, or lies in a `Range`."""
        for filter_id, wanted in chosen.items():
            one = self.report.filters.get(filter_id)
            if one is not None:
                self.only(one.by, wanted)

    def only(self, by: Expr, wanted: Any) -> None:
        """Only rows where an expression has one of the values (None: none), or lies in a `Range`.
        Days are those of the tenant's zone."""
        made = self.value(by)
        if isinstance(wanted, Range):
            for sign, limit in limits(by.type.kind, wanted, made.scale, self.source.env.zone):
                self.where.append(f"{made.text} {sign} ?")
                self.where_params += [*made.params, limit]
            return
        values = [stored(one, made.scale) for one in wanted if one is not None]
        mark = "CAST(? AS TEXT)" if by.type.kind in ("text", "choice") else "?"
        parts = []
        if values:
            parts.append(f"{made.text} IN ({', '.join([mark] * len(values))})")
            self.where_params += [*made.params, *values]
        if len(values) < len(wanted):
            parts.append(f"{made.text} IS NULL")
            self.where_params += made.params
        self.where.append(" OR ".join(parts) or "1 = 0")

    def also(self, condition: Expr) -> None:
        """Only rows for which a condition holds, too."""
        made = self.condition(condition, self.rows)
        self.where.append(made.text)
        self.where_params += made.params

    def of_currency(self, measures: Sequence[ReportMeasure], code: str) -> None:
        """Only rows whose amounts (of these measures) are in a currency."""
        made = self.currency([one.value for one in measures if one.value is not None])
        if made is not None:
            self.where.append(f"{made.text} = CAST(? AS TEXT)")
            self.where_params += [*made.params, code]

    def condition(
        self, expr: Expr, resolver: RecordResolver | LinesResolver | FlowRowsResolver
    ) -> Sql:
        """A condition on the rows of a resolver."""
        return expr.to_sql(self.source.dialect, resolver, self.source.env)

    def value(self, expr: Expr) -> Sql:
        """A value of the report's rows, as it is stored."""
        return expr.to_sql(self.source.dialect, self.rows, self.source.env, stored=True)

    def currency(self, exprs: Sequence[Expr]) -> Sql | None:
        """The currency of the first amount that the expressions read; None where they read none."""
        for expr in exprs:
            for path in sorted(expr.names) + sorted(".".join(one) for one in expr.link_reads):
                ref = self._amount(tuple(path.split(".")))
                if ref is not None and ref.currency is not None:
                    return ref.currency
        return None

    def _amount(self, path: tuple[str, ...]) -> ColumnRef | None:
        try:
            ref = self.rows.column(path)
        except (KeyError, IndexError):
            return None
        return ref if ref.type.kind == "money" else None

    # -- grouped reports

    def grouped(self, measures: Sequence[ReportMeasure]) -> tuple[str, list[Any], list[Piece]]:
        """The statement of a report with measures, its parameters, and its columns in order:
        groups, the currency where there are amounts, and the pieces of each measure.
        """
        money = [m.value for m in measures if m.value is not None and m.type.kind == "money"]
        groups = [self._group(one) for one in self.report.group.values()]
        code = self.currency(money) if money else None
        if code is not None:
            groups.append(Piece("", code.text, tuple(code.params), Type("text")))
        pieces = [piece for one in measures for piece in self._pieces(one)]
        units = [one.unit for one in self.report.group.values()]
        units += [""] * (len(groups) - len(units))
        selected = [f"{one.sql} AS g{n}" for n, one in enumerate(groups)]
        selected += [f"{one.sql} AS m{n}" for n, one in enumerate(pieces)]
        params = [value for one in (*groups, *pieces) for value in one.params]
        params += self.where_params
        sql = f"SELECT {', '.join(selected)} FROM {self.table} WHERE {self._where()}"
        if groups:
            sql += f" GROUP BY {', '.join(str(n + 1) for n in range(len(groups)))}"
        if any(unit and unit != "day" for unit in units) and all(one.fold for one in pieces):
            sql = self._folded(sql, units, pieces)
        return sql, params, [*groups, *pieces]

    def _where(self) -> str:
        return " AND ".join(f"({one})" for one in self.where)

    def _folded(self, sql: str, units: Sequence[str], pieces: Sequence[Piece]) -> str:
        """Days are counted first: few rows are left for the costlier arithmetic of months."""
        dialect = self.source.dialect
        outer = [
            f"{bucket_sql(f'd.g{n}', unit, dialect)} AS g{n}" if unit else f"d.g{n} AS g{n}"
            for n, unit in enumerate(units)
        ]
        outer += [f"{piece.fold}(d.m{n}) AS m{n}" for n, piece in enumerate(pieces)]
        keys = ", ".join(str(n + 1) for n in range(len(units)))
        return f"SELECT {', '.join(outer)} FROM ({sql}) AS d GROUP BY {keys}"

    def _group(self, group: Group) -> Piece:
        made = self.value(group.by)
        text, kind = made.text, group.by.type
        if group.unit:
            if kind.kind == "datetime":
                text = day_sql(f"({text})", self.source.env.zone)
            folding = all(m.kind != "distinct" for m in self.report.measures.values())
            if not folding:
                text = bucket_sql(f"({text})", group.unit, self.source.dialect)
            params = made.params * text.count(made.text) if made.params else ()
            return Piece(group.id, text, tuple(params), kind)
        return Piece(group.id, text, tuple(made.params), kind, made.scale)

    def _pieces(self, measure: ReportMeasure) -> list[Piece]:
        where = self.condition(measure.where, self.rows) if measure.where is not None else None
        if measure.kind == "count":
            if where is None:
                return [Piece(measure.id, "COUNT(*)", (), measure.type, 0, "SUM")]
            sql = f"COUNT(CASE WHEN {where.text} THEN 1 END)"
            return [Piece(measure.id, sql, tuple(where.params), measure.type, 0, "SUM")]
        assert measure.value is not None
        made = self.value(measure.value)
        text, params = made.text, tuple(made.params)
        if where is not None:
            text, params = (
                f"CASE WHEN {where.text} THEN {text} END",
                (*where.params, *params),
            )
        kind, scale = measure.value.type, made.scale
        total = f"SUM({text})"
        if measure.kind == "sum":
            return [Piece(measure.id, total, params, kind, scale, "SUM")]
        if measure.kind == "avg":
            count = Piece(measure.id, f"COUNT({text})", params, Type("integer"), 0, "SUM")
            return [Piece(measure.id, total, params, kind, scale, "SUM"), count]
        if measure.kind == "distinct":
            return [Piece(measure.id, f"COUNT(DISTINCT {text})", params, Type("integer"))]
        verb = measure.kind.upper()
        return [Piece(measure.id, f"{verb}({text})", params, kind, scale, verb)]

    # -- plain lists

    def listed(
        self, exprs: Sequence[Expr], sort: Sequence[tuple[int, bool]], limit: int
    ) -> tuple[str, list[Any], list[Piece]]:
        """The statement of a report that lists rows; beside each amount its currency."""
        pieces = self._shown(exprs)
        params_ = [value for one in pieces for value in one.params] + self.where_params
        order = [f"{2 * place + 1} {'DESC' if down else 'ASC'}" for place, down in sort]
        key = "l.id" if self.rows is not self.record else "t.id"
        sql = (
            f"SELECT {', '.join(one.sql for one in pieces)} FROM {self.table}"
            f" WHERE {self._where()} ORDER BY {', '.join([*order, key])} LIMIT {limit + 1}"
        )
        return sql, params_, pieces

    def behind(
        self, exprs: Sequence[Expr], limit: int, offset: int
    ) -> tuple[str, list[Any], list[Piece]]:
        """As `listed`, with the record's id in front and the newest records first."""
        pieces = self._shown(exprs)
        params = [value for one in pieces for value in one.params] + self.where_params
        order = "t.id DESC" + ("" if self.rows is self.record else ", l.id")
        sql = (
            f"SELECT {', '.join(['t.id', *(one.sql for one in pieces)])} FROM {self.table}"
            f" WHERE {self._where()} ORDER BY {order} LIMIT {limit} OFFSET {offset}"
        )
        return sql, params, pieces

    def _shown(self, exprs: Sequence[Expr]) -> list[Piece]:
        """Each value, and beside each amount its currency."""
        pieces: list[Piece] = []
        for expr in exprs:
            made = self.value(expr)
            pieces.append(Piece("", made.text, tuple(made.params), expr.type, made.scale))
            code = self.currency([expr]) if expr.type.kind == "money" else None
            text, params = (code.text, tuple(code.params)) if code else ("NULL", ())
            pieces.append(Piece("", text, params, Type("text")))
        return pieces
