"""Count what a database is really told: transaction control, reads and writes alike."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.storage.databases import TenantDatabase
from app.storage.postgres import PostgresDatabase
from app.storage.sqlite import SqliteDatabase

POSTGRES_LOG = "RETURNFLOW_TEST_POSTGRES_LOG"
_LOGGED = re.compile(r"^([^|]*)\|LOG:  (?:statement|execute [^:]*): (.*)$")


@contextmanager
def count_statements(db: TenantDatabase) -> Iterator[list[str]]:
    """The block's statements on this database, in the list once the block has ended.

    SQLite tells through its trace callback, PostgreSQL through its own statement log.
    """
    seen: list[str] = []
    how = _traced if isinstance(db, SqliteDatabase) else _logged
    with how(db, seen):
        yield seen


@contextmanager
def _traced(db: SqliteDatabase, seen: list[str]) -> Iterator[None]:
    connections = [db.writer, *db.readers._idle]
    for each in connections:
        each.connection().set_trace_callback(seen.append)
    opened, db.readers._open = db.readers._open, _opening_traced(db, seen, connections)
    try:
        yield
    finally:
        db.readers._open = opened
        for each in connections:
            each.connection().set_trace_callback(None)


def _opening_traced(db: SqliteDatabase, seen: list[str], connections: list) -> object:
    original = db.readers._open

    def open_traced() -> object:
        connection = original()
        connection.connection().set_trace_callback(seen.append)
        connections.append(connection)
        return connection

    return open_traced


@contextmanager
def _logged(db: PostgresDatabase, seen: list[str]) -> Iterator[None]:
    log = Path(os.environ[POSTGRES_LOG])
    mark = f"mark {time.monotonic_ns()}"
    db.pool.drain()
    db.options.append("log_statement=all")
    db.query("SELECT 1")  # connect now: opening a connection is not a statement
    start = log.stat().st_size
    try:
        yield
        db.query(f"SELECT '{mark}'")
    finally:
        db.options.remove("log_statement=all")
        db.pool.drain()
    with log.open(encoding="utf-8") as file:
        file.seek(start)
        for line in file:
            found = _LOGGED.match(line)
            if found and found[1] == f"returnflow-{db.tenant}" and mark not in found[2]:
                seen.append(found[2])
