"""The compiled expression and the one way to make it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from forms.expr import nodes as n
from forms.expr import operators
from forms.expr.checker import Checker
from forms.expr.closures import compile_node, is_constant
from forms.expr.env import Env, Row, Run
from forms.expr.errors import ExprError
from forms.expr.facts import facts_of, inexact
from forms.expr.parser import parse
from forms.expr.sql import to_sql
from forms.expr.sql_parts import ColumnResolver, Dialect, Sql
from forms.expr.types import NUMBERS, Scope, Type, fits
from forms.values import Money


@dataclass(frozen=True, slots=True)
class Expr:
    """A compiled expression.

    `evaluate(row, env)` answers a value of `type` or None, or raises EvalError; values in the row
    must be of the scope's types (decimals with at most 6, amounts with at most 4 decimals).
    `names`: own names read, "lines.refund" for reads inside lines. `link_reads`: (link, field of
    its target), the link as a dotted path: ("order", "currency"), ("lines.order_line", "total"),
    ("parent.order", "stage"). `parent_names`: of `parent.x`; `row_names`: of `this.x` where bare
    names mean another row. `aggregate_reads`: (aggregate, path of its key). `constant`: the value
    depends on nothing. `inexact_money`: an amount that a product, a quotient or a mean may have
    given more decimals than its currency has, and nothing has rounded.
    """

    source: str
    type: Type
    names: frozenset[str]
    parent_names: frozenset[str]
    row_names: frozenset[str]
    link_reads: frozenset[tuple[str, str]]
    aggregates: frozenset[str]
    aggregate_reads: frozenset[tuple[str, str]]
    reads_clock: bool
    reads_me: bool
    constant: bool
    inexact_money: bool
    evaluate: Callable[[Row, Env], Any] = field(repr=False, compare=False)
    node: n.Node = field(repr=False, compare=False)

    def to_sql(
        self, dialect: Dialect, resolve: ColumnResolver, env: Env, *, stored: bool = False
    ) -> Sql:
        """The expression as SQL over the columns that `resolve` knows.

        What reads no column is computed from `env` first (EvalError as in `evaluate`) and becomes
        a parameter; with `env.parent` or `env.this_row` given, so does what reads those. A boolean
        is a condition for WHERE, in which null counts as false; with `stored` it is 0, 1 or null.
        Other types come as the database stores them: amounts and decimals as integers at their
        scale, rounded half away from zero. A row for which `evaluate` raises gives null, or a
        condition that is not true. Raises NotInSql where the database cannot compute it.
        """
        return to_sql(self.node, dialect, resolve, env, stored)


def compile_expr(source: str, scope: Scope, expect: Type | Sequence[Type] | None = None) -> Expr:
    """Parse, check and compile an expression.

    `expect`: the type its value must have, or several of which one will do; an integer becomes
    a decimal, a literal becomes an amount, an option or a date where that is expected. Raises
    ExprError with all problems found.
    """
    syntax, problems = parse(source)
    if syntax is None:
        raise ExprError(problems)
    checker = Checker(scope)
    node = checker.check(syntax)
    if node is not None and expect is not None:
        wanted = [expect] if isinstance(expect, Type) else list(expect)
        node = _as_expected(checker, node, wanted)
    if node is None or checker.problems:
        raise ExprError(sorted(checker.problems, key=lambda problem: problem.offset or 0))
    return _compiled(source, node)


def _compiled(source: str, node: n.Node) -> Expr:
    facts = facts_of(node)
    return Expr(
        source=source,
        type=node.type,
        names=frozenset(facts.names),
        parent_names=frozenset(facts.parent_names),
        row_names=frozenset(facts.row_names),
        link_reads=frozenset(facts.link_reads),
        aggregates=frozenset(facts.aggregates),
        aggregate_reads=frozenset(facts.aggregate_reads),
        reads_clock=facts.reads_clock,
        reads_me=facts.reads_me,
        constant=is_constant(node),
        inexact_money=node.type.kind == "money" and inexact(node),
        evaluate=_root(node),
        node=node,
    )


def _root(node: n.Node) -> Run:
    run = compile_node(node)
    if _loops(node):
        run = _counted(run)
    return _with_currency(run) if node.type.kind == "money" and not _carries(node) else run


def _counted(run: Run) -> Run:
    def counted(row: Row, env: Env) -> Any:
        env.steps = 0
        return run(row, env)

    return counted


def _with_currency(run: Run) -> Run:
    """Amounts made of literals alone, and sums of no rows, take the form's currency."""

    def filled(row: Row, env: Env) -> Money | None:
        value: Money | None = run(row, env)
        if value is None or value[1]:
            return value
        return Money(value[0], env.currency or "")

    return filled


def _carries(node: n.Node) -> bool:
    """Whether an amount always has a currency of its own."""
    match node:
        case n.Read() | n.LinkRead():
            return True
        case n.Negate():
            return _carries(node.operand)
        case n.Arithmetic():
            return any(_carries(x) for x in (node.left, node.right) if x.type.kind == "money")
        case n.If():
            return _carries(node.then) and _carries(node.otherwise)
        case n.Apply(function="round" | "floor" | "ceil" | "abs" | "portion"):
            return _carries(node.args[0])
    return False


def _loops(node: n.Node) -> bool:
    return isinstance(node, n.Loop) or any(_loops(child) for child in n.children(node))


def _as_expected(checker: Checker, node: n.Node, wanted: Sequence[Type]) -> n.Node | None:
    for kind in wanted:
        if fits(node.type, kind) and not (kind.kind == "text" and len(wanted) > 1):
            return operators.widened(node, kind)
    if operators.is_literal(node):
        for kind in wanted:
            if _may_become(node.type, kind):
                return operators.adapted(checker, node, kind)
    if any(fits(node.type, kind) for kind in wanted):
        return node
    checker.note(
        "expr_expected", 0, f"this gives {node.type}", " or ".join(str(kind) for kind in wanted)
    )
    return None


def _may_become(literal: Type, wanted: Type) -> bool:
    if literal.kind in NUMBERS:
        return wanted.kind == "money"
    return literal.kind == "text" and wanted.kind in ("choice", "date", "datetime")
