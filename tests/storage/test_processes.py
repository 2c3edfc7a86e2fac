"""Several processes share a tenant's database, and any of them may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest

from app.storage import publish
from app.storage.aggregates import compile_aggregate, verify
from tests.storage.catalogs import ORDER, changed, shop
from tests.storage.desk import AT, Desk

_ROOT = Path(__file__).resolve().parents[2]
_CHILD = """
import sys
from decimal import Decimal
from pathlib import Path
from app.storage.databases import Installation, StorageSettings
from tests.storage.catalogs import *
from tests.storage.desk import AT, Desk
from forms.values import Money

folder, url, tenant, work = sys.argv[1:]
installation = Installation(StorageSettings(Path(folder), url))
db = installation.open(tenant)
desk = Desk(db)
desk.catalogs = {1: shop()}
print("ready", flush=True)
"""
_WRITE = """
n = 0
while True:
    lines = [{"sku": "x", "quantity": Decimal(2)} for _ in range(5)]
    desk.create("order", {"order_no": f"{work}-{n}", "currency": "EUR", "lines": lines})
    n += 1
    print(n, flush=True)
"""
_PUBLISH = """
from app.storage import fills, moves, publish
fills._RECORDS = 2
moves.BATCH = 2
new = shop(order=changed(ORDER, lines__quantity={"type": "integer"}, note={"type": "text"}))
desk.publish(new)
print("published", flush=True)
"""


class Child:
    """Another process at work on the same tenant."""

    def __init__(self, settings, tenant, script, work="w"):
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _CHILD + script,
                str(settings.folder),
                settings.url,
                tenant,
                work,
            ],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def wait_for(self, count: int) -> None:
        """Until it has said so many lines."""
        for _ in range(count):
            assert self.process.stdout.readline()

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def desk(tenant_db):
    made = Desk(tenant_db)
    made.publish(shop())
    return made


def differences(desk):
    live = desk.live()
    found = []
    for aggregate in live.catalog.aggregates.values():
        shape = compile_aggregate(aggregate, live.catalog.forms, live.tables, desk.db.dialect)
        found += verify(desk.db, shape, live.tables.aggregates[aggregate.id])
    return found


def test_a_killed_writer_leaves_whole_records_only(desk, storage_settings, tenant_id):
    for round_ in range(2):
        child = Child(storage_settings, tenant_id, _WRITE, f"r{round_}")
        child.wait_for(20 + round_)
        child.kill()
    lines = "SELECT record_id, count(*) FROM f_order__lines GROUP BY record_id"
    counts = dict(desk.db.query(lines))
    orders = {row[0] for row in desk.db.query("SELECT id FROM f_order")}
    journal = {row[0] for row in desk.db.query("SELECT record_id FROM rf_journal")}
    assert set(counts) == orders == journal
    assert set(counts.values()) == {5}
    assert len(orders) >= 41
    assert differences(desk) == []


def test_a_process_that_never_pauses_does_not_starve_another(desk, storage_settings, tenant_id):
    child = Child(storage_settings, tenant_id, _WRITE)
    child.wait_for(5)
    waits = []
    for n in range(40):
        start = time.perf_counter()
        desk.create("order", {"order_no": f"me-{n}", "currency": "EUR", "lines": []})
        waits.append(time.perf_counter() - start)
    child.kill()
    assert sorted(waits)[36] < 0.25
    assert max(waits) < 2


def test_a_publication_killed_anywhere_is_finished_by_another_process(
    desk, storage_settings, tenant_id
):
    for n in range(30):
        lines = [{"sku": "x", "quantity": Decimal(2)} for _ in range(4)]
        desk.create("order", {"order_no": str(n), "currency": "EUR", "lines": lines})
    new = shop(order=changed(ORDER, lines__quantity={"type": "integer"}, note={"type": "text"}))
    desk.catalogs[2] = new
    for delay in (0.01, 0.03, 0.06):
        child = Child(storage_settings, tenant_id, _PUBLISH)
        time.sleep(delay)
        child.kill()
    if publish.unfinished(desk.db):
        publish.resume(desk.db, lambda _: new, at=AT)
    else:
        desk.publish(new)
    desk._live = None
    live = desk.live()
    column = live.tables.forms["order"].children["lines"].columns["quantity"]
    assert column.name == "c_quantity_2"
    assert desk.db.query(f"SELECT DISTINCT {column.name} FROM f_order__lines") == [(2,)]
    assert differences(desk) == []


def test_who_takes_the_number_of_a_release_in_the_same_moment_is_told(desk, monkeypatch):
    new = shop(order=changed(ORDER, note={"type": "text"}))
    desk.catalogs[2] = new
    lay_out, others, outcomes = publish.lay_out, [], []

    def publish_it() -> None:
        try:
            outcomes.append(desk.publish(new))
        except publish.PublishError as error:
            outcomes.append(error)

    def while_another_is_at_it(*args):
        if not others:
            others.append(threading.Thread(target=publish_it))
            others[0].start()
            others[0].join(3 if desk.db.dialect == "postgres" else 0.1)  # SQLite lets it wait
        return lay_out(*args)

    monkeypatch.setattr(publish, "lay_out", while_another_is_at_it)
    publish_it()
    others[0].join(30)
    assert len(outcomes) == 2 and 2 in outcomes
    assert all(one == 2 or "is being published" in str(one) for one in outcomes), outcomes
    assert desk.db.query("SELECT max(no) FROM rf_release") == [(2,)]
    assert publish.unfinished(desk.db) is None


def test_two_processes_publish_the_same_release_once(desk, storage_settings, tenant_id):
    for n in range(20):
        lines = [{"sku": "x", "quantity": Decimal(2)} for _ in range(4)]
        desk.create("order", {"order_no": str(n), "currency": "EUR", "lines": lines})
    new = shop(order=changed(ORDER, lines__quantity={"type": "integer"}, note={"type": "text"}))
    desk.catalogs[2] = new
    outcomes = []

    def mine() -> None:
        try:
            outcomes.append(desk.publish(new))
        except publish.PublishError as error:
            outcomes.append(error)

    child = Child(storage_settings, tenant_id, _PUBLISH)
    thread = threading.Thread(target=mine)
    thread.start()
    thread.join(30)
    child.process.communicate(timeout=30)
    while publish.unfinished(desk.db):
        publish.resume(desk.db, lambda _: new, at=AT)
    assert desk.db.query("SELECT epoch, release_no FROM rf_state") == [(2, 2)]
    desk._live = None
    assert differences(desk) == []
