"""The tree a definition is read into: plain values, each knowing where it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from forms.problems import Path


class Span(NamedTuple):
    """Where a key or a value stands. `line` and `column` count from 1, `start` and `end` from 0.

    `style` is the YAML writing: "" plain, "'" or '"' quoted, "|" or ">" block, "{" or "[" in
    braces, "-" an indented list, ":" an indented map.
    """

    file: str
    line: int
    column: int
    start: int
    end: int
    style: str


@dataclass(slots=True)
class Node:
    """One value of a definition: `value` is a scalar, a dict of nodes or a list of nodes."""

    value: object
    span: Span
    keys: dict[str, Span] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Node]:
        """The children of a map, empty for everything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The children of a list, empty for everything else."""
        return self.value if isinstance(self.value, list) else []

    def child(self, step: str | int) -> Node | None:
        """The node one step down, or None."""
        if isinstance(step, str):
            return self.fields.get(step)
        items = self.items
        return items[step] if -len(items) <= step < len(items) else None

    def find(self, path: Path) -> tuple[Node, Path]:
        """The deepest node on the way to `path` and the part of `path` that leads there."""
        node = self
        for depth, step in enumerate(path):
            below = node.child(step)
            if below is None:
                return node, path[:depth]
            node = below
        return node, path

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """This node and everything below it, in the order of the file."""
        yield path, self
        for key, below in self.fields.items():
            yield from below.walk((*path, key))
        for index, below in enumerate(self.items):
            yield from below.walk((*path, index))


def plain(node: Node) -> object:
    """The values alone: dict, list, str, int, Decimal, bool and None."""
    if isinstance(node.value, dict):
        return {key: plain(below) for key, below in node.value.items()}
    if isinstance(node.value, list):
        return [plain(below) for below in node.value]
    return node.value


def inside(text: str, span: Span, offset: int) -> tuple[int, int]:
    """Line and column (from 1) of the character at `offset` of the value written at `span`.

    Quotes, escapes, folded lines and the indentation of block texts are taken into account.
    """
    if span.style in ("|", ">"):
        index = _in_block(text, span, offset)
    elif span.style in ("", "'", '"'):
        index = _in_flow(text, span, offset)
    else:
        index = span.start
    index = min(index, len(text))
    line_start = text.rfind("\n", 0, index) + 1
    return text.count("\n", 0, index) + 1, index - line_start + 1


_ESCAPED_LENGTH = {"x": 4, "u": 6, "U": 10}


def _in_flow(text: str, span: Span, offset: int) -> int:
    """Index in the file of a character of a plain or quoted scalar."""
    at = span.start + (1 if span.style else 0)
    while offset > 0 and at < span.end:
        char = text[at]
        if char in " \r\n":
            after = at
            while after < span.end and text[after] in " \r\n":
                after += 1
            breaks = text.count("\n", at, after)
            if breaks == 0:
                step = min(offset, after - at)
                at, offset = at + step, offset - step
            else:
                at, offset = after, offset - max(1, breaks - 1)
            continue
        if span.style == "'" and text.startswith("''", at):
            at += 2
        elif span.style == '"' and char == "\\":
            following = text[at + 1 : at + 2]
            at += _ESCAPED_LENGTH.get(following, 2)
            if following in "\r\n":
                while at < span.end and text[at] in " \r\n":
                    at += 1
                continue
        else:
            at += 1
        offset -= 1
    return at


def _in_block(text: str, span: Span, offset: int) -> int:
    """Index in the file of a character of a `|` or `>` text."""
    at = text.find("\n", span.start, span.end) + 1
    body = text[at : span.end]
    indents = [len(line) - len(line.lstrip(" ")) for line in body.split("\n") if line.strip()]
    indent = indents[0] if indents else 0
    for line in body.split("\n"):
        shown = len(line.rstrip("\r")) - indent
        if offset <= max(shown, 0):
            return at + min(indent, len(line)) + offset
        offset -= max(shown, 0) + 1
        at += len(line) + 1
    return span.end
