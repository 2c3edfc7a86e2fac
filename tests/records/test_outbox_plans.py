"""What looks into the outbox finds it by an index, however much is there."""

from __future__ import annotations

import re

import pytest

from app.records import incidents, outbox
from app.storage.databases import TenantDatabase

NOW = 1_780_000_000_000_000
ROWS = 100_000
PLAN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgres": "EXPLAIN "}
WHOLE = re.compile(r"SCAN rf_outbox(?! USING (COVERING )?INDEX)|Seq Scan on rf_outbox")


@pytest.fixture
def full(tenant_db: TenantDatabase) -> TenantDatabase:
    """An outbox with a hundred thousand effects that are done, and a few of every other kind."""
    numbers = "generate_series(1, ?) AS t(n)"
    if tenant_db.dialect == "sqlite":
        numbers = (
            "(WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < ?)"
            " SELECT n FROM t) AS t"
        )
    with tenant_db.write() as tx:
        tx.execute(
            "INSERT INTO rf_outbox (id, once, topic, form, record_id, payload, status, attempts,"
            " due_at, created_at, done_at) SELECT t.n, 'once ' || t.n, 'call', 'claim', t.n, '{}',"
            " CASE WHEN t.n % 5000 = 1 THEN 'dead' WHEN t.n % 5000 = 2 THEN 'unknown'"
            "  WHEN t.n % 1000 = 3 THEN 'ready' WHEN t.n % 1000 = 4 THEN 'cancelled'"
            "  ELSE 'done' END,"
            f" CASE WHEN t.n % 5000 = 3 THEN 4 ELSE 0 END, {NOW}, t.n, {NOW} FROM {numbers}",
            (ROWS,),
        )
    tenant_db.execute_now("ANALYZE rf_outbox")
    return tenant_db


def _plan(db: TenantDatabase, sql: str, params: tuple) -> str:
    rows = db.query(PLAN[db.dialect] + sql, params)
    return "\n".join(str(row[-1]) for row in rows)


def test_none_of_the_workers_looks_reads_the_whole_outbox(full: TenantDatabase):
    lock = " FOR UPDATE SKIP LOCKED" if full.dialect == "postgres" else ""
    asked = {
        "trouble": (
            f"SELECT * FROM ({incidents._STEP} UNION ALL {incidents._EFFECT}) AS found"
            f"{incidents._ORDER}",
            (50, 0),
        ),
        "one": (f"{incidents._EFFECT} AND id = ?", (7,)),
        "claim": (
            f"SELECT id FROM rf_outbox WHERE {outbox._OPEN} AND ((status <> 'running' AND"
            " due_at <= ?) OR (status = 'running' AND lease_until < ?))"
            f" ORDER BY due_at, id LIMIT ?{lock}",
            (NOW, NOW, 20),
        ),
        "next": (
            "SELECT MIN(CASE WHEN status = 'running' THEN lease_until ELSE due_at END)"
            f" FROM rf_outbox WHERE {outbox._OPEN}",
            (),
        ),
        "forget": (outbox.OLD, (NOW,)),
        "revoke": (outbox.REVOKE, (NOW, "claim", 77)),
    }
    found = {name: _plan(full, *one) for name, one in asked.items()}
    assert {name: plan for name, plan in found.items() if WHOLE.search(plan)} == {}


def test_what_is_old_is_forgotten_and_what_is_not_stays(full: TenantDatabase):
    outbox.forget(full, NOW)
    assert full.query("SELECT count(*) FROM rf_outbox") == [(ROWS,)]
    outbox.forget(full, NOW + outbox.KEEP_DONE + 1)
    left = full.query("SELECT status, count(*) FROM rf_outbox GROUP BY status ORDER BY status")
    assert left == [("dead", 20), ("ready", 100), ("unknown", 20)]
