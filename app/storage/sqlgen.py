"""The SQL of a form's table and its lines, compiled once for a release and a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.storage.bridge import Bridge
from app.storage.codecs import Decode, Encode, column_names, decoder, encoder, moment
from app.storage.manifest import FormTables, LinesTable
from app.storage.ports import Dialect, Params, Reader
from app.storage.whole import whole_text
from forms.model import Field, Form, Lines

Statement = tuple[str, Params]

# SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535.
_MOST_PARAMS = 32_000
_IDS_AT_ONCE = 900


class Head(NamedTuple):
    """What every record has besides its fields, as the database keeps it (times in microseconds
    UTC). The order is that of the columns."""

    id: int
    number: str | None
    title: str | None
    stage: str | None
    version: int
    release_no: int
    currency: str | None
    journal_seq: int
    journal_head: bytes | None
    created_at: int
    created_by: int | None
    updated_at: int
    updated_by: int | None
    deleted: int = 0
    flow: str | None = None
    """Where the record stands in its form's flow, as JSON; None without one."""


HEAD = ", ".join(Head._fields)
_HEADS = len(Head._fields)
_BINARY_AT = Head._fields.index("journal_head")
_KEPT = ("id", "created_at", "created_by")
_CHANGED = tuple(name for name in Head._fields if name not in _KEPT)


