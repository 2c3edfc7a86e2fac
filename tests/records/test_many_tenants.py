"""A process with many tenants keeps few connections."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from app.access.actor import SYSTEM
from app.records import tenant as tenants_of
from app.records.look import read
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenants
from app.storage.databases import Installation
from tests.records.shop import BOSS, SOURCES

MANY = 12


@pytest.fixture
def many(
    installation: Installation, tenant_id: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Tenants, list[str]]:
    monkeypatch.setattr(tenants_of, "AWAKE", 3)
    names = [f"{tenant_id}_{n}" for n in range(MANY)]
    tenants = Tenants(installation)
    for name in names:
        installation.create(name)
        publish(tenants.get(name), SYSTEM, SOURCES)
    return tenants, names


def _files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_only_the_last_ones_keep_their_connections(many: tuple[Tenants, list[str]]) -> None:
    tenants, names = many
    for name in names[:4]:
        create(tenants.get(name), BOSS, "buyer", {"name": "Li"})
    few = _files()
    made = {name: create(tenants.get(name), BOSS, "buyer", {"name": "Li"}).id for name in names}
    assert _files() <= few + 2
    for name, record in made.items():
        assert read(tenants.get(name), BOSS, "buyer", record).row["name"] == "Li"


def test_who_is_at_work_is_not_disturbed(many: tuple[Tenants, list[str]]) -> None:
    tenants, names = many
    mine = tenants.get(names[0])
    saved: list[int] = []
    stop = threading.Event()

    def save() -> None:
        while not stop.is_set():
            saved.append(create(mine, BOSS, "buyer", {"name": "Li"}).id)

    worker = threading.Thread(target=save)
    worker.start()
    for _ in range(3):
        for name in names:
            create(tenants.get(name), BOSS, "buyer", {"name": "Wang"})
            mine.db.rest()
    stop.set()
    worker.join()
    ((count,),) = mine.db.query("SELECT count(*) FROM f_buyer")
    assert count == len(saved) + 3 and len(saved) > 3
    with mine.db.write() as tx:  # one that rests while the tenant is written to by the same thread
        mine.db.rest()
        tx.execute("UPDATE f_buyer SET c_phone = ?", ("1",))
    assert mine.db.query("SELECT DISTINCT c_phone FROM f_buyer") == [("1",)]
