"""In which order the fields of a record get their values, and the circles that forbid one.

A field depends on what its formula, its default, the fills into it and its `visible` read. Fields
are named by their dotted path; the record's currency is the node `CURRENCY`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from forms.expr import Expr
from forms.model import Field, Lines

CURRENCY = ""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Fields that depend on each other: `path` begins and ends with the same one."""

    path: tuple[str, ...]
    cause: str
    """"formula", "default" or "visible": the loosest of the links in the circle."""


def all_fields(fields: Mapping[str, Field]) -> Iterator[Field]:
    """Each field, a lines field before its columns."""
    for one in fields.values():
        yield one
        if isinstance(one, Lines):
            yield from one.fields.values()


def reads(expr: Expr, within: str) -> set[str]:
    """The dotted names an expression reads; `within` is the lines field it stands in."""
    # In an expression of the record, `parent.x` stands inside a loop and means the record's x.
    own = {f"{within}.{name}" for name in expr.names} if within else set(expr.names)
    return own | set(expr.parent_names)


def dependencies(
    fields: Mapping[str, Field], currency: str | Expr | None
) -> dict[str, dict[str, str]]:
    """Node → the nodes it depends on, each with its cause."""
    found: dict[str, dict[str, str]] = {CURRENCY: {}}
    every = {one.path: one for one in all_fields(fields)}
    for path, one in every.items():
        causes: dict[str, str] = {}
        for cause, expr in _computing(one):
            for name in reads(expr, one.within):
                causes.setdefault(name, cause)
        found[path] = causes
    for one in every.values():
        for mine, expr in one.fill.items():
            target = f"{one.within}.{mine}" if one.within else mine
            if target in found:
                for name in {one.path, *reads(expr, one.within)}:
                    found[target].setdefault(name, "default")
    if isinstance(currency, Expr):
        found[CURRENCY] = dict.fromkeys(currency.names, "default")
    for path, causes in found.items():
        for name in list(causes):
            if name not in found:
                del causes[name]
        # What is inside lines is there only while the lines are.
        for name in [path, *causes]:
            head, _, tail = name.partition(".")
            if tail and head != path and isinstance(every[head].visible, Expr):
                causes.setdefault(head, "visible")
    _after_currency(found)
    return found


def order(fields: Mapping[str, Field], currency: str | Expr | None) -> list[str] | Cycle:
    """All nodes, each after what it depends on; columns of one table stand together if they can."""
    graph = dependencies(fields, currency)
    circle = _find_cycle(graph)
    if circle is not None:
        return circle
    waiting = {node: set(causes) for node, causes in graph.items()}
    done: list[str] = []
    table = ""
    while waiting:
        ready = [node for node, causes in waiting.items() if not causes]
        pick = next((n for n in ready if n and _table(n) == table), ready[0])
        table = _table(pick)
        del waiting[pick]
        for causes in waiting.values():
            causes.discard(pick)
        done.append(pick)
    return done


def _table(node: str) -> str:
    return node.partition(".")[0] if "." in node else ""


def _computing(one: Field) -> Iterator[tuple[str, Expr]]:
    if isinstance(one.formula, Expr):
        yield "formula", one.formula
    if isinstance(one.default, Expr):
        yield "default", one.default
    if isinstance(one.visible, Expr):
        yield "visible", one.visible
    if isinstance(one.currency, Expr):
        yield "formula", one.currency


def _after_currency(graph: dict[str, dict[str, str]]) -> None:
    """Let everything that the currency does not itself depend on come after it."""
    before: set[str] = set()
    todo = [CURRENCY]
    while todo:
        for name in graph[todo.pop()]:
            if name not in before:
                before.add(name)
                todo.append(name)
    for node, causes in graph.items():
        if node != CURRENCY and node not in before:
            causes.setdefault(CURRENCY, "formula")


def _find_cycle(graph: Mapping[str, Mapping[str, str]]) -> Cycle | None:
    done: set[str] = set()
    for start in graph:
        if start in done:
            continue
        trail: list[str] = [start]
        branches = [iter(graph[start])]
        while trail:
            for name in branches[-1]:
                if name in trail:
                    return _cycle([*trail[trail.index(name) :], name], graph)
                if name not in done:
                    trail.append(name)
                    branches.append(iter(graph[name]))
                    break
            else:
                done.add(trail.pop())
                branches.pop()
    return None


def _cycle(trail: list[str], graph: Mapping[str, Mapping[str, str]]) -> Cycle:
    causes = {graph[a][b] for a, b in pairwise(trail)}
    cause = next(c for c in ("visible", "default", "formula") if c in causes)
    first = min(range(len(trail) - 1), key=lambda i: trail[i])
    circle = [*trail[first:-1], *trail[: first + 1]]
    return Cycle(tuple(name or "(currency)" for name in circle), cause)
