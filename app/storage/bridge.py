"""From an earlier release's record to the active release: other names, other types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.storage.codecs import Encode, encoder
from app.storage.convert import convert_value
from app.storage.manifest import Column, FormTables
from forms.model import Field, Form

Take = Callable[[Mapping[str, Any], str | None], Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """A header or one lines field: what each field of the active release is made from."""

    takes: Mapping[str, Take]
    beside: Mapping[str, Column]
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Bridge:
    """Leads rows of one release to another. `same` when both keep the form alike."""

    same: bool
    _head: _Part
    _lines: Mapping[str, tuple[str, _Part]]
    """Lines field of the active release → lines field of the record's release, and its part."""

    def row(self, row: Mapping[str, Any], currency: str | None = None) -> dict[str, Any]:
        """A row under the active release's names and types, system names and lines included. A
        value that does not convert is None, as in the column."""
        made = {**row, **_taken(self._head, row, currency)}
        for name, (old, part) in self._lines.items():
            made[name] = [
                {"id": line.get("id"), **_taken(part, line, currency)}
                for line in row.get(old) or ()
            ]
        return made

    def beside(self, lines: str) -> tuple[str, ...]:
        """Columns of the active release to write beside the record's own: `lines` is the record's
        release's lines field, "" for the header."""
        part = self._part(lines)
        if part is None:
            return ()
        return tuple(
            name
            for column in part.beside.values()
            for name in (column.name, column.currency)
            if name
        )

    def beside_encoder(self, lines: str) -> Encode:
        """How a row of the record's release fills those columns."""
        part = self._part(lines)
        assert part is not None
        encode = encoder(part.beside, part.fields)

        def more(row: Mapping[str, Any]) -> list[Any]:
            return encode({name: part.takes[name](row, None) for name in part.beside})

        return more

    def _part(self, lines: str) -> _Part | None:
        if not lines:
            return self._head
        return next((part for old, part in self._lines.values() if old == lines), None)


def bridge(form: Form, tables: FormTables, active_form: Form, active_tables: FormTables) -> Bridge:
    """Lead from (form, tables) of a record's release to those of the active release."""
    head = _part(tables.columns, active_tables.columns, active_form.fields)
    lines: dict[str, tuple[str, _Part]] = {}
    for name, child in active_tables.children.items():
        for old, former in tables.children.items():
            if former.table == child.table:
                fields = active_form.fields[name].fields  # type: ignore[attr-defined]
                lines[name] = (old, _part(former.columns, child.columns, fields))
    same = (
        form.id == active_form.id
        and tables == active_tables
        and set(form.fields) == set(active_form.fields)
    )
    return Bridge(same, head, lines)


def _part(
    old: Mapping[str, Column], new: Mapping[str, Column], fields: Mapping[str, Field]
) -> _Part:
    by_root = {column.root: column for column in old.values()}
    takes: dict[str, Take] = {}
    beside: dict[str, Column] = {}
    for name, column in new.items():
        former = by_root.get(column.root)
        if former is None:
            takes[name] = _nothing
        elif former.name == column.name:
            takes[name] = _same(former.field)
        else:
            takes[name] = _converted(former.field, fields[name])
            beside[name] = column
    return _Part(takes, beside, {name: fields[name] for name in new})


def _taken(part: _Part, row: Mapping[str, Any], currency: str | None) -> dict[str, Any]:
    return {name: take(row, currency) for name, take in part.takes.items()}


def _nothing(row: Mapping[str, Any], currency: str | None) -> Any:
    return None


def _same(old: str) -> Take:
    return lambda row, currency: row.get(old)


def _converted(old: str, field: Field) -> Take:
    return lambda row, currency: convert_value(row.get(old), field, currency)
