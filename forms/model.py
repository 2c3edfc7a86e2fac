"""A compiled form, as frozen plain objects: what storage, records and the pages read."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from forms.values import Text

if TYPE_CHECKING:
    from forms.compile_plan import Plan
    from forms.expr import Expr, Type
    from forms.numbering import Numbering
    from forms.signature import FormSignature
    from forms.templates import Template, TextTemplate
    from forms.types import FieldType, Storage

Row = dict[str, Any]
"""A record or a line: field id → value, plus system names. See the package's notes on values."""


@dataclass(frozen=True, slots=True)
class OptionValue:
    """One option: what it is called, when it may be chosen, and its attributes."""

    id: str
    label: Text
    parent: str = ""
    opens: date | None = None
    until: date | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)

    def open_on(self, day: date) -> bool:
        """Whether it may be chosen on that day (both ends count)."""
        return (self.opens is None or self.opens <= day) and (
            self.until is None or day <= self.until
        )


@dataclass(frozen=True, slots=True)
class Options:
    """An ordered list of options; `id` is "" for a list written inside a field."""

    id: str
    label: Text
    values: Mapping[str, OptionValue]
    attributes: Mapping[str, Type] = field(default_factory=dict)
    was: str = ""
    help: Text = field(default_factory=Text)
    attribute_labels: Mapping[str, Text] = field(default_factory=dict)
    """Attribute → what it is called, where somebody called it."""

    @property
    def dated(self) -> bool:
        """Whether some option is open only for a time."""
        return any(v.opens or v.until for v in self.values.values())


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field. Attributes below the blank line belong to some types only.

    `required`, `visible` and `readonly` are True, False or an expression. `default` is a value or
    an expression. `min`/`max` are numbers, amounts (Decimal), dates or durations; for text, choices
    and files `max` counts characters or members.
    """

    form: str
    id: str
    kind: FieldType
    label: Text = field(default_factory=Text)
    help: Text = field(default_factory=Text)
    within: str = ""
    """The lines field this one is a column of, or ""."""
    required: bool | Expr = False
    visible: bool | Expr = True
    readonly: bool | Expr = False
    default: object = None
    formula: Expr | None = None
    index: bool = False
    was: str = ""

    lines: int = 1
    format: str = "plain"
    min: object = None
    max: object = None
    unit: Text | None = None
    currency: str | Expr | None = None
    round: str = ""
    options: Options | None = None
    many: bool = False
    under: str = ""
    """The choice this one's options hang on: "reason", in lines also "parent.reason"."""
    heads: bool = False
    """Whether choices stand under this one, and it under none: it takes options without parent."""
    to: str = ""
    where: Expr | None = None
    fill: Mapping[str, Expr] = field(default_factory=dict)
    size: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    """Keys of a type that a plugin added."""

    @property
    def type(self) -> str:
        """The id of the field's type."""
        return self.kind.id

    @property
    def path(self) -> str:
        """The dotted name: "address", "lines.quantity"."""
        return f"{self.within}.{self.id}" if self.within else self.id

    @property
    def storage(self) -> Storage:
        """How its value is kept in a column."""
        return self.kind.storage(self)

    @property
    def expr_type(self) -> Type:
        """The type expressions see."""
        return self.kind.expr_type(self)

    @property
    def choosable(self) -> tuple[OptionValue, ...]:
        """The options a choice can hold: above others those without a parent, under another one
        those that have one, by itself all."""
        known = tuple(self.options.values.values()) if self.options else ()
        if self.heads or self.under:
            return tuple(one for one in known if bool(one.parent) is not self.heads)
        return known

    @property
    def currency_of(self) -> str:
        """Where a money field's currency comes from.

        "record": the record's own; "constant": `currency` is the ISO code; "own": an expression
        of this field's, so the code is kept beside each amount.
        """
        if self.currency is None:
            return "record"
        return "constant" if isinstance(self.currency, str) else "own"


@dataclass(frozen=True, slots=True, eq=False)
class Lines(Field):
    """A field whose value is a list of rows. `min` and `max` count rows."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    unique: Mapping[str, Unique] = field(default_factory=dict)
    title: Template | None = None
    """What a row is called; it reads the row and what that links to."""


@dataclass(frozen=True, slots=True)
class Unique:
    """Fields that together differ from record to record (or, in lines, from row to row).

    A combination with an empty field never repeats another. `message` is None where the general
    one will do.
    """

    id: str
    fields: tuple[str, ...]
    message: Text | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Fields shown together under a heading."""

    id: str
    label: Text
    fields: tuple[str, ...]
    help: Text = field(default_factory=Text)


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """A condition on the whole record. It fails only where `that` is false, never where unknown."""

    id: str
    that: Expr
    message: TextTemplate
    at: tuple[str, ...] = ()
    """The moments it holds at ("submit", a step's id …); empty: always."""
    warn: bool = False
    label: Text = field(default_factory=Text)


@dataclass(frozen=True, slots=True)
class ListView:
    """What the list of a form shows. `sort` holds (name, descending)."""

    columns: tuple[str, ...]
    sort: tuple[tuple[str, bool], ...] = ()
    filters: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keep:
    """How long a record is kept: `count` of "d", "w", "mo" or "y" after the day `since`."""

    count: int
    unit: str
    since: str = "created_at"

    def until(self, start: date) -> date:
        """The last day on which the record is kept."""
        if self.unit == "d":
            return start + timedelta(days=self.count)
        if self.unit == "w":
            return start + timedelta(weeks=self.count)
        months = self.count * (12 if self.unit == "y" else 1)
        years, month = divmod(start.month - 1 + months, 12)
        year = min(start.year + years, date.max.year)
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(start.day, last))


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A form, compiled. `fields` keeps the order of the definition."""

    id: str
    label: Text
    fields: Mapping[str, Field]
    signature: FormSignature
    list: ListView
    plan: Plan
    help: Text = field(default_factory=Text)
    title: Template | None = None
    number: Numbering | None = None
    currency: str | Expr | None = None
    """The record's currency: an ISO code, an expression, or None (the tenant's)."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    unique: Mapping[str, Unique] = field(default_factory=dict)
    keep: Keep | None = None
    sections: Mapping[str, Section] = field(default_factory=dict)
    was: str = ""
    links: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What validation reads of linked records: target → names of its fields."""

    def field_at(self, path: str) -> Field | None:
        """The field with that dotted name, or None."""
        head, _, tail = path.partition(".")
        found = self.fields.get(head)
        if not tail:
            return found
        return found.fields.get(tail) if isinstance(found, Lines) else None

    @property
    def lines(self) -> tuple[Lines, ...]:
        """Its lines fields."""
        return tuple(f for f in self.fields.values() if isinstance(f, Lines))
