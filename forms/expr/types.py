"""The static types of expressions, and the names an expression may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

KINDS = (
    "null",
    "text",
    "integer",
    "decimal",
    "money",
    "boolean",
    "date",
    "datetime",
    "duration",
    "choice",
    "link",
    "user",
    "department",
    "file",
    "lines",
    "list",
)

_ARTICLE = {"integer": "an integer", "null": "null", "lines": "lines"}


@dataclass(frozen=True, slots=True)
class Type:
    """What a value is. `kind` is one of `KINDS`; the rest only where the kind has it.

    `item`: of a list (many choices, many links). `target`: a link's form ("order") or form's
    lines ("order.lines"); for lines themselves "return_request.lines". `options`: a choice's
    values in order; `options_id`: the options definition they come from, None when written inline.
    """

    kind: str
    item: Type | None = None
    target: str | None = None
    options: tuple[str, ...] | None = None
    options_id: str | None = None

    def __str__(self) -> str:
        if self.kind == "link":
            return f"a link to {self.target}"
        if self.kind == "list":
            return f"a list ({self.item})" if self.item else "a list"
        if self.kind == "choice" and self.options is not None:
            shown = ", ".join(self.options[:8]) + (", …" if len(self.options) > 8 else "")
            return f"a choice ({shown})"
        return _ARTICLE.get(self.kind) or f"a {self.kind}"


NULL = Type("null")
TEXT = Type("text")
INTEGER = Type("integer")
DECIMAL = Type("decimal")
MONEY = Type("money")
BOOLEAN = Type("boolean")
DATE = Type("date")
DATETIME = Type("datetime")
DURATION = Type("duration")
USER = Type("user")
DEPARTMENT = Type("department")
FILE = Type("file")

NUMBERS = frozenset({"integer", "decimal"})
TEXTS = frozenset({"text", "choice"})


def link(target: str) -> Type:
    """A link to a form ("order") or to a form's lines ("order.lines")."""
    return Type("link", target=target)


def lines(target: str) -> Type:
    """The rows of a lines field, by its full name: "return_request.lines"."""
    return Type("lines", target=target)


def choice(*options: str, options_id: str | None = None) -> Type:
    """A choice among ordered values."""
    return Type("choice", options=options, options_id=options_id)


def many(item: Type) -> Type:
    """Many values of one type."""
    return Type("list", item=item)


@dataclass(frozen=True, slots=True)
class AggregateType:
    """An aggregate as expressions see it: whose id is its key, and the types of its measures."""

    per: str
    measures: Mapping[str, Type]


class Library(Protocol):
    """What the definitions around an expression say about other forms, options and aggregates."""

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        """Fields and system names of "order" or "order.lines"; None where there is no such."""

    def attributes_of(self, options_id: str) -> Mapping[str, Type] | None:
        """The attributes the values of an options definition carry."""

    def attribute(self, options_id: str, value: str, name: str) -> object:
        """One attribute of one option value (a constant of the release)."""

    def aggregate(self, name: str) -> AggregateType | None:
        """The aggregate of that name."""

    def aggregate_names(self) -> Iterable[str]:
        """All aggregates, for error messages."""


class EmptyLibrary:
    """No other forms, no options, no aggregates."""

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        return None

    def attributes_of(self, options_id: str) -> Mapping[str, Type] | None:
        return None

    def attribute(self, options_id: str, value: str, name: str) -> object:
        return None

    def aggregate(self, name: str) -> AggregateType | None:
        return None

    def aggregate_names(self) -> Iterable[str]:
        return ()


@dataclass(frozen=True, slots=True)
class Scope:
    """The names visible to an expression.

    `names`: own fields and system names, `this` (a link to the row's own form) and `me` (a user; in
    the roles of people outside a link to their own record).
    `parent`: what `parent.x` reads. `row`: what `this.x` reads when bare names mean another row
    (a link's `where`); without it `this.x` is the own field x. `max_hops`: how many links one
    path may follow. `behind`: names that are not the row's own are the parent's, without `parent.`.
    """

    names: Mapping[str, Type]
    parent: Mapping[str, Type] | None = None
    row: Mapping[str, Type] | None = None
    library: Library = field(default_factory=EmptyLibrary)
    max_hops: int = 1
    behind: bool = False


def common(left: Type, right: Type) -> Type | None:
    """The type that holds values of both, or None. Literals are adapted before this is asked."""
    if left == right or right.kind == "null":
        return left
    if left.kind == "null":
        return right
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return DECIMAL
    if left.kind == "choice" and right.kind == "choice" and left.options == right.options:
        return Type("choice", options=left.options)
    if left.kind in TEXTS and right.kind in TEXTS:
        return TEXT
    if left.kind == "list" and right.kind == "list" and left.item and right.item:
        item = common(left.item, right.item)
        return Type("list", item=item) if item else None
    return None


def fits(actual: Type, expected: Type) -> bool:
    """Whether a value of type `actual` may stand where `expected` is asked for."""
    if actual == expected or actual.kind == "null":
        return True
    if expected.kind == "decimal":
        return actual.kind == "integer"
    if expected.kind == "text":
        return actual.kind == "choice"
    if expected.kind != actual.kind:
        return False
    if expected.kind == "choice":
        return expected.options is None or set(actual.options or ()) <= set(expected.options)
    if expected.kind in ("link", "lines"):
        return expected.target is None or expected.target == actual.target
    if expected.kind == "list":
        return expected.item is None or actual.item is None or fits(actual.item, expected.item)
    return True
