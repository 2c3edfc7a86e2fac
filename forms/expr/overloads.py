"""Which way of calling a function fits its arguments, and what is said where none does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forms.expr import nodes as n
from forms.expr import syntax as s
from forms.expr.functions import PARAMS, Function, Overload

if TYPE_CHECKING:
    from forms.expr.checker import Checker


def overloaded(
    checker: Checker, node: s.Call, function: Function, args: Sequence[n.Node]
) -> n.Node | None:
    """The typed node of a call by the first way of calling that fits its arguments."""
    fitting = [o for o in function.overloads if _counts(o, len(args))]
    if not fitting:
        wrong_count(checker, node, function)
        return None
    for overload in fitting:
        taken = _taken(overload, args)
        if taken is not None:
            for index, rule in overload.literals.items():
                literal = args[index]
                allowed = rule(literal.value) if isinstance(literal, n.Const) else ""
                if allowed:
                    checker.note(
                        "expr_literal",
                        literal.offset,
                        f"{node.name} cannot use this literal",
                        allowed,
                    )
                    return None
            return n.Apply(overload.result, node.name, overload, taken, node.offset)
    _misfit(checker, node, function, fitting, args)
    return None


def _counts(overload: Overload, count: int) -> bool:
    return count >= 1 if overload.variadic else count == len(overload.params)


def _params(overload: Overload, count: int) -> tuple[str, ...]:
    return overload.params * count if overload.variadic else overload.params


def _taken(overload: Overload, args: Sequence[n.Node]) -> tuple[n.Node, ...] | None:
    if all(_takes(p, a) for p, a in zip(_params(overload, len(args)), args, strict=True)):
        return tuple(args)
    return None


def _takes(param: str, arg: n.Node) -> bool:
    literal = param.startswith("=")
    word = param.removeprefix("=")
    if literal:
        return isinstance(arg, n.Const) and arg.type.kind == word
    if word == "any" or arg.type.kind == "null":
        return True
    return arg.type.kind in PARAMS.get(word, (word,))


def _misfit(
    checker: Checker,
    node: s.Call,
    function: Function,
    fitting: Sequence[Overload],
    args: Sequence[n.Node],
) -> None:
    for index, arg in enumerate(args):
        wanted = {_params(o, len(args))[index] for o in fitting}
        if not any(_takes(param, arg) for param in wanted):
            said = " or ".join(sorted(_describe(param) for param in wanted))
            checker.note(
                "expr_types",
                s.start(node.args[index]),
                f"argument {index + 1} of {node.name} is {arg.type}",
                said,
            )
            return
    checker.note(
        "expr_types",
        node.offset,
        f"{node.name} does not take these types together: "
        + ", ".join(str(arg.type) for arg in args),
        " or ".join(function.forms),
    )


def _describe(param: str) -> str:
    word = param.removeprefix("=")
    kinds = sorted(PARAMS.get(word, {word}))
    said = " or ".join(kinds)
    return f"a literal {said}" if param.startswith("=") else said


def wrong_count(checker: Checker, node: s.Call, function: Function) -> None:
    """Note that a function is called with too many or too few arguments."""
    checker.note(
        "expr_arguments",
        node.offset,
        f"{node.name} does not take {len(node.args)} arguments"
        if len(node.args) != 1
        else f"{node.name} does not take one argument",
        " or ".join(function.forms),
    )
