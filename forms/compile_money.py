"""Whether a computed amount can have more decimals than the money that went in."""

from __future__ import annotations

from forms.expr import Expr
from forms.expr import nodes as n

_EXACT = frozenset({"round", "floor", "ceil", "portion"})


def needs_round(expr: Expr) -> bool:
    """Whether money is multiplied, divided or averaged on the way to the result, unrounded."""
    return _inexact(expr.node)


def _inexact(node: n.Node) -> bool:
    if node.type.kind != "money":
        return False
    match node:
        case n.Arithmetic(op="*" | "/"):
            return True
        case n.Apply() if node.function in _EXACT:
            return False
        case n.Loop(function="avg"):
            return True
    return any(_inexact(child) for child in n.children(node))
