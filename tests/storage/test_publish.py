"""Publishing: forms change while people work, and every number stays right."""

from __future__ import annotations

import threading
import time
from datetime import date
from decimal import Decimal
from random import Random

import pytest

from app.storage import fills, publish
from app.storage.aggregates import compile_aggregate, verify
from app.storage.errors import PublishError
from app.storage.manifest import load_manifest
from forms.values import Money, new_id
from tests.storage.catalogs import ORDER, RETURN, RETURNABLE, catalog, changed, shop
from tests.storage.desk import AT, Desk


@pytest.fixture
def desk(tenant_db):
    made = Desk(tenant_db)
    made.publish(shop())
    return made


def an_order(no, quantity="5", **more):
    line = {"sku": "x", "quantity": Decimal(quantity), "price": Money(Decimal("4.1"), "EUR")}
    return {"order_no": no, "currency": "EUR", "lines": [line]} | more


def differences(desk, live=None):
    live = live or desk.live()
    found = []
    for aggregate in live.catalog.aggregates.values():
        shape = compile_aggregate(aggregate, live.catalog.forms, live.tables, desk.db.dialect)
        found += verify(desk.db, shape, live.tables.aggregates[aggregate.id])
    return found


def values(desk, form, field):
    """What a list shows of a field, under the active release."""
    home = desk.live().tables.forms[form]
    sql = f"SELECT id, {home.columns[field].name} FROM {home.table}"
    return dict(desk.db.query(sql))


def test_the_same_content_published_meanwhile_is_the_same_release(desk, monkeypatch):
    new, register = shop(order=changed(ORDER, note={"type": "text"})), publish._register

    def late(*given):
        monkeypatch.setattr(publish, "_register", register)
        desk.publish(new)  # another process, whole, between the look and the writing
        return register(*given)

    monkeypatch.setattr(publish, "_register", late)
    assert desk.publish(new) == 2
    assert desk.db.query("SELECT epoch, release_no FROM rf_state") == [(2, 2)]
    assert desk.db.query("SELECT count(*) FROM rf_release") == [(2,)]


def test_the_same_content_is_the_same_release(desk):
    assert desk.publish(shop()) == 1
    assert desk.db.query("SELECT epoch, release_no FROM rf_state") == [(1, 1)]


def test_a_new_field_gets_a_column_and_old_records_show_nothing_in_it(desk):
    old = desk.create("order", an_order("A"))
    assert desk.publish(shop(order=changed(ORDER, note={"type": "text"}))) == 2
    new = desk.create("order", an_order("B", note="hello"))
    assert values(desk, "order", "note") == {old: None, new: "hello"}
    assert "note" not in desk.read("order", old).row
    assert desk.read("order", new).row["note"] == "hello"


def test_a_rename_touches_the_manifest_only(desk):
    old = desk.create("order", an_order("A", express=True))
    renamed = changed(ORDER, express=None, urgent={"type": "boolean", "was": "express"})
    desk.publish(shop(order=renamed))
    column = desk.live().tables.forms["order"].columns["urgent"]
    assert (column.name, column.root) == ("c_express", "c_express")
    assert desk.read("order", old).row["express"] is True
    desk.change("order", old, express=False)
    assert values(desk, "order", "urgent") == {old: 0}


def test_a_renamed_form_and_lines_keep_their_tables(desk):
    old = desk.create("order", an_order("A"))
    sale = changed(ORDER, lines=None, items=ORDER["fields"]["lines"] | {"was": "lines"})
    sale["was"] = "order"
    linked = changed(RETURN, order={"type": "link", "to": "sale"})
    linked["fields"]["lines"]["fields"]["order_line"] = {"type": "link", "to": "sale.items"}
    desk.publish(catalog({"sale": sale, "return_request": linked}))
    home = desk.live().tables.forms["sale"]
    assert (home.table, home.key) == ("f_order", "order")
    assert home.children["items"].table == "f_order__lines"
    assert [r["sku"] for r in desk.read("sale", old).row["lines"]] == ["x"]
    returns = desk.live().tables.forms["return_request"]
    assert returns.columns["order"].name == "c_order"  # the link leads to the same table


def test_a_widening_keeps_the_column(desk):
    old = desk.create("return_request", {"rate": Decimal("12.5"), "kind": "refund"})
    wider = changed(RETURN, rate={"type": "decimal"}, kind={"type": "text"})
    desk.publish(shop(return_request=wider))
    columns = desk.live().tables.forms["return_request"].columns
    assert (columns["rate"].name, columns["kind"].name) == ("c_rate", "c_kind")
    assert desk.read("return_request", old).row["kind"] == "refund"


