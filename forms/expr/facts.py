"""What an expression reads: it orders formulas and tells the runtime what to fetch."""

from __future__ import annotations

from dataclasses import dataclass, field

from forms.expr import nodes as n
from forms.values import MONEY_SCALE

_CLOCK = frozenset({"today", "now"})


@dataclass(slots=True)
class Facts:
    """Paths are dotted: "lines.refund" inside lines, "parent.order" and "this.order" elsewhere."""

    names: set[str] = field(default_factory=set)
    parent_names: set[str] = field(default_factory=set)
    row_names: set[str] = field(default_factory=set)
    link_reads: set[tuple[str, str]] = field(default_factory=set)
    aggregates: set[str] = field(default_factory=set)
    aggregate_reads: set[tuple[str, str]] = field(default_factory=set)
    reads_clock: bool = False
    reads_me: bool = False


def facts_of(node: n.Node) -> Facts:
    """Everything a tree reads."""
    facts = Facts()
    _gather(node, facts, None)
    return facts


def _gather(node: n.Node, facts: Facts, rows: n.Read | None) -> None:
    match node:
        case n.Read():
            _read(node, facts, rows)
        case n.Me():
            facts.reads_me = True
        case n.LinkRead():
            facts.link_reads.add((_path(node.base, rows), node.name))
        case n.AggregateRead():
            facts.aggregates.add(node.aggregate)
            facts.aggregate_reads.add((node.aggregate, _path(node.key, rows)))
        case n.Apply() if node.function in _CLOCK:
            facts.reads_clock = True
        case n.Loop():
            parts = [part for part in (node.body, node.where) if part is not None]
            for part in parts:
                _gather(part, facts, node.rows)
            if not any(_reads_line(part) for part in parts):
                _read(node.rows, facts, None)
            return
    for child in n.children(node):
        _gather(child, facts, rows)


def _read(node: n.Read, facts: Facts, rows: n.Read | None) -> None:
    if node.frame == "line" and rows is not None:
        home = facts.names if rows.frame == "own" else facts.parent_names
        home.add(f"{rows.name}.{node.name}")
    elif node.frame == "parent":
        facts.parent_names.add(node.name)
    elif node.frame == "this":
        facts.row_names.add(node.name)
    else:
        facts.names.add(node.name)


def _path(node: n.Node, rows: n.Read | None) -> str:
    match node:
        case n.LinkRead():
            return f"{_path(node.base, rows)}.{node.name}"
        case n.Read(frame="own"):
            return "this" if node.name == "id" else node.name
        case n.Read(frame="line") if rows is not None:
            prefix = "" if rows.frame == "own" else "parent."
            return f"{prefix}{rows.name}.{node.name}"
        case n.Read():
            return f"{node.frame}.{node.name}"
        case n.If():
            return _path(node.then, rows)
    return ""


def _reads_line(node: n.Node) -> bool:
    if isinstance(node, n.Read) and node.frame == "line":
        return True
    return any(_reads_line(child) for child in n.children(node))


def inexact(node: n.Node) -> bool:
    """Whether an amount may carry more decimals than the amounts it was made of."""
    match node:
        case n.Arithmetic(op="+" | "-"):
            return inexact(node.left) or inexact(node.right)
        case n.Arithmetic():
            return True
        case n.Loop():
            return node.function == "avg" or (node.body is not None and inexact(node.body))
        case n.Apply(function="money"):
            return n.decimals(node.args[0]) > MONEY_SCALE
        case n.Apply(function="round" | "floor" | "ceil" | "portion"):
            return False
        case n.If():
            return inexact(node.then) or inexact(node.otherwise)
        case n.Negate() | n.Apply():
            return any(inexact(child) for child in n.children(node))
    return False
