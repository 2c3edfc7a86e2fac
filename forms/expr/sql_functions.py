"""The functions of the table in SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from forms.expr import letters, limits, sql_conditions, sql_currency, sql_times
from forms.expr import nodes as n
from forms.expr.functions import is_empty
from forms.expr.sql_loops import unranked
from forms.expr.sql_parts import Part, Piece, Value, as_value, build, joined, refused
from forms.expr.types import BOOLEAN, DECIMAL, INTEGER, TEXT, TEXTS
from forms.values import MINOR_UNITS, minor_units

if TYPE_CHECKING:
    from forms.expr.sql import Generator

_EPOCH = "DATE '1970-01-01'"


def apply(sql: Generator, node: n.Apply) -> Value:
    """The value of a call."""
    return _RULES[node.function](sql, node)


# -- empty, coalesce, least and greatest ----------------------------------------------------


def _is_empty(sql: Generator, node: n.Apply) -> Value:
    arg = node.args[0]
    if sql.known(arg):
        found = Piece("TRUE" if is_empty(sql.computed(arg)) else "FALSE")
    elif arg.type.kind == "lines":
        found = build("(NOT {})", sql_conditions.sql_rows_exist(sql, arg))
    elif arg.type.kind in ("list", "file"):
        found = build("(COALESCE({}, '[]') = '[]')", sql.value(arg))
    else:
        found = sql_conditions.null_check(sql, arg, "IS NULL")
    return as_value(found, "condition", BOOLEAN)


def _coalesce(sql: Generator, node: n.Apply) -> Value:
    found = [sql.value(arg) for arg in node.args]
    values, finish = sql.alike(found, node.type)
    result = finish(build("COALESCE({})", joined(", ", [value.piece for value in values])))
    if node.type.kind == "money":
        return replace(result, currency=sql_currency.where_present(values))
    return result


def _extreme(sql: Generator, node: n.Apply) -> Value:
    """min and max of several values: null where one of them is."""
    greatest = node.function == "max"
    names = [f"v.x{index}" for index in range(len(node.args))]
    if node.type.kind == "choice":
        ranks = [
            sql_conditions.ranked(sql, sql.settled(arg), replace_type(arg, node))
            for arg in node.args
        ]
        piece = _pick(sql, names, [rank.piece for rank in ranks], greatest, "")
        return unranked(sql, piece, replace_type(node.args[0], node))
    values, finish = sql.alike([sql.value(arg) for arg in node.args], node.type)
    pieces = [value.piece for value in values]
    if values[0].form == "exact" and not sql.postgres:
        name = "rf_greatest" if greatest else "rf_least"
        return finish(build(f"{name}({{}})", joined(", ", pieces)))
    collate = ' COLLATE "C"' if node.type.kind in TEXTS else ""
    return finish(_pick(sql, names, pieces, greatest, collate))


def replace_type(arg: n.Node, node: n.Apply) -> n.Node:
    """An argument under the type all of them share (its options in order)."""
    return replace(arg, type=node.type)


def _pick(
    sql: Generator, names: list[str], values: list[Piece], greatest: bool, collate: str
) -> Piece:
    if not sql.postgres:
        return build(f"{'MAX' if greatest else 'MIN'}({{}})", joined(", ", values))
    word = "GREATEST" if greatest else "LEAST"
    nulls = " OR ".join(f"{name} IS NULL" for name in names)
    listed = ", ".join(f"{name}{collate}" for name in names)
    columns = ", ".join(f"{{}} AS {name.partition('.')[2]}" for name in names)
    return build(
        f"(SELECT CASE WHEN {nulls} THEN NULL ELSE {word}({listed}) END "
        f"FROM (SELECT {columns}) AS v)",
        *values,
    )


# -- numbers and money ----------------------------------------------------------------------


def _abs(sql: Generator, node: n.Apply) -> Value:
    value = sql.settled(node.args[0])
    if value.form == "scaled":
        piece = build("ABS({})", value)
        return replace(value, text=piece.text, params=piece.params, column=False)
    found = sql.numbers.call("rf_abs", "ABS({})", node.type, value)
    return replace(found, currency=value.currency)


def _sign(sql: Generator, node: n.Apply) -> Value:
    value = sql.settled(node.args[0])
    if not sql.postgres:
        sign = build("SIGN({})" if value.form == "scaled" else "rf_sign({})", value)
    else:
        sign = build("SIGN(CAST({} AS NUMERIC))", value)
    words = [sql.numbers.text_parameter(word) for word in ("negative", "zero", "positive")]
    piece = build("CASE {} WHEN -1 THEN {} WHEN 0 THEN {} WHEN 1 THEN {} END", sign, *words)
    return as_value(piece, "text", node.type)


def _round(sql: Generator, node: n.Apply) -> Value:
    value = sql.settled(node.args[0])
    if node.type.kind == "money" and len(node.args) == 1:
        return _round_money(sql, value)
    places = 0
    if len(node.args) == 2:
        found = sql.computed(node.args[1])
        places = found if isinstance(found, int) else 0
    if value.form == "scaled" and value.scale <= places:
        return replace(value, type=node.type)
    name = "ROUND" if sql.postgres else "rf_round"
    piece = build(f"{name}({{}}, {places})", sql.numbers.exact(value))
    rounded = as_value(piece, "exact", node.type)
    return replace(rounded, currency=value.currency)


def _code(sql: Generator, value: Value) -> Value | None:
    """The currency code of an amount, the form's where it has none; None where neither is known."""
    form = sql.currency(sql.env.currency or "")
    if value.currency is None or value.currency.form == "text" or form is None:
        return value.currency or form
    return as_value(build("COALESCE({}, {})", value.currency, form), "text", TEXT)


