"""An import rests where people write to the same tenant, and only there."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from app.access.actor import SYSTEM
from app.importers.run import LONGEST_REST, Job, run_import
from app.records.tenant import Tenants
from app.storage.databases import Installation, StorageSettings
from tests.importers.trade import publish_trade, write_wares


def test_an_import_rests_after_a_save_that_had_to_wait(tmp_path: Path) -> None:
    settings = StorageSettings(tmp_path / "data")
    Installation(settings).create("trade")
    mine, theirs = Tenants(Installation(settings)), Tenants(Installation(settings))
    tenant, other = mine.get("trade"), theirs.get("trade").db
    publish_trade(tenant)
    rests: list[float] = []
    definition = tenant.active().catalog.imports["wares"]

    def run(names: list[str]) -> None:
        write_wares(tmp_path, [f"{name},{name},5" for name in names])
        rejects = tmp_path / "rejected.csv"
        job = Job(tenant, SYSTEM, definition, {}, tmp_path, rejects, rest=rests.append)
        assert run_import(job).accepted == len(names)

    run(["A", "B", "C"])
    alone = len(rests)

    stop = threading.Event()

    def others_write() -> None:
        while not stop.is_set():
            with other.write() as tx:
                tx.state()
                time.sleep(0.01)

    writer = threading.Thread(target=others_write)
    writer.start()
    run([f"D{n}" for n in range(20)])
    stop.set()
    writer.join(20)

    assert len(rests) > alone + 5
    assert max(rests) <= LONGEST_REST
    mine.close()
    theirs.close()
