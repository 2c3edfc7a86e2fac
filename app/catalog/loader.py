"""Read one definition file: YAML's events, our own construction.

Only a small, plain part of YAML is understood: maps, lists, texts, whole numbers, decimals,
`true`, `false` and `null`. Everything else stays text as written (`no`, `12:30`, `010`, `1e3`,
dates); anchors, aliases, tags, merge keys and directives are refused. Nothing raises: what cannot
be read becomes a problem at its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from app.catalog import traps
from app.catalog.nodes import Node, Span, plain
from app.catalog.problems import Located
from app.catalog.traps import Seen, Trap
from forms.problems import Problem

MAX_BYTES = 512 * 1024
"""A definition file is not larger than this."""

MAX_NODES = 40_000
"""Keys, values, lists and maps in one file."""

MAX_DEPTH = 32
"""Maps and lists inside each other."""

_PARSER: Any = getattr(yaml, "CLoader", yaml.Loader)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,27})\.[0-9]{1,28}")
_HEADING = re.compile(r"^([a-z]+)[ \t]*:[ \t]*([A-Za-z0-9_]+)", re.MULTILINE)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]|\r(?!\n)"
)
_UNUSUAL_KEYS_OF = {"scenario": frozenset({"on"}), "import": frozenset({"on"})}


@dataclass(slots=True)
class Document:
    """One definition as written: its kind and id, its tree, and what was wrong with the text.

    `root` is None where the text could not be read to its end.
    """

    path: str
    text: str
    kind: str = ""
    id: str = ""
    root: Node | None = None
    problems: list[Located] = field(default_factory=list)
    misfits: list[Problem] | None = None
    """How it departs from its schema, once that was found out (for the reader of many tenants)."""

    @property
    def data(self) -> dict[str, Any]:
        """The plain values of the whole definition, kind and id included."""
        found = plain(self.root) if self.root is not None else {}
        return found if isinstance(found, dict) else {}


class _Refused(Exception):
    """Ends the reading of one file; the trap says why."""

    def __init__(self, trap: Trap) -> None:
        super().__init__(trap.problem.message)
        self.trap = trap


def load_bytes(path: str, content: bytes) -> Document:
    """Read a file's bytes: UTF-8 with or without a byte order mark. Never raises."""
    if len(content) > MAX_BYTES:
        return _failed(path, "", Trap(0, _too_large(len(content))))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        problem = Problem("not_utf8", (), "this is not UTF-8", "save the file as UTF-8")
        return _failed(path, before, Trap(len(before), problem))
    return load_text(path, text)


def load_text(path: str, text: str) -> Document:
    """Read one definition from its text. Never raises: see `Document.problems`."""
    if len(text) > MAX_BYTES:
        return _failed(path, "", Trap(0, _too_large(len(text))))
    body = text.removeprefix("\ufeff")
    early = _unreadable(body)
    if early is not None:
        return _failed(path, body, early)
    document = Document(path, body)
    reader = _Reader(document)
    try:
        document.root = reader.read()
    except _Refused as refused:
        document.problems.append(_place(path, body, refused.trap))
    except yaml.YAMLError as error:
        trap = traps.from_error(body, error, reader.seen)
        document.problems.append(_place(path, body, trap))
    _read_heading(document, reader)
    return document


def scalar(text: str) -> str | int | bool | Decimal | None:
    """What an unquoted YAML value means here."""
    if text == "true":
        return True
    if text == "false":
        return False
    if text in ("", "~", "null"):
        return None
    if text[0] in "-0123456789":
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
    return text


