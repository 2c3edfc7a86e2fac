"""Connections kept open between uses."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from app.storage.errors import Busy, StorageError

T = TypeVar("T")


class Pool(Generic[T]):
    """Up to `size` open connections, lent out one borrower at a time, warmest first.

    peewee's pools bind a connection to a thread and, on PostgreSQL, ask the server `SELECT 1` at
    every loan: one more statement on the wire for each read.
    """

    __slots__ = ("_close", "_closed", "_idle", "_open", "_room", "_usable", "_wait")

    def __init__(
        self,
        open_: Callable[[], T],
        close: Callable[[T], None],
        usable: Callable[[T], bool],
        size: int,
        wait: float,
    ) -> None:
        self._open = open_
        self._close = close
        self._usable = usable
        self._idle: deque[T] = deque()
        self._room = threading.Semaphore(size)
        self._wait = wait
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[T]:
        """A connection for the block. Raises Busy when none came free in time."""
        if not self._room.acquire(timeout=self._wait):
            raise Busy("all connections to the database are in use")
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                if self._closed or not self._usable(connection):
                    self._close(connection)
                else:
                    self._idle.append(connection)
        finally:
            self._room.release()

    def _take(self) -> T:
        if self._closed:
            raise StorageError("the database is closed")
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if self._usable(connection):
                return connection
            self._close(connection)
        return self._open()

    def drain(self) -> None:
        """Close the connections nobody is using."""
        while True:
            try:
                self._close(self._idle.pop())
            except IndexError:
                return

    def close(self) -> None:
        """Close what is idle now and what is lent out when it comes back."""
        self._closed = True
        self.drain()
