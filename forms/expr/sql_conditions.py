"""Comparison and membership in SQL: null-safe, and in a form an index serves where one can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forms.expr import nodes as n
from forms.expr import sql_currency
from forms.expr.closures import ranks_of
from forms.expr.sql_parts import Piece, Value, build, joined
from forms.expr.types import BOOLEAN, TEXTS

if TYPE_CHECKING:
    from forms.expr.sql import Generator

TRUE, FALSE = Piece("TRUE"), Piece("FALSE")


def compare(sql: Generator, node: n.Compare, exact: bool) -> Piece:
    """The condition of one comparison."""
    kinds = {node.left.type.kind, node.right.type.kind}
    if node.op in ("==", "!="):
        if kinds <= {"boolean", "null"}:
            return _boolean_equality(sql, node, exact)
        if _is_null(node.left) or _is_null(node.right):
            return _null_test(sql, node)
        left, right = sql.value(node.left), sql.value(node.right)
        positive = node.op == "=="
        if kinds == {"money"}:
            return _money_equality(sql, left, right, positive, exact)
        return equality(sql, left, right, positive, exact)
    if kinds == {"choice"}:
        left, right = _ranked(sql, node.left), _ranked(sql, node.right)
        return build(f"({{}} {node.op} {{}})", left, right)
    left, right = sql.value(node.left), sql.value(node.right)
    if kinds <= TEXTS:
        return order_texts(sql, node.op, left, right)
    found = sql.numbers.order(node.op, left, right)
    check = sql_currency.shared(left, right)
    if check is None:
        return found
    return build("(CASE WHEN {} THEN {} END)" if exact else "({} AND {})", check, found)


def equality(sql: Generator, left: Value, right: Value, positive: bool, exact: bool) -> Piece:
    """Null-safe == or != between values of one family."""
    if left.constant is not None:
        left, right = right, left
    if right.constant is not None and left.form == "scaled":
        known = sql.numbers.equality_constant(left, right.constant)
        if known is None:
            return FALSE if positive else TRUE
        return _same(sql, left, sql.numbers.integer_parameter(known), positive, exact, True)
    if left.form == "text":
        return _same(sql, left, right.piece, positive, exact, right.params == _one_text(right))
    left, right = sql.numbers.common([left, right])
    if left.form == "exact" and not sql.postgres:
        return build("(rf_same({}, {}) = " + ("1)" if positive else "0)"), left, right)
    return _same(sql, left, right.piece, positive, exact, False)


def _one_text(value: Value) -> tuple[object, ...] | None:
    """The parameters of a value that is one known text (never null), else None."""
    known = len(value.params) == 1 and value.text in ("?", "CAST(? AS TEXT)")
    return value.params if known else None


def _same(
    sql: Generator, left: Value, right: Piece, positive: bool, exact: bool, known: bool
) -> Piece:
    """`known`: the right side is a value that is not null."""
    if known and positive and not exact:
        return build("({} = {})", left, right)
    if sql.postgres:
        operator = "IS NOT DISTINCT FROM" if positive else "IS DISTINCT FROM"
    else:
        operator = "IS" if positive else "IS NOT"
    return build(f"({{}} {operator} {{}})", left, right)


def _boolean_equality(sql: Generator, node: n.Compare, exact: bool) -> Piece:
    positive = node.op == "=="
    left, right = node.left, node.right
    if sql.known(left):
        left, right = right, left
    if sql.known(right):
        wanted = sql.computed(right)
        value = sql.value(left)
        if value.form == "flag" and wanted is not None:
            number = sql.numbers.integer_parameter(int(bool(wanted)))
            return _same(sql, value, number, positive, exact, True)
    a = Value(*_text(sql.condition(left, exact=True)), "condition", BOOLEAN)
    b = sql.condition(right, exact=True)
    return _same(sql, a, b, positive, True, False)


def _text(piece: Piece) -> tuple[str, tuple[object, ...]]:
    return piece.text, piece.params


def _is_null(node: n.Node) -> bool:
    return isinstance(node, n.Const) and node.value is None


def _null_test(sql: Generator, node: n.Compare) -> Piece:
    other = node.right if _is_null(node.left) else node.left
    word = "IS NULL" if node.op == "==" else "IS NOT NULL"
    if other.type.kind == "lines":
        rows = sql_rows_exist(sql, other)
        return build("(NOT {})" if node.op == "==" else "{}", rows)
    return null_check(sql, other, word)


def null_check(sql: Generator, node: n.Node, word: str) -> Piece:
    """`node IS NULL` or `node IS NOT NULL`."""
    if sql.known(node):
        return TRUE if (sql.computed(node) is None) is (word == "IS NULL") else FALSE
    if node.type.kind == "boolean":
        value = sql.value(node)
        piece = value.piece if value.form == "flag" else sql.held(value)
        return build(f"({{}} {word})", piece)
    return build(f"({{}} {word})", sql.settled(node))


def sql_rows_exist(sql: Generator, node: n.Node) -> Piece:
    """Whether lines have a row."""
    ref = sql.rows(node)
    source = Piece(f"{ref.table} WHERE {ref.where}", ref.params)
    return build("(EXISTS (SELECT 1 FROM {}))", source)


def _money_equality(
    sql: Generator, left: Value, right: Value, positive: bool, exact: bool
) -> Piece:
    check = sql_currency.shared(left, right)
    if check is None or left.currency is None or right.currency is None:
        return equality(sql, left, right, positive, exact)
    equal = equality(sql, left, right, True, exact)
    if positive and not exact and (left.constant is not None or right.constant is not None):
        return build("({} AND {})", equal, check)
    shown = left if left.constant is None else right
    both = build("({} AND ({} IS NULL OR {}))", equal, sql.numbers.settled(shown), check)
    if positive:
        return both
    exactly = equality(sql, left, right, True, True)
    return build("(NOT ({} AND ({} IS NULL OR {})))", exactly, sql.numbers.settled(shown), check)


def order_texts(sql: Generator, op: str, left: Value, right: Value) -> Piece:
    """Texts by code point, whatever the database's own order is."""
    collate = ' COLLATE "C"' if sql.postgres and not (left.column or right.column) else ""
    return build(f"({{}}{collate} {op} {{}})", left, right)


