"""Whether the database can compute an expression: tried at check, so that no reader finds out."""

from __future__ import annotations

from app.catalog.compiling import Compiling
from forms.expr import Expr
from forms.problems import Path


def must_be_sql(expr: Expr | None, source: str, path: Path, at: Compiling) -> None:
    """Note a problem where an expression over rows of `source` does not compile to SQL."""
