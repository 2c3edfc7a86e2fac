"""Records go into typed tables and come back as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.storage.errors import NotUnique
from forms.values import Money, new_id
from tests.storage.catalogs import shop
from tests.storage.desk import Desk
from tests.support.statements import count_statements


@pytest.fixture
def desk(tenant_db):
    made = Desk(tenant_db)
    made.publish(shop())
    return made


def an_order(no="A1", **more):
    return {
        "order_no": no,
        "currency": "EUR",
        "placed_on": date(2026, 3, 1),
        "express": True,
        "total": Money(Decimal("12.3456"), "EUR"),
        "lines": [
            {"sku": "x", "quantity": Decimal("2.5"), "price": Money(Decimal("4.1"), "EUR")},
            {"sku": "X ", "quantity": Decimal("1"), "price": None},
        ],
    } | more


def test_a_record_comes_back_as_it_was_written(desk):
    rid = desk.create("order", an_order())
    record = desk.read("order", rid)
    row = record.row
    assert {name: row[name] for name in ("order_no", "placed_on", "express", "total")} == {
        "order_no": "A1",
        "placed_on": date(2026, 3, 1),
        "express": True,
        "total": Money(Decimal("12.3456"), "EUR"),
    }
    assert [(r["sku"], r["quantity"], r["price"]) for r in row["lines"]] == [
        ("x", Decimal("2.5"), Money(Decimal("4.1"), "EUR")),
        ("X ", Decimal("1"), None),
    ]
    assert str(row["lines"][0]["quantity"]) == "2.5"
    assert (row["id"], row["version"], record.head.release_no) == (rid, 1, 1)


def test_every_type_survives_the_database(desk):
    line = {"order_line": new_id(), "quantity": Decimal("0.000001"), "verdict": "accept"}
    values = {
        "order": new_id(),
        "currency": "JPY",
        "applied_at": datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC),
        "took": timedelta(hours=-5),
        "rate": Decimal("12.5"),
        "pieces": -(10**17),
        "kind": "repair",
        "tags": ["c", "a"],
        "photos": [new_id(), new_id()],
        "cost": Money(Decimal("-99999999999.9999"), "USD"),
        "lines": [line],
    }
    rid = desk.create("return_request", values, number="RMA-0001", title="一 RMA", stage="applied")
    row = desk.read("return_request", rid).row
    lines = row.pop("lines")
    assert {name: row[name] for name in values if name != "lines"} == {
        name: value for name, value in values.items() if name != "lines"
    }
    assert {name: lines[0][name] for name in line} == line
    assert lines[0]["amount"] is None
    assert (row["number"], row["title"], row["stage"]) == ("RMA-0001", "一 RMA", "applied")


def test_a_create_is_six_statements_before_what_others_add(desk):
    desk.create("order", an_order("warm"))
    with count_statements(desk.db) as seen:
        desk.create("order", an_order("A2"))
    tables = [s for s in seen if "f_order" in s]
    assert len(tables) == 2  # the record, and all its lines at once
    assert len(seen) == 2 + 3 + 2 + 1  # BEGIN, state, COMMIT; aggregate per line; journal


def test_reading_records_takes_one_statement_a_table(desk):
    ids = [desk.create("order", an_order(f"B{n}")) for n in range(5)]
    with count_statements(desk.db) as seen:
        found = desk.live().sql["order"].read(desk.db, ids)
    assert len(seen) == 2
    assert {len(record.row["lines"]) for record in found.values()} == {2}


def test_lines_are_changed_added_and_removed_by_id(desk):
    rid = desk.create("order", an_order())
    _, second = desk.read("order", rid).row["lines"]
    new = {"id": new_id(), "sku": "new", "quantity": Decimal(7), "price": None}
    desk.change("order", rid, lines=[new, {**second, "sku": "changed"}])
    lines = desk.read("order", rid).row["lines"]
    assert [(r["id"], r["sku"]) for r in lines] == [
        (new["id"], "new"),
        (second["id"], "changed"),
    ]


def test_a_row_of_another_record_is_never_taken_over(desk):
    victim = desk.create("order", an_order("V"))
    thief = desk.create("order", an_order("T"))
    stolen = desk.read("order", victim).row["lines"][0]
    desk.change("order", thief, lines=[{**stolen, "sku": "stolen"}])
    assert [r["sku"] for r in desk.read("order", victim).row["lines"]] == ["x", "X "]


def test_an_update_of_an_outdated_version_changes_nothing(desk):
    rid = desk.create("order", an_order())
    sql = desk.live().sql["order"]
    record = desk.read("order", rid)
    with desk.db.write() as tx:
        head = record.head._replace(version=3)
        assert tx.execute(sql.update, sql.update_values(head, record.row, 2)) == []


def test_unique_fields_hold_among_records_that_are_not_deleted(desk):
    rid = desk.create("order", an_order("same"))
    with pytest.raises(NotUnique) as caught:
        desk.create("order", an_order("same"))
    assert caught.value.table == "f_order" or caught.value.constraint
    desk.change("order", rid, deleted=1)
    desk.create("order", an_order("same"))


def test_many_lines_are_written_in_portions(desk):
    lines = [{"sku": str(n), "quantity": Decimal(n)} for n in range(6000)]
    catalog = desk.live().catalog
    desk.catalogs[1] = type(catalog)(catalog.hash, catalog.forms, catalog.content, {})
    desk._live = None
    rid = desk.create("order", an_order(lines=lines))
    assert [r["sku"] for r in desk.read("order", rid).row["lines"]] == [str(n) for n in range(6000)]
