"""A tenant in one SQLite file: one writing connection, as many reading ones as threads ask for."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import peewee

from app.folders import private_folder
from app.storage.errors import Busy, NotUnique, StorageError, Translated
from app.storage.fairlock import FairLock, Turnstile
from app.storage.pool import Pool
from app.storage.ports import (
    Params,
    Row,
    StorageSettings,
    TenantDatabase,
    Tx,
    check_tenant_id,
    rows_of,
)
from forms.expr.sqlite_functions import register_sqlite_functions

T = TypeVar("T")
_POLL_SECONDS = 0.0005
_UNIQUE = "UNIQUE constraint failed: "
_WRITER_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 1,
    "cache_size": -16_000,
    "temp_store": 2,
}
_READER_PRAGMAS = {
    "busy_timeout": 5000,
    "cache_size": -8_000,
    "temp_store": 2,
    "query_only": 1,
    "foreign_keys": 1,
}


def database_path(tenant: str, settings: StorageSettings) -> Path:
    """The tenant's file."""
    return settings.folder / "tenants" / f"{check_tenant_id(tenant)}.sqlite3"


class SqliteDatabase(TenantDatabase):
    """WAL, synchronous=FULL. All writes of a process go through one connection, whose page cache
    stays warm; threads take turns in order, and so do processes."""

    dialect = "sqlite"
    state_from = "rf_state"

    def __init__(self, tenant: str, settings: StorageSettings) -> None:
        super().__init__(tenant)
        path = database_path(tenant, settings)
        private_folder(path.parent)
        self._path = path
        self._wait = settings.busy_seconds
        self._turns = FairLock()
        self._gate = Turnstile(path.with_suffix(".turn"))
        self._writer: Any = _connect(path, _WRITER_PRAGMAS)
        self.readers: Pool[Any] = Pool(
            lambda: _connect(path, _READER_PRAGMAS),
            _close,
            lambda _: True,
            settings.connections,
            settings.busy_seconds,
        )

    def query(self, sql: str, params: Params = ()) -> list[Row]:
        with self.readers.lend() as reader, _translated():
            return rows_of(reader.execute_sql(sql, params))

    @contextmanager
    def read(self) -> Iterator[_Reader]:
        with self.readers.lend() as reader, _translated():
            reader.execute_sql("BEGIN")
            try:
                yield _Reader(reader)
            finally:
                reader.execute_sql("ROLLBACK")

    def stream(self, sql: str, params: Params = (), size: int = 1000) -> Iterator[Row]:
        with self.readers.lend() as reader, _translated():
            cursor = reader.execute_sql(sql, params)
            try:
                while rows := cursor.fetchmany(size):
                    yield from rows
            finally:
                cursor.close()

    @contextmanager
    def write(self) -> Iterator[Tx]:
        with self._turn(), _translated():
            self._begin()
            try:
                yield SqliteTx(self._writer)
                self._writer.execute_sql("COMMIT")
            except BaseException:
                self._rollback()
                raise

    flip = write

    @property
    def writer(self) -> Any:
        """The writing connection, for whoever has the turn."""
        if self._writer is None:
            self._writer = _connect(self._path, _WRITER_PRAGMAS)
        return self._writer

    def execute_now(self, sql: str, params: Params = ()) -> list[Row]:
        with self._turn(), _translated():
            return self._when_free(lambda: rows_of(self.writer.execute_sql(sql, params)))

    def rest(self) -> None:
        self.readers.drain()
        if self._turns.acquire(0):
            try:
                if self._writer is not None:
                    _close(self._writer)
                    self._writer = None
                    self._gate.close()
            finally:
                self._turns.release()

    def close(self) -> None:
        self.readers.close()
        if self._writer is not None:
            _close(self._writer)
        self._gate.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._turns.mine():
            raise StorageError("this thread is writing to the tenant already")
        if not self._turns.acquire(self._wait):
            raise Busy("other writers were first")
        try:
            yield
        finally:
            self._turns.release()

    def _begin(self) -> None:
        came = time.monotonic()
        self._gate.enter()
        try:
            self._when_free(lambda: self.writer.execute_sql("BEGIN IMMEDIATE"))
        finally:
            self._gate.leave()
            self.waited += time.monotonic() - came

    def _when_free(self, work: Callable[[], T]) -> T:
        """Poll every half millisecond: SQLite's own waiting sleeps up to 100 ms at a time."""
        deadline = time.monotonic() + self._wait
        while True:
            try:
                return work()
            except peewee.OperationalError as error:
                if not _is_busy(getattr(error, "orig", None)) or time.monotonic() > deadline:
                    raise
            time.sleep(_POLL_SECONDS)

    def _rollback(self) -> None:
        if self._writer.connection().in_transaction:
            self._writer.execute_sql("ROLLBACK")


class SqliteTx(Tx):
    """A write on the tenant's one writing connection."""

    __slots__ = ("_db",)

    def __init__(self, db: Any) -> None:
        self._db = db

    def execute(self, sql: str, params: Params = ()) -> list[Row]:
        with _translated():
            return rows_of(self._db.execute_sql(sql, params))

    def change(self, sql: str, params: Params = ()) -> int:
        with _translated():
            return int(self._db.execute_sql(sql, params).rowcount)

    def queue(self, sql: str, params: Params = ()) -> None:
        with _translated():
            self._db.execute_sql(sql, params).fetchall()

    def state(self) -> tuple[int, int]:
        (row,) = self.execute("SELECT epoch, release_no FROM rf_state WHERE one = 1")
        return row[0], row[1]


class _Reader:
    __slots__ = ("_db",)

    def __init__(self, db: Any) -> None:
        self._db = db

    def query(self, sql: str, params: Params = ()) -> list[Row]:
        with _translated():
            return rows_of(self._db.execute_sql(sql, params))


def _connect(path: Path, pragmas: dict[str, Any]) -> Any:
    database: Any = peewee.SqliteDatabase(
        str(path),
        pragmas=pragmas,
        thread_safe=False,
        check_same_thread=False,
        cached_statements=512,
    )
    database.connect()
    register_sqlite_functions(database.connection())
    return database


def _close(database: Any) -> None:
    database.close()


class _translated(Translated):  # noqa: N801 - reads as a block's name
    """Turn the driver's errors inside the block into this package's."""

    __slots__ = ()
    driver_error = sqlite3.Error

    def meaning(self, error: Any) -> StorageError:
        return _meaning(error)


def _meaning(error: sqlite3.Error) -> StorageError:
    if _is_busy(error):
        return Busy("another process keeps the database locked")
    text = str(error)
    if text.startswith(_UNIQUE):
        return _not_unique(text.removeprefix(_UNIQUE))
    return StorageError(text)


def _not_unique(what: str) -> NotUnique:
    if what.startswith("index "):
        return NotUnique("", (), what.removeprefix("index ").strip("'"))
    parts = [part.rpartition(".") for part in what.split(", ")]
    return NotUnique(parts[0][0], tuple(column for _, _, column in parts))


def _is_busy(error: object) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
