"""Typed nodes: an expression whose names, functions and literals are all resolved.

Every node has `type` and `offset`. Both back ends (closures and SQL) read these nodes and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from forms.expr.limits import DECIMALS
from forms.expr.types import Type
from forms.values import MONEY_SCALE, NUMBER_SCALE

if TYPE_CHECKING:
    from forms.expr.functions import Overload


@dataclass(frozen=True, slots=True)
class Const:
    """A value known now. Money may lack a currency ("") and takes that of what it meets."""

    type: Type
    value: object
    offset: int


@dataclass(frozen=True, slots=True)
class Read:
    """A field of a row. `frame`: own, parent, this (the row being edited) or line (in a loop)."""

    type: Type
    frame: str
    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Me:
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class LinkRead:
    """A field of the record or line another node links to."""

    type: Type
    base: Node
    target: str
    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a choice's value, looked up in a table of the release."""

    type: Type
    base: Node
    name: str
    table: Mapping[str, object]
    offset: int


@dataclass(frozen=True, slots=True)
class AggregateRead:
    """A measure of an aggregate under a key; `zero` where no row has been counted yet."""

    type: Type
    aggregate: str
    key: Node
    measure: str
    zero: object
    offset: int


@dataclass(frozen=True, slots=True)
class Negate:
    type: Type
    operand: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`op` is + - * / %; the operand types say which rule applies."""

    type: Type
    op: str
    left: Node
    right: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Compare:
    """`op` is == != < <= > >=. Equality is null-safe, order with null is null."""

    type: Type
    op: str
    left: Node
    right: Node
    offset: int


@dataclass(frozen=True, slots=True)
class ChainedCompare:
    """`a < b <= c`, each operand evaluated once."""

    type: Type
    operands: tuple[Node, ...]
    ops: tuple[str, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Membership:
    """`item in container`, null-safe. `container` is an `Items` or a node of a list type."""

    type: Type
    negated: bool
    item: Node
    container: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Items:
    type: Type
    items: tuple[Node, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Not:
    type: Type
    operand: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Logic:
    """`op` is "and" or "or", over two or more operands, three-valued."""

    type: Type
    op: str
    operands: tuple[Node, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class If:
    type: Type
    condition: Node
    then: Node
    otherwise: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Apply:
    """A call of a function of the registry, with the overload that fits its arguments."""

    type: Type
    function: str
    overload: Overload
    args: tuple[Node, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Loop:
    """`function(body where condition)` over rows of lines; `body` is None for count(lines)."""

    type: Type
    function: str
    rows: Read
    body: Node | None
    where: Node | None
    weight: int
    offset: int


@dataclass(frozen=True, slots=True)
class Widen:
    """The value of an integer node as a decimal, or of a money literal in the form's currency."""

    type: Type
    operand: Node
    offset: int


Node = (
    Const
    | Read
    | Me
    | LinkRead
    | Attribute
    | AggregateRead
    | Negate
    | Arithmetic
    | Compare
    | ChainedCompare
    | Membership
    | Items
    | Not
    | Logic
    | If
    | Apply
    | Loop
    | Widen
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node."""
    match node:
        case LinkRead() | Attribute():
            return (node.base,)
        case AggregateRead():
            return (node.key,)
        case Negate() | Not() | Widen():
            return (node.operand,)
        case Arithmetic() | Compare():
            return (node.left, node.right)
        case ChainedCompare() | Logic():
            return node.operands
        case Membership():
            return (node.item, node.container)
        case Items():
            return node.items
        case If():
            return (node.condition, node.then, node.otherwise)
        case Apply():
            return node.args
        case Loop():
            return tuple(n for n in (node.rows, node.body, node.where) if n is not None)
        case _:
            return ()


def mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with each node directly below it changed; rows of a loop stay what they are."""
    match node:
        case LinkRead() | Attribute():
            return replace(node, base=change(node.base))
        case AggregateRead():
            return replace(node, key=change(node.key))
        case Negate() | Not() | Widen():
            return replace(node, operand=change(node.operand))
        case Arithmetic() | Compare():
            return replace(node, left=change(node.left), right=change(node.right))
        case ChainedCompare() | Logic():
            return replace(node, operands=tuple(change(one) for one in node.operands))
        case Membership():
            return replace(node, item=change(node.item), container=change(node.container))
        case Items():
            return replace(node, items=tuple(change(one) for one in node.items))
        case If():
            return replace(
                node,
                condition=change(node.condition),
                then=change(node.then),
                otherwise=change(node.otherwise),
            )
        case Apply():
            return replace(node, args=tuple(change(one) for one in node.args))
        case _:
            return node


def size(node: Node) -> int:
    """How many nodes a tree has."""
    return 1 + sum(size(child) for child in children(node))


def decimals(node: Node) -> int:
    """An upper bound of the decimals a numeric node's value can have."""
    match node:
        case Const():
            return _literal_decimals(node.value)
        case Arithmetic(op="*"):
            return min(DECIMALS, decimals(node.left) + decimals(node.right))
        case Arithmetic(op="/"):
            return DECIMALS
        case Arithmetic():
            return max(decimals(node.left), decimals(node.right))
        case Negate() | Widen():
            return decimals(node.operand)
        case If():
            return max(decimals(node.then), decimals(node.otherwise))
        case _:
            return _TYPE_DECIMALS.get(node.type.kind, DECIMALS) if _stored(node) else DECIMALS


_TYPE_DECIMALS = {"integer": 0, "decimal": NUMBER_SCALE, "money": MONEY_SCALE}


def _stored(node: Node) -> bool:
    return node.type.kind == "integer" or isinstance(node, Read | LinkRead | AggregateRead)


def _literal_decimals(value: object) -> int:
    amount = getattr(value, "amount", value)
    as_tuple = getattr(amount, "as_tuple", None)
    return max(0, -as_tuple().exponent) if as_tuple else 0
