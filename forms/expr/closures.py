"""Typed nodes to closures `run(row, env)`, with the common shapes specialised."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from forms.expr import loops, money_rules, number_rules, three_valued
from forms.expr import nodes as n
from forms.expr.env import Env, Row, Run
from forms.expr.errors import EvalError
from forms.values import Money

_EMPTY: Row = {}

_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_node(node: n.Node, line_is_row: bool = False) -> Run:
    """The closure of a node. `line_is_row`: the row handed in is the row of a loop's lines."""
    return _Compiler(line_is_row).run(node)


def is_constant(node: n.Node) -> bool:
    """Whether a node's value depends on nothing but itself."""
    match node:
        case n.Const():
            return not (isinstance(node.value, Money) and not node.value.currency)
        case n.Read() | n.Me() | n.AggregateRead() | n.LinkRead() | n.Loop():
            return False
        case n.Apply() if node.overload.env:
            return False
        case n.Apply(function="money") if len(node.args) == 1:
            return False
        case _:
            return all(is_constant(child) for child in n.children(node))


class _Compiler:
    def __init__(self, line_is_row: bool) -> None:
        self.line_is_row = line_is_row

    def run(self, node: n.Node) -> Run:
        """The closure of a node; a constant part is computed here, once."""
        made = self.make(node)
        if isinstance(node, n.Const) or not is_constant(node):
            return made
        try:
            value = made(_EMPTY, _NOWHERE)
        except EvalError:
            return made
        return lambda row, env: value

    def make(self, node: n.Node) -> Run:
        match node:
            case n.Const(value=value):
                return lambda row, env: value
            case n.Read():
                return self.read(node)
            case n.Me():
                return lambda row, env: env.me
            case n.LinkRead():
                return self.link_read(node)
            case n.Attribute():
                base, table = self.run(node.base), node.table
                return lambda row, env: table.get(base(row, env))
            case n.AggregateRead():
                return self.aggregate_read(node)
            case n.Negate():
                return _negate(node, self.run(node.operand))
            case n.Arithmetic():
                return self.arithmetic(node)
            case n.Compare():
                return self.compare(node)
            case n.ChainedCompare():
                return self.chain(node)
            case n.Membership():
                return self.membership(node)
            case n.Items():
                items = [self.run(item) for item in node.items]
                return lambda row, env: [item(row, env) for item in items]
            case n.Not():
                operand = self.run(node.operand)
                return lambda row, env: None if (v := operand(row, env)) is None else not v
            case n.Logic():
                operands = [self.run(item) for item in node.operands]
                return (
                    three_valued.all_of(operands)
                    if node.op == "and"
                    else three_valued.any_of(operands)
                )
            case n.If():
                return self.choose(node)
            case n.Apply():
                return self.apply(node)
            case n.Loop():
                return self.loop(node)
            case n.Widen():
                return number_rules.widen(self.run(node.operand))

    # -- reading ----------------------------------------------------------------------------

    def read(self, node: n.Read) -> Run:
        name = node.name
        if node.frame == "own" or (node.frame == "line" and self.line_is_row):
            return lambda row, env: row.get(name)
        if node.frame == "line":
            return lambda row, env: (env.line or _EMPTY).get(name)
        if node.frame == "parent":
            return lambda row, env: (env.parent or _EMPTY).get(name)
        return lambda row, env: (env.this_row or _EMPTY).get(name)

    def link_read(self, node: n.LinkRead) -> Run:
        base, target, name = self.run(node.base), node.target, node.name

        def run(row: Row, env: Env) -> Any:
            key = base(row, env)
            if key is None:
                return None
            rows = env.links.get(target)
            if rows is None:
                return None
            found = rows.get(key)
            return None if found is None else found.get(name)

        return run

    def aggregate_read(self, node: n.AggregateRead) -> Run:
        key_of, name, measure, zero = self.run(node.key), node.aggregate, node.measure, node.zero

        def run(row: Row, env: Env) -> Any:
            key = key_of(row, env)
            if key is None:
                return None
            rows = env.aggregates.get(name)
            found = None if rows is None else rows.get(key)
            value = None if found is None else found.get(measure)
            return zero if value is None else value

        return run

    # -- operators --------------------------------------------------------------------------

    def arithmetic(self, node: n.Arithmetic) -> Run:
        left, right = self.run(node.left), self.run(node.right)
        if "money" in (node.left.type.kind, node.right.type.kind):
            return money_rules.arithmetic(node, left, right, self.own(node.left))
        return number_rules.arithmetic(node, left, right)

    def compare(self, node: n.Compare) -> Run:
        ordered = node.op not in ("==", "!=")
        if node.left.type.kind == "money" and node.right.type.kind == "money":
            return money_rules.compare(node, self.run(node.left), self.run(node.right))
        if ordered and node.left.type.kind == "choice":
            return self.ranked(node)
        test = _TESTS[node.op]
        fast = self.compare_field(node, test, ordered)
        if fast is not None:
            return fast
        left, right = self.run(node.left), self.run(node.right)
        if not ordered:
            return lambda row, env: test(left(row, env), right(row, env))

        def run(row: Row, env: Env) -> bool | None:
            a = left(row, env)
            b = right(row, env)
            return None if a is None or b is None else test(a, b)

        return run

    def compare_field(
        self, node: n.Compare, test: Callable[[Any, Any], bool], ordered: bool
    ) -> Run | None:
        """A field of the row against a literal or another field, without a call for each side."""
        name = self.own(node.left)
        if name is None:
            return None
        other = self.own(node.right)
        if isinstance(node.right, n.Const):
            value = node.right.value
            if node.op == "==":
                return lambda row, env: row.get(name) == value
            if node.op == "!=":
                return lambda row, env: row.get(name) != value
            return lambda row, env: None if (v := row.get(name)) is None else test(v, value)
        if other is None:
            return None
        if not ordered:
            return lambda row, env: test(row.get(name), row.get(other))

        def run(row: Row, env: Env) -> bool | None:
            a = row.get(name)
            b = row.get(other)
            return None if a is None or b is None else test(a, b)

        return run

    def own(self, node: n.Node) -> str | None:
        """The name of a field read from the row at hand, None for any other node."""
        frame = "line" if self.line_is_row else "own"
        return node.name if isinstance(node, n.Read) and node.frame == frame else None

    def ranked(self, node: n.Compare) -> Run:
        left, right = self.run(node.left), self.run(node.right)
        ranks = ranks_of(node.left)
        test = _TESTS[node.op]

        def run(row: Row, env: Env) -> bool | None:
            a = ranks.get(left(row, env))
            b = ranks.get(right(row, env))
            return None if a is None or b is None else test(a, b)

        return run

    def chain(self, node: n.ChainedCompare) -> Run:
        operands = [self.run(operand) for operand in node.operands]
        pairs = zip(node.operands, node.operands[1:], node.ops, strict=False)
        tests = [_link(n.Compare(node.type, op, a, b, node.offset)) for a, b, op in pairs]

        def run(row: Row, env: Env) -> bool | None:
            result: bool | None = True
            left = operands[0](row, env)
            for test, operand in zip(tests, operands[1:], strict=True):
                right = operand(row, env)
                found = test(left, right, env)
                if found is False:
                    return False
                if found is None:
                    result = None
                left = right
            return result

        return run

    def membership(self, node: n.Membership) -> Run:
        item, negated, container = self.run(node.item), node.negated, node.container
        if isinstance(container, n.Items):
            plain = node.item.type.kind != "money"
            if plain and all(isinstance(member, n.Const) for member in container.items):
                values = frozenset(m.value for m in container.items if isinstance(m, n.Const))
                name = self.own(node.item)
                if name is not None and negated:
                    return lambda row, env: row.get(name) not in values
                if name is not None:
                    return lambda row, env: row.get(name) in values
                if negated:
                    return lambda row, env: item(row, env) not in values
                return lambda row, env: item(row, env) in values
            return self.any_equal(node, container)
        many = self.run(container)

        def run(row: Row, env: Env) -> bool:
            value, values = item(row, env), many(row, env)
            found = value is not None and bool(values) and value in values
            return found is not negated

        return run

    def any_equal(self, node: n.Membership, container: n.Items) -> Run:
        tests = [
            self.run(n.Compare(node.type, "==", node.item, member, node.offset))
            for member in container.items
        ]
        negated = node.negated

        def run(row: Row, env: Env) -> bool:
            return any(test(row, env) for test in tests) is not negated

        return run

    def choose(self, node: n.If) -> Run:
        condition, then = self.run(node.condition), self.run(node.then)
        otherwise = self.run(node.otherwise)

        def run(row: Row, env: Env) -> Any:
            held = condition(row, env)
            if held is None:
                return None
            return then(row, env) if held else otherwise(row, env)

        return run

    # -- calls ------------------------------------------------------------------------------

    def apply(self, node: n.Apply) -> Run:
        args = [self.run(arg) for arg in node.args]
        match node.function:
            case "coalesce":
                return three_valued.coalesce(args)
            case "min" | "max":
                return self.extreme(node, args)
        return _call(node, args)

    def extreme(self, node: n.Apply, args: list[Run]) -> Run:
        pick = loops.picker(node.type, node.function == "max")
        offset = node.offset

        def run(row: Row, env: Env) -> Any:
            values = [arg(row, env) for arg in args]
            if None in values:
                return None
            try:
                return pick(values)
            except EvalError as error:
                raise error.at(offset) from None

        return run

    def loop(self, node: n.Loop) -> Run:
        parts = [part for part in (node.body, node.where) if part is not None]
        line_only = not any(_reads_outside(part) for part in parts)
        inner = _Compiler(line_only)
        body = inner.run(node.body) if node.body is not None else None
        where = inner.run(node.where) if node.where is not None else None
        return loops.loop(node, self.run(node.rows), body, where, line_only)


