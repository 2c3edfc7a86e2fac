"""The tables every tenant has, brought up to date by numbered SQL files."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from app.storage.ports import Dialect, TenantDatabase, Tx

_FOLDER = Path(__file__).parent / "migrations"
_SECTION = re.compile(r"^-- only (sqlite|postgres)$|^-- both$", re.M)
_POSTGRES_TYPES = {
    "INTEGER": "BIGINT",
    "TEXT": 'TEXT COLLATE "C"',
    "BLOB": "BYTEA",
}
_FORM_TABLE = "{form_table}"
_TYPE = re.compile(r"\b(INTEGER|TEXT|BLOB)\b")


def migrate(db: TenantDatabase, family: str = "tenant") -> int:
    """Run the migrations the database has not seen, each in a transaction of its own.

    `family` is a folder below `migrations/`. Safe to run again, to interrupt, and to run from
    several processes at once. Returns the number of the last one.
    """
    files = sorted((_FOLDER / family).glob("*.sql"))
    last = int(files[-1].name[:4])
    if _version(db) < last:
        for path in files:
            _apply(db, path)
    return last


def _apply(db: TenantDatabase, path: Path) -> None:
    number = int(path.name[:4])
    with db.write() as tx:
        _prepare(db, tx)
        (row,) = tx.execute("SELECT value FROM rf_meta WHERE key = ?", ("migration",))
        if int(row[0]) >= number:
            return
        for statement in statements(path.read_text("utf-8"), db.dialect):
            for text in _each_form(tx, db.dialect, statement):
                tx.execute(text.replace("{lock_key}", str(getattr(db, "lock_key", ""))))
        tx.execute("UPDATE rf_meta SET value = ? WHERE key = ?", (str(number), "migration"))


def _each_form(tx: Tx, dialect: Dialect, statement: str) -> list[str]:
    """The statement once for each form's table, where it names `{form_table}`.

    An interrupted publication may have announced a table it did not make yet: that one will be
    made whole.
    """
    if _FORM_TABLE not in statement:
        return [statement]
    there = (
        "to_regclass(table_name) IS NOT NULL"
        if dialect == "postgres"
        else "table_name IN (SELECT name FROM sqlite_master WHERE type = 'table')"
    )
    rows = tx.execute(
        "SELECT DISTINCT table_name FROM rf_column WHERE lines = '' AND field = ''"
        f" AND dropped_at IS NULL AND {there} ORDER BY table_name"
    )
    return [statement.replace(_FORM_TABLE, row[0]) for row in rows]


def _prepare(db: TenantDatabase, tx: Tx) -> None:
    """Make the place that remembers the migration number, one process at a time."""
    if db.dialect == "postgres":
        tx.execute("SELECT pg_advisory_xact_lock(?)", (db.lock_key,))  # type: ignore[attr-defined]
        tx.execute(f"CREATE SCHEMA IF NOT EXISTS {db.schema}")  # type: ignore[attr-defined]
    tx.execute(
        in_dialect(
            "CREATE TABLE IF NOT EXISTS rf_meta (key TEXT NOT NULL PRIMARY KEY, value TEXT)",
            db.dialect,
        )
    )
    tx.execute(
        "INSERT INTO rf_meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
        ("migration", "0"),
    )


def _version(db: TenantDatabase) -> int:
    if db.dialect == "postgres":
        exists = "SELECT 1 WHERE to_regclass('rf_meta') IS NOT NULL"
    else:
        exists = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rf_meta'"
    if not db.query(exists):
        return 0
    rows = db.query("SELECT value FROM rf_meta WHERE key = ?", ("migration",))
    return int(rows[0][0]) if rows else 0


@cache
def statements(text: str, dialect: Dialect) -> tuple[str, ...]:
    """The statements of a migration file for one dialect.

    They are separated by a line that holds `;;`; a line `-- only postgres` or `-- only sqlite`
    opens a part for one dialect, `-- both` closes it.
    """
    kept: list[str] = []
    audience: str | None = None
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section:
            audience = section[1]
        elif audience in (None, dialect):
            kept.append(line)
    parts = re.split(r"^;;$", "\n".join(kept), flags=re.M)
    return tuple(in_dialect(part.strip(), dialect) for part in parts if _has_code(part))


def _has_code(part: str) -> bool:
    return any(line.strip() and not line.startswith("--") for line in part.splitlines())


def in_dialect(sql: str, dialect: Dialect) -> str:
    """SQLite's column types in the dialect's words. Text orders by code point everywhere."""
    if dialect == "sqlite":
        return sql
    return _TYPE.sub(lambda found: _POSTGRES_TYPES[found[1]], sql)
