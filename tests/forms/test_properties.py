"""What has to hold whatever is defined or submitted."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from forms.compile import StaticLibrary, compile_form
from forms.model import Form
from forms.validate import FieldRights, Outcome, validate
from forms.values import Money
from tests.forms.shop import CUSTOMER, ORDER, REASON, RETURN, build, env, shop

FORM = shop()["return_request"]
CAREFUL = FieldRights(granted=frozenset({"(nothing)"}))
"""Rights that change nothing, but send the submission through the careful reader."""

NAMES = [*FORM.fields, "id", "stage", "unknown", "", "lines.quantity"]
COLUMNS = [*FORM.fields["lines"].fields, "id", "unknown"]  # type: ignore[attr-defined]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.sampled_from(
        [1, 7, 11, 12, "quality", "unwanted", "1.50", "2 CNY", "", " x ", "2026-01-01"]
    )
    | st.floats()
    | st.decimals()
    | st.text(max_size=10)
    | st.dates()
    | st.builds(
        Money, st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from(["CNY", "", "x"])
    )
)
ROWS = st.lists(st.dictionaries(st.sampled_from(COLUMNS), LEAVES, max_size=8) | LEAVES, max_size=4)
SUBMITTED = st.dictionaries(st.sampled_from(NAMES), LEAVES | ROWS, max_size=10)


def run(submitted: Any, form: Form = FORM, **more: Any) -> Outcome:
    world = env(
        links={
            "order": {1: {"currency": "CNY", "customer": 7}},
            "order.lines": {11: {"order": 1}, 12: {"order": 1}},
            "customer": {7: {"name": "Li"}},
        }
    )
    return validate(form, submitted, env=world, load=lambda wanted: None, **more)


def answer(outcome: Outcome) -> Any:
    """Values without the ids that were made up, and all that was said."""
    values = {k: v for k, v in outcome.values.items() if k != "id"}
    values["lines"] = [{k: v for k, v in line.items() if k != "id"} for line in values["lines"]]
    values["lines"] = [sorted(line.items()) for line in values["lines"]]
    said = (outcome.errors, outcome.warnings, outcome.currency)
    return repr((sorted(values.items()), said))


@given(SUBMITTED, st.sampled_from(["save", "submit"]))
@settings(max_examples=300)
def test_whatever_is_submitted_is_answered(submitted: dict[str, Any], moment: str) -> None:
    outcome = run(submitted, moment=moment)
    for error in outcome.errors:
        assert error.message.zh
        assert error.message.en
    assert outcome.visible
    assert outcome.required
    assert outcome.readonly
    assert outcome.changed <= set(FORM.fields)
    run(submitted, previous=outcome.values)


@given(st.dictionaries(st.text(max_size=4), LEAVES) | LEAVES | ROWS)
def test_a_submission_of_any_shape_is_answered(submitted: Any) -> None:
    run(submitted)


@given(SUBMITTED, SUBMITTED)
@settings(max_examples=300)
def test_the_quick_reader_and_the_careful_one_agree(
    first: dict[str, Any], then: dict[str, Any]
) -> None:
    quick, careful = run(first), run(first, rights=CAREFUL)
    assert answer(quick) == answer(careful)
    before = quick.values
    assert answer(run(then, previous=before)) == answer(run(then, previous=before, rights=CAREFUL))


CLEAN = st.fixed_dictionaries(
    {
        "order": st.just(1),
        "address": st.sampled_from(["x", "y\nz"]),
        "lines": st.lists(
            st.fixed_dictionaries(
                {
                    "order_line": st.sampled_from([11, 12]),
                    "quantity": st.decimals("0.001", 5, places=3),
                    "reason": st.sampled_from(["quality", "unwanted"]),
                    "paid": st.none()
                    | st.builds(Money, st.decimals(0, 100, places=2), st.just("CNY")),
                },
                optional={"note": st.just("n"), "percent": st.decimals(0, 100, places=1)},
            ),
            min_size=1,
            max_size=3,
        ),
    },
    optional={"freight": st.builds(Money, st.decimals(0, 9, places=4), st.just("CNY"))},
)


@given(CLEAN)
def test_clean_input_reads_the_same_both_ways(submitted: dict[str, Any]) -> None:
    assert answer(run(submitted)) == answer(run(submitted, rights=CAREFUL))


@given(CLEAN)
def test_saving_what_was_saved_changes_nothing(submitted: dict[str, Any]) -> None:
    first = run(submitted)
    again = run({}, previous=first.values)
    assert again.changed == frozenset()
    assert again.values == first.values
    given_again = {k: first.values[k] for k in FORM.fields}
    assert run(given_again, previous=first.values).values == first.values


def test_the_order_of_a_definition_does_not_matter() -> None:
    chance = random.Random(5)
    submitted = {
        "order": 1,
        "address": "x",
        "freight": "5",
        "lines": [
            {
                "order_line": 11,
                "quantity": 2,
                "reason": "quality",
                "note": "n",
                "paid": "33.33",
                "percent": 10,
            }
        ],
    }
    expected = answer(run(submitted))
    for _ in range(30):
        columns = list(RETURN["fields"]["lines"]["fields"].items())
        fields = list(RETURN["fields"].items())
        chance.shuffle(columns)
        chance.shuffle(fields)
        mixed = {**dict(fields), "lines": {**RETURN["fields"]["lines"], "fields": dict(columns)}}
        forms, problems = build(
            {"customer": CUSTOMER, "order": ORDER, "return_request": {**RETURN, "fields": mixed}},
            {"reason": REASON},
        )
        assert problems == []
        assert answer(run(submitted, forms["return_request"])) == expected


@given(st.permutations(["a", "b", "c", "d"]))
def test_formulas_are_computed_in_the_order_they_need(order: list[str]) -> None:
    formulas = {"a": "b + c", "b": "c * 2", "c": "d + 1", "d": None}
    fields = {
        key: {"type": "integer"} | ({"formula": formulas[key]} if formulas[key] else {})
        for key in order
    }
    form, problems = compile_form("x", {"form": "x", "fields": fields}, StaticLibrary())
    assert form is not None, problems
    values = validate(form, {"d": 4}, env=env()).values
    assert (values["a"], values["b"], values["c"]) == (15, 10, 5)


def test_days_and_amounts_of_an_import_are_taken_as_they_are() -> None:
    outcome = run(
        {
            "order": 1,
            "address": "x",
            "lines": [{"order_line": 11, "quantity": Decimal("1.000"), "reason": "unwanted"}],
        }
    )
    assert outcome.ok
    assert outcome.values["applied_on"] == date(2026, 3, 18)
