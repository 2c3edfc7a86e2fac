"""The little that access asks of a tenant's database (a Protocol, met by storage)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Tx(Protocol):
    """One write transaction."""

    def execute(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with ? placeholders and give its rows."""
        ...


class Database(Protocol):
    """A tenant's own database."""

    tenant: str

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read."""
        ...

    def execute_now(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement that is a transaction of its own."""
        ...

    def write(self) -> AbstractContextManager[Tx]:
        """Open one write transaction."""
        ...
