"""What the background sweep clears of access."""

from __future__ import annotations

from app.access.attempts import Limit, sweep_attempts
from app.access.clock import moment
from app.access.database import Database
from app.access.portal import LIMITS, sweep_portal
from app.access.sessions import sweep_sessions
from app.access.signin import PER_ADDRESS, PER_LOGIN

CALLS_WINDOW = 60
"""Seconds of the window in which API calls are counted (bucket kind "calls")."""


def sweep(db: Database, *, now: int | None = None) -> None:
    """Remove sessions that are over and counters that no longer matter."""
    sweep_sessions(db, now=now)
    sweep_portal(db, moment(now))
    sweep_attempts(
        db,
        {
            "login": PER_LOGIN,
            "address": PER_ADDRESS,
            "calls": Limit(1, CALLS_WINDOW),
            **LIMITS,
        },
        now=now,
    )
