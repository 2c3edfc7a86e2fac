"""What a tenant's database is to the rest of the product, whichever server keeps it.

SQL is written once, with `?` for parameters and named columns, and runs on SQLite and PostgreSQL.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from app.storage.errors import Conflict, UnknownTenant

Row = tuple[Any, ...]
Params = Sequence[Any]
T = TypeVar("T")
Dialect = Literal["sqlite", "postgres"]

_TENANT = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Where the data lives and how long to wait for it.

    `url` is `sqlite` (files below `folder`) or a `postgresql://` address (one schema a tenant).
    `folder` always holds the attachments. `busy_seconds` bounds every wait for a lock,
    `connections` the open connections of one process to one tenant's database.
    """

    folder: Path
    url: str = "sqlite"
    busy_seconds: float = 5.0
    connections: int = 12

    @property
    def is_postgres(self) -> bool:
        """Is the address a PostgreSQL server's?"""
        return self.url.startswith(("postgresql://", "postgres://"))


class Reader(Protocol):
    """Whatever answers a question."""

    def query(self, sql: str, params: Params = ()) -> list[Row]:
        """All rows of a SELECT."""


class Tx(ABC):
    """One write transaction, seen by the thread that opened it.

    After the last read, `queue` lets PostgreSQL send the writes together; an `execute` or
    `change` sends what was queued before it first, in order.
    """

    __slots__ = ()

    @abstractmethod
    def execute(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one statement now; rows of a SELECT or of RETURNING, else []."""

    @abstractmethod
    def change(self, sql: str, params: Params = ()) -> int:
        """Run one statement now and tell how many rows it touched."""

    @abstractmethod
    def queue(self, sql: str, params: Params = ()) -> None:
        """Run one statement whose rows nobody wants, at the latest before the commit."""

    @abstractmethod
    def state(self) -> tuple[int, int]:
        """(epoch, active release), read under the shared publish lock: the first statement of
        every write that depends on the release."""

    def query(self, sql: str, params: Params = ()) -> list[Row]:
        """A read inside the transaction."""
        return self.execute(sql, params)


class TenantDatabase(ABC):
    """One tenant's database. Threads share it; errors are this package's."""

    dialect: Dialect
    state_from: str
    """The table to read (epoch, release_no) from, with a writer's shared publish lock:
    `SELECT s.epoch, s.release_no, … FROM {db.state_from} AS s`."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.waited = 0.0
        """Seconds this process has waited until its writes could begin: for others' writes to end
        on SQLite, for the first answer of a server that is busy with others on PostgreSQL."""

    @abstractmethod
    def query(self, sql: str, params: Params = ()) -> list[Row]:
        """One read on a snapshot of its own."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Reader]:
        """Several reads on one snapshot."""

    @abstractmethod
    def stream(self, sql: str, params: Params = (), size: int = 1000) -> Iterator[Row]:
        """The rows of a SELECT, fetched `size` at a time, on one snapshot. Exhaust or close it."""

    @abstractmethod
    def write(self) -> AbstractContextManager[Tx]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises Busy (no turn in time), Conflict (run it again) or NotUnique, also at the commit.
        """

    @abstractmethod
    def execute_now(self, sql: str, params: Params = ()) -> list[Row]:
        """One statement that is a transaction of its own: no BEGIN, no COMMIT."""

    @abstractmethod
    def flip(self) -> AbstractContextManager[Tx]:
        """A transaction that holds the publish lock alone: no other writer is inside."""

    @abstractmethod
    def rest(self) -> None:
        """Close the connections nobody is using: a process has only so many files, a server only so
        many connections. The next use opens one again."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""


def rows_of(cursor: Any) -> list[Row]:
    """Everything a driver's cursor still holds."""
    rows: list[Row] = cursor.fetchall()
    return rows


def check_tenant_id(tenant: str) -> str:
    """The id itself. Raises UnknownTenant for what cannot be a tenant's id: it becomes a file
    name and a schema name."""
    if not _TENANT.fullmatch(tenant):
        raise UnknownTenant(f"not a tenant id: {tenant[:60]!r}; a-z, 0-9 and _, at most 40")
    return tenant


def run_again(work: Callable[[], T], attempts: int = 5) -> T:
    """Call `work()` again as long as it ends in Conflict, at most `attempts` times."""
    for left in range(attempts - 1, -1, -1):
        try:
            return work()
        except Conflict:
            if not left:
                raise
    raise AssertionError("unreachable")
