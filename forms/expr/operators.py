"""Which types operators take: arithmetic, comparison, membership, and literals that adapt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING

from forms.expr import calendar
from forms.expr import nodes as n
from forms.expr import syntax as s
from forms.expr.types import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    DURATION,
    INTEGER,
    MONEY,
    NUMBERS,
    TEXTS,
    Type,
    common,
)
from forms.problems import suggest
from forms.values import Money

if TYPE_CHECKING:
    from forms.expr.checker import Checker

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_ORDERED = NUMBERS | {"money", "text", "choice", "date", "datetime", "duration"}

# (operator, left, right) → result; "number" stands for integer and decimal.
_RESULTS = {
    ("+", "money", "money"): MONEY,
    ("-", "money", "money"): MONEY,
    ("*", "money", "number"): MONEY,
    ("*", "number", "money"): MONEY,
    ("/", "money", "number"): MONEY,
    ("/", "money", "money"): DECIMAL,
    ("/", "number", "number"): DECIMAL,
    ("+", "duration", "duration"): DURATION,
    ("-", "duration", "duration"): DURATION,
    ("*", "duration", "number"): DURATION,
    ("*", "number", "duration"): DURATION,
    ("/", "duration", "number"): DURATION,
    ("/", "duration", "duration"): DECIMAL,
    ("+", "datetime", "duration"): DATETIME,
    ("+", "duration", "datetime"): DATETIME,
    ("-", "datetime", "duration"): DATETIME,
    ("-", "datetime", "datetime"): DURATION,
}
_HINTS = {
    ("+", "text", "text"): "concat(a, b) joins texts",
    ("-", "date", "date"): "days_between(from, to)",
    ("+", "date", "number"): "add_days(date, n)",
    ("-", "date", "number"): "add_days(date, -n)",
    ("+", "datetime", "number"): "add_days(d, n), or + duration(n, 'hours')",
    ("-", "datetime", "number"): "add_days(d, -n), or - duration(n, 'hours')",
    ("+", "date", "duration"): "add_days(date, n)",
    ("+", "money", "number"): "money(x) makes a number an amount",
    ("-", "money", "number"): "money(x) makes a number an amount",
    ("+", "number", "money"): "money(x) makes a number an amount",
    ("-", "number", "money"): "money(x) makes a number an amount",
    ("*", "money", "money"): "an amount times a number; amount(m) is an amount's number",
}


def arithmetic(
    checker: Checker, op: str, left: n.Node, right: n.Node, offset: int
) -> n.Node | None:
    """The typed node of + - * / %."""
    if op in ("+", "-"):
        if left.type.kind == "money" and is_literal(right):
            right = adapted(checker, right, MONEY) or right
        elif right.type.kind == "money" and is_literal(left):
            left = adapted(checker, left, MONEY) or left
    kinds = op, _family(left.type), _family(right.type)
    result = _RESULTS.get(kinds)
    if result is None and kinds[1:] == ("number", "number"):
        integer = left.type.kind == right.type.kind == "integer"
        result = INTEGER if integer else DECIMAL
    if result is None:
        if "null" in kinds:
            hint = "an operand that can have a value: arithmetic with null is always null"
        else:
            hint = _HINTS.get(kinds, "numbers, amounts of money, or times that fit each other")
        checker.note(
            "expr_types", offset, f"{op} does not work between {left.type} and {right.type}", hint
        )
        return None
    return n.Arithmetic(result, op, left, right, offset)


def comparable(
    checker: Checker, op: str, left: n.Node, right: n.Node, offset: int
) -> tuple[n.Node, n.Node] | None:
    """Both sides of a comparison, literals adapted; None (noted) where they do not compare."""
    if is_literal(right):
        adapted_right = adapted(checker, right, left.type)
        if adapted_right is None:
            return None
        right = adapted_right
    elif is_literal(left):
        adapted_left = adapted(checker, left, right.type)
        if adapted_left is None:
            return None
        left = adapted_left
    equality = op in ("==", "!=")
    if _compare(left.type, right.type, equality):
        return left, right
    pair = f"{left.type} and {right.type}"
    families = {_family(left.type), _family(right.type)}
    if families == {"money", "number"}:
        hint = "two amounts, or an amount and a plain number: money(x) makes one of a number"
    elif families == {"date", "datetime"}:
        hint = "date(moment) is the day of a moment"
    elif families & {"list", "file"}:
        hint = "has(many, value), is_empty(x), len(x)"
    elif not equality and families & {"boolean", "link", "user", "department"}:
        hint = "== and !="
    elif not equality and families == {"text"}:
        hint = "choices of the same options, in their order; or texts: text(x)"
    elif "null" in families and not equality:
        hint = "is_empty(x): an order with null is always null"
    else:
        hint = "two values of the same type"
    checker.note("expr_types", offset, f"{op} cannot compare {pair}", hint)
    return None


def membership(checker: Checker, node: s.Binary, item: n.Node, container: n.Node) -> n.Node | None:
    """The typed node of `item in container`."""
    negated = node.op == "not in"
    if isinstance(container, n.Items):
        fitted: list[n.Node] = []
        complete = True
        for member in container.items:
            pair = comparable(checker, "==", item, member, member.offset)
            if pair is None:
                complete = False
            else:
                item = pair[0]
                fitted.append(pair[1])
        if not complete:
            return None
        items = n.Items(Type("list", item=item.type), tuple(fitted), container.offset)
        return n.Membership(BOOLEAN, negated, item, items, node.offset)
    if container.type.kind != "list" or container.type.item is None:
        checker.note(
            "expr_types",
            node.offset,
            f"{node.op} needs a list on its right, this is {container.type}",
            "['a', 'b'], or a field of many values",
        )
        return None
    return held(checker, negated, item, container, node.offset)


def held(
    checker: Checker, negated: bool, item: n.Node, container: n.Node, offset: int
) -> n.Node | None:
    """Membership of an item in a field of many values (`in`, `not in`, `has`)."""
    sample = n.Read(container.type.item or item.type, "own", "", container.offset)
    pair = comparable(checker, "==", item, sample, offset)
    if pair is None:
        return None
    return n.Membership(BOOLEAN, negated, pair[0], container, offset)


def join(
    checker: Checker, nodes: Sequence[n.Node], offset: int
) -> tuple[Type, list[n.Node]] | None:
    """One type for several nodes (branches, list items), literals adapted to the others."""
    solid = [node for node in nodes if not is_literal(node)] or list(nodes)
    target: Type | None = solid[0].type
    for node in solid[1:]:
        target = common(target, node.type) if target else None
        if target is None:
            _unlike(checker, solid[0], node)
            return None
    fitted: list[n.Node] = []
    for node in nodes:
        adapted_node = node
        if is_literal(node) and target is not None and node not in solid:
            found = adapted(checker, node, target)
            if found is None:
                return None
            adapted_node = found
        merged = common(target, adapted_node.type) if target else None
        if merged is None:
            _unlike(checker, solid[0], node)
            return None
        target = merged
        fitted.append(adapted_node)
    return (target, [widened(node, target) for node in fitted]) if target else None


def widened(node: n.Node, target: Type) -> n.Node:
    """An integer node as a decimal where `target` is one, a null as one of the target's type."""
    if isinstance(node, n.Const) and node.value is None:
        return n.Const(target, None, node.offset)
    if target.kind == "decimal" and node.type.kind == "integer":
        return n.Widen(target, node, node.offset)
    return node


