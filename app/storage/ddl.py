"""Statements that make and change tables, each safe to run twice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.storage.errors import Busy, Conflict
from app.storage.manifest import Entry, FormTables
from app.storage.ports import Dialect, TenantDatabase
from app.storage.system import in_dialect
from forms.model import Form

_HEADER = """CREATE TABLE IF NOT EXISTS {table} (
  id INTEGER NOT NULL PRIMARY KEY,
  number TEXT,
  title TEXT,
  stage TEXT,
  version INTEGER NOT NULL,
  release_no INTEGER NOT NULL,
  currency TEXT,
  journal_seq INTEGER NOT NULL,
  journal_head BLOB,
  created_at INTEGER NOT NULL,
  created_by INTEGER,
  updated_at INTEGER NOT NULL,
  updated_by INTEGER,
  deleted INTEGER NOT NULL DEFAULT 0,
  flow TEXT{columns}
)"""
_LINES = """CREATE TABLE IF NOT EXISTS {table} (
  id INTEGER NOT NULL PRIMARY KEY,
  record_id INTEGER NOT NULL REFERENCES {parent} (id),
  position INTEGER NOT NULL{columns}
)"""
_TYPES = {"text": "TEXT", "integer": "INTEGER", "json": "TEXT"}
_LIVE = "deleted = 0"
_LOCK_WAIT = "200ms"
_TRIES = 300
_INDEX_TRIES = 20


@dataclass(frozen=True, slots=True)
class Index:
    """An index a release wants. `where` makes it partial."""

    table: str
    columns: tuple[str, ...]
    unique: bool = False
    where: str = ""

    @property
    def name(self) -> str:
        """The same for the same index, in every release."""
        told = f"{self.table}({','.join(self.columns)}){self.unique}{self.where}"
        digest = hashlib.sha256(told.encode()).hexdigest()[:10]
        return f"{'u' if self.unique else 'x'}_{self.table[:45]}_{digest}"

    def sql(self, dialect: Dialect) -> str:
        """The statement that makes it, where it is not there; on PostgreSQL beside writers.

        Empty values come first on both databases, so that one index serves both directions.
        """
        unique = "UNIQUE " if self.unique else ""
        how = "CONCURRENTLY " if dialect == "postgres" else ""
        first = " NULLS FIRST" if dialect == "postgres" and not self.unique else ""
        columns = ", ".join((self.columns[0] + first, *self.columns[1:]))
        where = f" WHERE {self.where}" if self.where else ""
        return (
            f"CREATE {unique}INDEX {how}IF NOT EXISTS {self.name}"
            f" ON {self.table} ({columns}){where}"
        )


def expand(db: TenantDatabase, entries: Iterable[Entry]) -> None:
    """Make the tables and columns of these entries where they are missing, while others read and
    write. New tables come with their columns; columns are nullable."""
    entries = tuple(entries)
    have = existing_columns(db, {entry.table for entry in entries})
    parents = {e.form: e.table for e in entries if not e.lines and not e.field}
    for head in sorted((e for e in entries if not e.field), key=lambda e: e.lines != ""):
        if have.get(head.table):
            continue
        own = [e for e in entries if e.table == head.table and e.field]
        columns = "".join(f",\n  {e.column} {_TYPES[e.storage]}" for e in own)
        shape = _LINES if head.lines else _HEADER
        text = shape.format(table=head.table, columns=columns, parent=parents.get(head.form))
        alter(db, in_dialect(text, db.dialect))
        have[head.table] = {e.column for e in own}
    for entry in entries:
        if entry.field and entry.column not in have.get(entry.table, ()):
            guard = "IF NOT EXISTS " if db.dialect == "postgres" else ""
            text = f"ALTER TABLE {entry.table} ADD COLUMN {guard}{entry.column} "
            alter(db, text + in_dialect(_TYPES[entry.storage], db.dialect))


def existing_columns(db: TenantDatabase, tables: Iterable[str]) -> dict[str, set[str]]:
    """The columns each of these tables has now; a table that is not there has none."""
    found: dict[str, set[str]] = {}
    for table in tables:
        if db.dialect == "postgres":
            sql = (
                "SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = to_regclass(?)"
                " AND a.attnum > 0 AND NOT a.attisdropped"
            )
        else:
            sql = "SELECT name FROM pragma_table_info(?)"
        found[table] = {row[0] for row in db.query(sql, (table,))}
    return found


def existing_indexes(db: TenantDatabase) -> set[str]:
    """The names of all usable indexes of the tenant."""
    if db.dialect == "postgres":
        sql = (
            "SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname = current_schema() AND i.indisvalid"
        )
    else:
        sql = "SELECT name FROM sqlite_master WHERE type = 'index'"
    return {row[0] for row in db.query(sql)}


def make_indexes(db: TenantDatabase, wanted: Iterable[Index]) -> None:
    """Make the indexes that are missing. PostgreSQL makes them beside the writers; SQLite holds
    writers up meanwhile (about a second for a million rows)."""
    have = existing_indexes(db)
    for index in wanted:
        if index.name in have:
            continue
        if db.dialect == "postgres":
            _make_beside_writers(db, index)
        else:
            alter(db, index.sql(db.dialect))


def _make_beside_writers(db: TenantDatabase, index: Index) -> None:
    for left in range(_INDEX_TRIES, -1, -1):
        # What an interrupted attempt left behind is there but not usable.
        alter(db, f"DROP INDEX IF EXISTS {index.name}")
        try:
            db.execute_now(index.sql(db.dialect))
            return
        except (Busy, Conflict):
            if not left:
                raise


def alter(db: TenantDatabase, sql: str) -> None:
    """Run one statement that needs a table for itself. On PostgreSQL it waits 200 ms at most, so
    that readers never queue behind it for long, and tries again."""
    for left in range(_TRIES, -1, -1):
        try:
            with db.write() as tx:
                if db.dialect == "postgres":
                    tx.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
                tx.execute(sql)
            return
        except Busy:
            if not left:
                raise
        time.sleep(0.05)


def indexes(form: Form, tables: FormTables, by_columns: Mapping[str, Iterable[str]]) -> list[Index]:
    """The indexes a form's tables need. `by_columns`: table → columns aggregates group by.

    Those of records leave deleted ones out, as every list and report does: counting by an indexed
    field reads the index alone.
    """
    table = tables.table
    found = [
        Index(table, ("created_at", "id"), where=_LIVE),
        Index(table, ("number",), unique=True, where="number IS NOT NULL"),
    ]
    if form.title is not None and "title" in form.list.search:
        found.append(Index(table, ("title", "id"), where=_LIVE))
    for name, field in form.fields.items():
        if field.index and name in tables.columns:
            found.append(Index(table, (tables.columns[name].name, "id"), where=_LIVE))
    for rule in form.unique.values():
        columns = tuple(tables.columns[name].name for name in rule.fields)
        found.append(Index(table, columns, unique=True, where=_LIVE))
    found += [Index(table, (column, "id"), where=_LIVE) for column in by_columns.get(table, ())]
    for name, child in tables.children.items():
        found.append(Index(child.table, ("record_id", "position")))
        lines = form.fields[name]
        for column in child.columns.values():
            if lines.fields[column.field].index:  # type: ignore[attr-defined]
                found.append(Index(child.table, (column.name, "id")))
        found += [Index(child.table, (column, "id")) for column in by_columns.get(child.table, ())]
    return list({index.name: index for index in found}.values())
