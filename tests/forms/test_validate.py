"""A submission's story: read, computed, judged."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from forms.model import Form
from forms.validate import FieldRights, Outcome, Wanted, begin, validate
from forms.values import Money, encode_id
from tests.forms.shop import env, one_form, shop


def facts() -> dict[str, dict[int, dict[str, Any]]]:
    return {
        "order": {1: {"currency": "CNY", "customer": 7}, 2: {"currency": "JPY", "customer": 8}},
        "order.lines": {11: {"order": 1}, 12: {"order": 1}, 21: {"order": 2}},
        "customer": {7: {"name": "Li"}, 8: {"name": "Wang"}},
    }


def run(form: Form, submitted: Any, **more: Any) -> Outcome:
    world = env()
    known = facts()

    def load(wanted: Wanted) -> None:
        world.links = {
            target: dict(known.get(target, {})) for target in {*world.links, *wanted.links}
        }

    return validate(form, submitted, env=world, load=load, **more)


@pytest.fixture(scope="module")
def form() -> Form:
    return shop()["return_request"]


def a_return(**changes: Any) -> dict[str, Any]:
    return {
        "order": encode_id(1),
        "address": "上海市\r\n静安区",
        "lines": [
            {"order_line": 11, "quantity": "1", "reason": "unwanted", "paid": "10.05"},
            {"order_line": 12, "quantity": "2", "reason": "quality", "note": "broken", "paid": "3"},
        ],
    } | changes


def codes(outcome: Outcome) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(e.code, e.path) for e in outcome.errors]


def test_a_return_is_read_filled_and_computed(form: Form) -> None:
    outcome = run(form, a_return())
    assert codes(outcome) == []
    values = outcome.values
    assert values["order"] == 1
    assert values["customer"] == 7
    assert values["applied_on"] == date(2026, 3, 18)
    assert values["address"] == "上海市\n静安区"
    assert values["lines"][0]["refund"] == Money(Decimal("10.05"), "CNY")
    assert values["total"] == Money(Decimal("13.05"), "CNY")
    assert outcome.currency == "CNY"
    assert len({values["id"], *(line["id"] for line in values["lines"])}) == 3


def test_rounds_of_facts_are_few_and_minimal(form: Form) -> None:
    world = env()
    draft = begin(form, a_return(), env=world)
    wanted = draft.wanted()
    assert wanted is not None
    assert wanted.links == {"order": {1}, "order.lines": {11, 12}}
    assert wanted.fields["order"] == {"currency", "customer"}
    assert wanted.fields["order.lines"] == {"order"}
    world.links = {k: facts()[k] for k in ("order", "order.lines")}
    wanted = draft.wanted()
    assert wanted is not None
    assert wanted.links == {"customer": {7}}
    assert wanted.fields["customer"] == {"name"}
    world.links = facts()
    assert draft.wanted() is None
    assert draft.finish().ok


def test_a_line_of_another_order_is_refused_by_the_server(form: Form) -> None:
    submitted = a_return()
    submitted["lines"][1]["order_line"] = 21
    assert codes(run(form, submitted)) == [("link_refused", ("lines", 1, "order_line"))]


def test_a_link_that_leads_nowhere_is_refused(form: Form) -> None:
    assert ("link_missing", ("order",)) in codes(run(form, a_return(order=99)))


def test_what_is_missing_is_required(form: Form) -> None:
    outcome = run(form, {"order": 1, "lines": [{}]})
    assert codes(outcome) == [
        ("required", ("address",)),
        ("required", ("lines", 0, "order_line")),
        ("required", ("lines", 0, "quantity")),
        ("required", ("lines", 0, "reason")),
    ]


def test_a_draft_requires_nothing(form: Form) -> None:
    assert codes(run(form, {}, moment="save")) == []
    assert ("too_few_rows", ("lines",)) in codes(run(form, {}))


def test_an_invisible_field_is_cleared_and_not_required(form: Form) -> None:
    submitted = a_return()
    submitted["lines"][0] |= {"note": "no longer shown", "quantity": "2"}
    outcome = run(form, submitted)
    assert codes(outcome) == []
    assert outcome.values["lines"][0]["note"] is None
    assert outcome.visible["lines", 0, "note"] is False
    assert outcome.required["lines", 0, "note"] is False
    assert outcome.required["lines", 1, "note"] is True
    del submitted["lines"][1]["note"]
    assert codes(run(form, submitted)) == [("required", ("lines", 1, "note"))]


def test_computed_and_readonly_fields_are_never_taken(form: Form) -> None:
    outcome = run(form, a_return(total="99", customer=8, applied_on="2020-01-01"))
    assert codes(outcome) == [
        ("readonly", ("total",)),
        ("readonly", ("customer",)),
        ("readonly", ("applied_on",)),
    ]
    assert outcome.values["customer"] == 7
    assert codes(run(form, a_return(total="13.05", customer=7, applied_on="2026-03-18"))) == []


def test_rights_hide_and_lock(form: Form) -> None:
    rights = FieldRights(hidden=frozenset({"freight"}), readonly=frozenset({"lines.percent"}))
    submitted = a_return(freight="5")
    submitted["lines"][0]["percent"] = 50
    submitted["lines"][1]["percent"] = 100
    outcome = run(form, submitted, rights=rights)
    assert codes(outcome) == [("readonly", ("freight",)), ("readonly", ("lines", 0, "percent"))]
    assert outcome.values["freight"] is None
    assert outcome.visible["freight",] is False
    assert outcome.readonly["lines", 0, "percent"] is True
    assert outcome.readonly["total",] is True
    assert outcome.readonly["address",] is False


def test_nobody_is_required_to_fill_what_is_locked_for_them(form: Form) -> None:
    rights = FieldRights(readonly=frozenset({"address"}))
    submitted = a_return()
    del submitted["address"]
    assert codes(run(form, submitted, rights=rights)) == []


def test_a_step_may_write_what_people_may_not(form: Form) -> None:
    rights = FieldRights(granted=frozenset({"applied_on"}))
    outcome = run(form, a_return(applied_on="2020-01-01"), rights=rights)
    assert codes(outcome) == []
    assert outcome.values["applied_on"] == date(2020, 1, 1)


def test_updates_are_partial_and_lines_are_given_wholly(form: Form) -> None:
    before = run(form, a_return()).values
    first, second = before["lines"]
    after = run(form, {"freight": "4.50"}, previous=before)
    assert codes(after) == []
    assert after.changed == {"freight", "total"}
    assert after.values["lines"] == before["lines"]
    assert after.values["lines"][0] is not first
    changed = run(
        form,
        {
            "lines": [
                {"id": encode_id(second["id"]), "quantity": 1},
                {"order_line": 11, "quantity": 1, "reason": "unwanted"},
            ]
        },
        previous=before,
    )
    assert codes(changed) == []
    rows = changed.values["lines"]
    assert rows[0]["id"] == second["id"]
    assert rows[0]["note"] == "broken"
    assert rows[0]["quantity"] == 1
    assert rows[1]["id"] not in (first["id"], second["id"])
    assert changed.changed == {"lines", "goods", "total"}
    assert codes(run(form, {"address": None}, previous=before)) == [("required", ("address",))]


def test_rows_that_were_never_there_or_come_twice(form: Form) -> None:
    before = run(form, a_return()).values
    row = before["lines"][0]
    outcome = run(
        form,
        {"lines": [{"id": row["id"]}, {"id": row["id"]}, {"id": 5}, {"id": "?"}]},
        previous=before,
    )
    found = codes(outcome)
    assert ("repeated_row", ("lines", 1, "id")) in found
    assert ("unknown_row", ("lines", 2, "id")) in found
    assert ("not_an_id", ("lines", 3, "id")) in found


def test_a_changed_link_fills_again(form: Form) -> None:
    before = run(form, a_return()).values
    outcome = run(form, {"order": 2, "lines": []}, previous=before, moment="save")
    assert outcome.values["customer"] == 8
    assert outcome.currency == "JPY"
    outcome = run(form, {"order": 2}, previous=before)
    assert ("link_refused", ("lines", 0, "order_line")) in codes(outcome)
    assert ("wrong_currency", ("lines", 0, "paid")) in codes(outcome)


def test_a_link_that_was_valid_stays_valid_after_its_target_is_gone(form: Form) -> None:
    before = run(form, a_return()).values | {"order": 99}
    outcome = run(form, {"address": "other"}, previous=before, moment="save")
    assert ("link_missing", ("order",)) not in codes(outcome)


def test_rows_repeat_in_what_has_to_be_unique(form: Form) -> None:
    submitted = a_return()
    submitted["lines"][1]["order_line"] = 11
    assert codes(run(form, submitted)) == [("repeated_in_rows", ("lines", 1, "order_line"))]


def test_checks_hold_at_their_moment_and_may_only_warn(form: Form) -> None:
    submitted = a_return(freight=2000)
    outcome = run(form, submitted)
    assert codes(outcome) == [("check_failed", ("total",))]
    assert outcome.errors[0].rule == "small"
    assert outcome.errors[0].message.en == "The refund of 2013.05 CNY is too large"
    assert codes(run(form, submitted, moment="save")) == []
    submitted = a_return(lines=[a_return()["lines"][0]] * 3)
    assert [w.rule for w in run(form, submitted).warnings] == ["few"]


def test_an_option_is_chosen_only_while_it_is_open(form: Form) -> None:
    submitted = a_return()
    submitted["lines"][0]["reason"] = "recall"
    assert codes(run(form, submitted)) == [("option_expired", ("lines", 0, "reason"))]
    submitted["lines"][0]["reason"] = "Quality"
    outcome = run(form, submitted)
    assert codes(outcome) == [("not_an_option", ("lines", 0, "reason"))]
    assert "quality" in outcome.errors[0].message.en


def test_unknown_fields_are_named_with_the_nearest_one(form: Form) -> None:
    outcome = run(form, a_return(adress="x"))
    assert codes(outcome) == [("unknown_field", ("adress",))]
    assert "did you mean “address”" in outcome.errors[0].message.en


def test_naive_moments_mean_the_tenant_s_zone() -> None:
    from zoneinfo import ZoneInfo

    form = one_form({"at": {"type": "datetime"}})
    world = env(zone=ZoneInfo("Asia/Shanghai"))
    outcome = validate(form, {"at": "2026-03-01T08:00"}, env=world)
    assert outcome.values["at"] == datetime(2026, 3, 1, 0, 0, tzinfo=UTC)


def test_a_condition_can_lock_a_field() -> None:
    form = one_form({"done": {"type": "boolean"}, "note": {"type": "text", "readonly": "done"}})
    assert validate(form, {"note": "a"}, env=env()).ok
    assert codes(validate(form, {"note": "a", "done": True}, env=env())) == [
        ("readonly", ("note",))
    ]
    before = {"id": 5, "done": True, "note": "a"}
    assert validate(form, {"note": "a"}, previous=before, env=env()).ok
    assert not validate(form, {"note": "b"}, previous=before, env=env()).ok
    outcome = validate(form, {"done": False, "note": "b"}, previous=before, env=env())
    assert outcome.ok
    assert outcome.readonly["note",] is False


def test_a_calculation_without_a_value_is_an_error_of_its_field() -> None:
    form = one_form(
        {
            "a": {"type": "money", "currency": "CNY"},
            "b": {"type": "money", "currency": "USD"},
            "c": {"type": "money", "currency": "CNY", "formula": "a + b"},
        }
    )
    outcome = validate(form, {"a": 1, "b": 2}, env=env())
    assert codes(outcome) == [("expr_mixed_currency", ("c",))]
    assert outcome.values["c"] is None


def test_amounts_without_any_currency_are_refused_with_a_way_out() -> None:
    form = one_form({"a": {"type": "money"}})
    assert codes(validate(form, {"a": 1}, env=env())) == [("no_currency", ("a",))]
    assert validate(form, {"a": 1}, env=env(currency="EUR")).values["a"] == Money(Decimal(1), "EUR")
    assert validate(form, {"a": "1 USD"}, env=env()).ok
