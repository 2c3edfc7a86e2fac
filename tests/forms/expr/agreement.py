"""One expression over one world, evaluated four ways, which must agree to the last digit."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

from forms.expr import EvalError, Expr, NotInSql, Type, compile_expr
from forms.values import Money

from .reference import Mixed, Overflow, Reference, Refused
from .world import RESOLVER, SCOPE, World, stored

SEEN: Counter[str] = Counter()
"""How many values were compared where, by dialect."""


def agree(source: str, world: World, dialects: tuple[str, ...]) -> Expr:
    """Compile and compare; AssertionError names expression, row and both results."""
    expr = compile_expr(source, SCOPE)
    reference = Reference(source, SCOPE)
    results: dict[int, Any] = {}
    for row in world.rows:
        results[row["id"]] = _in_python(expr, reference, row, world)
    for dialect in dialects:
        _in_sql(expr, world, dialect, results)
    return expr


_ERROR = object()


def _in_python(expr: Expr, reference: Reference, row: dict[str, Any], world: World) -> Any:
    wanted: Any
    try:
        wanted = reference.evaluate(row, world.env(row))
    except Refused as error:
        wanted = error
    try:
        found = expr.evaluate(row, world.env(row))
    except EvalError as error:
        # The reference evaluates some operands in another order: which error comes first differs.
        assert isinstance(wanted, Refused), (expr.source, row, wanted, error)
        assert error.offset is not None
        assert error.message.zh
        assert error.message.en
        return _ERROR
    if isinstance(wanted, Mixed | Overflow):
        raise AssertionError((expr.source, row, wanted, found))
    assert same(found, wanted, expr.type), (expr.source, row, wanted, found)
    SEEN["python"] += 1
    return found


def same(found: Any, wanted: Any, kind: Type) -> bool:
    """The product's value and the reference's."""
    if found is None or wanted is None:
        return found is wanted
    if isinstance(found, Money):
        if not isinstance(wanted, tuple):
            return False
        return Fraction(found.amount) == wanted[0] and found.currency == (wanted[1] or "CNY")
    if isinstance(found, Decimal):
        return Fraction(found) == wanted
    return type(found) is type(wanted) and bool(found == wanted)


def _in_sql(expr: Expr, world: World, dialect: str, results: dict[int, Any]) -> None:
    try:
        sql = expr.to_sql(dialect, RESOLVER, world.env(), stored=True)  # type: ignore[arg-type]
    except NotInSql as refusal:
        allowed = "datetime(" in expr.source or expr.type.kind == "list"
        assert allowed, (expr.source, dialect, refusal.problem)
        return
    except EvalError:
        return
    assert sql.text.count("?") == len(sql.params)
    text = f"SELECT r.id, {sql.text} FROM rec AS r"
    for key, value in world.query(dialect, text, sql.params):
        wanted = results[key]
        if wanted is _ERROR:
            continue
        expected = stored(wanted, expr.type)
        assert value == expected, (expr.source, dialect, key, wanted, expected, value, sql)
        SEEN[dialect] += 1
    if expr.type.kind == "boolean":
        condition = expr.to_sql(dialect, RESOLVER, world.env())  # type: ignore[arg-type]
        text = f"SELECT r.id FROM rec AS r WHERE {condition.text}"
        taken = {key for (key,) in world.query(dialect, text, condition.params)}
        for key, wanted in results.items():
            if wanted is not _ERROR:
                assert (key in taken) is (wanted is True), (
                    expr.source,
                    dialect,
                    key,
                    wanted,
                    condition,
                )
