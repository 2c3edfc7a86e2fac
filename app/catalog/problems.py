"""Findings with their place in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.catalog.nodes import Node, Span, inside
from forms.problems import ERROR, WARNING, Path, Problem


@dataclass(frozen=True, slots=True)
class Located:
    """A problem and the file, line and column (from 1) of what caused it."""

    file: str
    line: int
    column: int
    problem: Problem

    def __str__(self) -> str:
        parts = [self.problem.message]
        if self.problem.allowed:
            parts.append(self.problem.allowed)
        text = "; ".join(parts)
        if self.problem.suggestion:
            text += f" (did you mean {self.problem.suggestion}?)"
        where = dotted(self.problem.path)
        if self.problem.severity == WARNING:
            where = f"warning {where}".strip()
        place = f"{self.file}:{self.line}:{self.column} {where}{': ' if where else ''}"
        return f"{place}{text} [{self.problem.code}]"

    def as_dict(self) -> dict[str, object]:
        """The finding for programs: the parts of its line by name."""
        problem = self.problem
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": dotted(problem.path),
            "code": problem.code,
            "severity": problem.severity,
            "message": problem.message,
            "allowed": problem.allowed,
            "suggestion": problem.suggestion,
        }

    @property
    def stands_in_the_way(self) -> bool:
        """Whether nothing can be published before this is mended."""
        return self.problem.severity == ERROR

    @property
    def order(self) -> tuple[str, int, int, str]:
        """Sort key: problems are shown in the order of the files."""
        return self.file, self.line, self.column, self.problem.code


def dotted(path: Path) -> str:
    """A path as people read it: `fields.lines.fields.sku`, `steps[0].by`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def at_span(span: Span, problem: Problem) -> Located:
    """The problem at the start of a key or value."""
    return Located(span.file, span.line, span.column, problem)


def locate(root: Node, problem: Problem, texts: dict[str, str] | None = None) -> Located:
    """Find the place of a problem by its path.

    A path that leads nowhere (a missing key) points at the key of the deepest node that exists;
    an offset is counted inside the text of the file, given by `texts`.
    """
    node, found = root.find(problem.path)
    complete = len(found) == len(problem.path)
    if complete and not problem.on_key:
        span = node.span
        if problem.offset is not None and texts is not None and isinstance(node.value, str):
            line, column = inside(texts[span.file], span, problem.offset)
            return Located(span.file, line, column, problem)
        return at_span(span, problem)
    if complete:
        parent, key = root.find(found[:-1])[0], found[-1] if found else None
    elif node.fields and problem.on_key and problem.path[len(found)] in node.keys:
        parent, key = node, problem.path[len(found)]
    else:
        parent, key = root.find(found[:-1])[0], found[-1] if found else None
    if isinstance(key, str) and key in parent.keys:
        return at_span(parent.keys[key], problem)
    return at_span(first_key(node) or node.span, problem)


def first_key(node: Node) -> Span | None:
    """Where the first key of a map stands."""
    return next(iter(node.keys.values()), None)


def in_order(problems: Iterable[Located]) -> list[Located]:
    """Sorted by place, each finding once."""
    seen: set[tuple[str, int, int, str, str]] = set()
    result = []
    for item in sorted(problems, key=lambda p: p.order):
        mark = (*item.order, item.problem.message)
        if mark not in seen:
            seen.add(mark)
            result.append(item)
    return result