class _Reader:
    """Turns the events of one text into nodes, remembering values for the trap messages."""

    def __init__(self, document: Document) -> None:
        self.path = document.path
        self.text = document.text
        self.document = document
        self.seen: list[Seen] = []
        self.count = 0
        self.first: tuple[str, str] | None = None
        self.events: Iterator[Any] = iter(())

    def read(self) -> Node | None:
        """The root node, or None for an empty file."""
        self.events = yaml.parse(self.text, Loader=_PARSER)
        root: Node | None = None
        documents = 0
        event: Any
        for event in self.events:
            at = event.start_mark.index
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if event.version is not None or event.tags:
                    raise _Refused(
                        traps.syntax(at, "directives are not allowed", "remove the line")
                    )
                if documents > 1:
                    problem = Problem(
                        "several_documents",
                        (),
                        "a second document starts here",
                        "one definition a file",
                    )
                    raise _Refused(Trap(at, problem))
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, 1)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        """Build the value that starts with `event`."""
        start = event.start_mark.index
        self.count += 1
        if self.count > MAX_NODES:
            problem = Problem(
                "too_many_nodes", (), "this file has too many values", f"at most {MAX_NODES}"
            )
            raise _Refused(Trap(start, problem))
        if depth > MAX_DEPTH:
            problem = Problem(
                "too_deep",
                (),
                "maps and lists are nested too deeply",
                f"at most {MAX_DEPTH} levels",
            )
            raise _Refused(Trap(start, problem))
        self._refuse_markup(event, start)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event, depth)
        return self._map(event, depth)

    def _refuse_markup(self, event: Any, start: int) -> None:
        if isinstance(event, yaml.AliasEvent):
            problem = Problem(
                "alias",
                (),
                f"aliases are not allowed: '*{event.anchor}'",
                f"write the value again, or {traps.QUOTE}",
            )
            raise _Refused(Trap(start, problem))
        if event.anchor is not None:
            problem = Problem(
                "anchor", (), f"anchors are not allowed: '&{event.anchor}'", "remove it"
            )
            raise _Refused(Trap(start, problem))
        if event.tag is not None:
            raise _Refused(traps.tag(start))

    def _scalar(self, event: Any) -> Node:
        style = event.style or ""
        start, end = event.start_mark.index, event.end_mark.index
        self.seen.append(Seen(start, end, style, event.value))
        value = scalar(event.value) if style == "" else event.value
        return Node(value, self._span(event.start_mark, end, style))

    def _list(self, event: Any, depth: int) -> Node:
        items: list[Node] = []
        entries: list[tuple[Seen, Seen | None]] = []
        for following in self.events:
            if isinstance(following, yaml.SequenceEndEvent):
                break
            items.append(self._node(following, depth + 1))
            entries.append((self.seen[-1], None))
        return self._closed(event, following, items, {}, entries, "[", "-")

    def _map(self, event: Any, depth: int) -> Node:
        children: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        entries: list[tuple[Seen, Seen | None]] = []
        for following in self.events:
            if isinstance(following, yaml.MappingEndEvent):
                break
            key, span = self._key(following)
            seen_key = self.seen[-1]
            value = self._node(next(self.events), depth + 1)
            entries.append((seen_key, self.seen[-1]))
            if key in children:
                problem = Problem(
                    "duplicate_key",
                    (),
                    f"{key} is here twice; first in line {keys[key].line}",
                    "a key stands once",
                    on_key=True,
                )
                self._note(Trap(span.start, problem))
                continue
            if depth == 1 and not children and isinstance(value.value, str):
                self.first = (key, value.value)
            self._check_key(key, span)
            children[key], keys[key] = value, span
        return self._closed(event, following, children, keys, entries, "{", ":")

    def _closed(
        self,
        event: Any,
        end: Any,
        value: object,
        keys: dict[str, Span],
        entries: list[tuple[Seen, Seen | None]],
        flow: str,
        block: str,
    ) -> Node:
        in_braces = bool(event.flow_style)
        style = flow if in_braces else block
        start, stop = event.start_mark.index, end.end_mark.index
        if in_braces:
            split = traps.split_values(entries)
            if split is not None:
                raise _Refused(split)
        self.seen.append(Seen(start, stop, style, ""))
        return Node(value, self._span(event.start_mark, stop, style), keys)

    def _key(self, event: Any) -> tuple[str, Span]:
        start, end = event.start_mark.index, event.end_mark.index
        if not isinstance(event, yaml.ScalarEvent):
            if isinstance(event, yaml.AliasEvent):
                self._refuse_markup(event, start)
            problem = Problem("complex_key", (), "a key is one word, no map or list", on_key=True)
            raise _Refused(Trap(start, problem))
        self._refuse_markup(event, start)
        style = event.style or ""
        self.seen.append(Seen(start, end, style, event.value, is_key=True))
        self.count += 1
        if not event.value:
            problem = Problem("empty_key", (), "a key is missing before ':'", on_key=True)
            raise _Refused(Trap(start, problem))
        if event.value == "<<" and not style:
            problem = Problem(
                "merge_key",
                (),
                "merge keys ('<<') are not allowed",
                "write the keys out",
                on_key=True,
            )
            raise _Refused(Trap(start, problem))
        return event.value, self._span(event.start_mark, end, style)

    def _check_key(self, key: str, span: Span) -> None:
        if key in traps.BOOLEAN_WORDS and not span.style:
            kind = self.first[0] if self.first else ""
            if key not in _UNUSUAL_KEYS_OF.get(kind, ()):
                self._note(traps.boolean_key(span.start, key))

    def _note(self, trap: Trap) -> None:
        self.document.problems.append(_place(self.path, self.text, trap))

    def _span(self, mark: Any, end: int, style: str) -> Span:
        return Span(self.path, mark.line + 1, mark.column + 1, mark.index, end, style)


def _read_heading(document: Document, reader: _Reader) -> None:
    """Kind and id from the first key, also where the rest could not be read."""
    root = document.root
    if root is None:
        if reader.first is not None:
            document.kind, document.id = reader.first
        if not document.problems:
            problem = Problem("empty_file", (), "the file is empty", "`<kind>: <id>` comes first")
            document.problems.append(Located(document.path, 1, 1, problem))
        return
    if not isinstance(root.value, dict) or not root.fields:
        problem = Problem(
            "not_a_map",
            (),
            "a definition is a map",
            "`form: order` comes first",
        )
        document.problems.append(Located(document.path, root.span.line, root.span.column, problem))
        document.root = None
        return
    kind, named = next(iter(root.fields.items()))
    document.kind = kind
    document.id = named.value if isinstance(named.value, str) else ""


def _unreadable(text: str) -> Trap | None:
    """Characters that must not be in a definition at all."""
    tab = text.find("\t")
    hidden = _INVISIBLE.search(text)
    if tab >= 0 and (hidden is None or tab < hidden.start()):
        return Trap(tab, Problem("tab", (), "tabs are not allowed", "indent with spaces"))
    if hidden is not None:
        return traps.control_character(hidden.start(), hidden.group())
    return None


def _too_large(size: int) -> Problem:
    return Problem(
        "too_large", (), f"the file has {size // 1024} KiB", f"at most {MAX_BYTES // 1024} KiB"
    )


def _failed(path: str, text: str, trap: Trap) -> Document:
    """A file that was not parsed; its heading still says what others may be waiting for."""
    heading = _HEADING.search(text)
    kind, name = heading.groups() if heading else ("", "")
    return Document(path, text, kind, name, problems=[_place(path, text, trap)])


def _place(path: str, text: str, trap: Trap) -> Located:
    index = min(trap.index, len(text))
    line_start = text.rfind("\n", 0, index) + 1
    return Located(path, text.count("\n", 0, index) + 1, index - line_start + 1, trap.problem)
