"""Whether the database can compute an expression: tried at check, so that no reader finds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.catalog.compiling import Compiling
from app.catalog.flow_rows import LINES, NAMES
from forms.compile_library import StaticLibrary
from forms.expr import (
    BOOLEAN,
    INTEGER,
    USER,
    ColumnRef,
    Dialect,
    Env,
    EvalError,
    Expr,
    Library,
    LinesRef,
    NotInSql,
    Sql,
    Type,
    link,
)
from forms.problems import Path, Problem
from forms.values import MONEY_SCALE, NUMBER_SCALE

DIALECTS: tuple[Dialect, ...] = ("sqlite", "postgres")
_SCALES: Mapping[str, int] = {"money": MONEY_SCALE, "decimal": NUMBER_SCALE}
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DryResolver:
    """Columns by name and type alone: enough to see whether SQL comes out."""

    library: Library
    target: str

    def column(self, path: tuple[str, ...]) -> ColumnRef:
        """A made-up column of the type the path leads to."""
        kind = self._type(self.target, path)
        return ColumnRef(
            f"x.c_{path[-1]}",
            kind,
            _SCALES.get(kind.kind, 0),
            Sql("x.currency") if kind.kind == "money" else None,
        )

    def aggregate(self, name: str, key: Sql, measure: str) -> ColumnRef:
        """A made-up measure."""
        found = self.library.aggregate(name)
        kind = found.measures[measure] if found is not None else INTEGER
        currency = Sql("a.currency") if kind.kind == "money" else None
        text = f"(SELECT a.{measure} FROM a WHERE a.key = {key.text})"
        return ColumnRef(text, kind, _SCALES.get(kind.kind, 0), currency, key.params)

    def lines(self, name: str) -> LinesRef:
        """Made-up rows."""
        form = self.target.partition(".")[0]
        inner = DryResolver(self.library, f"{form}.{name}")
        return LinesRef("l", "l.record_id = x.id", inner)

    def _type(self, target: str, path: tuple[str, ...]) -> Type:
        head, rest = path[0], path[1:]
        names = self.library.fields_of(target)
        if names is None and target.endswith(f".{LINES}"):
            names = NAMES
        names = names or {}
        if head == "parent" and rest:
            return self._type(target.partition(".")[0], rest)
        if head == "this":
            return self._type(target, rest) if rest else link(target)
        kind = USER if head == "me" else names.get(head, BOOLEAN)
        if rest and kind.target is not None:
            return self._type(kind.target, rest)
        return kind


def must_be_sql(expr: Expr | None, source: str, path: Path, at: Compiling) -> None:
    """Note a problem where an expression over rows of `source` does not compile to SQL."""
    if expr is None:
        return
    problem = not_in_sql(expr, source, at.library)
    if problem is not None:
        at.problems.append(replace(problem, path=path))


def not_in_sql(expr: Expr, source: str, library: StaticLibrary) -> Problem | None:
    """Why the databases cannot compute it, or None. A condition is tried as such."""
    resolve, env = DryResolver(library, source), Env(_MOMENT, me=0, currency="CNY")
    for dialect in DIALECTS:
        try:
            expr.to_sql(dialect, resolve, env)
        except NotInSql as error:
            return error.problem
        except EvalError as error:
            return Problem(error.code, (), error.message.en, offset=error.offset)
    return None
