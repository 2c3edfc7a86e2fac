"""Functions over lines in SQL: correlated subselects over the child table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from forms.expr import nodes as n
from forms.expr import sql_conditions
from forms.expr.closures import ranks_of
from forms.expr.sql_parts import INT64, LinesRef, Piece, Value, as_value, build, refused
from forms.expr.types import BOOLEAN, DECIMAL, TEXT, TEXTS

if TYPE_CHECKING:
    from forms.expr.sql import Generator


def loop(sql: Generator, node: n.Loop) -> Value:
    """The value of `function(body where condition)`."""
    ref = sql.rows(node.rows)
    inner = sql.within(ref)
    source = Piece(f"{ref.table} WHERE {ref.where}", ref.params)
    if node.where is not None:
        condition = inner.condition(node.where, exact=False)
        source = build("{} AND {}", source, condition)
    found = _result(sql, inner, node, source)
    if node.type.kind != "money":
        return found
    return replace(found, currency=_currency(inner, node, source))


def _currency(inner: Generator, node: n.Loop, source: Piece) -> Value | None:
    """The currency the rows share; null where no row counts."""
    body = inner.settled(_body(inner, node))
    if body.currency is None:
        return None
    counted = build("{} AND {} IS NOT NULL", source, body)
    return as_value(_select("MIN({})", body.currency.piece, counted), "maybe", TEXT)


def _result(sql: Generator, inner: Generator, node: n.Loop, source: Piece) -> Value:
    match node.function:
        case "count":
            return _count(inner, node, source)
        case "any" | "all":
            return _quantified(sql, inner, node, source)
        case "sum":
            return _sum(inner, node, source)
        case "avg":
            return _mean(inner, node, source)
    return _extreme(inner, node, source)


def rows_of(sql: Generator, node: n.Node) -> LinesRef:
    """The rows of lines, resolved by storage."""
    if not isinstance(node, n.Read) or node.frame != "own":
        raise refused("the lines of another record cannot be read in a query", node.offset)
    return sql.resolve.lines(node.name)


def _select(template: str, body: Piece, source: Piece) -> Piece:
    return build(f"(SELECT {template} FROM {{}})", body, source)


def _body(inner: Generator, node: n.Loop) -> n.Node:
    if node.body is None:
        raise refused(f"{node.function} needs something to work over", node.offset)
    return node.body


def _count(inner: Generator, node: n.Loop, source: Piece) -> Value:
    if node.body is None:
        piece = build("(SELECT COUNT(*) FROM {})", source)
    elif node.body.type.kind == "boolean":
        body = inner.condition(node.body, exact=True)
        piece = _select("COUNT({})", body, source)
    elif inner.known(node.body):
        counted = inner.computed(node.body) is not None
        piece = build("(SELECT COUNT(*) FROM {})", source) if counted else Piece("0")
    else:
        piece = _select("COUNT({})", inner.settled(node.body).piece, source)
    return as_value(piece, "scaled", node.type)


def _quantified(sql: Generator, inner: Generator, node: n.Loop, source: Piece) -> Value:
    condition = inner.condition(_body(inner, node), exact=True)
    scores = "CASE {} WHEN TRUE THEN 2 WHEN FALSE THEN 0 ELSE 1 END"
    null = Piece(sql.cast_null("BOOLEAN"))
    if node.function == "any":
        best = _select(f"MAX({scores})", condition, source)
        piece = build("CASE {} WHEN 2 THEN TRUE WHEN 1 THEN {} ELSE FALSE END", best, null)
    else:
        worst = _select(f"MIN({scores})", condition, source)
        piece = build("CASE {} WHEN 0 THEN FALSE WHEN 1 THEN {} ELSE TRUE END", worst, null)
    return as_value(build("({})", piece), "condition", BOOLEAN)


def _sum(inner: Generator, node: n.Loop, source: Piece) -> Value:
    body = inner.settled(_body(inner, node))
    if body.form == "exact":
        name = "SUM" if inner.postgres else "rf_sum"
        piece = _select(
            f"COALESCE({name}({{}}), {'0' if inner.postgres else repr('0')})", body.piece, source
        )
        return as_value(piece, "exact", node.type)
    summed = "COALESCE(SUM({}), 0)"
    if inner.postgres:
        exact = as_value(
            _select(summed, body.piece, source), "scaled", node.type, scale=body.scale, bound=INT64
        )
        # The sum of BIGINT is NUMERIC there: it cannot leave its range.
        return inner.numbers.exact(exact)
    piece = _select(summed, body.piece, source)
    return as_value(piece, "scaled", node.type, scale=body.scale, bound=INT64)


def _mean(inner: Generator, node: n.Loop, source: Piece) -> Value:
    body = inner.settled(_body(inner, node))
    kind = node.type if node.type.kind != "duration" else DECIMAL
    exact = inner.numbers.exact(body)
    name = "SUM" if inner.postgres else "rf_sum"
    total = as_value(_select(f"{name}({{}})", exact.piece, source), "exact", kind)
    count = as_value(_select("COUNT({})", body.piece, source), "scaled", kind)
    mean = inner.numbers.divide(total, count, kind)
    return inner.numbers.stored(mean, 0) if node.type.kind == "duration" else mean


def _extreme(inner: Generator, node: n.Loop, source: Piece) -> Value:
    body_node = _body(inner, node)
    body = inner.settled(body_node)
    name = node.function.upper()
    if node.type.kind == "choice":
        rank = sql_conditions.ranked(inner, body, body_node)
        found = _select(f"{name}({{}})", rank.piece, source)
        return unranked(inner, found, body_node)
    if node.type.kind in TEXTS:
        collate = ' COLLATE "C"' if inner.postgres else ""
        return as_value(_select(f"{name}({{}}{collate})", body.piece, source), "text", node.type)
    if body.form == "exact" and not inner.postgres:
        return as_value(
            _select(f"rf_{node.function}({{}})", body.piece, source), "exact", node.type
        )
    piece = _select(f"{name}({{}})", body.piece, source)
    return as_value(piece, body.form, node.type, scale=body.scale, bound=body.bound)


def unranked(sql: Generator, rank: Piece, node: n.Node) -> Value:
    """The choice's value at a place among its options."""
    ranks = ranks_of(node)
    values = [sql.numbers.text_parameter(str(value)) for value in ranks]
    whens = " ".join([f"WHEN {place} THEN {{}}" for place in ranks.values()])
    return as_value(build(f"CASE {{}} {whens} END", rank, *values), "text", node.type)
