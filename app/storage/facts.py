"""Fetch what validation reads of other records: just the wanted columns, one statement a target."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from app.storage.codecs import decoder, moment
from app.storage.manifest import Column, FormTables, ReleaseTables
from app.storage.ports import Reader, Row
from app.storage.sqlgen import chunks, marks
from forms.model import Field, Form

Facts = dict[int, dict[str, Any]]
"""Id → field id → value. Ids that do not exist are left out."""

_SYSTEM: Mapping[str, Callable[[Any], Any] | None] = {
    "number": None,
    "title": None,
    "stage": None,
    "version": None,
    "created_at": moment,
    "created_by": None,
    "updated_at": moment,
    "updated_by": None,
}


@dataclass(frozen=True, slots=True)
class FactsSql:
    """The statement that reads some fields of a target ("order" or "order.lines")."""

    text: str
    read: Callable[[Row], dict[str, Any]]

    def fetch(self, reader: Reader, ids: Collection[int]) -> Facts:
        """The rows with these ids that exist (and whose record is not deleted)."""
        found: Facts = {}
        wanted = sorted(ids)
        for part in chunks(wanted):
            text = self.text.format(marks=marks(len(part)))
            for raw in reader.query(text, tuple(part)):
                found[raw[0]] = self.read(raw)
        return found


def compile_facts(
    target: str,
    fields: Collection[str],
    forms: Mapping[str, Form],
    tables: ReleaseTables,
    *,
    deleted: bool = False,
) -> FactsSql:
    """Compile the read of `fields` (field ids and system names) of a target.

    Rows of "order.lines" may be asked for `order`, the record they belong to. Compile once for a
    (release, target, fields) and keep it. `deleted`: also rows of deleted records.
    """
    form_id, _, lines = target.partition(".")
    form, home = forms[form_id], tables.forms[form_id]
    if lines:
        return _of_lines(form, home, lines, fields, deleted)
    return _of_records(form, home, fields, deleted)


def _of_records(form: Form, home: FormTables, fields: Collection[str], deleted: bool) -> FactsSql:
    own = {name: home.columns[name] for name in fields if name in home.columns}
    system = [name for name in fields if name in _SYSTEM and name not in own]
    names = ["t.id", "t.currency", *(f"t.{name}" for name in system), *_selected(own)]
    live = "" if deleted else " AND t.deleted = 0"
    text = f"SELECT {', '.join(names)} FROM {home.table} AS t WHERE t.id IN ({{marks}}){live}"
    return FactsSql(text, _reader(own, form.fields, system, None))


def _of_lines(
    form: Form, home: FormTables, lines: str, fields: Collection[str], deleted: bool
) -> FactsSql:
    child = home.children[lines]
    inner = form.fields[lines].fields  # type: ignore[attr-defined]
    own = {name: child.columns[name] for name in fields if name in child.columns}
    parent = form.id if form.id not in own else None
    names = ["t.id", "p.currency", "t.record_id", *_selected(own)]
    live = "" if deleted else " AND p.deleted = 0"
    text = (
        f"SELECT {', '.join(names)} FROM {child.table} AS t"
        f" JOIN {home.table} AS p ON p.id = t.record_id WHERE t.id IN ({{marks}}){live}"
    )
    return FactsSql(text, _reader(own, inner, [], parent, skip=1))


def _selected(columns: Mapping[str, Column]) -> list[str]:
    names: list[str] = []
    for column in columns.values():
        names.append(f"t.{column.name}")
        if column.currency:
            names.append(f"t.{column.currency}")
    return names


def _reader(
    columns: Mapping[str, Column],
    fields: Mapping[str, Field],
    system: list[str],
    parent: str | None,
    skip: int = 0,
) -> Callable[[Row], dict[str, Any]]:
    decode = decoder(columns, fields)
    start = 2 + skip + len(system)
    names = [(at, name, _SYSTEM[name]) for at, name in enumerate(system, 2 + skip)]

    def read(raw: Row) -> dict[str, Any]:
        row: dict[str, Any] = {"id": raw[0]}
        for at, name, load in names:
            value = raw[at]
            row[name] = value if load is None or value is None else load(value)
        if parent is not None:
            row[parent] = raw[2]
        decode(raw, start, raw[1], row)
        return row

    return read