def test_a_retyped_field_is_converted_into_a_new_column(desk):
    ids = [
        desk.create("return_request", {"pieces": 7, "cost": Money(Decimal("1.5"), "USD")}),
        desk.create("return_request", {"pieces": None}),
    ]
    retyped = changed(RETURN, pieces={"type": "text"}, cost={"type": "decimal"})
    desk.publish(shop(return_request=retyped))
    column = desk.live().tables.forms["return_request"].columns["pieces"]
    assert (column.name, column.root) == ("c_pieces_2", "c_pieces")
    assert values(desk, "return_request", "pieces") == {ids[0]: "7", ids[1]: None}
    assert values(desk, "return_request", "cost")[ids[0]] == 1_500_000
    assert desk.read("return_request", ids[0]).row["pieces"] == 7


def test_a_record_of_an_earlier_release_fills_both_columns_when_it_changes(desk):
    rid = desk.create("return_request", {"pieces": 7, "lines": []})
    desk.publish(shop(return_request=changed(RETURN, pieces={"type": "text"})))
    desk.change("return_request", rid, pieces=8)
    assert values(desk, "return_request", "pieces") == {rid: "8"}
    assert desk.read("return_request", rid).row["pieces"] == 8


def test_going_back_keeps_what_was_submitted_and_converts_what_came_later(desk):
    lossy = desk.create("return_request", {"tags": ["a"], "kind": "refund", "pieces": 7})
    text = shop(return_request=changed(RETURN, pieces={"type": "text"}))
    desk.publish(text)
    later = desk.create("return_request", {"pieces": "12"})
    odd = desk.create("return_request", {"pieces": "a dozen"})
    publish.activate(desk.db, 1, desk.catalogs[1], at=AT)
    desk._live = None
    assert values(desk, "return_request", "pieces") == {lossy: 7, later: 12, odd: None}
    assert desk.publish(text) == 2
    shown = values(desk, "return_request", "pieces")
    assert shown == {lossy: "7", later: "12", odd: "a dozen"}


def test_an_impossible_change_of_type_is_refused_before_anything_happens(desk):
    with pytest.raises(PublishError, match=r"return_request\.photos.*new id"):
        desk.publish(shop(return_request=changed(RETURN, photos={"type": "integer"})))
    assert publish.unfinished(desk.db) is None
    assert desk.db.query("SELECT count(*) FROM rf_release") == [(1,)]


def test_money_that_gets_a_currency_of_its_own_keeps_what_it_had(desk):
    rid = desk.create("order", an_order("A", total=Money(Decimal("9.9"), "EUR")))
    own = changed(ORDER, total={"type": "money", "currency": "currency"})
    desk.publish(shop(order=own))
    column = desk.live().tables.forms["order"].columns["total"]
    if column.currency:
        got = desk.db.query(f"SELECT {column.name}, {column.currency} FROM f_order")
        assert got == [(99_000, "EUR")]
    assert desk.read("order", rid).row["total"] == Money(Decimal("9.9"), "EUR")


def test_a_new_unique_rule_that_rows_break_is_reported_and_can_be_given_up(desk):
    for _ in range(2):
        desk.create("return_request", {"pieces": 7})
    strict = dict(RETURN, unique={"one": {"fields": ["pieces"]}})
    with pytest.raises(PublishError, match="unique"):
        desk.publish(shop(return_request=strict))
    assert publish.unfinished(desk.db).phase == "expand"
    with pytest.raises(PublishError, match="resume or abandon"):
        desk.publish(shop(order=changed(ORDER, note={"type": "text"})))
    assert publish.abandon(desk.db, at=AT) == 2
    assert desk.publish(shop(order=changed(ORDER, note={"type": "text"}))) == 2
    assert "note" in desk.live().tables.forms["order"].columns


def test_a_rule_that_is_no_more_refuses_nobody(desk):
    desk.create("order", an_order("same"))
    free = {k: v for k, v in ORDER.items() if k != "unique"}
    desk.publish(shop(order=free))
    desk.create("order", an_order("same"))


