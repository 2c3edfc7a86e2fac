"""Every function of the table, on Python, SQLite and PostgreSQL, against the reference."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from forms.expr import FUNCTIONS, NotInSql, compile_expr

from .agreement import SEEN, agree
from .world import RESOLVER, SCOPE, World, worlds

CALLS = [
    "if(b1, n1, d1)", "coalesce(m1, 0)", "is_empty(t1)", "is_empty(items)", "is_empty(tags)",
    "min(d1, n1)", "max(m1, m2)", "min(g1, g2)", "max(t1, t2)", "min(items.q where ok)",
    "max(items.until)", "min(items.grade)", "max(items.price * items.q)", "min(items.note)",
    "sum(items.q)", "sum(items.price where k > 1)", "sum(items.q * items.price)",
    "sum(items.spent)", "sum(items.k)", "avg(items.q)", "avg(items.price)", "avg(items.spent)",
    "avg(items.k)", "count(items)", "count(items where not ok)", "count(items.note)",
    "any(items.q > items.limit)", "all(items.q <= items.limit where ok)", "abs(d1)", "abs(n1)",
    "abs(m1)", "abs(for1)", "sign(d1)", "sign(m1)", "sign(for1 - for2)", "round(d1)",
    "round(d1, 2)", "round(m1)", "round(m1 / 3)", "round(m1 * d1, 3)", "floor(d1)", "floor(m1)",
    "ceil(d1)", "ceil(m1 / 7)", "portion(m1, n1, 7, 0)", "portion(m1, d1, d2, n1)", "money(d1)",
    "money(d1, 'USD')", "amount(m1)", "currency(m1)", "currency(coalesce(usd, 0))", "len(t1)",
    "len(tags)", "len(items)", "lower(t1)", "upper(t1)", "trim(t1)", "concat(t1, ' ', n1, on1)",
    "contains(t1, 'a')", "contains(t1, t2)", "starts_with(t1, t2)", "ends_with(t1, t2)",
    "has(tags, 'slight')", "has(tags, g1)", "has(orders, order)", "text(d1)", "text(on1)",
    "text(g1)", "text(b1)", "number(t1)", "days_between(today(), on1)",
    "hours_between(at1, now())", "date(at1)", "date(2026, n1, n2)", "datetime(on1) == at1",
    "datetime('2026-03-29T10:30') < at1", "year(on1)", "year(at1)", "month(at1)", "day(on1)",
    "weekday(on1)", "weekday(at1)", "days_between(on1, at1)", "hours_between(at1, at2)",
    "add_days(on1, 40)", "add_days(at1, -1)", "add_months(on1, 1)", "add_months(on1, n1)",
    "duration(d1, 'minutes')", "duration(90, 'minutes') > for1", "sum(items.q / 3)",
    "at1 + for1", "at1 - duration(1, 'weeks')", "at1 - at2", "for1 * 1.5", "for1 / 7",
    "for1 / for2", "n1 % 7", "d1 % -0.3",
    "n1 / n2", "m1 / usd", "m1 / m2", "usd + m1", "-m1", "n1 * n2",
    "t1 < t2", "g1 < g2", "g1 <= 'slight'", "m1 > 0.00005", "d1 < 0.0000001", "d1 == n1",
    "m1 == usd", "m1 != m2", "m1 == money(12, 'CNY')", "d1 in [1, 0.5, 0.0000001]",
    "n1 not in [1, null]", "g1 in [g2, 'severe']", "t1 in [t2, 'a']", "m1 in [0, 100]",
    "order.stage == t1", "parent.order.weight", "used(order).asked + 1", "used(order).spent",
    "used(parent.order).spent == 30", "reason.fault == 'customer'", "reason.days", "reason.free",
    "reason.share", "b1 == b2", "b1 != true", "not b1", "b1 and not b2 or null", "owner == me",
    "order in orders", "'slight' not in tags", "t1 == null", "tags != null", "0 <= d1 < 100",
    "sum(items.k where parent.n1 == k)", "count(items where order.weight > 0)", "this == id",
    "n1 > 0 and if(b1, n2 > 0, null)",
    "date(add_days(at1, -3000000))",
    "add_months(on1, -70000)", "date(at1 - duration(200000, 'weeks'))",
    "currency(-(usd * d1))", "round(-(m1 / n1))", "m1 + 1.00005", "d1 + 0.0000001", "d1 - n1 * 10",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(postgres_url: str) -> Iterator[dict[int, World]]:
    with worlds((3, 4, 5), postgres_url) as found:
        yield found


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@pytest.mark.parametrize("source", CALLS)
def test_function_agrees(made: dict[int, World], source: str, dialect: str) -> None:
    for world in made.values():
        agree(source, world, (dialect,))


def test_every_function_is_called() -> None:
    called = {name for source in CALLS for name in re.findall(r"([a-z_]+)\(", source)}
    assert called >= set(FUNCTIONS)


def test_values_were_compared_on_all_three(made: dict[int, World]) -> None:
    before = SEEN.copy()
    agree("d1 * 2", made[3], ("sqlite", "postgres"))
    compared = SEEN - before
    assert compared["python"] == compared["sqlite"] == compared["postgres"] == len(made[3].rows)


def test_local_time_of_a_column_is_refused_in_sql(made: dict[int, World]) -> None:
    expr = compile_expr("datetime(on1, 9, 30)", SCOPE)
    with pytest.raises(NotInSql) as caught:
        expr.to_sql("sqlite", RESOLVER, made[3].env())
    assert caught.value.problem.code == "expr_not_in_sql"
    assert caught.value.problem.offset == 0
