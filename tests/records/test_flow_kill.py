"""Killed at any moment, every claim stands somewhere whole, and goes on from there."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from app.records.proof import verify_aggregates, verify_journal
from app.storage.databases import Installation, StorageSettings
from tests.records.flow_writer import drive
from tests.records.flowshop import FlowShop, open_flow_shop

ROOT = Path(__file__).parents[2]
KILLS = 6


def test_whatever_was_cut_off_goes_on(
    installation: Installation, tenant_id: str, storage_settings: StorageSettings
) -> None:
    house = open_flow_shop(installation, tenant_id)
    chance = random.Random(11)
    for _ in range(KILLS):
        _move_and_kill(house, storage_settings, chance.uniform(0.05, 0.5))
    records = house.db.query("SELECT id, version, journal_seq FROM f_claim")
    assert records
    for record, version, seq in records:
        ((entries,),) = house.db.query(
            "SELECT count(*) FROM rf_journal WHERE record_id = ?", (record,)
        )
        assert version == seq == entries
    assert verify_journal(house.tenant, None).findings == ()
    assert verify_aggregates(house.tenant) == []
    for record, _, _ in records:
        drive(house, record)
        assert house.rows(record, "task") == [("task", "settle", "role:money", "")]
        acts = [
            row[0]
            for row in house.db.query(
                "SELECT act FROM rf_journal WHERE record_id = ? ORDER BY seq", (record,)
            )
        ]
        assert acts == ["create", "act", "event", "act", "act"], "nothing was done twice"


def _move_and_kill(house: FlowShop, settings: StorageSettings, after: float) -> None:
    arguments = [str(settings.folder), settings.url, house.tenant.id, str(house.buyer)]
    arguments += [str(house.purchase), ",".join(map(str, house.lines))]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.records.flow_writer", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(after)
    process.kill()
    process.communicate()