def test_a_new_aggregate_counts_what_was_there(desk):
    order = desk.create("order", an_order("A"))
    line = desk.read("order", order).row["lines"][0]["id"]
    wanted = {"order_line": line, "quantity": Decimal(2)}
    desk.create("return_request", {"lines": [wanted, {**wanted, "verdict": "refuse"}]})
    desk.create("return_request", {"lines": [wanted]}, stage="withdrawn")
    both = {
        "returnable": RETURNABLE,
        "per_order": {
            "per": "order",
            "measures": {
                "returns": {"from": "return_request", "by": "order"},
                "worth": {"from": "order", "sum": "total"},
            },
        },
    }
    desk.create("return_request", {"order": order})
    desk.publish(catalog({"order": ORDER, "return_request": RETURN}, both))
    live = desk.live()
    assert differences(desk, live) == []
    name = live.tables.aggregates["per_order"].name
    assert desk.db.query("SELECT key, m0, m1 FROM rf_aggregate WHERE aggregate = ?", (name,)) == [
        (order, 1, 0)
    ]
    returnable = live.tables.aggregates["returnable"]
    assert returnable.name == "returnable"  # unchanged: not filled again
    assert desk.db.query(
        "SELECT m0, m1 FROM rf_aggregate WHERE aggregate = ?", ("returnable",)
    ) == [(5_000_000, 2_000_000)]


def test_a_changed_aggregate_is_filled_under_a_new_name_and_the_old_one_goes(desk):
    order = desk.create("order", an_order("A"))
    line = desk.read("order", order).row["lines"][0]["id"]
    desk.create("return_request", {"lines": [{"order_line": line, "quantity": Decimal(3)}]})
    other = {**RETURNABLE, "measures": {**RETURNABLE["measures"]}}
    other["measures"]["asked"] = {**other["measures"]["asked"], "where": "quantity > 5"}
    desk.publish(catalog({"order": ORDER, "return_request": RETURN}, {"returnable": other}))
    assert desk.live().tables.aggregates["returnable"].name == "returnable#2"
    assert differences(desk) == []
    assert desk.db.query("SELECT DISTINCT aggregate FROM rf_aggregate") == [("returnable#2",)]
    publish.activate(desk.db, 1, desk.catalogs[1], at=AT)
    desk._live = None
    assert desk.live().tables.aggregates["returnable"].name == "returnable#3"
    assert differences(desk) == []


def test_verify_names_the_key_that_is_wrong(desk):
    order = desk.create("order", an_order("A"))
    line = desk.read("order", order).row["lines"][0]["id"]
    desk.db.execute_now("UPDATE rf_aggregate SET m0 = m0 + 1 WHERE key = ?", (line,))
    (found,) = differences(desk)
    assert (found.key, found.stored, found.recomputed) == (
        line,
        (5_000_001, 0),
        (5_000_000, 0),
    )


def test_a_column_goes_when_no_record_shows_it_and_its_name_never_returns(desk):
    desk.publish(shop(order=changed(ORDER, note={"type": "text"})))
    desk.publish(shop(order=changed(ORDER, other={"type": "text"})))
    assert "c_note" in columns(desk, "f_order")  # a way back to release 2
    desk.publish(shop(order=changed(ORDER, third={"type": "text"})))
    assert "c_note" not in columns(desk, "f_order")
    with pytest.raises(PublishError, match="dropped"):
        publish.activate(desk.db, 2, desk.catalogs[2], at=AT)
    desk.publish(shop(order=changed(ORDER, note={"type": "integer"})))
    assert "c_note_2" in columns(desk, "f_order")


def test_a_column_stays_while_a_record_shows_it(desk):
    desk.publish(shop(order=changed(ORDER, note={"type": "text"})))
    rid = desk.create("order", an_order("A", note="kept"))
    desk.publish(shop(order=changed(ORDER, other={"type": "text"})))
    desk.publish(shop(order=changed(ORDER, third={"type": "text"})))
    assert desk.read("order", rid).row["note"] == "kept"


def columns(desk, table):
    from app.storage.ddl import existing_columns

    return existing_columns(desk.db, [table])[table]


BIG = shop(
    order=changed(ORDER, note={"type": "text"}, placed_on={"type": "datetime"}),
    return_request=changed(
        RETURN,
        pieces={"type": "text", "index": True},
        tags=None,
        labels={"type": "choice", "options": ["a", "b", "c"], "many": True, "was": "tags"},
        lines__quantity={"type": "percent"},
        lines__amount={"type": "decimal"},
    ),
)


class Killed(BaseException):
    pass


