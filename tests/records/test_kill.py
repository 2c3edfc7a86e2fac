"""kill -9 in the middle of saving: what was answered is there, nothing is half there."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from app.records.look import read
from app.records.proof import verify_aggregates, verify_journal
from app.records.save import create
from app.storage.databases import StorageSettings
from tests.records.shop import BOSS, Shop

ROOT = Path(__file__).parents[2]
KILLS = 6


def test_nothing_is_half_written(shop: Shop, storage_settings: StorageSettings):
    big = shop.buy(*["1000000"] * 3, code="P-big")
    keys = [line["id"] for line in read(shop.tenant, BOSS, "purchase", big.id).row["lines"]]
    chance = random.Random(7)
    answered: dict[str, int] = {}
    for kill in range(KILLS):
        answered |= _write_and_kill(
            shop, storage_settings, keys, f"r{kill}", chance.uniform(0.05, 0.35)
        )
    records = shop.db.query("SELECT id, number, journal_seq FROM f_claim")
    ids = {row[0] for row in records}
    assert set(answered.values()) <= ids
    assert len({row[1] for row in records}) == len(records)
    for table, column, each in (
        ("f_claim__lines", "record_id", 3),
        ("rf_journal", "record_id", 1),
        ("rf_outbox", "record_id", 1),
        ("rf_due", "record_id", 1),
        ("rf_idempotency", "record_id", 1),
    ):
        where = "" if table.startswith("f_") else "WHERE form = 'claim'"
        rows = shop.db.query(f"SELECT {column}, count(*) FROM {table} {where} GROUP BY {column}")
        assert {row[0] for row in rows} == ids, table
        assert {row[1] for row in rows} <= {each}, table
    for key in keys:
        assert shop.measures("claimable", key)[1] == len(ids) * 1_000_000
    assert verify_journal(shop.tenant, None).findings == ()
    assert verify_aggregates(shop.tenant) == []
    key, record = next(iter(answered.items()))
    body = {
        "buyer": shop.buyer,
        "lines": [{"purchase_line": one, "quantity": "1", "reason": "wrong"} for one in keys],
    }
    again = create(shop.tenant, BOSS, "claim", body, key=key)
    assert again.replayed and again.id == record


def _write_and_kill(
    shop: Shop, settings: StorageSettings, keys: list[int], run: str, after: float
) -> dict[str, int]:
    """Let a writer run for a while, kill it, and give back what it was answered."""
    arguments = [str(settings.folder), settings.url, shop.tenant.id, str(shop.buyer)]
    arguments += [",".join(map(str, keys)), run]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.records.writer", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(after)
    process.kill()
    rest, _ = process.communicate()
    found = {}
    for line in rest.splitlines():
        key, _, record = line.partition(" ")
        if len(record) >= 15:
            found[key] = int(record)
    return found
