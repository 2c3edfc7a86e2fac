"""Numbers never come twice, whatever way they are drawn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.records.numbers import draw_before, draw_inside


def test_numbers_count_up_a_period_of_their_own(tenant_db):
    with tenant_db.write() as tx:
        assert [draw_inside(tx, "rma", "2026-11") for _ in range(3)] == [1, 2, 3]
        assert draw_inside(tx, "rma", "2026-12") == 1
    with tenant_db.write() as tx:
        assert draw_inside(tx, "rma", "2026-11") == 4


def test_a_number_drawn_inside_is_given_back_when_nothing_is_written(tenant_db):
    try:
        with tenant_db.write() as tx:
            draw_inside(tx, "rma", "")
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    with tenant_db.write() as tx:
        assert draw_inside(tx, "rma", "") == 1


def test_numbers_drawn_before_by_many_are_all_different(tenant_db):
    if tenant_db.dialect == "sqlite":
        with tenant_db.write() as tx:
            assert draw_inside(tx, "rma", "") == 1
        return
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: draw_before(tenant_db, "rma", ""), range(200)))
    assert sorted(drawn) == list(range(1, 201))
