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
"""Microseconds until a timer whose record could not be moved is tried again."""


def run_timers(tenant: Tenant, stopping: Callable[[], bool]) -> int | None:
    """Fire every timer that is due, each once, and let events arrive that came before their wait
    was opened; when to look again (microseconds UTC), or None.

    One that fails stays and does not hold up the others.
    """
    _resume_events(tenant)
    now, failed = tenant.now_us(), set[int]()
    while found := [
        one for one in due_timers(tenant.db, now, limit=PAGE + len(failed)) if one not in failed
    ]:
        for one in found:
            if stopping():
                return now
            reach("timer.found")
            try:
                fire(tenant, one)
            except Exception:
                failed.add(one)
                log.exception("timer failed", tenant=tenant.id, timer=one)
            reach("timer.fired")
    return tenant.now_us() + STUCK_PAUSE if failed else next_timer(tenant.db)


def _resume_events(tenant: Tenant) -> None:
    """Let events arrive that came before anybody waited; one that cannot holds up no other."""
    for form_key, rid in pending_events(tenant):
        try:
            look_again(tenant, form_key, rid)
        except Exception:
            log.exception("event failed", tenant=tenant.id, record=rid)
