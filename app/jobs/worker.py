"""The worker process: woken by the queue, kept honest by sweeps that need no queue at all."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from app.access.sweep import sweep as sweep_access
from app.config import Config
from app.jobs import reporting
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.jobs.queue import open_queue
from app.jobs.timers import run_timers
from app.jobs.wake import wake_task
from app.logs import init_logs
from app.notifications import messages
from app.priority import step_aside
from app.records import audit, idempotency, outbox, retention
from app.records.files import sweep_uploads
from app.records.proof import anchors_file
from app.records.releases import finish_interrupted
from app.records.tenant import Tenant, Tenants
from app.storage.control import Control
from app.storage.errors import StorageError, UnknownTenant

log = structlog.get_logger(__name__)

THREADS = 2
POLL_SECONDS = 0.2
SWEEP_SECONDS = 1.0
FULL_SWEEP_SECONDS = 600.0
LONGEST_PAUSE = 10.0
"""Between two looks for a database that is away; the first come closely."""


class Worker:
    """What the worker does for the tenants. Calls for one tenant take turns."""

    def __init__(
        self,
        tenants: Tenants,
        control: Control,
        outside: Outside,
        data_dir: Path,
        names: Iterable[str] = (),
    ) -> None:
        self.tenants, self.control, self.outside = tenants, control, outside
        self.data_dir = data_dir
        self.names = tuple(names)
        """The tenants of the configuration, whether they have been made or not."""
        self.stopping: Callable[[], bool] = lambda: False
        self._turns: dict[str, threading.Lock] = {}
        self._turns_lock = threading.Lock()

    def visit(self, tenant_id: str) -> None:
        """Do all work of a tenant that is due, and note when the next will be."""
        turn = self._turn(tenant_id)
        with turn:
            if self.stopping():
                return
            tenant = self.tenants.get(tenant_id)
            began = tenant.now_us()
            schedules = reporting.plan(tenant)
            deliver(tenant, self.outside, self.stopping)
            timers = run_timers(tenant, self.stopping)
            deliver(tenant, self.outside, self.stopping)
            retention.run_due(tenant, self.stopping)
            due = audit.next_anchor(tenant.db)
            if due is not None and due <= tenant.now_us():
                file = anchors_file(self.data_dir, tenant_id)
                audit.anchor(tenant.db, tenant.now_us(), file)
            self.control.visited(tenant_id, _next_due(tenant, timers, schedules), began)

    def sweep_due(self) -> None:
        """Visit the tenants whose hint says that something is due."""
        for tenant_id in self.control.due(self.tenants.now_us()):
            self._safely(self.visit, tenant_id)

    def sweep_all(self) -> None:
        """Visit every tenant, whatever the hints say, and clear away what has run out."""
        self._enter()
        for tenant_id in self.control.tenants():
            self._safely(self.visit, tenant_id)
            self._safely(self.tidy, tenant_id)

    def begin(self) -> None:
        """What a fresh worker does first: finish publications that were cut off, then sweep."""
        self._enter()
        for tenant_id in self.control.tenants():
            self._safely(self._finish, tenant_id)
        self.sweep_all()

    def _enter(self) -> None:
        """Put the tenants of the configuration on the list, as soon as they are there."""
        known = set(self.control.tenants())
        for name in self.names:
            if name in known:
                continue
            try:
                self.tenants.get(name)
            except UnknownTenant:
                continue
            self.control.enter(name)

    def _finish(self, tenant_id: str) -> None:
        finish_interrupted(self.tenants.get(tenant_id))

    def tidy(self, tenant_id: str) -> None:
        """Remove what nobody needs any more: old keys, sessions, uploads never saved."""
        tenant = self.tenants.get(tenant_id)
        sweep_access(tenant.db)
        idempotency.forget(tenant.db, tenant.now_us())
        outbox.forget(tenant.db, tenant.now_us())
        messages.forget(tenant.db, tenant.now_us())
        sweep_uploads(tenant)

    def _safely(self, work: Callable[[str], None], tenant_id: str) -> None:
        """One tenant's trouble is not the others'."""
        if self.stopping():
            return
        try:
            work(tenant_id)
        except Exception:
            log.exception("work for a tenant failed", tenant=tenant_id, work=work.__name__)

    def _turn(self, tenant_id: str) -> threading.Lock:
        with self._turns_lock:
            return self._turns.setdefault(tenant_id, threading.Lock())


def _next_due(tenant: Tenant, *found_before: int | None) -> int | None:
    found = [
        *found_before,
        outbox.next_due(tenant.db),
        retention.next_due(tenant),
        audit.next_anchor(tenant.db),
    ]
    return min((at for at in found if at is not None), default=None)


class Clock:
    """Sweeps by the worker's own clock, in a thread: a queue that is away delays nothing for long.

    Every second the tenants whose hint is due; every ten minutes, all; at longer and longer
    intervals while the database is away.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock")

    def start(self) -> None:
        """Begin with what a fresh worker does first."""
        self._thread.start()

    def stop(self) -> None:
        """End after the visit under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        begun, missed, pause, last = False, 0, 0.0, 0.0
        while not self._stop.wait(pause):
            if self._worker.stopping():
                return
            whole = not begun or time.monotonic() - last >= FULL_SWEEP_SECONDS
            sweep = self._worker.sweep_all if whole else self._worker.sweep_due
            failed = self._failed(sweep if begun else self._worker.begin)
            if failed:
                missed += 1
                pause = min(SWEEP_SECONDS * 2.0 ** (missed - 1), LONGEST_PAUSE)
                log.warning("waiting for the database", error=failed, seconds=pause)
                continue
            if missed:
                log.info("the database is there", tries=missed + 1)
            begun, missed, pause = True, 0, SWEEP_SECONDS
            last = time.monotonic() if whole else last

    def _failed(self, sweep: Callable[[], None]) -> str:
        """Why a sweep was not possible; "" where it was. A database that is away comes back: the
        clock waits for it, at the start as well."""
        try:
            sweep()
        except StorageError as error:
            return str(error)
        except Exception:
            log.exception("sweep failed", sweep=sweep.__name__)
        return ""


def run_worker(config: Config) -> None:
    """Run until SIGTERM or SIGINT; what has begun is finished, the rest waits in its outbox."""
    step_aside()
    init_logs(config)
    tenants = Tenants.of(config)
    control = Control(tenants.installation.settings)
    worker = Worker(tenants, control, Outside.of(config), config.data_dir, config.tenants)
    queue = open_queue(config.text("queue.url"), config.data_dir)
    wake_task(queue, worker.visit)
    consumer = queue.create_consumer(
        workers=THREADS,
        max_delay=POLL_SECONDS,
        periodic=False,
        graceful_signal="TERM",
        shutdown_timeout=15,
    )
    worker.stopping = consumer.stop_flag.is_set
    clock = Clock(worker)
    consumer.start = _heeding_signals(consumer.start, clock.start)
    try:
        consumer.run()
    finally:
        clock.stop()
        control.close()
        tenants.close()


def _heeding_signals(start: Callable[[], None], more: Callable[[], None]) -> Callable[[], None]:
    """Start, then `more`. The consumer heeds signals only once it has started: one that comes
    before waits until then, so that nothing that has begun is cut off."""
    early: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: early.append(number))

    def started() -> None:
        start()
        more()
        for number in early[:1]:
            os.kill(os.getpid(), number)

    return started
