"""A tenant in one PostgreSQL schema."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import peewee
import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8Dumper

from app.storage.errors import Busy, Conflict, NotUnique, StorageError, Translated
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

# psycopg keeps 100 prepared statements a connection; a tenant with twenty forms has more.
_PREPARED_MAX = 600
_FLIP_WAIT = "500ms"
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\?")
_WITH_ROWS = re.compile(r"\s*(?:SELECT|WITH|VALUES|SHOW|EXPLAIN)\b|.*\bRETURNING\b", re.I | re.S)
_KEY_COLUMNS = re.compile(r"\(([^)]*)\)=")


def schema_name(tenant: str) -> str:
    """The tenant's schema."""
    return f"t_{check_tenant_id(tenant)}"


def schema_exists(tenant: str, settings: StorageSettings) -> bool:
    """Was the tenant's schema made?"""
    database = _connect(tenant, settings)
    try:
        sql, _ = numbered("SELECT 1 FROM pg_namespace WHERE nspname = ?")
        with _translated():
            return bool(database.execute_sql(sql, (schema_name(tenant),)).fetchall())
    finally:
        database.close()


@lru_cache(maxsize=4096)
def numbered(sql: str) -> tuple[str, bool]:
    """The statement with `$1, $2 …` for its `?`, and whether it gives rows back."""
    number = 0

    def one(match: re.Match[str]) -> str:
        nonlocal number
        if match[0] != "?":
            return match[0]
        number += 1
        return f"${number}"

    return _TOKEN.sub(one, sql), bool(_WITH_ROWS.match(sql))


class PostgresDatabase(TenantDatabase):
    """Connections belong to one tenant for life: the schema is part of how they are opened, so no
    later user can inherit another tenant's search path."""

    dialect = "postgres"
    state_from = "rf_enter()"

    def __init__(self, tenant: str, settings: StorageSettings) -> None:
        super().__init__(tenant)
        self.schema = schema_name(tenant)
        self.options: list[str] = []
        self.lock_key = _advisory_key(self.schema)
        self.pool: Pool[Any] = Pool(
            lambda: _connect(tenant, settings, self.options),
            lambda database: _close(database),
            _usable,
            settings.connections,
            settings.busy_seconds,
        )

    def query(self, sql: str, params: Params = ()) -> list[Row]:
        text, _ = numbered(sql)
        try:
            return self._ask(text, params)
        except Conflict:  # a read loses nothing when the server went away under it
            return self._ask(text, params)

    @contextmanager
    def read(self) -> Iterator[_Reader]:
        with self.pool.lend() as database, _translated():
            database.execute_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield _Reader(database)
            finally:
                _roll_back(database)

    def stream(self, sql: str, params: Params = (), size: int = 1000) -> Iterator[Row]:
        text, _ = numbered(sql)
        with self.pool.lend() as database, _translated():
            database.execute_sql("BEGIN READ ONLY")
            try:
                cursor = psycopg.RawServerCursor(database.connection(), "rows")
                cursor.itersize = size
                cursor.execute(text, params)
                yield from cursor
                cursor.close()
            finally:
                _roll_back(database)

    @contextmanager
    def write(self) -> Iterator[Tx]:
        with self.pool.lend() as database, _translated():
            tx = PostgresTx(database)
            try:
                yield tx
                tx.commit()
                self.waited += tx.first_answer
            except BaseException:
                tx.roll_back()
                self._drop_lost(database)
                raise

    @contextmanager
    def flip(self) -> Iterator[Tx]:
        with self.write() as tx:
            # Writers queue up behind whoever waits for the lock alone: never for long.
            tx.queue(f"SET LOCAL lock_timeout = '{_FLIP_WAIT}'")
            tx.execute("SELECT pg_advisory_xact_lock(?)", (self.lock_key,))
            yield tx

    def execute_now(self, sql: str, params: Params = ()) -> list[Row]:
        text, gives_rows = numbered(sql)
        with self.pool.lend() as database, _translated():
            cursor = database.execute_sql(text, params)
            return rows_of(cursor) if gives_rows else []

    def rest(self) -> None:
        self.pool.drain()

    def close(self) -> None:
        self.pool.close()

    def _ask(self, text: str, params: Params) -> list[Row]:
        with self.pool.lend() as database, _translated():
            try:
                return rows_of(database.execute_sql(text, params))
            except Exception:
                self._drop_lost(database)
                raise

    def _drop_lost(self, database: Any) -> None:
        """Where one connection was lost, the idle ones probably are too."""
        if database.connection().pgconn.status != pq.ConnStatus.OK:
            self.pool.drain()


