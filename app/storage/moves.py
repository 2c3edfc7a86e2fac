"""Fill the new column of a retyped field from its old one, in small batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.storage.codecs import dumps
from app.storage.convert import Converter, converter
from app.storage.layout import Move
from app.storage.manifest import CURRENCY, Entry, Manifest
from app.storage.ports import Tx
from app.storage.sqlgen import marks
from forms.model import Form

BATCH = 400


@dataclass(frozen=True, slots=True)
class MoveSql:
    """One retyped field: how its values are read, converted and written."""

    name: str
    table: str
    column: str
    column_type: str
    select: str
    convert: Converter
    old_json: bool
    new_json: bool
    currency: str
    """The new column's own currency column, or ""."""

    def statements(self, rows: Sequence[Sequence[Any]]) -> list[tuple[str, tuple[Any, ...]]]:
        """The updates for rows of `select` (id, old value, currency of the old value): one
        statement for many rows."""
        made = []
        for at in range(0, len(rows), BATCH):
            part = rows[at : at + BATCH]
            params = [value for row in part for value in self._params(*row)]
            made.append((self._update(len(part)), tuple(params)))
        return made

    def _update(self, count: int) -> str:
        types = ["BIGINT", self.column_type, *(["TEXT"] if self.currency else [])]
        row = ", ".join(f"CAST(? AS {each})" for each in types)
        names = "id, value, code" if self.currency else "id, value"
        sets = f"{self.column} = v.value" + (f", {self.currency} = v.code" if self.currency else "")
        return (
            f"WITH v ({names}) AS (VALUES {', '.join([f'({row})'] * count)})"
            f" UPDATE {self.table} SET {sets} FROM v WHERE {self.table}.id = v.id"
        )

    def _params(self, row_id: int, stored: Any, currency: str | None) -> tuple[Any, ...]:
        if stored is not None and self.old_json:
            stored = json.loads(stored)
        made = self.convert(stored, currency)
        if made is not None and self.new_json:
            made = dumps(made)
        if self.currency:
            return row_id, made, None if made is None else currency
        return row_id, made


def moves_between(manifest: Manifest, old: int, new: int) -> list[Move]:
    """The fields whose column differs between two releases, from the old one to the new one."""
    before = {(e.table, e.root): e for e in manifest.release(old) if _is_field(e)}
    found = []
    for entry in manifest.release(new):
        former = before.get((entry.table, entry.root)) if _is_field(entry) else None
        if former is not None and former.column != entry.column:
            found.append(Move(former, entry))
    return found


def compile_move(move: Move, manifest: Manifest, form: Form, new: int) -> MoveSql:
    """Compile one move. Records whose own release shows the new column keep what they have there:
    it is what was submitted, and a conversion back could only lose."""
    old, to = move.old, move.new
    field = form.field_at(f"{to.lines}.{to.field}" if to.lines else to.field)
    assert field is not None
    at_home = _elsewhere(manifest, to)
    beside = _currency_column(manifest, old)
    if beside:
        code = f"t.{beside}"
    elif old.type_id.startswith("money:"):
        code = f"'{old.type_id.partition(':')[2]}'"
    else:
        code = "p.currency"
    if to.lines:
        parent = next(e.table for e in manifest.release(new) if _heads(e, to.form))
        source = f"{to.table} AS t JOIN {parent} AS p ON p.id = t.record_id"
    else:
        source = f"{to.table} AS p"
        code = code.replace("t.", "p.")
    alias = "t" if to.lines else "p"
    own = _currency_column(manifest, to, new)
    return MoveSql(
        f"{to.table}.{to.column}",
        to.table,
        to.column,
        "BIGINT" if to.storage == "integer" else "TEXT",
        f"SELECT {alias}.id, {alias}.{old.column}, {code} FROM {source}"
        f" WHERE {{where}}{at_home} ORDER BY {alias}.id LIMIT {{limit}}",
        converter(old.type_id, field, to.type_id),
        old.storage == "json",
        to.storage == "json",
        own,
    )


def fill_batch(tx: Tx, move: MoveSql, lines: bool, after: int) -> int | None:
    """Convert the next rows after id `after`; the last id, or None when there are no more."""
    alias = "t" if lines else "p"
    rows = tx.execute(move.select.format(where=f"{alias}.id > ?", limit=BATCH), (after,))
    for text, params in move.statements(rows):
        tx.queue(text, params)
    return int(rows[-1][0]) if len(rows) == BATCH else None


def refill(tx: Tx, move: MoveSql, record_ids: Sequence[int]) -> None:
    """Convert the rows of some records again."""
    where = f"p.id IN ({marks(len(record_ids))})"
    rows = tx.execute(move.select.format(where=where, limit=1_000_000), tuple(record_ids))
    for text, params in move.statements(rows):
        tx.queue(text, params)


def _elsewhere(manifest: Manifest, entry: Entry) -> str:
    """A condition that leaves out the records whose own release shows the column."""
    spans = [
        f"p.release_no < {each.first}"
        if each.last is None
        else f"p.release_no NOT BETWEEN {each.first} AND {each.last}"
        for each in manifest.entries
        if (each.table, each.column) == (entry.table, entry.column)
    ]
    return "".join(f" AND {span}" for span in spans)


def _currency_column(manifest: Manifest, entry: Entry, release: int | None = None) -> str:
    if entry.type_id != "money:own":
        return ""
    for each in manifest.release(release if release is not None else entry.first):
        if (each.table, each.field) == (entry.table, entry.field + CURRENCY):
            return each.column
    return ""


def _is_field(entry: Entry) -> bool:
    return bool(entry.field) and not entry.field.endswith(CURRENCY)


def _heads(entry: Entry, form: str) -> bool:
    return entry.form == form and not entry.lines and not entry.field