class Record(NamedTuple):
    """A record as read: its head, and its row with system names, fields and lines."""

    head: Head
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LinesSql:
    """The statements of one lines table."""

    id: str
    table: str
    _encode: Encode
    _decode: Decode
    _columns: tuple[str, ...]
    _cache: dict[tuple[str, int], str] = field(default_factory=dict)

    def insert(
        self, record_id: int, rows: Sequence[Mapping[str, Any]], start: int = 0
    ) -> list[Statement]:
        """Write new rows (each with its `id`), positions counted from `start`."""
        return self._put("insert", record_id, enumerate(rows, start))

    def put(self, record_id: int, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> list[Statement]:
        """Write (position, row) pairs, new ones and changed ones alike. A row of another record is
        never touched."""
        return self._put("put", record_id, rows)

    def delete(self, record_id: int, ids: Sequence[int]) -> list[Statement]:
        """Remove rows of the record by id."""
        return [
            (
                f"DELETE FROM {self.table} WHERE record_id = ? AND id IN ({marks(len(part))})",
                (record_id, *part),
            )
            for part in chunks(ids)
        ]

    def select(self, record_ids: Sequence[int]) -> Statement:
        """Rows of the records, in their order; read them with `decode`."""
        names = ", ".join(("id", "record_id", "position", *self._columns))
        where = f"record_id IN ({marks(len(record_ids))})"
        text = f"SELECT {names} FROM {self.table} WHERE {where} ORDER BY record_id, position, id"
        return text, tuple(record_ids)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its fields, in the order `decode` takes them after the first three."""
        return self._columns

    def decode(self, raw: Sequence[Any], currency: str | None) -> dict[str, Any]:
        """A selected row as field id → value, with its `id`."""
        row: dict[str, Any] = {"id": raw[0]}
        self._decode(raw, 3, currency, row)
        return row

    def _put(
        self, how: str, record_id: int, rows: Iterable[tuple[int, Mapping[str, Any]]]
    ) -> list[Statement]:
        width = 3 + len(self._columns)
        encode = self._encode
        values = [(row["id"], record_id, at, *encode(row)) for at, row in rows]
        step = _MOST_PARAMS // width
        return [
            (
                self._text(how, len(values[at : at + step])),
                [value for row in values[at : at + step] for value in row],
            )
            for at in range(0, len(values), step)
        ]

    def _text(self, how: str, count: int) -> str:
        found = self._cache.get((how, count))
        if found is None:
            names = ("id", "record_id", "position", *self._columns)
            row = f"({marks(len(names))})"
            found = (
                f"INSERT INTO {self.table} ({', '.join(names)}) VALUES {', '.join([row] * count)}"
            )
            if how == "put":
                sets = ", ".join(f"{n} = excluded.{n}" for n in ("position", *self._columns))
                found += (
                    f" ON CONFLICT (id) DO UPDATE SET {sets}"
                    f" WHERE {self.table}.record_id = excluded.record_id"
                )
            if count <= 64:
                self._cache[how, count] = found
        return found


@dataclass(frozen=True, slots=True)
class FormSql:
    """The statements of one form. With a bridge, every write also fills the columns in which the
    active release keeps the same fields under another type."""

    form: Form
    tables: FormTables
    insert: str
    update: str
    lines: Mapping[str, LinesSql]
    _encode: Encode
    _decode: Decode
    _names: str
    _whole: dict[str, str] = field(default_factory=dict)

    def insert_values(self, head: Head, row: Mapping[str, Any]) -> list[Any]:
        """Parameters of `insert`."""
        return [*head, *self._encode(row)]

    def update_values(self, head: Head, row: Mapping[str, Any], version: int) -> list[Any]:
        """Parameters of `update`: `version` is the one that must be there still. No row comes back
        when it is not."""
        changed = [getattr(head, name) for name in _CHANGED]
        return [*changed, *self._encode(row), head.id, version]

    @property
    def binary_at(self) -> int:
        """Which column is no text or number."""
        return _BINARY_AT

    def select(self, ids: Sequence[int]) -> Statement:
        """Records by id, also deleted ones; read them with `decode`."""
        where = f"id IN ({marks(len(ids))})" if len(ids) != 1 else "id = ?"
        return f"SELECT {self._names} FROM {self.tables.table} WHERE {where}", tuple(ids)

    def decode(self, raw: Sequence[Any]) -> Record:
        """A selected row. Lines are empty lists until they are read too."""
        head = Head._make(raw[:_HEADS])
        row = system_names(head)
        self._decode(raw, _HEADS, head.currency, row)
        for name in self.lines:
            row[name] = []
        return Record(head, row)

    def whole(self, dialect: Dialect) -> str:
        """The statement that reads one record with its lines, see `app.storage.whole`."""
        found = self._whole.get(dialect)
        if found is None:
            children = [(one.table, list(one.columns)) for one in self.lines.values()]
            found = whole_text(dialect, self.tables.table, self._names.split(", "), children)
            self._whole[dialect] = found
        return found

    def read(self, reader: Reader, ids: Sequence[int]) -> dict[int, Record]:
        """Records with their lines: one statement for the heads and one for each lines table."""
        found: dict[int, Record] = {}
        for part in chunks(ids):
            for raw in reader.query(*self.select(part)):
                record = self.decode(raw)
                found[record.head.id] = record
            for lines in self.lines.values():
                for raw in reader.query(*lines.select(part)):
                    owner = found.get(raw[1])
                    if owner is not None:
                        owner.row[lines.id].append(lines.decode(raw, owner.head.currency))
        return found


def system_names(head: Head) -> dict[str, Any]:
    """The part of a row that is not fields."""
    return {
        "id": head.id,
        "number": head.number,
        "title": head.title,
        "stage": head.stage,
        "version": head.version,
        "created_at": moment(head.created_at),
        "created_by": head.created_by,
        "updated_at": moment(head.updated_at),
        "updated_by": head.updated_by,
    }


def compile_form_sql(form: Form, tables: FormTables, bridge: Bridge | None = None) -> FormSql:
    """Compile a form's statements. `bridge` leads from the form's release to the active one, for
    a record that is pinned to an earlier release."""
    fields = stored_fields(form)
    extra = bridge.beside("") if bridge else ()
    own = column_names(tables.columns)
    names = [*own, *extra]
    written = ", ".join((HEAD, *names))
    sets = ", ".join(f"{name} = ?" for name in (*_CHANGED, *names))
    return FormSql(
        form,
        tables,
        f"INSERT INTO {tables.table} ({written}) VALUES ({marks(_HEADS + len(names))})",
        f"UPDATE {tables.table} SET {sets} WHERE id = ? AND version = ? RETURNING version",
        {
            name: _lines_sql(child, form.fields[name], bridge)
            for name, child in tables.children.items()
        },
        _with_bridge(encoder(tables.columns, fields), bridge, ""),
        decoder(tables.columns, fields),
        ", ".join((HEAD, *own)),
    )


def stored_fields(form: Form | Lines | Field) -> dict[str, Field]:
    """The fields that have a column."""
    fields = getattr(form, "fields", {})
    return {name: each for name, each in fields.items() if each.storage.kind != "none"}


def marks(count: int) -> str:
    """`?, ?, ?`"""
    return ", ".join("?" * count)


def chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Ids in portions one statement takes; the portions' sizes are few, so statements repeat."""
    for at in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[at : at + _IDS_AT_ONCE]


def _lines_sql(child: LinesTable, lines: Field, bridge: Bridge | None) -> LinesSql:
    fields = stored_fields(lines)
    names = column_names(child.columns)
    extra = bridge.beside(child.id) if bridge else ()
    encode = _with_bridge(encoder(child.columns, fields), bridge, child.id)
    return LinesSql(child.id, child.table, encode, decoder(child.columns, fields), (*names, *extra))


def _with_bridge(encode: Encode, bridge: Bridge | None, lines: str) -> Encode:
    if bridge is None or not bridge.beside(lines):
        return encode
    more = bridge.beside_encoder(lines)
    return lambda row: [*encode(row), *more(row)]