def _ranked(sql: Generator, node: n.Node) -> Value:
    return ranked(sql, sql.value(node), node)


def ranked(sql: Generator, value: Value, node: n.Node) -> Value:
    """The place of a choice's value among its options, as an integer."""
    ranks = ranks_of(node)
    keys = [sql.numbers.text_parameter(str(key)) for key in ranks]
    whens = " ".join([f"WHEN {{}} THEN {rank}" for rank in ranks.values()])
    piece = build(f"CASE {{}} {whens} END", value, *keys)
    return Value(piece.text, piece.params, "scaled", node.type, bound=len(ranks))


# -- membership -----------------------------------------------------------------------------


def membership(sql: Generator, node: n.Membership, exact: bool) -> Piece:
    """`item in container`, always true or false."""
    container = node.container
    if isinstance(container, n.Items):
        return _in_items(sql, node, container, exact)
    if sql.known(container):
        found = sql.computed(container)
        values = list(found) if isinstance(found, list | tuple) else []
        if not values or sql.known(node.item):
            return TRUE if node.negated else FALSE
        kind = container.type.item or node.item.type
        items = n.Items(
            container.type,
            tuple(n.Const(kind, value, node.offset) for value in values),
            node.offset,
        )
        inside = _in_items(sql, node, items, exact=True)
        held = null_check(sql, node.item, "IS NOT NULL")
        template = "(NOT {} OR {})" if node.negated else "({} AND {})"
        return build(template, held, inside)
    return _in_column(sql, node)


def _in_column(sql: Generator, node: n.Membership) -> Piece:
    """In a field of many values: a JSON array."""
    many, item = sql.value(node.container), sql.settled(node.item)
    if sql.postgres:
        piece = build("COALESCE(CAST({} AS JSONB) @> TO_JSONB({}), FALSE)", many, item)
    else:
        piece = build(
            "(EXISTS (SELECT 1 FROM json_each({}) AS rf_item WHERE rf_item.value = {}))", many, item
        )
    return build("(NOT {})", piece) if node.negated else piece


def _in_items(sql: Generator, node: n.Membership, container: n.Items, exact: bool) -> Piece:
    members = container.items
    if not members:
        return TRUE if node.negated else FALSE
    if node.item.type.kind not in ("money", "boolean") and all(sql.known(m) for m in members):
        listed = _listed(sql, node, members, exact)
        if listed is not None:
            return listed
    taken = exact or node.negated
    tests = [
        compare(sql, n.Compare(BOOLEAN, "==", node.item, member, node.offset), taken)
        for member in members
    ]
    found = build("({})", joined(" OR ", tests))
    return build("(NOT {})", found) if node.negated else found


def _listed(
    sql: Generator, node: n.Membership, members: tuple[n.Node, ...], exact: bool
) -> Piece | None:
    """`item IN (?, …)` where every member is known; None where the item must be exact."""
    item = sql.settled(node.item)
    values = [sql.computed(member) for member in members]
    has_null = None in values
    pieces: list[Piece] = []
    for member, value in zip(members, values, strict=True):
        if value is None:
            continue
        constant = sql.constant(value, member)
        if constant.constant is None:
            pieces.append(constant.piece)
        elif item.form != "scaled":
            return None
        else:
            known = sql.numbers.equality_constant(item, constant.constant)
            if known is not None:
                pieces.append(sql.numbers.integer_parameter(known))
    if not pieces:
        word = "IS NOT NULL" if node.negated else "IS NULL"
        if has_null:
            return build(f"({{}} {word})", item)
        return TRUE if node.negated else FALSE
    inside = build("({} IN ({}))", item, joined(", ", pieces))
    if node.negated:
        return build("COALESCE(NOT {}, {})", inside, FALSE if has_null else TRUE)
    if has_null:
        return build("COALESCE({}, TRUE)", inside)
    return build("COALESCE({}, FALSE)", inside) if exact else inside
