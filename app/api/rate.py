"""How many calls a token may make: permits are taken from the database in blocks.

A process reserves a block of the minute's permits with one statement and spends them from memory,
so that the limit holds over all processes and costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from app.access.attempts import Limit, bucket, take_block
from app.access.clock import SECOND, moment
from app.access.database import Database
from app.access.sweep import CALLS_WINDOW

BLOCKS = 20
"""A minute's permits are handed out in this many blocks at the least."""


@dataclass(slots=True)
class _Purse:
    window: int
    left: int
    empty: bool = False


class Calls:
    """The calls of this process. `most` in a minute for each token or signed-in person."""

    def __init__(self, most: int) -> None:
        self.limit = Limit(most, CALLS_WINDOW)
        self._block = max(1, most // BLOCKS)
        self._purses: dict[tuple[str, str], _Purse] = {}
        self._lock = Lock()

    def spend(self, db: Database, subject: str, *, now: int | None = None) -> int | None:
        """Count one call; None where it is allowed, else seconds to wait."""
        at = moment(now)
        window = at // (self.limit.seconds * SECOND)
        key = (db.tenant, subject)
        with self._lock:
            purse = self._purses.get(key)
            if purse is None or purse.window != window:
                if len(self._purses) > 10_000:
                    self._purses.clear()
                purse = self._purses[key] = _Purse(window, 0)
            if purse.left:
                purse.left -= 1
                return None
            if purse.empty:
                return self._wait(at)
        granted = take_block(db, bucket("calls", subject), self.limit, self._block, now=at)
        with self._lock:
            if not granted:
                purse.empty = True
                return self._wait(at)
            purse.left += granted - 1
        return None

    def _wait(self, at: int) -> int:
        span = self.limit.seconds * SECOND
        return max(1, -(-(span - at % span) // SECOND))
