"""Fire what is due by the clock."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from app.failpoints import reach
from app.records.signals import fire, look_again, pending_events
from app.records.tenant import Tenant
from app.records.waiting import due_timers, next_timer

log = structlog.get_logger(__name__)

PAGE = 200
STUCK_PAUSE = 10_000_000
"""Microseconds until a timer whose record could not be moved is tried again; each time longer."""
LONGEST_STUCK = 600_000_000

Resting = dict[int, tuple[int, int]]
"""Timer → how often in a row it failed, when it is tried again (microseconds UTC)."""


def run_timers(
    tenant: Tenant, stopping: Callable[[], bool], resting: Resting | None = None
) -> int | None:
    """Fire every timer that is due, each once, and let events arrive that came before their wait
    was opened; when to look again (microseconds UTC), or None.

    One that fails stays and does not hold up the others; `resting` remembers it until next time.
    """
    _resume_events(tenant)
    now, rests = tenant.now_us(), {} if resting is None else resting
    while found := _ready(tenant, now, rests):
        for one in found:
            if stopping():
                return now
            reach("timer.found")
            try:
                fire(tenant, one)
                rests.pop(one, None)
            except Exception:
                failures = rests.get(one, (0, 0))[0]
                pause = min(STUCK_PAUSE * 2 ** min(failures, 10), LONGEST_STUCK)
                rests[one] = (failures + 1, now + pause)
                log.exception("timer failed", tenant=tenant.id, timer=one)
            reach("timer.fired")
    for one in [key for key, (_, until) in rests.items() if until <= now]:
        del rests[one]  # moved or cancelled meanwhile
    waiting = [until for _, until in rests.values()]
    coming = next_timer(tenant.db, now if rests else None)
    return min([*waiting, coming] if coming is not None else waiting, default=None)


def _ready(tenant: Tenant, now: int, rests: Resting) -> list[int]:
    """Timers that are due and did not fail just now."""
    found = due_timers(tenant.db, now, limit=PAGE + len(rests))
    return [one for one in found if one not in rests or rests[one][1] <= now]


def _resume_events(tenant: Tenant) -> None:
    """Let events arrive that came before anybody waited; one that cannot holds up no other."""
    for form_key, rid in pending_events(tenant):
        try:
            look_again(tenant, form_key, rid)
        except Exception:
            log.exception("event failed", tenant=tenant.id, record=rid)
