"""A tenant's database keeps what it is told, once, for one tenant, under many threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.storage.control import Control
from app.storage.databases import Installation, TenantDatabase, run_again
from app.storage.errors import Busy, Conflict, NotUnique, StorageError, UnknownTenant
from tests.support.statements import count_statements

_ADD = "INSERT INTO rf_sequence (name, period, value) VALUES (?, ?, ?)"
_VALUE = "SELECT value FROM rf_sequence WHERE name = ? AND period = ?"


def test_what_a_block_writes_is_there_when_it_ends_and_gone_when_it_raises(tenant_db):
    with tenant_db.write() as tx:
        tx.execute(_ADD, ("kept", "", 1))
    with pytest.raises(ZeroDivisionError), tenant_db.write() as tx:
        tx.execute(_ADD, ("lost", "", 1))
        tx.queue(_ADD, ("queued", "", 1))
        raise ZeroDivisionError
    assert tenant_db.query("SELECT name FROM rf_sequence") == [("kept",)]


def test_queued_writes_happen_in_order_before_the_next_read(tenant_db):
    with tenant_db.write() as tx:
        tx.queue(_ADD, ("n", "", 1))
        tx.queue("UPDATE rf_sequence SET value = value + ? WHERE name = ?", (41, "n"))
        assert tx.execute(_VALUE, ("n", "")) == [(42,)]
        raised = "UPDATE rf_sequence SET value = value + 1 WHERE name = ? RETURNING value"
        assert tx.execute(raised, ("n",)) == [(43,)]
        assert tx.change("UPDATE rf_sequence SET value = 0 WHERE value = ?", (7,)) == 0
        assert tx.change("UPDATE rf_sequence SET value = 0 WHERE value = ?", (43,)) == 1


def test_a_taken_key_names_table_and_columns(tenant_db):
    with tenant_db.write() as tx:
        tx.execute(_ADD, ("n", "2026", 1))
    with pytest.raises(NotUnique) as caught, tenant_db.write() as tx:
        tx.execute(_ADD, ("n", "2026", 1))
    assert (caught.value.table, caught.value.columns) == ("rf_sequence", ("name", "period"))
    with pytest.raises(NotUnique) as caught, tenant_db.write() as tx:
        tx.queue(_ADD, ("other", "2026", 1))
        tx.queue(_ADD, ("n", "2026", 1))
        tx.queue(_ADD, ("third", "2026", 1))
    assert caught.value.columns == ("name", "period")
    assert tenant_db.query("SELECT count(*) FROM rf_sequence") == [(1,)]


def test_a_question_mark_in_a_literal_is_no_parameter(tenant_db):
    assert tenant_db.query("SELECT '?', '%s 100%', CAST(? AS BIGINT)", (1,)) == [
        ("?", "%s 100%", 1)
    ]


def test_a_wrong_statement_leaves_the_database_usable(tenant_db):
    with pytest.raises(StorageError), tenant_db.write() as tx:
        tx.execute("SELECT nothing FROM nowhere")
    with pytest.raises(StorageError):
        tenant_db.query("SELECT nothing FROM nowhere")
    assert tenant_db.query("SELECT 1") == [(1,)]


def test_reads_of_one_block_see_one_moment(tenant_db):
    with tenant_db.read() as reader:
        assert reader.query("SELECT count(*) FROM rf_sequence") == [(0,)]
        with tenant_db.write() as tx:
            tx.execute(_ADD, ("n", "", 1))
        assert reader.query("SELECT count(*) FROM rf_sequence") == [(0,)]
    assert tenant_db.query("SELECT count(*) FROM rf_sequence") == [(1,)]


def test_a_stream_gives_every_row(tenant_db):
    with tenant_db.write() as tx:
        for n in range(25):
            tx.queue(_ADD, ("n", str(n), n))
    rows = tenant_db.stream("SELECT value FROM rf_sequence ORDER BY value", size=10)
    assert [value for (value,) in rows] == list(range(25))


def test_one_statement_alone_needs_no_begin(tenant_db):
    with count_statements(tenant_db) as seen:
        got = tenant_db.execute_now(_ADD + " RETURNING value", ("n", "", 5))
    assert got == [(5,)]
    assert len(seen) == 1


def test_a_transaction_counts_its_begin_and_commit(tenant_db):
    with count_statements(tenant_db) as seen:
        tenant_db.query("SELECT 1")
        with tenant_db.write() as tx:
            assert tx.state() == (0, 0)
            tx.queue(_ADD, ("a", "", 1))
            tx.queue(_ADD, ("b", "", 1))
    assert len(seen) == 6
    assert seen[1].startswith("BEGIN")
    assert seen[-1] == "COMMIT"


def test_tenants_never_see_each_other_over_eight_threads(installation: Installation, tenant_id):
    databases = [installation.create(f"{tenant_id}_{n}") for n in range(8)]

    def work(turn: int) -> None:
        for step in range(25):
            db = databases[(turn + step) % 8]
            with db.write() as tx:
                tx.queue(_ADD, (db.tenant, f"{turn}-{step}", 1))
            assert {row[0] for row in db.query("SELECT name FROM rf_sequence")} == {db.tenant}

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    counted = [db.query("SELECT count(*) FROM rf_sequence")[0][0] for db in databases]
    assert counted == [25] * 8


def test_eight_writers_lose_no_update(tenant_db):
    with tenant_db.write() as tx:
        tx.execute(_ADD, ("n", "", 0))

    def work(_: int) -> None:
        for _step in range(20):
            with tenant_db.write() as tx:
                lock = " FOR UPDATE" if tenant_db.dialect == "postgres" else ""
                ((value,),) = tx.execute(_VALUE + lock, ("n", ""))
                tx.queue("UPDATE rf_sequence SET value = ? WHERE name = ?", (value + 1, "n"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert tenant_db.query(_VALUE, ("n", "")) == [(160,)]


def test_the_epoch_a_waiting_writer_reads_is_the_new_one(tenant_db: TenantDatabase):
    inside, seen = threading.Event(), []

    def write() -> None:
        inside.wait(5)
        with tenant_db.write() as tx:
            seen.append(tx.state())

    writer = threading.Thread(target=write)
    writer.start()
    with tenant_db.flip() as tx:
        inside.set()
        time.sleep(0.1)
        tx.execute("UPDATE rf_state SET epoch = epoch + 1, release_no = 7")
    writer.join(5)
    assert seen == [(1, 7)]


def test_a_flip_waits_for_the_writers_inside(tenant_db: TenantDatabase):
    order: list[str] = []
    inside = threading.Event()

    def write() -> None:
        with tenant_db.write() as tx:
            tx.state()
            inside.set()
            time.sleep(0.1)
            order.append("writer")

    writer = threading.Thread(target=write)
    writer.start()
    inside.wait(5)
    with tenant_db.flip() as tx:
        order.append("flip")
        assert tx.execute("SELECT epoch FROM rf_state") == [(0,)]
    writer.join(5)
    assert order == ["writer", "flip"]


def test_an_unknown_tenant_is_not_made_by_opening_it(installation, tenant_id):
    with pytest.raises(UnknownTenant):
        installation.open(tenant_id)
    with pytest.raises(UnknownTenant):
        installation.open("../etc")
    made = installation.create(tenant_id)
    assert installation.open(tenant_id) is made


def test_migrations_run_once_also_from_many_threads(storage_settings, tenant_id):
    installations = [Installation(storage_settings) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda each: each.create(tenant_id), installations))
    ((number,),) = installations[0].open(tenant_id).query("SELECT value FROM rf_meta")
    assert int(number) >= 1
    for each in installations:
        each.close()


def test_control_lists_tenants_and_who_is_due(storage_settings, tenant_id):
    control = Control(storage_settings)
    a, b = f"{tenant_id}_a", f"{tenant_id}_b"
    for name in (a, b, a):
        control.enter(name)
    assert [name for name in control.tenants() if name.startswith(tenant_id)] == [a, b]
    now = time.time_ns() // 1000
    assert {a, b} <= set(control.due(now)), "a new tenant is looked after at once"
    for name in (a, b):
        control.visited(name, None, now)
    assert not {a, b} & set(control.due(10**18))
    control.hint(a, 100)
    control.hint(a, 200)
    assert a in control.due(150), "the earlier hint stays"
    assert b not in control.due(150)
    control.close()


def test_a_writer_that_gets_no_turn_is_told_so(tmp_path, tenant_id):
    from app.storage.databases import StorageSettings

    settings = StorageSettings(folder=tmp_path, busy_seconds=0.2)
    one, other = Installation(settings), Installation(settings)
    db, rival = one.create(tenant_id), other.create(tenant_id)
    with db.write() as tx:
        tx.execute(_ADD, ("n", "", 1))
        with pytest.raises(Busy), rival.write():
            pass
        failures = []

        def same_process() -> None:
            try:
                with db.write():
                    pass
            except Busy as error:
                failures.append(error)

        thread = threading.Thread(target=same_process)
        thread.start()
        thread.join()
        assert len(failures) == 1
        with pytest.raises(StorageError, match="writing"), db.write():
            pass
    one.close()
    other.close()


def test_lost_connections_are_replaced(installation, tenant_id, request, backend):
    if backend == "sqlite":
        return  # a file has no connections to lose
    import psycopg

    db = installation.create(tenant_id)

    def cut_all() -> None:
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
        url = request.getfixturevalue("postgres_url")
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(sql, (f"returnflow-{tenant_id}",))

    with db.read() as first, db.read() as second:
        first.query("SELECT 1")
        second.query("SELECT 1")
    cut_all()
    assert db.query("SELECT 1") == [(1,)]
    cut_all()

    def work() -> None:
        with db.write() as tx:
            tx.execute(_ADD, ("n", "", 1))

    run_again(work)
    assert db.query("SELECT count(*) FROM rf_sequence") == [(1,)]
    with pytest.raises(Conflict), db.write() as tx:
        tx.execute(_ADD, ("m", "", 1))
        cut_all()
        tx.execute(_ADD, ("o", "", 1))
    assert db.query("SELECT count(*) FROM rf_sequence") == [(1,)]
    with pytest.raises(StorageError, match="commit"), db.write() as tx:
        tx.execute(_ADD, ("p", "", 1))
        cut_all()
    assert db.query("SELECT 1") == [(1,)]


def test_a_deadlock_ends_in_a_conflict_for_one_and_success_for_the_other(tenant_db):
    with tenant_db.write() as tx:
        for name in "ab":
            tx.execute(_ADD, (name, "", 0))
    meet = threading.Barrier(2, timeout=5)
    raised = "UPDATE rf_sequence SET value = value + 1 WHERE name = ? RETURNING value"

    def work(names: str) -> None:
        tries = []

        def once() -> None:
            with tenant_db.write() as tx:
                tx.execute(raised, (names[0],))
                tries.append(1)
                if len(tries) == 1 and tenant_db.dialect == "postgres":
                    meet.wait()
                tx.execute(raised, (names[1],))

        run_again(once)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, ["ab", "ba"]))
    assert tenant_db.query("SELECT value FROM rf_sequence ORDER BY name") == [(2,), (2,)]