_NOWHERE: Any = None
"""Constant parts read nothing of the world: none is given to them."""


def ranks_of(node: n.Node) -> Mapping[str | None, int]:
    """The place of each value of a choice among its options."""
    return {value: rank for rank, value in enumerate(node.type.options or ())}


def _link(node: n.Compare) -> Callable[[Any, Any, Env], bool | None]:
    """One comparison of a chain, over values already there."""
    if node.left.type.kind not in ("money", "choice"):
        test = _TESTS[node.op]
        return lambda a, b, env: None if a is None or b is None else test(a, b)
    slots = [
        side if isinstance(side, n.Const) else n.Read(side.type, "own", name, side.offset)
        for side, name in ((node.left, "left"), (node.right, "right"))
    ]
    run = compile_node(n.Compare(node.type, node.op, slots[0], slots[1], node.offset))
    return lambda a, b, env: run({"left": a, "right": b}, env)


def _reads_outside(node: n.Node) -> bool:
    if isinstance(node, n.Read) and node.frame == "own":
        return True
    return any(_reads_outside(child) for child in n.children(node))


def _negate(node: n.Negate, operand: Run) -> Run:
    if node.type.kind == "money":
        return money_rules.negate(operand)
    return number_rules.negate(node, operand)


def _call(node: n.Apply, args: list[Run]) -> Run:
    function: Callable[..., Any] = node.overload.run
    offset, nulls, with_env = node.offset, node.overload.nulls, node.overload.env
    if len(args) == 1 and not with_env and nulls:
        only = args[0]
        return lambda row, env: function(only(row, env))

    def run(row: Row, env: Env) -> Any:
        values = [arg(row, env) for arg in args]
        if not nulls and None in values:
            return None
        try:
            return function(env, *values) if with_env else function(*values)
        except EvalError as error:
            raise error.at(offset) from None

    return run
