"""What a step of a flow opens of a form: some columns of rows that stay, some rows, and what it
needs filled in."""

from __future__ import annotations

from typing import Any

import pytest

from forms.model import Form, Row
from forms.validate import FieldRights
from tests.forms.shop import shop
from tests.forms.test_validate import a_return, codes, run

COLUMNS = ("order_line", "quantity", "reason", "paid", "note")


@pytest.fixture(scope="module")
def form() -> Form:
    return shop()["return_request"]


@pytest.fixture
def saved(form: Form) -> Row:
    outcome = run(form, a_return())
    assert codes(outcome) == []
    return outcome.values


def step(form: Form, *edit: str, **more: Any) -> FieldRights:
    """Everything read-only but `edit`, as a step has it."""
    lines = form.field_at("lines")
    shut = {name for name in form.fields if name not in edit and name != "lines"}
    shut |= {f"lines.{name}" for name in lines.fields if f"lines.{name}" not in edit}
    return FieldRights(readonly=frozenset(shut), fixed=frozenset({"lines"}), **more)


def test_an_open_column_is_written_and_no_row_comes_or_goes(form: Form, saved: Row) -> None:
    first, second = (line["id"] for line in saved["lines"])
    given = {"lines": [{"id": second, "note": "scratched"}]}
    outcome = run(form, given, previous=saved, rights=step(form, "lines.note"))
    assert codes(outcome) == []
    assert [line["id"] for line in outcome.values["lines"]] == [first, second]
    assert [line["note"] for line in outcome.values["lines"]] == [None, "scratched"]
    for given, expected in (
        ([{"note": "new"}], [("readonly", ("lines", 0))]),
        ([{"id": second + 1, "note": "x"}], [("unknown_row", ("lines", 0, "id"))]),
        (
            [{"id": second, "note": "a"}, {"id": second, "note": "b"}],
            [("repeated_row", ("lines", 1, "id"))],
        ),
        ([{"id": first, "quantity": "7"}], [("readonly", ("lines", 0, "quantity"))]),
        (["x"], [("not_a_mapping", ("lines", 0))]),
    ):
        outcome = run(form, {"lines": given}, previous=saved, rights=step(form, "lines.note"))
        assert codes(outcome) == expected
        assert len(outcome.values["lines"]) == 2


def test_an_empty_list_takes_no_row_away(form: Form, saved: Row) -> None:
    outcome = run(form, {"lines": []}, previous=saved, rights=step(form, "lines.note"))
    assert codes(outcome) == []
    assert len(outcome.values["lines"]) == 2


def test_only_the_row_at_hand_may_be_written(form: Form, saved: Row) -> None:
    first, second = (line["id"] for line in saved["lines"])
    rights = step(form, "lines.note", rows={"lines": frozenset({second})})
    both = [{"id": first, "note": "mine?"}, {"id": second, "note": "mine"}]
    outcome = run(form, {"lines": both}, previous=saved, rights=rights)
    assert codes(outcome) == [("readonly", ("lines", 0, "note"))]
    outcome = run(form, {"lines": both[1:]}, previous=saved, rights=rights)
    assert codes(outcome) == []
    assert outcome.readonly["lines", 0, "note"] and not outcome.readonly["lines", 1, "note"]


def test_what_an_act_needs_has_to_be_filled_in(form: Form) -> None:
    bare = a_return()
    del bare["lines"][0]["paid"]
    saved = run(form, bare).values
    first, second = (line["id"] for line in saved["lines"])
    needs = frozenset({"lines.paid", "freight", "lines.note"})
    outcome = run(form, {}, previous=saved, rights=step(form, "lines.paid", required=needs))
    wanted = [("required", ("freight",)), ("required", ("lines", 0, "paid"))]
    assert codes(outcome) == wanted, "not asked for what nobody sees"
    assert outcome.required["lines", 0, "paid"]
    rights = step(form, "lines.paid", required=needs)
    assert codes(run(form, {}, previous=saved, rights=rights, moment="save")) == []
    given = {"freight": "3", "lines": [{"id": first, "paid": "1"}]}
    rights = step(form, "lines.paid", "freight", required=needs)
    assert codes(run(form, given, previous=saved, rights=rights)) == []
    here = step(
        form,
        "lines.paid",
        required=frozenset({"lines.paid"}),
        rows={"lines": frozenset({second})},
    )
    assert codes(run(form, {}, previous=saved, rights=here)) == []


def test_checks_of_several_moments_hold_at_once(form: Form, saved: Row) -> None:
    outcome = run(form, {}, previous=saved, moment=("submit", "inspect"))
    assert codes(outcome) == codes(run(form, {}, previous=saved, moment="submit"))