def _round_money(sql: Generator, value: Value) -> Value:
    code = _code(sql, value)
    exact = sql.numbers.exact(value)
    if code is None:
        piece = build("ROUND({}, 2)" if sql.postgres else "rf_round({}, 2)", exact)
    elif sql.postgres:
        piece = build("ROUND({}, {})", exact, _places(sql, code))
    else:
        piece = build("rf_round_money({}, {})", exact, code)
    return as_value(piece, "exact", value.type, currency=value.currency)


def _places(sql: Generator, currency: Value) -> Piece:
    """How many decimals a currency's smallest coin has."""
    groups: dict[int, list[Piece]] = {}
    for code, places in sorted(MINOR_UNITS.items()):
        groups.setdefault(places, []).append(sql.numbers.text_parameter(code))
    whens: list[Piece] = []
    for places, codes in groups.items():
        whens.append(build(f"WHEN v.c IN ({{}}) THEN {places}", joined(", ", codes)))
    return build(
        "(SELECT CASE {} ELSE 2 END FROM (SELECT {} AS c) AS v)", joined(" ", whens), currency
    )


def _whole(name: str, template: str) -> Callable[[Generator, n.Apply], Value]:
    def rule(sql: Generator, node: n.Apply) -> Value:
        value = sql.settled(node.args[0])
        if value.form == "scaled" and value.scale == 0:
            return replace(value, type=node.type)
        found = sql.numbers.call(name, template, node.type, value)
        return replace(found, currency=value.currency)

    return rule


def _portion(sql: Generator, node: n.Apply) -> Value:
    values = [sql.value(arg) for arg in node.args]
    code = _code(sql, values[0])
    places: Part
    if not sql.postgres:
        places = code or sql.numbers.text_parameter("")
    elif code is None:
        places = Piece(str(minor_units("")))
    else:
        places = _places(sql, code)
    found = sql.numbers.portion(values, places, node.type)
    return replace(found, currency=values[0].currency)


def _money(sql: Generator, node: n.Apply) -> Value:
    value = sql.settled(node.args[0])
    code = sql.computed(node.args[1]) if len(node.args) == 2 else ""
    return replace(value, type=node.type, currency=sql.currency(str(code)), column=False)


def _amount(sql: Generator, node: n.Apply) -> Value:
    return replace(sql.settled(node.args[0]), type=DECIMAL, currency=None)


def _currency(sql: Generator, node: n.Apply) -> Value:
    value = sql.settled(node.args[0])
    code = _code(sql, value)
    if code is None:
        raise refused("the currency of this amount is not known here", node.offset)
    return as_value(build("CASE WHEN {} IS NOT NULL THEN {} END", value, code), "text", TEXT)


# -- texts ----------------------------------------------------------------------------------


def _len(sql: Generator, node: n.Apply) -> Value:
    arg = node.args[0]
    if arg.type.kind == "lines":
        ref = sql.rows(arg)
        source = Piece(f"{ref.table} WHERE {ref.where}", ref.params)
        piece = build("(SELECT COUNT(*) FROM {})", source)
    elif arg.type.kind in ("list", "file"):
        length = "json_array_length({})"
        if sql.postgres:
            length = "JSONB_ARRAY_LENGTH(CAST({} AS JSONB))"
        piece = build(f"COALESCE({length}, 0)", sql.value(arg))
    else:
        piece = build("COALESCE(LENGTH({}), 0)", sql.value(arg))
    return as_value(piece, "scaled", INTEGER)