def _unlike(checker: Checker, one: n.Node, other: n.Node) -> None:
    checker.note(
        "expr_types",
        other.offset,
        f"{one.type} and {other.type} cannot stand for each other",
        "values of one type",
    )


def is_literal(node: n.Node) -> bool:
    """A literal, or an if between literals: it adapts to the type it meets."""
    if isinstance(node, n.If):
        return is_literal(node.then) and is_literal(node.otherwise)
    return isinstance(node, n.Const)


def adapted(checker: Checker, node: n.Node, wanted: Type) -> n.Node | None:
    """A literal as the type it meets asks: a choice's option, an amount, a date.

    Notes a problem and answers None where it should be one but is not; other literals are
    answered unchanged.
    """
    if isinstance(node, n.If):
        then = adapted(checker, node.then, wanted)
        otherwise = adapted(checker, node.otherwise, wanted)
        if then is None or otherwise is None:
            return None
        kind = common(then.type, otherwise.type)
        return replace(node, type=kind or node.type, then=then, otherwise=otherwise)
    if not isinstance(node, n.Const):
        return node
    word, value = node.type.kind, node.value
    if word == "text" and isinstance(value, str):
        if wanted.kind == "choice" and wanted.options is not None:
            return _option(checker, node, value, wanted)
        if wanted.kind in ("date", "datetime"):
            return _moment(checker, node, value, wanted)
    if word in NUMBERS and wanted.kind == "money" and isinstance(value, int | Decimal):
        return n.Const(MONEY, Money(Decimal(value), ""), node.offset)
    return node


def _option(checker: Checker, node: n.Const, value: str, wanted: Type) -> n.Node | None:
    options = wanted.options or ()
    if value in options:
        return n.Const(wanted, value, node.offset)
    found = suggest(value, options)
    checker.note(
        "expr_option",
        node.offset,
        f"'{value[:40]}' is not one of the options",
        ", ".join(options[:25]),
        f"'{found}'" if found else "",
    )
    return None


def _moment(checker: Checker, node: n.Const, value: str, wanted: Type) -> n.Node | None:
    if wanted.kind == "date":
        day = calendar.read_date(value)
        if day is not None:
            return n.Const(wanted, day, node.offset)
        allowed = "a date as in '2026-01-31'"
    else:
        at = calendar.read_datetime(value, UTC) if value.endswith("Z") else None
        if at is not None:
            return n.Const(wanted, at, node.offset)
        allowed = "datetime('2026-01-31T18:30'), or a time in UTC: '2026-01-31T10:30Z'"
    checker.note("expr_literal", node.offset, f"'{value[:40]}' is not {wanted}", allowed)
    return None


def _family(kind: Type) -> str:
    if kind.kind in NUMBERS:
        return "number"
    return "text" if kind.kind in TEXTS else kind.kind


def _compare(left: Type, right: Type, equality: bool) -> bool:
    if "null" in (left.kind, right.kind):
        return equality
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return True
    if not equality:
        if left.kind not in _ORDERED or left.kind != right.kind:
            return False
        return left.kind != "choice" or (left.options is not None and left.options == right.options)
    if left.kind in TEXTS and right.kind in TEXTS:
        options = left.options, right.options
        return None in options or bool(set(options[0] or ()) & set(options[1] or ()))
    if left.kind in ("list", "file", "lines") or left.kind != right.kind:
        return False
    return left.kind != "link" or left.target == right.target