def test_an_interrupted_publication_is_resumed_wherever_it_stopped(tenant_db, monkeypatch):
    """Stop before every single transaction of the publication in turn, then go on."""
    desk = Desk(tenant_db)
    desk.publish(shop())
    order = desk.create("order", an_order("A", placed_on=date(2026, 1, 2)))
    line = desk.read("order", order).row["lines"][0]["id"]
    for n in range(5):
        row = {"pieces": n, "lines": [{"order_line": line, "quantity": Decimal(n + 1)}]}
        desk.create("return_request", row)
    monkeypatch.setattr(fills, "_RECORDS", 2)
    wanted = catalog(
        dict.fromkeys(()) or _definitions(BIG),
        {"returnable": {**RETURNABLE, "measures": _without_where()}},
    )
    original = type(tenant_db).write
    stops = 0
    while True:
        calls = 0

        def write(self, _stop=stops):
            nonlocal calls
            calls += 1
            if calls > 1:
                raise Killed
            return original(self)

        monkeypatch.setattr(type(tenant_db), "write", write)
        try:
            if publish.unfinished(tenant_db):
                publish.resume(tenant_db, lambda no: wanted, at=AT)
            else:
                publish.publish(tenant_db, wanted, content=b"", at=AT)
        except Killed:
            stops += 1
            assert stops < 100
            continue
        break
    monkeypatch.setattr(type(tenant_db), "write", original)
    assert stops > 10
    desk.catalogs[2] = wanted
    desk._live = None
    assert differences(desk) == []
    assert set(values(desk, "return_request", "pieces").values()) == {"0", "1", "2", "3", "4"}
    assert tenant_db.query("SELECT count(*) FROM rf_scratch") == [(0,)]


def _definitions(small):
    import json
    import zlib

    return json.loads(zlib.decompress(small.content))[0]


def _without_where():
    measures = dict(RETURNABLE["measures"])
    measures["asked"] = {k: v for k, v in measures["asked"].items() if k != "where"}
    return measures


def test_eight_writers_notice_nothing_while_a_release_is_published(desk):
    """Fields added, renamed, widened and retyped, an aggregate changed and one added; the totals
    equal a recomputation, old records show as submitted, no error reaches a writer."""
    orders = [desk.create("order", an_order(f"S{n}", "50")) for n in range(20)]
    lines = [desk.read("order", rid).row["lines"][0]["id"] for rid in orders]
    for n in range(150):
        desk.create("return_request", a_return(Random(n), lines))
    errors, created, stop = [], [], threading.Event()
    new = catalog(
        _definitions(BIG),
        {
            "returnable": {**RETURNABLE, "measures": _without_where()},
            "per_order": {
                "per": "order",
                "measures": {"returns": {"from": "return_request", "by": "order"}},
            },
        },
    )
    desk.catalogs[2] = new

    def work(seed: int) -> None:
        chance, own, mine = Random(seed), Desk(desk.db), []
        own.catalogs = desk.catalogs
        try:
            while not stop.is_set():
                if mine and chance.random() < 0.4:
                    change(own, chance, mine, lines)
                else:
                    row = a_return(chance, lines, own.live().no)
                    rid = own.create("return_request", row)
                    mine.append((rid, own.live().no))
                    created.append((rid, own.live().no, row["pieces"]))
        except Exception as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    publish.publish(desk.db, new, content=b"", at=AT)
    time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert errors == []
    desk._live = None
    assert desk.live().no == 2
    assert differences(desk) == []
    assert {no for _, no, _ in created} == {1, 2}
    shown = values(desk, "return_request", "pieces")
    assert all(isinstance(value, str) for value in shown.values())
    assert desk.db.query("SELECT count(*) FROM rf_scratch") == [(0,)]


def a_return(chance, lines, no=1):
    pieces = chance.randrange(100)
    rows = [
        {
            "order_line": chance.choice(lines),
            "quantity": Decimal(chance.randrange(1, 9)) / 4,
            "verdict": chance.choice(["accept", "refuse", None]),
        }
        for _ in range(chance.randrange(4))
    ]
    return {
        "pieces": pieces if no == 1 else str(pieces),
        "order": chance.choice([None, 5, 6, 7]),
        "lines": rows,
    }


def change(own, chance, mine, lines):
    rid, no = chance.choice(mine)
    kind = chance.random()
    if kind < 0.2:
        own.change("return_request", rid, deleted=1)
        mine.remove((rid, no))
    elif kind < 0.5:
        own.change("return_request", rid, stage=chance.choice(["withdrawn", "open"]))
    else:
        row = a_return(chance, lines, no)
        rows = [{"id": new_id(), **line} for line in row["lines"]]
        own.change("return_request", rid, pieces=row["pieces"], lines=rows, order=row["order"])


def test_the_manifest_is_small_and_plain(desk):
    entries = load_manifest(desk.db).release(1)
    assert ("return_request", "lines", "quantity", "c_quantity", "f_return_request__lines") in {
        (e.form, e.lines, e.field, e.column, e.table) for e in entries
    }
