"""Typed nodes to SQL for SQLite and PostgreSQL.

What reads no column of the queried rows (today(), me, the row being edited) is computed first and
sent as a parameter, so that nothing depends on the database's clock or settings. A condition is
made either to be *taken* (in a WHERE: null counts as false, so `column = ?` will do and an index
serves it) or *exact* (true, false and null all matter: under `not`, in a value).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from forms.expr import calendar, sql_conditions, sql_currency, sql_functions, sql_loops, sql_times
from forms.expr import nodes as n
from forms.expr.closures import compile_node
from forms.expr.env import Env
from forms.expr.number_rules import exact_product, quotient_step
from forms.expr.sql_numbers import Numbers
from forms.expr.sql_parts import (
    COLUMN_BOUND,
    ColumnRef,
    ColumnResolver,
    Dialect,
    LinesRef,
    Part,
    Piece,
    Sql,
    Value,
    as_value,
    build,
    joined,
    refused,
)
from forms.expr.types import BOOLEAN, NUMBERS, TEXT, TEXTS, Type
from forms.values import MONEY_SCALE, NUMBER_SCALE, Money

INTEGERS = frozenset({"integer", "date", "datetime", "duration", "link", "user", "department"})
NUMERIC = INTEGERS | {"decimal", "money"}
STORED_SCALE = {"money": MONEY_SCALE, "decimal": NUMBER_SCALE}
TRUE, FALSE = Piece("TRUE"), Piece("FALSE")


def to_sql(node: n.Node, dialect: Dialect, resolve: ColumnResolver, env: Env, stored: bool) -> Sql:
    """The SQL of a tree. See `Expr.to_sql`."""
    generator = Generator(dialect, resolve, env)
    if node.type.kind in ("boolean", "null"):
        condition = generator.condition(node, exact=stored)
        if stored and dialect == "postgres":
            condition = build("CAST({} AS INTEGER)", condition)
        return Sql(condition.text, condition.params, BOOLEAN)
    value = generator.value(node)
    if value.form in ("text", "list"):
        return Sql(value.text, value.params, node.type)
    scale = STORED_SCALE.get(node.type.kind, 0)
    value = generator.numbers.stored(value, scale)
    return Sql(value.text, value.params, node.type, scale)


class Generator:
    """Makes values and conditions for one dialect, over one row and its lines."""

    def __init__(
        self,
        dialect: Dialect,
        resolve: ColumnResolver,
        env: Env,
        lines: ColumnResolver | None = None,
    ) -> None:
        self.dialect = dialect
        self.postgres = dialect == "postgres"
        self.numbers = Numbers(dialect)
        self.resolve = resolve
        self.env = env
        self.lines = lines

    # -- what is known before the query -----------------------------------------------------

    def known(self, node: n.Node) -> bool:
        """Whether a node reads no column of the queried rows."""
        if isinstance(node, n.Read):
            if node.frame == "parent":
                return self.env.parent is not None
            return node.frame == "this" and self.env.this_row is not None
        if isinstance(node, n.Loop):
            parts = [part for part in (node.body, node.where) if part is not None]
            return self.known(node.rows) and all(self._known_per_line(part) for part in parts)
        return all(self.known(child) for child in n.children(node))

    def _known_per_line(self, node: n.Node) -> bool:
        if isinstance(node, n.Read) and node.frame == "line":
            return True
        below = n.children(node)
        return all(self._known_per_line(child) for child in below) if below else self.known(node)

    def computed(self, node: n.Node) -> object:
        """The value of a known node. Raises EvalError as evaluating it would."""
        return compile_node(node)({}, self.env)

    # -- values -----------------------------------------------------------------------------

    def value(self, node: n.Node) -> Value:
        """The SQL value of a node of any type but boolean."""
        if self.known(node):
            return self.constant(self.computed(node), node)
        match node:
            case n.Read() | n.LinkRead():
                resolver, path = self.path(node)
                return self.column(resolver.column(path), node.type)
            case n.Attribute():
                return self.attribute(node)
            case n.AggregateRead():
                return self.aggregate(node)
            case n.Negate():
                return self.numbers.negate(self.value(node.operand))
            case n.Arithmetic():
                return self.arithmetic(node)
            case n.If():
                return self.choose(node)
            case n.Apply():
                return sql_functions.apply(self, node)
            case n.Loop():
                return sql_loops.loop(self, node)
            case n.Widen():
                return replace(self.value(node.operand), type=node.type)
        if node.type.kind == "boolean":
            piece = self.condition(node, exact=True)
            return as_value(piece, "condition", BOOLEAN)
        raise refused("this cannot be computed by the database", node.offset)

    def constant(self, value: object, node: n.Node) -> Value:
        """A known value as a parameter."""
        kind = node.type
        if value is None:
            return self.null(kind)
        if isinstance(value, bool):
            return as_value(TRUE if value else FALSE, "condition", BOOLEAN)
        if isinstance(value, str):
            return as_value(self.numbers.text_parameter(value), "text", kind)
        if isinstance(value, Money):
            return self.numbers.number(value.amount, kind, self.currency(value.currency))
        if isinstance(value, int | Decimal):
            return self.numbers.number(value, kind)
        moment = stored_moment(value)
        if moment is None:
            raise refused("a list cannot be computed by the database", node.offset)
        return self.numbers.number(moment, kind)

    def currency(self, code: str) -> Value | None:
        """A known currency; None for that of a literal, which takes any."""
        return as_value(self.numbers.text_parameter(code), "text", TEXT) if code else None

    def null(self, kind: Type) -> Value:
        """A typed null."""
        if kind.kind in TEXTS:
            return Value(self.cast_null("TEXT"), (), "text", kind)
        if kind.kind in NUMERIC:
            return Value(self.cast_null("BIGINT"), (), "scaled", kind, bound=0)
        if kind.kind == "boolean":
            return Value(self.cast_null("BOOLEAN"), (), "condition", kind)
        return Value(self.cast_null("TEXT"), (), "list", kind)

    def cast_null(self, name: str) -> str:
        return f"CAST(NULL AS {name})" if self.postgres else "NULL"

    def path(self, node: n.Node) -> tuple[ColumnResolver, tuple[str, ...]]:
        """Which resolver knows a field, and under which path."""
        if isinstance(node, n.LinkRead):
            resolver, path = self.path(node.base)
            return resolver, (*path, node.name)
        if not isinstance(node, n.Read):
            raise refused("only fields can be followed to other records", node.offset)
        if node.frame == "line" and self.lines is not None:
            return self.lines, (node.name,)
        if node.frame in ("parent", "this"):
            return self.resolve, (node.frame, node.name)
        return self.resolve, (node.name,)

    def column(self, ref: ColumnRef, kind: Type) -> Value:
        """A resolved column as a value."""
        if kind.kind in NUMERIC:
            currency = None
            if ref.currency is not None and kind.kind == "money":
                currency = Value(ref.currency.text, ref.currency.params, "text", TEXT)
            return Value(
                ref.sql, ref.params, "scaled", kind, ref.scale, COLUMN_BOUND, currency, column=True
            )
        if kind.kind == "boolean":
            return Value(ref.sql, ref.params, "flag", kind, column=True)
        form = "text" if kind.kind in TEXTS else "list"
        return Value(ref.sql, ref.params, form, kind, column=True)

    def attribute(self, node: n.Attribute) -> Value:
        base = self.settled(node.base)
        found = [(key, value) for key, value in node.table.items() if value is not None]
        if not found:
            return self.null(node.type)
        values = [self.constant(value, node) for _, value in found]
        keys = [self.numbers.text_parameter(key) for key, _ in found]
        values, finish = self.alike(values, node.type)
        pairs: list[Part] = [part for pair in zip(keys, values, strict=True) for part in pair]
        whens = " ".join(["WHEN {} THEN {}"] * len(found))
        return finish(build(f"CASE {{}} {whens} END", base, *pairs))

    def aggregate(self, node: n.AggregateRead) -> Value:
        key = self.settled(node.key)
        ref = self.resolve.aggregate(node.aggregate, Sql(key.text, key.params), node.measure)
        value = self.column(ref, node.type)
        piece = build("CASE WHEN {} IS NOT NULL THEN COALESCE({}, 0) END", key, value)
        currency = sql_currency.where_present([value])
        return as_value(piece, "scaled", node.type, scale=ref.scale, currency=currency)

    def settled(self, node: n.Node) -> Value:
        """The value of a node with its text written out."""
        return self.numbers.settled(self.value(node))

    def alike(
        self, values: Sequence[Value], kind: Type
    ) -> tuple[list[Value], Callable[[Piece], Value]]:
        """Values in one form, and what turns a choice between them into a value."""
        if kind.kind in NUMERIC:
            same = self.numbers.common(list(values))
            first = same[0]
            bound = max(value.bound for value in same)
            currency = sql_currency.merged(values)
            return same, lambda piece: Value(
                piece.text, piece.params, first.form, kind, first.scale, bound, currency
            )
        if kind.kind == "boolean":
            conditions = [as_value(self.held(v), "condition", BOOLEAN) for v in values]
            return conditions, lambda piece: as_value(piece, "condition", BOOLEAN)
        form = values[0].form
        return list(values), lambda piece: as_value(piece, form, kind)

    def choose(self, node: n.If) -> Value:
        condition = self.condition(node.condition, exact=True)
        branches = [self.value(node.then), self.value(node.otherwise)]
        values, finish = self.alike(branches, node.type)
        result = finish(self.case(condition, *values))
        if node.type.kind == "money":
            currency = sql_currency.chosen(self, condition, branches[0], branches[1])
            return replace(result, currency=currency)
        return result

    def case(self, condition: Piece, then: Part, otherwise: Part) -> Piece:
        """then, otherwise, or null as the condition is true, false or null."""
        return build("CASE {} WHEN TRUE THEN {} WHEN FALSE THEN {} END", condition, then, otherwise)

    def arithmetic(self, node: n.Arithmetic) -> Value:
        kinds = {node.left.type.kind, node.right.type.kind}
        left, right = self.value(node.left), self.value(node.right)
        if kinds <= NUMBERS:
            return self.numeric(node, left, right)
        if "money" in kinds:
            result = self.numeric(node, left, right)
            check = sql_currency.shared(left, right)
            if check is not None:
                piece = build("CASE WHEN {} THEN {} END", check, self.numbers.settled(result))
                result = replace(result, text=piece.text, params=piece.params, column=False)
            money = node.type.kind == "money"
            currency = sql_currency.merged([left, right]) if money else None
            return replace(result, currency=currency)
        return sql_times.times(self, node, left, right)

    def numeric(self, node: n.Arithmetic, left: Value, right: Value) -> Value:
        match node.op:
            case "+" | "-":
                return self.numbers.add(left, right, node.type, node.op)
            case "*":
                return self.numbers.multiply(left, right, node.type, not exact_product(node))
            case "/":
                step = quotient_step(node)
                if step is not None and left.form == "exact" and left.constant is None:
                    by = self.numbers.number(step, right.type)
                    return self.numbers.multiply(left, by, node.type, rounded=False)
                return self.numbers.divide(left, right, node.type)
        return self.numbers.modulo(left, right, node.type)

    # -- conditions -------------------------------------------------------------------------

    def condition(self, node: n.Node, exact: bool) -> Piece:
        """The SQL condition of a boolean node."""
        if self.known(node):
            found = self.computed(node)
            if found is None:
                return Piece(self.cast_null("BOOLEAN"))
            return TRUE if found else FALSE
        match node:
            case n.Logic():
                parts = [self.condition(operand, exact) for operand in node.operands]
                return build("({})", joined(f" {node.op.upper()} ", parts))
            case n.Not():
                return build("(NOT {})", self.condition(node.operand, exact=True))
            case n.Compare():
                return sql_conditions.compare(self, node, exact)
            case n.ChainedCompare():
                pairs = zip(node.operands, node.operands[1:], node.ops, strict=False)
                parts = [
                    sql_conditions.compare(self, n.Compare(BOOLEAN, op, a, b, node.offset), exact)
                    for a, b, op in pairs
                ]
                return build("({})", joined(" AND ", parts))
            case n.Membership():
                return sql_conditions.membership(self, node, exact)
        return self.held(self.value(node))

    # -- lines ------------------------------------------------------------------------------

    def rows(self, node: n.Node) -> LinesRef:
        """The rows of a lines field."""
        return sql_loops.rows_of(self, node)

    def within(self, ref: LinesRef) -> Generator:
        """A generator for what is computed per row of lines."""
        return Generator(self.dialect, self.resolve, self.env, ref.resolve)

    def held(self, value: Value) -> Piece:
        """A boolean value as a condition."""
        return build("({} = 1)", value) if value.form == "flag" else value.piece


def stored_moment(value: object) -> int | None:
    """A date, moment or duration as its stored integer; None for anything else."""
    if isinstance(value, datetime):
        return (value - calendar.INSTANT_EPOCH) // timedelta(microseconds=1)
    if isinstance(value, date):
        return (value - calendar.EPOCH).days
    if isinstance(value, timedelta):
        return calendar.seconds(value)
    return None
