"""Finding the records that rows of a file speak of, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from app.records.tenant import Tenant
from app.storage.codecs import to_column
from forms.model import Form, Lines

BATCH = 400
"""Values a statement looks for at a time, below every database's parameter limit."""

Key = tuple[object, ...]


class Finder:
    """Looks up rows of one target ("customer" or "order.lines") by the values of some fields.

    What was found is remembered; what was not is asked again, since the import itself may make it.
    Deleted records are not found. Where several rows match, the oldest is taken.
    """

    def __init__(self, tenant: Tenant, target: str, paths: Sequence[str]) -> None:
        self._db = tenant.db
        published = tenant.active()
        form_id, _, lines_id = target.partition(".")
        form, tables = published.catalog.forms[form_id], published.tables.forms[form_id]
        columns: list[str] = []
        self._encode: list[Callable[[Any], Any] | None] = []
        for path in paths:
            head, _, tail = path.partition(".")
            if lines_id and not (tail and head == form_id):
                child = tables.children[lines_id]
                columns.append(f"l.{child.columns[path].name}")
                field = _lines_of(form, lines_id).fields[path]
                self._encode.append(to_column(child.columns[path], field))
            else:
                name = tail if lines_id else path
                columns.append(f"r.{tables.columns[name].name}")
                self._encode.append(to_column(tables.columns[name], form.fields[name]))
        source = f"{tables.table} AS r"
        key = "r.id"
        if lines_id:
            source += f" JOIN {tables.children[lines_id].table} AS l ON l.record_id = r.id"
            key = "l.id"
        self._columns = columns
        self._select = f"SELECT {key}, {', '.join(columns)} FROM {source} WHERE r.deleted = 0"
        self._order = f" ORDER BY {key} DESC"
        self._known: dict[Key, int] = {}

    def load(self, keys: Iterable[Key]) -> None:
        """Ask the database for those of the keys that are not known yet."""
        wanted = iter({key for key in keys if key not in self._known and None not in key})
        while batch := list(islice(wanted, BATCH // len(self._columns))):
            self._load(batch)

    def _load(self, batch: list[Key]) -> None:
        # Each column on its own, so that its index serves; the exact pairs are picked out below.
        where, values = [], []
        for position, column in enumerate(self._columns):
            distinct = sorted({self._stored(position, key[position]) for key in batch}, key=str)
            where.append(f"{column} IN ({', '.join('?' * len(distinct))})")
            values += distinct
        stored = {
            tuple(self._stored(i, value) for i, value in enumerate(key)): key for key in batch
        }
        sql = f"{self._select} AND {' AND '.join(where)}{self._order}"
        for row_id, *found in self._db.query(sql, values):
            key = stored.get(tuple(found))
            if key is not None:
                self._known[key] = row_id

    def _stored(self, position: int, value: object) -> Any:
        encode = self._encode[position]
        return value if encode is None else encode(value)

    def get(self, key: Key) -> int | None:
        """The id of the row with these values, as far as loaded."""
        return self._known.get(key)

    def learn(self, key: Key, row_id: int) -> None:
        """A row that was just made."""
        self._known[key] = row_id


def _lines_of(form: Form, lines_id: str) -> Lines:
    found = form.fields[lines_id]
    if not isinstance(found, Lines):
        raise TypeError(f"{form.id}.{lines_id} holds no lines")
    return found
