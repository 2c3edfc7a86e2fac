"""Wake the worker for a tenant: off the request's path, at most a few times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from huey import Huey

log = structlog.get_logger(__name__)

QUIET_SECONDS = 0.2

Wake = Callable[[str], None]


def wake_task(queue: Huey, run: Callable[[str], object]) -> Callable[[str], object]:
    """Register the one message the queue carries; both ends call this, so both know its name."""

    def wake(tenant: str) -> None:
        run(tenant)

    registered: Callable[[str], object] = queue.task(name="wake")(wake)
    return registered


class Waker:
    """Collects the tenants to wake and puts one message each into the queue.

    A thread of its own does the sending: a save neither waits for the queue nor fails with it. It
    starts with the first call, so a process may fork before that. `hint` notes in the control
    database that the tenant has work: the worker's clock finds that should the queue lose it.
    """

    def __init__(self, queue: Huey, hint: Wake | None = None) -> None:
        self._send = wake_task(queue, _elsewhere)
        self._hint = hint
        self._pending: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def __call__(self, tenant: str) -> None:
        """Have the tenant's worker woken soon. Never raises, never waits."""
        with self._changed:
            self._pending.add(tenant)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Send what is pending and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._closed:
                    self._changed.wait()
                tenants, self._pending = self._pending, set()
                closed = self._closed
            for tenant in sorted(tenants):
                self._wake(tenant)
            if closed:
                return
            time.sleep(QUIET_SECONDS)

    def _wake(self, tenant: str) -> None:
        try:
            if self._hint is not None:
                self._hint(tenant)
        except Exception as error:  # a control database that is away: the full sweep will do
            log.warning("no hint could be left", tenant=tenant, error=str(error))
        try:
            self._send(tenant)
        except Exception as error:  # any queue's own errors: the save itself is committed
            log.warning("queue is away, the sweep will do", tenant=tenant, error=str(error))


def _elsewhere(tenant: str) -> None:
    raise RuntimeError(f"wake-ups of {tenant} run in the worker, not where they are sent")
