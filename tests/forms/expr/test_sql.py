"""The SQL itself: parameters, forms an index serves, what is computed beforehand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from forms.expr import Env, EvalError, NotInSql, Scope, compile_expr
from forms.expr.sqlite_functions import register_sqlite_functions

from .world import HOLDER, NOW, RECORD, RESOLVER, SCOPE, Library, World, worlds

ENV = Env(NOW, me=7, currency="CNY")


def condition(
    source: str, dialect: str = "sqlite", env: Env = ENV
) -> tuple[str, tuple[object, ...]]:
    sql = compile_expr(source, SCOPE).to_sql(dialect, RESOLVER, env)  # type: ignore[arg-type]
    return sql.text, sql.params


@pytest.fixture(scope="module")
def indexed() -> Iterator[sqlite3.Connection]:
    with worlds((1,), None) as made:
        connection = made[1].sqlite
        for column in ("n1", "d1", "m1", "on1", "at1", "g1", "owner", "b1"):
            connection.execute(f"CREATE INDEX by_{column} ON rec (c_{column})")
        yield connection


@pytest.mark.parametrize(
    "source",
    [
        "g1 == 'slight'",
        "g1 in ['slight', 'severe']",
        "n1 > 5",
        "d1 <= 2.5",
        "m1 > 100",
        "on1 >= today()",
        "at1 < now()",
        "owner == me",
        "b1 == true",
        "b1",
        "n1 == null",
        "100 < m1",
        "m1 == money(12, 'CNY') and b2",
    ],
)
def test_an_index_serves(indexed: sqlite3.Connection, source: str) -> None:
    text, params = condition(source)
    plan = indexed.execute(f"EXPLAIN QUERY PLAN SELECT r.id FROM rec AS r WHERE {text}", params)
    assert "USING INDEX" in " ".join(row[3] for row in plan.fetchall()), text


def test_postgres_conditions_keep_the_column_bare() -> None:
    assert condition("n1 > 5", "postgres") == ("(r.c_n1 > CAST(? AS BIGINT))", (5,))
    assert condition("m1 > 12.5", "postgres") == ("(r.c_m1 > CAST(? AS BIGINT))", (125_000,))
    assert condition("g1 == 'slight'", "postgres") == ("(r.c_g1 = CAST(? AS TEXT))", ("slight",))
    assert condition("not (g1 == 'slight')", "postgres")[0] == (
        "(NOT (r.c_g1 IS NOT DISTINCT FROM CAST(? AS TEXT)))"
    )


def test_a_literal_finer_than_the_column_is_rounded_the_right_way() -> None:
    assert condition("d1 < 0.0000001") == ("(r.c_d1 <= ?)", (0,))
    assert condition("d1 >= 0.0000001") == ("(r.c_d1 > ?)", (0,))
    assert condition("d1 == 0.0000001") == ("FALSE", ())


def test_texts_never_stand_in_the_sql() -> None:
    text, params = condition("concat(t1, 'drop table') == 'x; --' or contains(t1, '%')")
    assert "drop" not in text
    assert ";" not in text
    assert params == ("drop table", "x; --", "%")


def test_the_world_becomes_parameters() -> None:
    text, params = condition("owner == me and at1 <= now() and add_days(today(), -7) <= on1")
    assert text.count("?") == 3
    assert params == (7, 1_773_865_815_250_000, 20_523)


def test_the_edited_row_becomes_parameters() -> None:
    scope = Scope(RECORD, HOLDER, {"on": RECORD["on1"], "order": RECORD["order"]}, Library())
    expr = compile_expr("on1 >= this.on and order == parent.order", scope)
    env = Env(NOW, this_row={"on": NOW.date()}, parent={"order": 3})
    sql = expr.to_sql("sqlite", RESOLVER, env)
    assert (sql.text, sql.params) == ("((r.c_on1 >= ?) AND (r.c_order = ?))", (20_530, 3))
    assert expr.row_names == {"on"}
    assert expr.parent_names == {"order"}


def test_errors_of_known_parts_reach_the_caller() -> None:
    with pytest.raises(EvalError) as caught:
        condition("m1 > money(1, 'USD') + money(1, 'CNY')")
    assert caught.value.code == "expr_mixed_currency"


def test_sql_that_would_grow_too_large_is_refused() -> None:
    source = "m1"
    for _ in range(7):
        source = f"if(currency({source}) == t1, {source}, usd)" if len(source) < 900 else source
    with pytest.raises(NotInSql) as caught:
        condition(f"currency(if(currency({source}) == t1, m1, usd)) == 'x'", "postgres")
    assert caught.value.problem.code == "expr_not_in_sql"


def test_functions_of_sqlite_take_null_and_register_twice() -> None:
    connection = sqlite3.connect(":memory:")
    register_sqlite_functions(connection)
    register_sqlite_functions(connection)
    found = connection.execute(
        "SELECT rf_add('0.1', '0.2'), rf_divide('1', '0'), rf_scaled(NULL, 2), "
        "rf_scaled('99999999999999999999', 0), rf_multiply('9e20', '100'), rf_same(NULL, NULL)"
    ).fetchone()
    assert found == ("0.3", None, None, None, None, 1)
    connection.close()


def test_numbers_out_of_range_are_null_not_an_error(indexed: sqlite3.Connection) -> None:
    big = "n1 * n1 * n1 * n1 * d1 * d1"
    sql = compile_expr(big, SCOPE).to_sql("sqlite", RESOLVER, ENV)
    indexed.execute(f"SELECT {sql.text} FROM rec AS r", sql.params).fetchall()


def test_worlds_have_rows() -> None:
    with worlds((9,), None) as made:
        world: World = made[9]
        assert len(world.rows) == 40
