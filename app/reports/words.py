"""A result in words: cells as people read them, rows as files hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.catalog.model import Catalog
from app.reports import flowwords
from app.reports.calendar import bucket_name
from app.reports.result import GROUP, Result, ResultColumn
from forms.expr import Expr
from forms.shown import grouped, moment_shown, money_shown, yes_no
from forms.values import Money, Text, encode_id

Names = Mapping[str, Mapping[int, str]]
"""Target ("order", "order.lines", "user", "department") → id → what it is called."""

EMPTY = Text("（无）", "(none)")
NOTHING = "–"
_CURRENCY = Text("{column}：币种", "{column}: currency")
_CENT = Decimal("0.01")
_NUMBERS = frozenset({"integer", "decimal"})
_SHARES = frozenset({"percent", "change", "points"})
_POINTS = Text("个百分点", "points")


def target_of(column: ResultColumn) -> str:
    """What the ids of a column lead to; "" where its values are no ids."""
    kind = column.type.kind
    if kind == "link":
        return column.type.target or ""
    return kind if kind in ("user", "department") else ""


def ids_in(result: Result) -> dict[str, set[int]]:
    """All ids of a result, by target, so that their names are fetched in one go."""
    wanted: dict[str, set[int]] = {}
    for place, column in enumerate(result.columns):
        target = target_of(column)
        if target:
            ids = {row[place] for row in result.rows if row[place] is not None}
            wanted.setdefault(target, set()).update(ids)
    return wanted


@dataclass(frozen=True, slots=True)
class Teller:
    """Puts a result into words of a language."""

    result: Result
    lang: str
    zone: tzinfo
    catalog: Catalog
    names: Names
    _flow: dict[str, Mapping[str, Text]] = field(init=False, default_factory=dict)
    """Column → what its values are called in the flow."""

    def __post_init__(self) -> None:
        for column in self.result.columns:
            by = self._by(column)
            found = flowwords.labels(self.catalog, self.result.report, by) if by else {}
            if found:
                self._flow[column.id] = found

    def _by(self, column: ResultColumn) -> Expr | None:
        """The expression a group or a column shows."""
        report = self.result.report
        if column.role == GROUP:
            return report.group[column.id].by
        shown = (one.value for one in (*report.columns, *report.drill) if one.source == column.id)
        return next(shown, None)

    def row(self, row: Sequence[Any]) -> list[str]:
        """A row as people read it."""
        return [self.cell(c, v) for c, v in zip(self.result.columns, row, strict=True)]

    def head(self) -> list[str]:
        """The headings of a file: an amount has a second column for its currency."""
        found = []
        for column in self.result.columns:
            found.append(column.label.pick(self.lang))
            if column.type.kind == "money":
                found.append(_CURRENCY.pick(self.lang).format(column=found[-1]))
        return found

    def kinds(self) -> list[str]:
        """What the columns of a file hold: share, money, number or text."""
        found = []
        for column in self.result.columns:
            if column.show in _SHARES:
                found.append("share")
            elif column.type.kind == "money":
                found += ["money", "text"]
            else:
                found.append("number" if column.type.kind in _NUMBERS else "text")
        return found

    def rows(self) -> Iterator[list[Any]]:
        """The rows of a file: numbers stay numbers, amounts take two cells."""
        for row in self.result.rows:
            cells: list[Any] = []
            for column, value in zip(self.result.columns, row, strict=True):
                number = isinstance(value, int | Decimal) and not isinstance(value, bool)
                if column.type.kind == "money":
                    cells += (
                        [value.amount, value.currency] if isinstance(value, Money) else ["", ""]
                    )
                elif number and not target_of(column):
                    cells.append(value)
                else:
                    cells.append(self.cell(column, value))
            yield cells

    def cell(self, column: ResultColumn, value: Any) -> str:
        """One value in words."""
        if value is None:
            return EMPTY.pick(self.lang) if column.role == GROUP else NOTHING
        if column.unit and isinstance(value, date):
            return bucket_name(value, column.unit, self.lang)
        target = target_of(column)
        if target:
            return self.names.get(target, {}).get(value) or encode_id(value)
        if column.type.kind == "choice":
            return self._option(column, str(value))
        if column.show in _SHARES and isinstance(value, int | Decimal):
            return self._share(column.show, Decimal(value))
        if column.type.kind == "text":
            return self._of_flow(column, str(value)) or str(value)
        return self._plain(value)

    def _of_flow(self, column: ResultColumn, value: str) -> str:
        """What a step, level, stage or outcome is called; "" for other texts."""
        found = self._flow.get(column.id, {}).get(value)
        by = self._by(column) if found is None else None
        if by is not None:
            found = flowwords.outcome(self.result.report, by, value)
        return found.pick(self.lang) if found is not None else ""

    def _share(self, show: str, value: Decimal) -> str:
        number = (value * 100).quantize(_CENT, ROUND_HALF_UP)
        if show == "percent":
            return f"{number:,}%"
        return f"{number:+,}%" if show == "change" else f"{number:+,} {_POINTS.pick(self.lang)}"

    def _plain(self, value: Any) -> str:
        if isinstance(value, bool):
            return yes_no(value, self.lang)
        if isinstance(value, Money):
            return money_shown(value)
        if isinstance(value, int | Decimal):
            return grouped(value)
        if isinstance(value, datetime):
            return moment_shown(value, self.zone)
        if isinstance(value, timedelta):
            hours, rest = divmod(int(value.total_seconds()), 3600)
            return f"{hours}:{rest // 60:02d}"
        if isinstance(value, list | tuple):
            return ", ".join(str(one) for one in value)
        return str(value)

    def _option(self, column: ResultColumn, value: str) -> str:
        options = self.catalog.options.get(column.type.options_id or "")
        found = options.values.get(value) if options else None
        return found.label.pick(self.lang) if found else value
