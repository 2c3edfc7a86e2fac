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
from app.jobs.timers import STUCK_PAUSE, Resting, run_timers
from app.jobs.wake import wake_task
from app.logs import init_logs
from app.notifications import messages
from app.process import step_aside
from app.records import anchors, idempotency, outbox, retention
from app.records.files import sweep_uploads
from app.records.proof import anchors_file
from app.records.releases import finish_interrupted
from app.records.tenant import Tenant, Tenants
from app.storage.control import Control
from app.storage.errors import Busy, Conflict, StorageError, UnknownTenant

log = structlog.get_logger(__name__)

THREADS = 2
POLL_SECONDS = 0.2
SWEEP_SECONDS = 1.0
FULL_SWEEP_SECONDS = 600.0
SLICE_SECONDS = 5.0
"""How long one tenant is worked for at a stretch while others may be waiting."""
LONGEST_PAUSE = 10.0
"""Between two looks for a database that is away; the first come closely."""
LONGEST_REST = 60.0
"""Between two visits of a tenant that cannot be visited; the first come closely."""


class _Turn:
    """Whose turn a tenant is: one thread's at a time. `wanted`: somebody has asked for a visit
    since the last one began."""

    __slots__ = ("free", "wanted")

    def __init__(self) -> None:
        self.free = threading.Lock()
        self.wanted = False


class Worker:
    """What the worker does for the tenants. One thread at a time visits a tenant; nobody waits for
    it, and none has it for longer than a slice while it has more to do."""

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
        self.slice_seconds = SLICE_SECONDS
        self._turns: dict[str, _Turn] = {}
        self._turns_lock = threading.Lock()
        self._stuck: dict[str, Resting] = {}
        self._resting: dict[str, tuple[int, float]] = {}
        """Tenant → how often in a row it could not be visited, when it is tried again."""

    def visit(self, tenant_id: str) -> bool:
        """Do the work of a tenant that is due, for a slice of time, and note when more will be;
        whether some is left.

        While another thread is at it, that one looks once more afterwards and this returns at once:
        the threads are there for all tenants.
        """
        turn = self._turn(tenant_id)
        turn.wanted, left = True, False
        until = time.monotonic() + self.slice_seconds
        while turn.wanted and not self.stopping() and turn.free.acquire(blocking=False):
            try:
                turn.wanted = False
                left = self._work(tenant_id, until)
            finally:
                turn.free.release()
            if time.monotonic() >= until:
                if turn.wanted:
                    self.control.hint_now(tenant_id)
                return left or turn.wanted
        return left

    def _work(self, tenant_id: str, until: float) -> bool:
        """One round of everything; whether the slice ended before the work did."""
        tenant = self.tenants.get(tenant_id)
        began, half = tenant.now_us(), time.monotonic() + (until - time.monotonic()) / 2

        def over() -> bool:
            return self.stopping() or time.monotonic() >= until

        def half_over() -> bool:  # timers have their share however much there is to deliver
            return self.stopping() or time.monotonic() >= half

        db, outside = tenant.db, self.outside
        stuck = self._stuck.setdefault(tenant_id, {})
        parts: dict[str, Callable[[], int | None]] = {
            "schedules": lambda: reporting.plan(tenant),
            "effects": lambda: _deliver(tenant, outside, half_over),
            "timers": lambda: run_timers(tenant, over, stuck),
            "effects of timers": lambda: _deliver(tenant, outside, over),
            "retention": lambda: _retain(tenant, over),
            "anchors": lambda: _anchor(tenant, self.data_dir),
            "outbox": lambda: outbox.next_due(db),
        }
        found = [self._part(tenant, name, work) for name, work in parts.items()]
        due = min((at for at in found if at is not None), default=None)
        self.control.visited(tenant_id, due, began)
        return time.monotonic() >= until and due is not None and due <= tenant.now_us()

    def _part(self, tenant: Tenant, name: str, work: Callable[[], int | None]) -> int | None:
        """When this part of a visit has to be done again (microseconds UTC), None for never. What
        goes wrong with it takes the other parts not along, unless the database is away."""
        try:
            return work()
        except (Busy, Conflict):
            raise
        except Exception:
            log.exception("part of a visit failed", tenant=tenant.id, part=name)
            return tenant.now_us() + STUCK_PAUSE

    def sweep_due(self) -> bool:
        """Visit the tenants whose hint says that something is due, each for a slice; whether one of
        them has more."""
        left = False
        for tenant_id in self.control.due(self.tenants.now_us()):
            failures, rests = self._resting.pop(tenant_id, (0, 0.0))
            if time.monotonic() < rests:
                self._resting[tenant_id] = (failures, rests)
                continue
            more = self._safely(self.visit, tenant_id)
            if more is None:
                pause = min(SWEEP_SECONDS * 2.0 ** min(failures, 10), LONGEST_REST)
                self._resting[tenant_id] = (failures + 1, time.monotonic() + pause)
            left = more or left
        return left

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

    def _safely(self, work: Callable[[str], bool | None], tenant_id: str) -> bool | None:
        """What work gives, None where it failed. One tenant's trouble is not the others'."""
        if self.stopping():
            return False
        try:
            return work(tenant_id) or False
        except Exception:
            log.exception("work for a tenant failed", tenant=tenant_id, work=work.__name__)
            return None

    def _turn(self, tenant_id: str) -> _Turn:
        with self._turns_lock:
            return self._turns.setdefault(tenant_id, _Turn())


def _deliver(tenant: Tenant, outside: Outside, over: Callable[[], bool]) -> None:
    deliver(tenant, outside, over)


def _retain(tenant: Tenant, over: Callable[[], bool]) -> int | None:
    retention.run_due(tenant, over)
    due = retention.next_due(tenant)
    stuck = due is not None and due <= tenant.now_us() and not over()
    return tenant.now_us() + retention.STUCK_PAUSE if stuck else due


def _anchor(tenant: Tenant, data_dir: Path) -> int | None:
    due = anchors.next_anchor(tenant.db)
    if due is not None and due <= tenant.now_us():
        anchors.anchor(tenant.db, tenant.now_us(), anchors_file(data_dir, tenant.id))
        due = anchors.next_anchor(tenant.db)
    return due


class Clock:
    """Sweeps by the worker's own clock, in a thread: a queue that is away delays nothing for long.

    Every second the tenants whose hint is due, at once again where one had more than a slice of
    work; every ten minutes, all; at longer and longer intervals while the database is away.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock")
        self._left = False

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
            begun, missed, pause = True, 0, 0.0 if self._left else SWEEP_SECONDS
            last = time.monotonic() if whole else last

    def _failed(self, sweep: Callable[[], bool | None]) -> str:
        """Why a sweep was not possible; "" where it was. A database that is away comes back: the
        clock waits for it, at the start as well."""
        self._left = False
        try:
            self._left = sweep() or False
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