def _cased(name: str, source: str, target: str) -> Callable[[Generator, n.Apply], Value]:
    def rule(sql: Generator, node: n.Apply) -> Value:
        value = sql.value(node.args[0])
        if not sql.postgres:
            return as_value(build(f"{name}({{}})", value), "text", TEXT)
        texts = [sql.numbers.text_parameter(letters_) for letters_ in (source, target)]
        return as_value(build("TRANSLATE({}, {}, {})", value, *texts), "text", TEXT)

    return rule


def _trim(sql: Generator, node: n.Apply) -> Value:
    name = "BTRIM" if sql.postgres else "TRIM"
    spaces = sql.numbers.text_parameter(letters.SPACES)
    piece = build(f"NULLIF({name}({{}}, {{}}), '')", sql.value(node.args[0]), spaces)
    return as_value(piece, "text", TEXT)


def _concat(sql: Generator, node: n.Apply) -> Value:
    parts = [build("COALESCE({}, '')", _written(sql, arg)) for arg in node.args]
    return as_value(build("NULLIF({}, '')", joined(" || ", parts)), "text", TEXT)


def _text(sql: Generator, node: n.Apply) -> Value:
    return as_value(_written(sql, node.args[0]), "text", TEXT)


def _written(sql: Generator, node: n.Node) -> Piece:
    """A value as a text of the database."""
    kind = node.type.kind
    if kind == "boolean":
        words = [sql.numbers.text_parameter(word) for word in ("true", "false")]
        return sql.case(sql.condition(node, exact=True), *words)
    value = sql.settled(node)
    if kind == "date":
        if sql.postgres:
            return build(f"TO_CHAR({_EPOCH} + CAST({{}} AS INTEGER), 'YYYY-MM-DD')", value)
        return build("DATE({} * 86400, 'unixepoch')", value)
    if kind not in ("integer", "decimal"):
        return value.piece
    if value.form == "scaled" and value.scale == 0:
        return build("CAST({} AS TEXT)", value)
    exact = sql.numbers.exact(value)
    return build("CAST(TRIM_SCALE({}) AS TEXT)", exact) if sql.postgres else exact.piece


def _number(sql: Generator, node: n.Apply) -> Value:
    value = sql.value(node.args[0])
    if not sql.postgres:
        return as_value(build("rf_number({})", value), "exact", DECIMAL)
    digits, decimals = limits.INTEGER_DIGITS, limits.DECIMALS
    pattern = sql.numbers.text_parameter(f"^[-+]?[0-9]{{1,{digits}}}([.][0-9]{{1,{decimals}}})?$")
    spaces = sql.numbers.text_parameter(letters.SPACES)
    piece = build(
        "(SELECT CASE WHEN v.x ~ {} THEN CAST(v.x AS NUMERIC) END "
        "FROM (SELECT BTRIM({}, {}) AS x) AS v)",
        pattern,
        value,
        spaces,
    )
    return as_value(piece, "exact", DECIMAL)


def _found(sqlite: str, postgres: str) -> Callable[[Generator, n.Apply], Value]:
    """A test of two texts, false where one is null."""

    def rule(sql: Generator, node: n.Apply) -> Value:
        text, part = (sql.value(arg) for arg in node.args)
        inside = build(postgres if sql.postgres else sqlite, text, part)
        return as_value(build("COALESCE({}, FALSE)", inside), "condition", BOOLEAN)

    return rule


def _ends_with(sql: Generator, node: n.Apply) -> Value:
    text, part = (sql.value(arg) for arg in node.args)
    if sql.postgres:
        inside = build("(RIGHT({}, LENGTH({})) = {})", text, part, part)
    else:
        inside = build("(SUBSTR({}, -LENGTH({})) = {})", text, part, part)
    return as_value(build("COALESCE({}, FALSE)", inside), "condition", BOOLEAN)


_RULES: dict[str, Callable[[Generator, n.Apply], Value]] = {
    "is_empty": _is_empty,
    "coalesce": _coalesce,
    "min": _extreme,
    "max": _extreme,
    "abs": _abs,
    "sign": _sign,
    "round": _round,
    "floor": _whole("rf_floor", "FLOOR({})"),
    "ceil": _whole("rf_ceil", "CEIL({})"),
    "portion": _portion,
    "money": _money,
    "amount": _amount,
    "currency": _currency,
    "len": _len,
    "lower": _cased("rf_lower", letters.UPPER, letters.LOWER),
    "upper": _cased("rf_upper", letters.LOWER, letters.UPPER),
    "trim": _trim,
    "concat": _concat,
    "contains": _found("(INSTR({}, {}) > 0)", "(STRPOS({}, {}) > 0)"),
    "starts_with": _found("(INSTR({}, {}) = 1)", "STARTS_WITH({}, {})"),
    "ends_with": _ends_with,
    "text": _text,
    "number": _number,
    **sql_times.RULES,
}
