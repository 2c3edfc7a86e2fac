"""Several processes at once want the last unit: one of them gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.records.save import create
from app.storage.databases import StorageSettings
from tests.records.shop import BOSS, Shop

ROOT = Path(__file__).parents[2]
PROCESSES = 3


def test_of_51_requests_from_three_processes_one_is_accepted(
    shop: Shop, storage_settings: StorageSettings
):
    create(shop.tenant, BOSS, "claim", shop.claim("4"))
    arguments = [str(storage_settings.folder), storage_settings.url, shop.tenant.id]
    arguments += [str(shop.buyer), str(shop.lines[0])]
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.records.racer", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    assert all(racer.stdout.readline() == "ready\n" for racer in racers)
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    told = [list(map(int, racer.communicate(timeout=60)[0].split())) for racer in racers]
    accepted, limited, total = (sum(column) for column in zip(*told, strict=True))
    assert (accepted, limited, total) == (1, 50, 51)
    assert shop.measures("claimable", shop.lines[0])[1] == 5_000_000
