"""Facts beyond the record: what an expression will look at, and which of it is not there yet.

A *probe* walks the links and aggregates of an expression as its evaluation would and tells a
visitor of each row and total on the way: `Wants` notes what is missing, `Seen` everything.
What was asked for and does not exist has to be put into the env as None (rows) or {} (totals), so
that it is not asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flows.state import Asked, Facts, Need
from forms.expr import Env, EvalError, Expr
from forms.expr import nodes as n
from forms.expr.closures import compile_node
from forms.model import Row

_ABSENT: Any = object()


class Visitor(Protocol):
    """Is told of what lies beyond a record."""

    def link(self, target: str, key: Any, name: str) -> None:
        """A field of a row of another form (or of its lines) is read."""

    def total(self, aggregate: str, key: Any) -> None:
        """An aggregate is read under a key."""


Probe = Callable[[Mapping[str, Any], Env, Visitor], None]


class Wants:
    """Collects what is missing, and turns it into a `Need`. `some`: anything was noted."""

    __slots__ = ("aggregates", "facts", "fields", "links", "people", "read", "some")

    def __init__(self, facts: Facts, read: Mapping[str, frozenset[str]]) -> None:
        self.facts = facts
        self.read = read
        self.links: dict[str, set[int]] = {}
        self.fields: dict[str, set[str]] = {}
        self.aggregates: set[tuple[str, int]] = set()
        self.people: set[Asked] = set()
        self.some = False

    def link(self, target: str, key: Any, name: str) -> None:
        """Note a row that is not there, or lacks the field."""
        rows = self.facts.env.links.get(target)
        found = _ABSENT if rows is None else rows.get(key, _ABSENT)
        if found is None or (found is not _ABSENT and name in found):
            return
        self.some = True
        self.links.setdefault(target, set()).add(key)
        self.fields.setdefault(target, set(self.read.get(target, ()))).add(name)

    def total(self, aggregate: str, key: Any) -> None:
        """Note a total that is not there."""
        found = self.facts.env.aggregates.get(aggregate)
        if found is None or key not in found:
            self.some = True
            self.aggregates.add((aggregate, key))

    def ask(self, kind: str, of: str | int) -> tuple[int, ...] | None:
        """The answer to a question about people; None, and noted, where it is not there."""
        question = Asked(kind, of)
        found = self.facts.people.get(question)
        if found is None:
            self.some = True
            self.people.add(question)
        return found

    def need(self) -> Need:
        """Everything noted."""
        return Need(
            links={target: frozenset(ids) for target, ids in self.links.items()},
            fields={target: frozenset(names) for target, names in self.fields.items()},
            aggregates=frozenset(self.aggregates),
            people=frozenset(self.people),
        )


class Seen:
    """Collects everything that is read: what a wait has to be told of when it changes."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], None] = {}

    def link(self, target: str, key: Any, name: str) -> None:
        self.found[(target, key)] = None

    def total(self, aggregate: str, key: Any) -> None:
        self.found[(f"aggregate:{aggregate}", key)] = None


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A probe and where it runs: `table` "" the record, else every row of those lines; `rows` are
    the names of rows around it and their lines, bound to every row in turn."""

    probe: Probe
    table: str = ""
    rows: tuple[tuple[str, str], ...] = ()

    def run(self, row: Row, env: Env, visitor: Visitor) -> None:
        """Visit what is read."""
        for one in _bound(row, self.rows):
            if not self.table:
                self.probe(one, env, visitor)
                continue
            parent, env.parent = env.parent, one
            for line in row.get(self.table) or ():
                self.probe(line, env, visitor)
            env.parent = parent


def _bound(row: Row, rows: tuple[tuple[str, str], ...]) -> Iterator[Mapping[str, Any]]:
    if not rows:
        yield row
        return
    name, lines = rows[0]
    for line in row.get(lines) or ():
        yield from _bound({**row, name: line["id"]}, rows[1:])


def probe_of(expr: Expr) -> Probe | None:
    """What an expression looks at beyond its row; None where that is nothing."""
    found: list[Probe] = []
    _gather(expr.node, found)
    return joined(found)


def joined(probes: list[Probe]) -> Probe | None:
    """One probe that does what several do; None for none."""
    if len(probes) < 2:
        return probes[0] if probes else None
    every = tuple(probes)

    def probe(row: Mapping[str, Any], env: Env, visitor: Visitor) -> None:
        for one in every:
            one(row, env, visitor)

    return probe


def _gather(node: n.Node, found: list[Probe]) -> None:
    match node:
        case n.LinkRead():
            _gather(node.base, found)
            found.append(_link(node))
            return
        case n.AggregateRead():
            _gather(node.key, found)
            found.append(_total(node))
            return
        case n.Loop():
            inner: list[Probe] = []
            for part in (node.body, node.where):
                if part is not None:
                    _gather(part, inner)
            each = joined(inner)
            if each is not None:
                found.append(_over(node, each))
            return
    for child in n.children(node):
        _gather(child, found)


def _link(node: n.LinkRead) -> Probe:
    base, target, name = compile_node(node.base), node.target, node.name

    def probe(row: Mapping[str, Any], env: Env, visitor: Visitor) -> None:
        try:
            key = base(row, env)
        except EvalError:
            return
        if key is not None:
            visitor.link(target, key, name)

    return probe


def _total(node: n.AggregateRead) -> Probe:
    base, aggregate = compile_node(node.key), node.aggregate

    def probe(row: Mapping[str, Any], env: Env, visitor: Visitor) -> None:
        try:
            key = base(row, env)
        except EvalError:
            return
        if key is not None:
            visitor.total(aggregate, key)

    return probe


def _over(node: n.Loop, each: Probe) -> Probe:
    rows = compile_node(node.rows)

    def probe(row: Mapping[str, Any], env: Env, visitor: Visitor) -> None:
        before = env.line
        for line in rows(row, env) or ():
            env.line = line
            each(row, env, visitor)
        env.line = before

    return probe