class PostgresTx(Tx):
    """A write in pipeline mode: BEGIN travels with the first statement, queued writes with the
    next read or with COMMIT."""

    __slots__ = ("_db", "_mode", "_open", "_pipeline", "first_answer")

    def __init__(self, db: Any) -> None:
        self._db = db
        self._open = False
        self.first_answer = 0.0
        """Seconds until the first statement was answered."""
        self._mode = db.connection().pipeline()
        self._pipeline = self._mode.__enter__()

    def execute(self, sql: str, params: Params = ()) -> list[Row]:
        text, gives_rows = numbered(sql)
        came = 0.0 if self._open else time.monotonic()
        with _translated():
            cursor = self._send(text, params)
            if gives_rows:
                rows = rows_of(cursor)
                if came:
                    self.first_answer = time.monotonic() - came
                return rows
            self._pipeline.sync()
        return []

    def change(self, sql: str, params: Params = ()) -> int:
        text, _ = numbered(sql)
        with _translated():
            cursor = self._send(text, params)
            self._pipeline.sync()
        return int(cursor.rowcount)

    def queue(self, sql: str, params: Params = ()) -> None:
        with _translated():
            self._send(numbered(sql)[0], params)

    def state(self) -> tuple[int, int]:
        (row,) = self.execute("SELECT s.epoch, s.release_no FROM rf_enter() AS s")
        return row[0], row[1]

    def commit(self) -> None:
        """Send what is queued and COMMIT, and wait for the answer."""
        try:
            if self._open:
                self._db.execute_sql("COMMIT")
            self._mode.__exit__(None, None, None)
        except (psycopg.OperationalError, peewee.OperationalError) as error:
            if self._db.connection().pgconn.status == pq.ConnStatus.OK:
                raise
            raise StorageError("the connection was lost during the commit") from error
        self._open = False

    def roll_back(self) -> None:
        """Leave the pipeline, whatever it says, and undo."""
        connection = self._db.connection()
        if connection.pgconn.status != pq.ConnStatus.OK:
            with suppress(psycopg.Error, RuntimeError):
                self._mode.__exit__(None, None, None)
            return
        if connection.pgconn.pipeline_status != pq.PipelineStatus.OFF:
            with suppress(psycopg.Error):  # the statement that failed has been reported already
                self._pipeline.sync()
            self._mode.__exit__(None, None, None)
        _roll_back(self._db)

    def _send(self, text: str, params: Params) -> Any:
        if not self._open:
            self._open = True
            self._db.execute_sql("BEGIN")
        return self._db.execute_sql(text, params)


class _Reader:
    __slots__ = ("_db",)

    def __init__(self, db: Any) -> None:
        self._db = db

    def query(self, sql: str, params: Params = ()) -> list[Row]:
        with _translated():
            return rows_of(self._db.execute_sql(numbered(sql)[0], params))


def _connect(tenant: str, settings: StorageSettings, options: list[str] | None = None) -> Any:
    asked: dict[str, Any] = conninfo_to_dict(settings.url)
    wait = int(settings.busy_seconds * 1000)
    own = [
        f"search_path={schema_name(tenant)},pg_temp",
        f"lock_timeout={wait}",
        "idle_in_transaction_session_timeout=60000",
        "timezone=UTC",
        "client_min_messages=warning",
        *(options or ()),
    ]
    asked["options"] = " ".join([str(asked.get("options") or ""), *(f"-c {o}" for o in own)])
    asked.setdefault("application_name", f"returnflow-{tenant}")
    asked.setdefault("connect_timeout", 10)
    database: Any = peewee.PostgresqlDatabase(
        asked.pop("dbname", None) or "postgres",
        prefer_psycopg3=True,
        thread_safe=False,
        cursor_factory=psycopg.RawCursor,
        **asked,
    )
    with _translated():
        database.connect()
    connection = database.connection()
    connection.prepared_max = _PREPARED_MAX
    # By default an int's wire type follows its size, and every mix of sizes is another statement
    # to prepare; all our columns are BIGINT.
    connection.adapters.register_dumper(int, Int8Dumper)
    return database


def _close(database: Any) -> None:
    database.close()


def _usable(database: Any) -> bool:
    connection = database.connection().pgconn
    return bool(
        connection.status == pq.ConnStatus.OK
        and connection.transaction_status == pq.TransactionStatus.IDLE
        and connection.pipeline_status == pq.PipelineStatus.OFF
    )


def _roll_back(database: Any) -> None:
    connection = database.connection()
    if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
        connection.rollback()


def _advisory_key(schema: str) -> int:
    digest = hashlib.sha256(f"returnflow publish {schema}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class _translated(Translated):  # noqa: N801 - reads as a block's name
    """Turn the driver's errors inside the block into this package's."""

    __slots__ = ()
    driver_error = psycopg.Error

    def meaning(self, error: Any) -> StorageError:
        return _meaning(error)


# Deadlock, serialization; the server going down with the transaction not yet committed.
_CONFLICTS = {"40001", "40P01", "57P01", "57P02", "08003", "08006"}
_BUSY = {"55P03", "53300", "57P03"}


def _meaning(error: psycopg.Error) -> StorageError:
    state = error.sqlstate or ""
    if state == "23505":
        diag = error.diag
        found = _KEY_COLUMNS.search(diag.message_detail or "")
        columns = tuple(c.strip(' "') for c in found[1].split(",")) if found else ()
        return NotUnique(diag.table_name or "", columns, diag.constraint_name or "")
    lost = not state and isinstance(error, psycopg.OperationalError)
    if lost or state in _CONFLICTS:
        return Conflict(str(error))
    if state in _BUSY:
        return Busy(str(error))
    return StorageError(str(error))
