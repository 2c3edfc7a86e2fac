"""Tenants take turns: one with much to do, or in trouble, holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.access.actor import SYSTEM
from app.hooks import TryAgain, hookimpl, load_plugins
from app.jobs import reporting
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.jobs.notify import NOWHERE
from app.jobs.worker import Worker
from app.records import outbox
from app.records.incidents import incidents, retry
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenant, Tenants
from app.storage.control import Control
from app.storage.databases import Installation
from tests.records.shop import BOSS, SOURCES

PATIENCE = 20.0


class Service:
    """A plugin that hears of every save, by tenant, and takes its time for some."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.slow = ""
        self.seconds = 0.0
        self.says = ""
        self.inside = threading.Event()
        self.let_go = threading.Event()

    @hookimpl
    def record_event(self, tenant: str, event: dict) -> None:
        if self.says:
            raise TryAgain(self.says)
        if tenant == self.slow:
            self.inside.set()
            if self.seconds:
                time.sleep(self.seconds)
            else:
                self.let_go.wait(PATIENCE)
        self.heard.append(tenant)


class Two:
    """Two tenants with one worker."""

    def __init__(self, installation: Installation, names: tuple[str, str], folder: Path) -> None:
        self.busy, self.other = names
        self.tenants = Tenants(installation)
        self.control = Control(installation.settings)
        self.service = Service()
        self.service.slow = self.busy
        plugins = load_plugins([])
        plugins.register(self.service, name="service")
        outside = Outside(plugins, lambda tenant: {}, NOWHERE)
        for name in names:
            installation.create(name)
            publish(self.tenants.get(name), SYSTEM, SOURCES)
            self.control.enter(name)
        self.worker = Worker(self.tenants, self.control, outside, folder)

    def save(self, tenant: str, times: int = 1) -> None:
        for number in range(times):
            create(self.tenants.get(tenant), BOSS, "buyer", {"name": f"Li {number}"})
        self.control.hint_now(tenant)

    def tenant(self, name: str) -> Tenant:
        return self.tenants.get(name)


@pytest.fixture
def two(installation: Installation, tenant_id: str, tmp_path: Path) -> Iterator[Two]:
    made = Two(installation, (f"{tenant_id}a", f"{tenant_id}b"), tmp_path)
    with made.control._ready().write() as tx:  # others' tenants of this run are none of ours
        tx.execute("DELETE FROM rf_tenant WHERE id NOT IN (?, ?)", (made.busy, made.other))
    yield made
    made.service.let_go.set()
    with made.control._ready().write() as tx:
        tx.execute("DELETE FROM rf_tenant WHERE id IN (?, ?)", (made.busy, made.other))
    made.control.close()


def _started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_who_wakes_a_tenant_that_is_being_visited_does_not_wait(two: Two) -> None:
    two.save(two.busy)
    first = _started(lambda: two.worker.visit(two.busy))
    assert two.service.inside.wait(PATIENCE)
    second = _started(lambda: two.worker.visit(two.busy))
    second.join(2)
    waited = second.is_alive()
    two.save(two.busy)  # after the visit under way has looked at the outbox
    third = _started(lambda: two.worker.visit(two.busy))
    two.service.let_go.set()
    for thread in (first, second, third):
        thread.join(PATIENCE)
    assert not waited, "a second thread stood still behind the first"
    assert two.service.heard == [two.busy, two.busy], "and its wake-up is not lost"


def test_a_tenant_with_much_to_do_gives_way_to_the_others(two: Two) -> None:
    two.service.seconds = 0.05
    two.worker.slice_seconds = 0.2
    two.save(two.busy, 20)
    two.save(two.other)
    while len(two.service.heard) < 21:
        two.worker.sweep_due()
    assert two.service.heard.index(two.other) <= 10
    assert two.service.heard.count(two.busy) == 20


def test_what_fails_for_a_tenant_takes_nothing_else_of_it_along(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tenant: Tenant) -> int | None:
        raise ValueError("a schedule nobody can read")

    monkeypatch.setattr(reporting, "plan", broken)
    two.save(two.other)
    two.worker.sweep_due()
    assert two.service.heard == [two.other]


def test_a_tenant_that_fails_is_tried_at_longer_intervals(two: Two) -> None:
    two.control.enter("nobody")
    tries: list[str] = []
    visit = two.worker.visit

    def counted(tenant: str) -> None:
        tries.append(tenant)
        visit(tenant)

    two.worker.visit = counted  # type: ignore[method-assign]
    for _ in range(20):
        two.worker.sweep_due()
    assert tries.count("nobody") == 1


def test_work_that_comes_during_the_last_look_keeps_its_hint(two: Two) -> None:
    control, began = two.control, two.tenants.now_us()
    control.hint(two.busy, began - 5)
    control.hint_now(two.busy)  # a save while the visit that began just now looks at the outbox
    control.visited(two.busy, None, began)
    assert two.busy in control.due(two.tenants.now_us())


def test_a_stop_leaves_what_was_not_begun_to_the_next_worker(two: Two) -> None:
    tenant = two.tenant(two.other)
    two.save(two.other, 3)
    two.worker.visit(two.other)  # what it costs to hear of three saves is behind us
    two.service.heard.clear()
    two.save(two.other, 3)
    deliver(tenant, two.worker.outside, _after(4))  # three events split up, one heard
    heard = len(two.service.heard)
    rows = tenant.db.query(
        "SELECT status, attempts, lease_until FROM rf_outbox WHERE status <> 'done'"
    )
    assert heard < 3 and rows == [("ready", 0, None)] * (3 - heard)
    deliver(tenant, two.worker.outside)
    assert len(two.service.heard) == 3


def _after(times: int) -> Callable[[], bool]:
    asked = iter(range(1000))
    return lambda: next(asked) >= times


@pytest.mark.parametrize("text", ["no \x00 answer", "half a \ud83d letter"])
def test_what_a_service_says_in_no_text_at_all_is_told_all_the_same(two: Two, text: str) -> None:
    two.save(two.other)
    two.worker.visit(two.other)
    two.service.says = text
    two.save(two.other, 2)
    two.worker.visit(two.other)
    two.service.says = ""
    rows = two.tenant(two.other).db.query(
        "SELECT status, attempts FROM rf_outbox WHERE topic = 'record:service' AND status <> 'done'"
    )
    assert rows == [("ready", 1)] * 2


def test_what_kills_every_worker_that_takes_it_is_left_to_people(two: Two) -> None:
    two.save(two.other)
    tenant = two.tenant(two.other)
    now = tenant.now_us()
    for number in range(outbox.MAX_ATTEMPTS):  # claimed, and nobody came back
        (one,) = outbox.claim(tenant.db, now + number * 2 * outbox.LEASE, limit=1)
        assert one.attempts == number + 1
    tenant.db.execute_now("UPDATE rf_outbox SET lease_until = 0")
    two.worker.visit(two.other)
    ((status, error),) = tenant.db.query("SELECT status, last_error FROM rf_outbox")
    assert status == "dead" and "no worker" in error
    (left,) = incidents(tenant)
    retry(tenant, SYSTEM, left.name, "the server has more memory now")
    two.worker.visit(two.other)
    assert two.service.heard == [two.other] * 2  # of the save, and of the decision about it
