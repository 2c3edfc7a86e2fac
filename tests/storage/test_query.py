"""Lists: filtered, sorted, searched, paged, and never more than one may see."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import pytest

from app.storage import query as lists
from app.storage.query import CursorError, Filter, ListQuery, QueryError
from forms.expr import Env, Scope, compile_expr
from forms.values import Money
from tests.storage.catalogs import ORDER, RETURN, catalog, changed, shop
from tests.storage.desk import Desk

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ME = 77


@pytest.fixture
def desk(tenant_db):
    made = Desk(tenant_db)
    made.publish(shop())
    return made


def listed(desk, rows=None, **query):
    live = desk.live()
    env = Env(NOW, me=ME)
    asked = ListQuery(**{"form": "return_request", **query})
    forms, tables = live.catalog.forms, live.tables
    return lists.list_records(desk.db, desk.db.dialect, forms, tables, asked, rows, env)


def shown(desk, field="pieces", **query):
    page = listed(desk, columns=(field,), **query)
    return [row[field] for row in page.rows]


def walk(desk, **query):
    """All pages forwards, then back again: both must tell the same story."""
    pages, cursor = [], None
    while True:
        page = listed(desk, cursor=cursor, **query)
        pages.append([row["id"] for row in page.rows])
        if page.next is None:
            break
        cursor = page.next
    forwards = [each for page in pages for each in page]
    backwards = pages[-1]
    while page.previous is not None:
        page = listed(desk, cursor=page.previous, **query)
        backwards = [row["id"] for row in page.rows] + backwards
    assert backwards == forwards
    return forwards


@pytest.fixture
def many(desk):
    chance = Random(1)
    for n in range(43):
        desk.create(
            "return_request",
            {
                "pieces": chance.choice([None, 1, 1, 2, 3]),
                "kind": chance.choice([None, "refund", "exchange", "repair"]),
                "cost": chance.choice([None, Money(Decimal(n) / 4, "USD")]),
                "order": chance.choice([None, 5, 6]),
                "rate": Decimal(n % 3),
            },
            number=f"RMA-{n:04}",
            title=chance.choice(["β", "a", "Z", None]),
            created_at=1_700_000_000_000_000 + n // 3,
        )
    return desk


@pytest.mark.parametrize(
    "sort",
    [
        (),
        (("pieces", False),),
        (("pieces", True),),
        (("kind", False),),
        (("kind", True),),
        (("title", False),),
        (("title", True),),
        (("cost", True),),
        (("order", False),),
        (("kind", True), ("pieces", False)),
        (("pieces", False), ("title", True), ("created_at", False)),
    ],
    ids=str,
)
def test_pages_lose_and_repeat_nothing_in_either_direction(many, sort):
    expected = walk(many, sort=sort, limit=500)
    assert len(set(expected)) == 43
    assert walk(many, sort=sort, limit=4) == expected
    assert walk(many, sort=sort, limit=1) == expected


def test_empty_values_come_first_upwards_and_last_downwards(desk):
    for pieces in (2, None, 1):
        desk.create("return_request", {"pieces": pieces})
    assert shown(desk, sort=(("pieces", False),)) == [None, 1, 2]
    assert shown(desk, sort=(("pieces", True),)) == [2, 1, None]


def test_choices_sort_by_their_options_texts_by_code_point_links_by_title(desk):
    for kind in ("repair", "refund", "exchange"):
        desk.create("return_request", {"kind": kind})
    assert shown(desk, "kind", sort=(("kind", False),)) == ["refund", "exchange", "repair"]
    orders = [
        desk.create("order", {"order_no": str(n), "currency": "EUR"}, title=title)
        for n, title in enumerate(["a", "中", "Z"])
    ]
    for order in orders:
        desk.create("return_request", {"order": order, "kind": "refund"})
    sorted_ = shown(
        desk, "order", sort=(("order", False),), filters=(Filter("order", "not_empty"),)
    )
    assert sorted_ == [orders[2], orders[0], orders[1]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Filter("pieces", "eq", 2), {2}),
        (Filter("pieces", "ne", 2), {1, 3, None}),
        (Filter("pieces", "gt", 1), {2, 3}),
        (Filter("pieces", "le", 2), {1, 2}),
        (Filter("pieces", "in", [1, 3]), {1, 3}),
        (Filter("pieces", "in", []), set()),
        (Filter("pieces", "between", (2, None)), {2, 3}),
        (Filter("pieces", "between", (1, 2)), {1, 2}),
        (Filter("pieces", "is_empty"), {None}),
        (Filter("pieces", "eq", None), {None}),
        (Filter("cost", "ge", Money(Decimal("2.5"), "USD")), {2, 3}),
        (Filter("applied_at", "lt", datetime(2026, 1, 2, tzinfo=UTC)), {1}),
        (Filter("tags", "has", "b"), {2, 3}),
        (Filter("tags", "not_empty"), {2, 3}),
        (Filter("kind", "starts_with", "re"), {1, 2}),
        (Filter("title", "contains", "RÜCK"), {1}),
        (Filter("title", "contains", "ack 退"), {2}),
        (Filter("stage", "eq", "open"), {3}),
        (Filter("photos", "has", 9007199254740993), {3}),
    ],
    ids=str,
)
def test_filters_are_typed(desk, given, expected):
    rows = [
        ({"pieces": 1, "kind": "refund", "applied_at": datetime(2026, 1, 1, tzinfo=UTC)}, "RÜCK x"),
        ({"pieces": 2, "kind": "repair", "tags": ["a", "b"]}, "Back 退货"),
        ({"pieces": 3, "tags": ["b"], "photos": [9007199254740993]}, None),
        ({"pieces": None}, None),
    ]
    for row, title in rows:
        pieces = row["pieces"]
        cost = Money(Decimal(pieces) + Decimal("0.5"), "USD") if pieces else None
        stage = "open" if pieces == 3 else None
        desk.create("return_request", {**row, "cost": cost}, title=title, stage=stage)
    assert set(shown(desk, filters=(given,))) == expected


def test_search_finds_number_title_and_search_fields(desk):
    for n in range(12):
        desk.create("order", {"order_no": f"NO-{n}", "currency": "EUR"}, title=f"Order {n} 张三")

    def found(text, **more):
        return len(listed(desk, form="order", search=text, **more).rows)

    assert found("no-1") == 3
    assert found("张三") == 12
    assert found("rder 7") == 1
    assert found("100%") == 0
    assert found("_") == 0
    assert found("NO-1", prefix=True) == 3
    assert found("no-1", prefix=True) == 3
    assert found("rder", prefix=True) == 0


def test_prefix_search_is_served_by_an_index(desk):
    for n in range(300):
        desk.create("return_request", {"pieces": n}, number=f"RMA-{n:05}", title=f"t{n}")
    sql = "SELECT p.id FROM f_return_request AS p WHERE p.number >= 'R' AND p.number < 'S'"
    if desk.db.dialect == "sqlite":
        plan = " ".join(str(row) for row in desk.db.query("EXPLAIN QUERY PLAN " + sql))
        assert "USING" in plan
        assert "INDEX" in plan
    assert len(listed(desk, search="RMA-001", prefix=True, limit=500).rows) == 100


def condition(desk, source):
    form = desk.live().catalog.forms["return_request"]
    from forms.compile_library import StaticLibrary

    library = StaticLibrary({f.id: f.signature for f in desk.live().catalog.forms.values()})
    names = {**form.signature.names, "me": compile_type("user")}
    return compile_expr(source, Scope(names, library=library))


def compile_type(kind):
    from forms.expr import Type

    return Type(kind)


def test_row_filters_follow_links_lines_and_the_reader(desk):
    dear = desk.create("order", {"order_no": "1", "currency": "EUR", "express": True})
    cheap = desk.create("order", {"order_no": "2", "currency": "CNY", "express": False})
    line = {"quantity": Decimal(2), "verdict": "accept"}
    a = desk.create("return_request", {"pieces": 1, "order": dear, "lines": [line, line]})
    b = desk.create("return_request", {"pieces": 2, "order": cheap, "lines": [line]}, created_by=ME)
    c = desk.create("return_request", {"pieces": 3})

    def seen(*sources):
        rows = [condition(desk, source) for source in sources]
        return {row["id"] for row in listed(desk, rows=rows).rows}

    assert seen("order.currency == 'EUR'") == {a}
    assert seen("order.express") == {a}
    assert seen("created_by == me") == {b}
    assert seen("sum(lines.quantity where verdict == 'accept') > 3") == {a}
    assert seen("order.currency == 'EUR'", "created_by == me") == {a, b}
    assert seen("pieces > 2 or is_empty(order)") == {c}
    assert seen("order.currency != 'EUR'") == {b, c}
    assert listed(desk, rows=[]).rows == []


def test_counts_obey_the_same_filter(desk):
    desk.create("return_request", {"pieces": 1}, created_by=ME)
    desk.create("return_request", {"pieces": 2}, created_by=5)
    gone = desk.create("return_request", {"pieces": 3}, created_by=ME)
    desk.change("return_request", gone, deleted=1)
    live, env = desk.live(), Env(NOW, me=ME)
    rule = [condition(desk, "created_by == me")]
    where = (desk.db, desk.db.dialect, live.catalog.forms, live.tables)
    asked = ListQuery("return_request")
    assert lists.count_records(*where, asked, rule, env) == 1
    assert lists.count_records(*where, asked, None, env) == 2
    assert lists.count_records(*where, asked, [], env) == 0
    assert lists.count_records(*where, asked, None, env, cap=1) == 2


def test_a_list_shows_records_of_earlier_releases_in_the_active_release_s_columns(desk):
    desk.create("return_request", {"pieces": 7, "rate": Decimal(1)})
    text = changed(
        RETURN,
        pieces={"type": "text"},
        rate=None,
        share={"type": "decimal", "was": "rate"},
        extra={"type": "text"},
    )
    desk.publish(catalog({"order": ORDER, "return_request": text}))
    desk.create("return_request", {"pieces": "eight", "extra": "new"})
    page = listed(desk, columns=("pieces", "share", "extra"), sort=(("pieces", False),))
    assert [(r["pieces"], r["share"], r["extra"], r["release_no"]) for r in page.rows] == [
        ("7", Decimal(1), None, 1),
        ("eight", None, "new", 2),
    ]


def test_what_the_form_does_not_have_is_refused(many):
    for wrong in (
        {"filters": (Filter("nothing", "eq", 1),)},
        {"filters": (Filter("pieces", "like", 1),)},
        {"filters": (Filter("pieces", "contains", "1"),)},
        {"filters": (Filter("tags", "eq", "a"),)},
        {"filters": (Filter("applied_at", "lt", date(2026, 1, 1)),)},
        {"sort": (("nothing", False),)},
        {"sort": (("tags", False),)},
    ):
        with pytest.raises(QueryError):
            listed(many, **wrong)
    cursor = listed(many, limit=2, sort=(("pieces", False),)).next
    for wrong in (cursor[:-3], "x", "", "AAAA", "W10", cursor + "A" * 8):
        with pytest.raises(CursorError):
            listed(many, cursor=wrong or "?", sort=(("pieces", False),))
    with pytest.raises(CursorError):
        listed(many, cursor=cursor, sort=(("pieces", True),))


def test_too_many_values_are_refused_and_not_cut_off(desk):
    filters = (Filter("pieces", "in", tuple(range(501))),)
    with pytest.raises(QueryError, match="500 values"):
        listed(desk, filters=filters)
