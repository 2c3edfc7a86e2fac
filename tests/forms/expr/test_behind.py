"""A scope may show the record's names behind those of a line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from forms.expr import DECIMAL, TEXT, Env, ExprError, Scope, compile_expr, lines, link

LINE = {"quantity": DECIMAL, "note": TEXT}
RECORD = {"note": TEXT, "city": TEXT, "order": link("order"), "lines": lines("claim.lines")}


class Library:
    def fields_of(self, target: str):
        return {"order": {"nr": TEXT}, "claim.lines": LINE}.get(target)

    def attributes_of(self, options_id: str):
        return None

    def attribute(self, options_id: str, value: str, name: str):
        return None

    def aggregate(self, name: str):
        return None

    def aggregate_names(self):
        return ()


BEHIND = Scope(LINE, RECORD, library=Library(), behind=True)


def value(source: str) -> object:
    rows = [{"id": 1, "quantity": 2, "note": "line"}, {"id": 2, "quantity": 3, "note": None}]
    record = {"note": "record", "city": "上海", "order": 7, "lines": rows}
    env = Env(datetime(2026, 1, 1, tzinfo=UTC), parent=record, links={"order": {7: {"nr": "A1"}}})
    return compile_expr(source, BEHIND).evaluate(rows[0], env)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("note", "line"),
        ("parent.note", "record"),
        ("city", "上海"),
        ("order.nr", "A1"),
        ("sum(lines.quantity)", 5),
        ("quantity / sum(lines.quantity where note == null)", value("2 / 3")),
    ],
)
def test_a_bare_name_is_the_lines_or_else_the_records(source: str, expected: object) -> None:
    assert value(source) == expected


def test_what_is_read_is_the_parents() -> None:
    found = compile_expr("order.nr", BEHIND)
    assert found.link_reads == {("parent.order", "nr")}
    assert found.parent_names == {"order"}
    assert found.names == frozenset()


def test_without_it_the_parent_has_to_be_named() -> None:
    with pytest.raises(ExprError) as raised:
        compile_expr("city", Scope(LINE, RECORD))
    assert raised.value.problems[0].suggestion == "parent.city"
