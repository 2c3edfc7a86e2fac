"""Calls: functions of the table, functions over lines, aggregates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forms.expr import nodes as n
from forms.expr import operators
from forms.expr import syntax as s
from forms.expr.functions import FUNCTIONS, LOOPS, Function, Overload, zero_of
from forms.expr.overloads import overloaded, wrong_count
from forms.expr.types import BOOLEAN, DECIMAL, INTEGER, NUMBERS, Type
from forms.problems import suggest

if TYPE_CHECKING:
    from forms.expr.checker import Checker

_SUMMED = NUMBERS | {"money", "duration"}
_RANKED = _SUMMED | {"date", "datetime", "text", "choice"}


def check_call(checker: Checker, node: s.Call) -> n.Node | None:
    """The typed node of `name(args)`."""
    function = FUNCTIONS.get(node.name)
    if function is None:
        _unknown(checker, node)
        return None
    if node.name in LOOPS and (node.where is not None or not _is_scalar(node)):
        return _loop(checker, node, function)
    if node.where is not None:
        checker.note(
            "expr_where",
            s.start(node.where),
            f"{node.name} takes no where",
            "where stands in " + ", ".join(sorted(LOOPS)),
        )
        return None
    match node.name:
        case "if":
            return _condition(checker, node, function)
        case "coalesce" | "min" | "max":
            return _several(checker, node, function)
        case "has":
            return _has(checker, node, function)
    args = [checker.check(arg) for arg in node.args]
    if any(arg is None for arg in args):
        return None
    return overloaded(checker, node, function, [arg for arg in args if arg is not None])


def check_aggregate(checker: Checker, call: s.Call, node: s.Member) -> n.Node | None:
    """The typed node of `aggregate(link).measure`."""
    library = checker.scope.library
    aggregate = library.aggregate(call.name)
    if aggregate is None:
        _unknown(checker, call)
        return None
    if len(call.args) != 1 or call.where is not None:
        checker.note(
            "expr_arguments",
            call.offset,
            f"{call.name} takes one key",
            f"{call.name}(a link to {aggregate.per}).{node.name}",
        )
        return None
    key = checker.check(call.args[0])
    measure = aggregate.measures.get(node.name)
    if measure is None:
        checker.note(
            "expr_unknown_name",
            node.offset,
            f"{call.name} has no measure {node.name}",
            ", ".join(aggregate.measures),
            suggest(node.name, aggregate.measures),
        )
    if key is None:
        return None
    start = s.start(call.args[0])
    if key.type.kind != "link" or key.type.target != aggregate.per:
        checker.note(
            "expr_types",
            start,
            f"{call.name} is kept per {aggregate.per}, this is {key.type}",
            f"a link to {aggregate.per}",
        )
        return None
    if not isinstance(key, n.Read | n.LinkRead):
        checker.note(
            "expr_types",
            start,
            "the key of an aggregate must be a field",
            "a link field, this, or a link's link field",
        )
        return None
    if measure is None:
        return None
    return n.AggregateRead(measure, call.name, key, node.name, zero_of(measure), call.offset)


def _unknown(checker: Checker, node: s.Call) -> None:
    aggregates = list(checker.scope.library.aggregate_names())
    if node.name in aggregates:
        aggregate = checker.scope.library.aggregate(node.name)
        measures = ", ".join(aggregate.measures) if aggregate else ""
        checker.note(
            "expr_aggregate",
            node.offset,
            f"{node.name}(…) is an aggregate: name one of its measures",
            measures,
            f"{node.name}(…).{measures.split(', ')[0]}",
        )
        return
    known = [*FUNCTIONS, *aggregates]
    lowered = node.name.lower()
    found = lowered if lowered in FUNCTIONS else suggest(node.name, known)
    checker.note(
        "expr_unknown_function",
        node.offset,
        f"there is no function {node.name}",
        ", ".join(sorted(known)),
        found,
    )


# -- functions with rules of their own ------------------------------------------------------


def _condition(checker: Checker, node: s.Call, function: Function) -> n.Node | None:
    if len(node.args) != 3:
        wrong_count(checker, node, function)
        return None
    condition, then, otherwise = (checker.check(arg) for arg in node.args)
    right = condition is not None and checker.condition(condition, s.start(node.args[0]), "if")
    if condition is None or then is None or otherwise is None or not right:
        return None
    joined = operators.join(checker, [then, otherwise], node.offset)
    if joined is None:
        return None
    return n.If(joined[0], condition, joined[1][0], joined[1][1], node.offset)


def _several(checker: Checker, node: s.Call, function: Function) -> n.Node | None:
    if len(node.args) < 2:
        wrong_count(checker, node, function)
        return None
    args = [checker.check(arg) for arg in node.args]
    if any(arg is None for arg in args):
        return None
    joined = operators.join(checker, [arg for arg in args if arg is not None], node.offset)
    if joined is None:
        return None
    kind = joined[0]
    if node.name != "coalesce" and not _ranked(kind):
        checker.note(
            "expr_types",
            node.offset,
            f"{node.name} cannot order {kind}",
            "numbers, amounts, dates, times, durations, texts, choices",
        )
        return None
    overload = Overload(("any",), kind, _never, nulls=True, variadic=True)
    return n.Apply(kind, node.name, overload, tuple(joined[1]), node.offset)


def _never() -> None:
    raise AssertionError("evaluated by its own rule")


def _has(checker: Checker, node: s.Call, function: Function) -> n.Node | None:
    if len(node.args) != 2:
        wrong_count(checker, node, function)
        return None
    container = checker.check(node.args[0])
    near = checker.options_near
    if container is not None and container.type.item is not None:
        checker.options_near = container.type.item.options or ()
    item = checker.check(node.args[1])
    checker.options_near = near
    if container is None or item is None:
        return None
    if container.type.kind != "list" or container.type.item is None:
        checker.note(
            "expr_types",
            s.start(node.args[0]),
            f"has needs many values, this is {container.type}",
            "a field of many choices or links, or a list",
        )
        return None
    return operators.held(checker, False, item, container, node.offset)


# -- functions over lines -------------------------------------------------------------------


def _is_scalar(node: s.Call) -> bool:
    return node.name in ("min", "max") and len(node.args) != 1


def _loop(checker: Checker, node: s.Call, function: Function) -> n.Node | None:
    if len(node.args) != 1:
        wrong_count(checker, node, function)
        return None
    if checker.loop is not None:
        checker.note(
            "expr_nested_loop",
            node.offset,
            f"{node.name} stands inside another function over lines",
            "a formula field for the inner one",
        )
        return None
    found: list[n.Read] = []
    _find_rows(checker, node.args[0], found)
    rows = found[0] if found else None
    fields = checker.scope.library.fields_of(rows.type.target or "") if rows else None
    if rows is None or fields is None:
        lines = [name for name, kind in checker.scope.names.items() if kind.kind == "lines"]
        checker.note(
            "expr_lines",
            s.start(node.args[0]),
            f"{node.name} goes over the rows of lines, none are named here",
            ", ".join(lines) or " or ".join(function.forms),
        )
        return None
    if any((other.frame, other.name) != (rows.frame, rows.name) for other in found):
        checker.note(
            "expr_lines",
            node.offset,
            f"{node.name} goes over one lines field, here are several",
            rows.name,
        )
        return None
    checker.loop = rows, fields
    problems = len(checker.problems)
    bare = checker.rows_path(node.args[0]) is not None
    body = None if bare else checker.check(node.args[0])
    where = None
    if node.where is not None:
        checker.in_where = True
        where = checker.check(node.where)
        if where is not None:
            checker.condition(where, s.start(node.where), "where")
        checker.in_where = False
    checker.loop = None
    if len(checker.problems) > problems:
        return None
    return _loop_node(checker, node, function, rows, body, where)


def _loop_node(
    checker: Checker,
    node: s.Call,
    function: Function,
    rows: n.Read,
    body: n.Node | None,
    where: n.Node | None,
) -> n.Node | None:
    start = s.start(node.args[0])
    kind = body.type if body is not None else None
    weight = 1 + sum(n.size(part) for part in (body, where) if part is not None)
    result: Type | None = None
    match node.name:
        case "count":
            result = INTEGER
        case "any" | "all":
            if kind is None or kind.kind not in ("boolean", "null"):
                checker.note(
                    "expr_condition",
                    start,
                    f"{node.name} needs a condition over the rows, this is {kind or rows.type}",
                    function.forms[0],
                )
                return None
            result = BOOLEAN
        case "sum" | "avg" if kind is not None and kind.kind in _SUMMED:
            result = DECIMAL if node.name == "avg" and kind.kind == "integer" else kind
        case "min" | "max" if kind is not None and _ranked(kind):
            result = kind
    if result is None:
        checker.note(
            "expr_types",
            start,
            f"{node.name} does not work over {kind or rows.type}",
            function.forms[-1],
        )
        return None
    return n.Loop(result, node.name, rows, body, where, weight, node.offset)


def _ranked(kind: Type) -> bool:
    return kind.kind in _RANKED and (kind.kind != "choice" or kind.options is not None)


def _find_rows(checker: Checker, node: s.Syntax, found: list[n.Read]) -> None:
    rows = checker.rows_path(node)
    if rows is not None:
        found.append(rows)
        return
    match node:
        case s.Member():
            _find_rows(checker, node.base, found)
        case s.Unary():
            _find_rows(checker, node.operand, found)
        case s.Binary():
            _find_rows(checker, node.left, found)
            _find_rows(checker, node.right, found)
        case s.Chain():
            for operand in node.operands:
                _find_rows(checker, operand, found)
        case s.Items():
            for item in node.items:
                _find_rows(checker, item, found)
        case s.Call():
            for arg in node.args:
                _find_rows(checker, arg, found)
