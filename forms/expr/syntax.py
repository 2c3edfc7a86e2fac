"""The shape of an expression before its names mean anything."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, true, false or null. `value` is int, Decimal, str, bool or None."""

    value: int | Decimal | str | bool | None
    offset: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    offset: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Member:
    """`base.name`; `offset` is where the name after the dot stands."""

    base: Syntax
    name: str
    offset: int
    depth: int


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Syntax, ...]
    offset: int
    depth: int


@dataclass(frozen=True, slots=True)
class Call:
    """`name(args)`, with `where` inside the parentheses for functions over lines."""

    name: str
    args: tuple[Syntax, ...]
    where: Syntax | None
    offset: int
    depth: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`op` is "-", "+" or "not"."""

    op: str
    operand: Syntax
    offset: int
    depth: int


@dataclass(frozen=True, slots=True)
class Binary:
    """`op` is + - * / % and or in "not in" == != < <= > >=; `offset` is the operator's."""

    op: str
    left: Syntax
    right: Syntax
    offset: int
    depth: int


@dataclass(frozen=True, slots=True)
class Chain:
    """`a < b <= c`: operands one more than operators."""

    operands: tuple[Syntax, ...]
    ops: tuple[str, ...]
    offsets: tuple[int, ...]
    offset: int
    depth: int


Syntax = Literal | Name | Member | Items | Call | Unary | Binary | Chain


def start(node: Syntax) -> int:
    """The offset at which the text of a node begins."""
    while True:
        if isinstance(node, Binary):
            node = node.left
        elif isinstance(node, Member):
            node = node.base
        elif isinstance(node, Chain):
            node = node.operands[0]
        else:
            return node.offset
