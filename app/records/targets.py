"""What a link may lead to, and how its rows are read: a form's records or the rows of its lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.storage.manifest import Column, FormTables
from forms.model import Field, Form

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Decode = Callable[[Any, str | None], Any]
"""(stored value, currency of the record) → value"""


def moment(stored: int) -> datetime:
    """Microseconds UTC as an aware datetime."""
    return _EPOCH + timedelta(microseconds=stored)


def micros(at: datetime) -> int:
    """An aware datetime as microseconds UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _same(stored: Any, currency: str | None) -> Any:
    return stored


def _moment(stored: Any, currency: str | None) -> Any:
    return moment(stored)


SYSTEM: Mapping[str, Decode] = {
    "id": _same,
    "number": _same,
    "title": _same,
    "stage": _same,
    "version": _same,
    "created_at": _moment,
    "created_by": _same,
    "updated_at": _moment,
    "updated_by": _same,
}
"""System names of a record (each is a column) and how a stored value is read."""


@dataclass(frozen=True, slots=True)
class Readable:
    """A name of a target: the SQL that gives it (`t` is the row) and how it is read."""

    sql: str
    decode: Decode


@dataclass(frozen=True, slots=True)
class Target:
    """Where the rows of one link target are, and what can be read of them.

    In `source`, `t` is the row; `record` is the alias of its record (`t` itself, or `p`).
    """

    id: str
    form: str
    record: str
    source: str
    names: Mapping[str, Readable]

    def select(
        self, part: int, names: Iterable[str], chosen: str, allowed: str, to_json: str
    ) -> str:
        """SELECT of (part, id, usable 0/1, JSON list of the values, the record's currency).

        `chosen` is the condition that picks the rows, `allowed` the row rights ("" for none),
        `to_json` the database's function that makes a JSON list.
        """
        values = ", ".join(self.names[name].sql for name in names).replace("{json}", to_json)
        usable = f"{self.record}.deleted = 0" + (f" AND ({allowed})" if allowed else "")
        return (
            f"SELECT {part}, t.id, CASE WHEN {usable} THEN 1 ELSE 0 END,"
            f" CAST({to_json}({values}) AS TEXT), {self.record}.currency"
            f" FROM {self.source} WHERE {chosen}"
        )

    def read(
        self, names: Iterable[str], values: Sequence[Any], currency: str | None
    ) -> dict[str, Any]:
        """A row from the values of these names, as `select` lists them."""
        known = self.names
        return {
            name: None if stored is None else known[name].decode(stored, currency)
            for name, stored in zip(names, values, strict=True)
        }


def targets_of(form: Form, tables: FormTables) -> dict[str, Target]:
    """All link targets a form offers: itself, and each of its lines fields."""
    names = {name: Readable(f"t.{name}", decode) for name, decode in SYSTEM.items()}
    names |= _fields(form.fields.values(), tables.columns)
    found = {form.id: Target(form.id, form.id, "t", f"{tables.table} AS t", names)}
    for lines in form.lines:
        child = tables.children[lines.id]
        names = {"id": Readable("t.id", _same), form.id: Readable("t.record_id", _same)}
        names |= _fields(lines.fields.values(), child.columns)
        source = f"{child.table} AS t JOIN {tables.table} AS p ON p.id = t.record_id"
        target = f"{form.id}.{lines.id}"
        found[target] = Target(target, form.id, "p", source, names)
    return found


def _fields(fields: Iterable[Field], columns: Mapping[str, Column]) -> dict[str, Readable]:
    return {
        field.id: _readable(field, columns[field.id]) for field in fields if field.id in columns
    }


def _readable(field: Field, column: Column) -> Readable:
    read = field.kind.from_stored
    sql = f"t.{column.name}"
    if column.currency is not None:
        return Readable(
            f"{{json}}({sql}, t.{column.currency})",
            lambda stored, _: None if stored[0] is None else read(stored[0], stored[1]),
        )
    if column.storage == "json":
        return Readable(sql, lambda stored, currency: read(json.loads(stored), currency))
    if isinstance(field.currency, str):
        code = field.currency
        return Readable(sql, lambda stored, _: read(stored, code))
    return Readable(sql, read)
