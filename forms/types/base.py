"""What a field type is, and the one registry of them that plugins add to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Protocol

from forms.problems import suggest

if TYPE_CHECKING:
    from forms.expr import Type
    from forms.model import Field

Raw = object
"""A value as it comes in: a JSON value, a text of an HTML form or CSV cell, or a typed value."""


@dataclass(frozen=True, slots=True)
class Quick:
    """A Python condition on `v` that holds only for values `parse` would give back unchanged.

    `names` are the constants it mentions. It is written by us (or a plugin), never by a tenant:
    limits of a definition go into `names`, not into the text. It may raise ArithmeticError.
    """

    condition: str
    names: Mapping[str, object] = field(default_factory=dict)


class Invalid(Exception):
    """A value that a field does not take: a code of `forms.messages` and its parameters."""

    def __init__(self, code: str, /, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class Storage:
    """How a value is kept in a database column.

    `kind` is "text", "integer" (64 bits; `scale` decimals are shifted out), "json" (a text holding
    a JSON list) or "none" (no column: lines have a table of their own).
    """

    kind: str
    scale: int = 0


class Report(Protocol):
    """Where a type says what is wrong with its keys; paths start at the field's definition."""

    def __call__(
        self,
        code: str,
        *path: str | int,
        allowed: str = "",
        suggestion: str = "",
        on_key: bool = False,
        **params: object,
    ) -> None: ...


class FieldType:
    """A type of field. Subclasses answer for one type each; instances have no state.

    `keys` are the definition keys a field of this type may carry besides the common ones;
    `indexable` says whether `index: true` makes sense, `sums` whether values may be added up.
    """

    __slots__ = ()
    id: str = ""
    keys: frozenset[str] = frozenset()
    indexable: bool = True
    sums: bool = False

    # -- reading a definition
    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        """Attributes of `Field` from this type's own keys; problems go to `report`."""
        return {}

    # -- types and storage
    def expr_type(self, field: Field) -> Type:
        """The type an expression sees."""
        raise NotImplementedError

    def storage(self, field: Field) -> Storage:
        """How the value is kept in a column."""
        return Storage("text")

    def to_stored(self, value: object) -> object:
        """A value (not None) as its column keeps it; "json" kinds give plain lists."""
        return value

    def from_stored(self, stored: object, currency: str | None = None) -> object:
        """The reverse of `to_stored`; `currency` is needed by money only."""
        return stored

    # -- values
    def parse(self, raw: Raw, field: Field) -> object:
        """Read a raw value; None is empty. Raises `Invalid`."""
        raise NotImplementedError

    def quick(self, field: Field) -> Quick | None:
        """When a raw value may be taken as it stands, without `parse`; None for never.

        The answer is part of the reader that is generated for each form (see
        `forms.compile_reader`); `parse` judges every value for which it is false.
        """
        return None

    def check(self, value: object, field: Field) -> None:
        """Hold a computed value (not None) to the field's limits. Raises `Invalid`."""

    def to_json(self, value: object) -> object:
        """A value (not None) as JSON carries it; `parse` reads it back unchanged."""
        return value

    def format(self, value: object, lang: str, field: Field) -> str:
        """A value (not None) as people read it."""
        return str(value)

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        """JSON Schema (2020-12) of what is accepted, or of what is given back."""
        return {"type": "string"}

    def active(self, value: object, field: Field, today: date) -> None:
        """Raise `Invalid` where a newly given value may not be used today."""


REGISTRY: dict[str, FieldType] = {}


def register(kind: FieldType) -> FieldType:
    """Add a type to the registry. Raises ValueError where the id is taken or malformed."""
    if kind.id in REGISTRY:
        raise ValueError(f"the field type {kind.id!r} is already registered")
    if not kind.id.isidentifier() or not kind.id.islower():
        raise ValueError(f"a field type's id is a lower-case identifier, not {kind.id!r}")
    REGISTRY[kind.id] = kind
    return kind


def unregister(type_id: str) -> None:
    """Take a type out again (a plugin that is switched off)."""
    REGISTRY.pop(type_id, None)


def field_type(type_id: object) -> FieldType | None:
    """The registered type of that id, or None."""
    return REGISTRY.get(type_id) if isinstance(type_id, str) else None


def type_ids() -> tuple[str, ...]:
    """The ids of all registered types, in the order they were registered."""
    return tuple(REGISTRY)


def suggest_type(word: str) -> str:
    """The registered type closest to a mistyped one."""
    return suggest(word, REGISTRY)


# -- reading settings: shared by the types ---------------------------------------------------------


def read_flag(definition: Mapping[str, object], key: str, report: Report) -> bool:
    """A true/false key; anything else is a problem."""
    value = definition.get(key)
    if value is None or isinstance(value, bool):
        return bool(value)
    report("not_true_or_false", key, allowed="true or false")
    return False


def read_count(
    definition: Mapping[str, object], key: str, report: Report, *, lowest: int, highest: int
) -> int | None:
    """A whole number within limits; anything else is a problem."""
    value = definition.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        report("bad_count", key, allowed=f"a whole number from {lowest} to {highest}")
        return None
    return value


def read_word(
    definition: Mapping[str, object], key: str, known: tuple[str, ...], report: Report, code: str
) -> str | None:
    """One word of a closed list; anything else is a problem of the given code."""
    value = definition.get(key)
    if value is None:
        return None
    if isinstance(value, str) and value in known:
        return value
    report(
        code,
        key,
        allowed=", ".join(known),
        suggestion=suggest(str(value), known),
        value=value,
    )
    return None


def read_limits(
    definition: Mapping[str, object],
    report: Report,
    parse: Callable[[object], object],
) -> dict[str, object]:
    """`min` and `max` of an ordered type, read like its values; min above max is a problem."""
    found: dict[str, object] = {}
    for key in ("min", "max"):
        raw = definition.get(key)
        if raw is None:
            continue
        try:
            found[key] = parse(raw)
        except Invalid as wrong:
            report("bad_limit", key, allowed="a constant the field itself could hold", why=wrong)
    low, high = found.get("min"), found.get("max")
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        report("min_over_max", "min", low=low, high=high)
    return found
