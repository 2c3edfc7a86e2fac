"""What is cleared away behind a publication: columns and indexes nobody needs any more."""

from __future__ import annotations

from app.storage.ddl import alter, existing_indexes, indexes
from app.storage.manifest import Entry, Manifest, ReleaseTables, load_manifest
from app.storage.ports import TenantDatabase
from app.storage.publication import Definitions
from app.storage.sought import sought


def drop_columns(db: TenantDatabase, *, keep: tuple[int, ...], at: int) -> list[str]:
    """Drop the columns that no record's release shows and no release in `keep` has; their names
    stay taken. The dropped ones, as table.column."""
    manifest = load_manifest(db)
    dropped: list[str] = []
    for table, column in sorted(_candidates(manifest, keep)):
        if _still_shown(db, manifest, table, column):
            continue
        alter(db, f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute_now(
            "UPDATE rf_column SET dropped_at = ? WHERE table_name = ? AND column_name = ?",
            (at, table, column),
        )
        dropped.append(f"{table}.{column}")
    return dropped


def _candidates(manifest: Manifest, keep: tuple[int, ...]) -> set[tuple[str, str]]:
    entries = [e for e in manifest.entries if e.column and not e.dropped_at]
    kept = {(e.table, e.column) for e in entries if any(e.shown_in(no) for no in keep)}
    return {(e.table, e.column) for e in entries} - kept


def _still_shown(db: TenantDatabase, manifest: Manifest, table: str, column: str) -> bool:
    showing = [e for e in manifest.entries if (e.table, e.column) == (table, column)]
    heads = [e for e in manifest.entries if not e.lines and not e.field]
    for entry in showing:
        for head in heads:  # a form that was taken out and came back has had two tables
            if head.form != entry.form:
                continue
            span = (max(entry.first, head.first), min(_last(entry), _last(head)))
            sql = f"SELECT 1 FROM {head.table} WHERE release_no BETWEEN ? AND ? LIMIT 1"
            if span[0] <= span[1] and db.query(sql, span):
                return True
    return False


def _last(entry: Entry) -> int:
    return 1 << 60 if entry.last is None else entry.last


def drop_indexes(db: TenantDatabase, catalog: Definitions, tables: ReleaseTables) -> None:
    """Drop indexes the active release does not want: a `unique` that is no rule any more would
    still refuse records."""
    wanted = {
        index.name
        for form_id, home in tables.forms.items()
        for index in indexes(catalog.forms[form_id], home, sought(catalog, tables))
    }
    for name in existing_indexes(db):
        if name.startswith(("u_f_", "x_f_")) and name not in wanted:
            alter(db, f"DROP INDEX IF EXISTS {name}")
