"""The expression language: typed, exact, free of side effects, bounded.

`compile_expr` turns text into an `Expr` or raises `ExprError` with every problem found; `Expr`
evaluates against a row and an `Env`, and says what it reads. docs/expressions.md is its manual.
"""

from __future__ import annotations

from forms.expr.env import Env, Row
from forms.expr.errors import EvalError, ExprError, ExpressionError, NotInSql
from forms.expr.expression import Expr, compile_expr
from forms.expr.functions import FUNCTIONS, LOOPS
from forms.expr.sql_parts import ColumnRef, ColumnResolver, Dialect, LinesRef, Sql
from forms.expr.tokens import KEYWORDS
from forms.expr.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    DEPARTMENT,
    DURATION,
    FILE,
    INTEGER,
    MONEY,
    NULL,
    TEXT,
    USER,
    AggregateType,
    EmptyLibrary,
    Library,
    Scope,
    Type,
    choice,
    common,
    fits,
    lines,
    link,
    many,
)

RESERVED = KEYWORDS | {"parent", "this", "me", "None", "True", "False"}
"""Names no field may have: an expression could not read it."""

__all__ = [
    "BOOLEAN",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DEPARTMENT",
    "DURATION",
    "FILE",
    "FUNCTIONS",
    "INTEGER",
    "LOOPS",
    "MONEY",
    "NULL",
    "RESERVED",
    "TEXT",
    "USER",
    "AggregateType",
    "ColumnRef",
    "ColumnResolver",
    "Dialect",
    "EmptyLibrary",
    "Env",
    "EvalError",
    "Expr",
    "ExprError",
    "ExpressionError",
    "Library",
    "LinesRef",
    "NotInSql",
    "Row",
    "Scope",
    "Sql",
    "Type",
    "choice",
    "common",
    "compile_expr",
    "fits",
    "lines",
    "link",
    "many",
]
