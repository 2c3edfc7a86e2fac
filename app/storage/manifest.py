"""Which column holds which field, in every release: the tenant's column manifest.

A label change or a rename through `was:` touches the manifest only. Names of columns and tables
are never used twice, also not after a drop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.storage.ports import Reader
from forms.expr import Type

_COLUMNS = (
    "form, lines, field, column_name, table_name, type_id, storage, scale, root,"
    " first_release, last_release, dropped_at"
)
NAME_BYTES = 60
"""Longest name of a table or column: PostgreSQL cuts at 63."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the manifest: from `first_release` to `last_release` (None: still), a field of a
    form (or of its lines) is in this column of this table.

    An entry with an empty `field` is the table itself. `root` is the first column the field ever
    had: it stays when a change of type moves the field to a new column.
    """

    form: str
    lines: str
    field: str
    column: str
    table: str
    type_id: str
    storage: str
    scale: int
    root: str
    first: int
    last: int | None = None
    dropped_at: int | None = None

    def shown_in(self, release: int) -> bool:
        """Is this where the field is in that release?"""
        return self.first <= release and (self.last is None or release <= self.last)

    def place(self) -> Entry:
        """What it says of its field, whatever the releases."""
        return replace(self, first=0, last=None)


@dataclass(frozen=True, slots=True)
class Column:
    """Where a field is kept. `storage` is text, integer (shifted by `scale` decimals) or json;
    `currency` names the column beside a money field that has a currency of its own."""

    field: str
    name: str
    root: str
    type_id: str
    storage: str
    scale: int = 0
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class LinesTable:
    """The child table of a lines field."""

    id: str
    table: str
    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class FormTables:
    """A form's table and its lines' tables, in one release.

    `key` names the form in tables that outlive a rename (journal, attachments, due dates): it is
    the id the form had first, numbered where another had it before.
    """

    id: str
    key: str
    table: str
    columns: Mapping[str, Column]
    children: Mapping[str, LinesTable]


@dataclass(frozen=True, slots=True)
class AggregateTable:
    """Where an aggregate's values are: the name they bear in `rf_aggregate.aggregate`, and the
    column, type and scale of each measure."""

    id: str
    name: str
    columns: Mapping[str, str]
    types: Mapping[str, tuple[Type, int]]


@dataclass(frozen=True, slots=True)
class ReleaseTables:
    """All tables of one release."""

    no: int
    forms: Mapping[str, FormTables] = field(default_factory=dict)
    aggregates: Mapping[str, AggregateTable] = field(default_factory=dict)

    def form_of(self, key: str) -> FormTables | None:
        """The form that bears this key, or None where the release has it no more."""
        return next((form for form in self.forms.values() if form.key == key), None)


@dataclass(frozen=True, slots=True)
class Manifest:
    """All entries, of all releases."""

    entries: tuple[Entry, ...]

    def release(self, no: int) -> tuple[Entry, ...]:
        """The entries that hold in one release."""
        return tuple(entry for entry in self.entries if entry.shown_in(no))

    def open(self) -> tuple[Entry, ...]:
        """The entries that also hold in releases to come."""
        return tuple(entry for entry in self.entries if entry.last is None)

    def names(self, table: str) -> set[str]:
        """All column names the table ever had."""
        return {entry.column for entry in self.entries if entry.table == table and entry.column}

    def tables(self) -> set[str]:
        """All table names ever used."""
        return {entry.table for entry in self.entries}


def load_manifest(reader: Reader) -> Manifest:
    """Read the whole manifest; a tenant has hundreds of rows, not thousands."""
    sql = f"SELECT {_COLUMNS} FROM rf_column ORDER BY first_release, form, lines, field"
    return Manifest(tuple(Entry(*row) for row in reader.query(sql)))


def insert_entry(entry: Entry) -> tuple[str, tuple[object, ...]]:
    """The statement that adds an entry."""
    marks = ", ".join("?" * 12)
    values = (
        entry.form,
        entry.lines,
        entry.field,
        entry.column,
        entry.table,
        entry.type_id,
        entry.storage,
        entry.scale,
        entry.root,
        entry.first,
        entry.last,
        entry.dropped_at,
    )
    return f"INSERT INTO rf_column ({_COLUMNS}) VALUES ({marks})", values


def tables_of(entries: Iterable[Entry]) -> dict[str, FormTables]:
    """The tables a release's entries describe, by form id."""
    entries = tuple(entries)
    found: dict[str, FormTables] = {}
    for head in entries:
        if head.field or head.lines:
            continue
        own = [e for e in entries if e.form == head.form and e.field]
        children = {
            e.lines: LinesTable(e.lines, e.table, _columns(own, e.lines))
            for e in entries
            if e.form == head.form and e.lines and not e.field
        }
        found[head.form] = FormTables(
            head.form, head.type_id, head.table, _columns(own, ""), children
        )
    return found


def lasting(forms: Mapping[str, FormTables], what: str) -> str:
    """What flows wait for, under a name no rename changes: of "order" the form's key, of
    "order.lines" their table; "aggregate:received" is itself."""
    form, _, lines = what.partition(".")
    home = forms.get(form)
    if home is None:
        return what
    return home.children[lines].table if lines else home.key


CURRENCY = ":currency"
"""Ends the manifest's name for the column beside a money field with a currency of its own."""


def _columns(entries: Iterable[Entry], lines: str) -> dict[str, Column]:
    mine = {entry.field: entry for entry in entries if entry.lines == lines}
    return {
        name: Column(
            name,
            e.column,
            e.root,
            e.type_id,
            e.storage,
            e.scale,
            mine[name + CURRENCY].column if name + CURRENCY in mine else None,
        )
        for name, e in mine.items()
        if not name.endswith(CURRENCY)
    }
