"""Times of the access tables: integer microseconds UTC."""

from __future__ import annotations

import time

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def moment(now: int | None = None) -> int:
    """The given moment, or the clock's, in microseconds UTC."""
    return time.time_ns() // 1000 if now is None else now
