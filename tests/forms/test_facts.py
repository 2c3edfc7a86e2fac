"""Which facts a validation asks for, and what it does with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from forms.expr import AggregateType, Type
from forms.model import Form
from forms.validate import MAX_ERRORS, Outcome, Wanted, begin, validate
from forms.values import Money
from tests.forms.shop import CUSTOMER, ORDER, REASON, build, env, one_form

Facts = dict[str, dict[int, dict[str, Any]]]


def beside_shop(fields: dict[str, Any], **more: Any) -> Form:
    """A form `thing` that may link to the shop's customers and orders."""
    forms, problems = build(
        {
            "customer": CUSTOMER,
            "order": ORDER,
            "thing": {"form": "thing", "fields": fields, **more},
        },
        {"reason": REASON},
        {
            "received": AggregateType("thing.lines", {"counted": Type("decimal")}),
            "asked": AggregateType("order", {"total": Type("decimal")}),
        },
    )
    assert problems == []
    return forms["thing"]


def asked(
    form: Form, submitted: Any, facts: Facts, previous: Any = None
) -> tuple[list[Wanted], Outcome]:
    """All that was wanted, round by round, and the outcome."""
    world = env(me=9)
    rounds: list[Wanted] = []
    draft = begin(form, submitted, previous=previous, env=world)
    while wanted := draft.wanted():
        rounds.append(wanted)
        links = {target: dict(rows) for target, rows in world.links.items()}
        for target, ids in wanted.links.items():
            known = facts.get(target, {})
            links.setdefault(target, {}).update({i: known[i] for i in ids if i in known})
        world.links = links
        aggregates = {name: dict(rows) for name, rows in world.aggregates.items()}
        for name, key in wanted.aggregates:
            if key in facts.get(name, {}):
                aggregates.setdefault(name, {})[key] = facts[name][key]
        world.aggregates = aggregates
    return rounds, draft.finish()


def codes(outcome: Outcome) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(e.code, e.path) for e in outcome.errors]


LINKED = {
    "order": {"type": "link", "to": "order", "fill": {"customer": "order.customer"}},
    "customer": {"type": "link", "to": "customer", "where": "level > 1"},
    "note": {"type": "text"},
}


def test_nothing_is_asked_for_what_did_not_change() -> None:
    form = beside_shop(LINKED)
    before = {"id": 3, "order": 1, "customer": 7, "note": None}
    rounds, outcome = asked(form, {"note": "x"}, {}, before)
    assert rounds == []
    assert outcome.ok
    rounds, outcome = asked(form, {"customer": 8}, {"customer": {8: {"level": 1}}}, before)
    assert [r.links for r in rounds] == [{"customer": {8}}]
    assert rounds[0].fields == {"customer": {"level"}}
    assert codes(outcome) == [("link_refused", ("customer",))]


def test_what_a_fill_brings_is_trusted() -> None:
    form = beside_shop(LINKED)
    rounds, outcome = asked(form, {"order": 1}, {"order": {1: {"customer": 7}}})
    assert [r.links for r in rounds] == [{"order": {1}}]
    assert outcome.ok
    assert outcome.values["customer"] == 7


def test_what_a_person_chose_is_kept_by_a_fill() -> None:
    form = beside_shop(LINKED)
    facts: Facts = {"order": {1: {"customer": 7}}, "customer": {8: {"level": 5}}}
    _, outcome = asked(form, {"order": 1, "customer": 8}, facts)
    assert outcome.values["customer"] == 8
    before = {"id": 3, "order": 2, "customer": 8, "note": None}
    _, outcome = asked(form, {"order": 1, "customer": 8}, facts, before)
    assert outcome.values["customer"] == 7


def test_existence_of_people_and_files_is_asked() -> None:
    form = beside_shop(
        {
            "owner": {"type": "user"},
            "team": {"type": "department"},
            "proof": {"type": "file", "many": True},
        }
    )
    facts: Facts = {"@user": {5: {}}, "@file": {1: {}}}
    rounds, outcome = asked(form, {"owner": 5, "team": 6, "proof": [1, 2]}, facts)
    assert rounds[0].links == {"@user": {5}, "@department": {6}, "@file": {1, 2}}
    assert codes(outcome) == [("department_missing", ("team",)), ("file_missing", ("proof",))]


def test_a_default_that_is_a_link_is_read_and_not_doubted() -> None:
    form = beside_shop({"owner": {"type": "user", "default": "me"}})
    rounds, outcome = asked(form, {}, {})
    assert rounds == []
    assert outcome.values["owner"] == 9


def test_a_where_may_follow_a_link_of_the_candidate() -> None:
    form = beside_shop({"order": {"type": "link", "to": "order", "where": "customer.level > 1"}})
    facts: Facts = {
        "order": {1: {"customer": 7}, 2: {"customer": 8}},
        "customer": {7: {"level": 5}, 8: {"level": 1}},
    }
    rounds, outcome = asked(form, {"order": 1}, facts)
    assert [r.links for r in rounds] == [{"order": {1}}, {"customer": {7}}]
    assert outcome.ok
    assert codes(asked(form, {"order": 2}, facts)[1]) == [("link_refused", ("order",))]


def test_a_where_is_judged_again_when_what_it_reads_here_changes() -> None:
    form = beside_shop(
        {
            "level": {"type": "integer"},
            "customer": {"type": "link", "to": "customer", "where": "level >= this.level"},
        }
    )
    before = {"id": 3, "level": 1, "customer": 7}
    rounds, outcome = asked(form, {"level": 6}, {"customer": {7: {"level": 5}}}, before)
    assert [r.links for r in rounds] == [{"customer": {7}}]
    assert codes(outcome) == [("link_refused", ("customer",))]


def test_many_links_are_each_judged() -> None:
    form = beside_shop(
        {
            "orders": {
                "type": "link",
                "to": "order",
                "many": True,
                "max": 3,
                "where": "currency == 'CNY'",
            }
        }
    )
    facts: Facts = {"order": {1: {"currency": "CNY"}, 2: {"currency": "USD"}}}
    assert codes(asked(form, {"orders": [1, 2]}, facts)[1]) == [("link_refused", ("orders",))]
    assert codes(asked(form, {"orders": [1, 3]}, facts)[1]) == [("link_missing", ("orders",))]
    assert asked(form, {"orders": [1]}, facts)[1].ok


AGGREGATED = {
    "order": {"type": "link", "to": "order"},
    "asked_before": {"type": "decimal", "formula": "asked(order).total"},
    "lines": {
        "type": "lines",
        "fields": {
            "quantity": {"type": "decimal"},
            "open": {"type": "decimal", "formula": "quantity - received(this).counted"},
        },
    },
}


def test_aggregates_are_asked_by_the_keys_that_are_read() -> None:
    form = beside_shop(AGGREGATED)
    before = {"id": 3, "order": 1, "lines": [{"id": 31, "quantity": Decimal(5)}]}
    facts: Facts = {
        "order": {1: {}},
        "asked": {1: {"total": Decimal(4)}},
        "received": {31: {"counted": Decimal(2)}},
    }
    rounds, outcome = asked(form, {"lines": [{"id": 31, "quantity": 6}]}, facts, before)
    assert rounds[0].aggregates == {("asked", 1), ("received", 31)}
    assert outcome.values["asked_before"] == 4
    assert outcome.values["lines"][0]["open"] == 4
    _, outcome = asked(form, {"order": 2, "lines": [{"quantity": 6}]}, facts | {"order": {2: {}}})
    assert outcome.values["asked_before"] == 0
    assert outcome.values["lines"][0]["open"] == 6


def test_an_env_used_again_forgets_the_currency_before() -> None:
    form = one_form({"currency": {"type": "text"}, "paid": {"type": "money"}})
    world = env(currency="CNY")
    assert (
        validate(form, {"currency": "USD", "paid": 1}, env=world).values["paid"].currency == "USD"
    )
    outcome = validate(form, {"paid": 1}, env=world)
    assert (outcome.currency, outcome.values["paid"].currency) == ("CNY", "CNY")


def test_an_amount_may_have_a_currency_of_its_own() -> None:
    form = one_form(
        {
            "abroad": {"type": "text"},
            "paid": {"type": "money", "currency": "coalesce(abroad, 'CNY')"},
        }
    )
    assert form.fields["paid"].currency_of == "own"
    assert validate(form, {"paid": 1, "abroad": "USD"}, env=env()).values["paid"] == Money(
        Decimal(1), "USD"
    )
    assert validate(form, {"paid": 1}, env=env()).values["paid"].currency == "CNY"
    assert codes(validate(form, {"paid": "1 EUR"}, env=env())) == [("wrong_currency", ("paid",))]


def test_lines_that_are_not_shown_are_emptied_with_all_that_depends_on_them() -> None:
    form = one_form(
        {
            "detailed": {"type": "boolean"},
            "lines": {
                "type": "lines",
                "min": 1,
                "visible": "detailed",
                "fields": {"n": {"type": "integer", "required": True}},
            },
            "sum": {"type": "integer", "formula": "sum(lines.n)"},
        }
    )
    outcome = validate(form, {"lines": [{"n": 5}, {}]}, env=env())
    assert outcome.ok
    assert (outcome.values["lines"], outcome.values["sum"]) == ([], 0)
    outcome = validate(form, {"detailed": True, "lines": [{"n": 5}]}, env=env())
    assert outcome.values["sum"] == 5
    assert codes(validate(form, {"detailed": True}, env=env())) == [("too_few_rows", ("lines",))]


def test_a_loop_reads_the_record_it_stands_in() -> None:
    form = one_form(
        {
            "big": {"type": "integer", "formula": "sum(lines.n where n > parent.limit)"},
            "limit": {"type": "integer", "formula": "base * 2"},
            "base": {"type": "integer"},
            "lines": {"type": "lines", "fields": {"n": {"type": "integer"}}},
        }
    )
    outcome = validate(form, {"base": 2, "lines": [{"n": 3}, {"n": 5}, {"n": 6}]}, env=env())
    assert outcome.values["big"] == 11


def test_computed_numbers_are_rounded_to_what_is_stored() -> None:
    form = one_form(
        {
            "a": {"type": "integer"},
            "third": {"type": "decimal", "formula": "a / 3"},
            "small": {"type": "decimal", "formula": "a / 3", "max": 1},
            "yen": {
                "type": "money",
                "currency": "JPY",
                "round": "half_even",
                "formula": "money(a, 'JPY') / 2",
            },
        }
    )
    outcome = validate(form, {"a": 5}, env=env())
    assert outcome.values["third"] == Decimal("1.666667")
    assert outcome.values["yen"] == Money(Decimal(2), "JPY")
    assert codes(outcome) == [("too_large", ("small",))]


def test_errors_are_told_but_not_without_end() -> None:
    form = one_form({"lines": {"type": "lines", "fields": {"n": {"type": "integer"}}}})
    outcome = validate(form, {"lines": [{"n": "x"}] * 900}, env=env())
    assert len(outcome.errors) == MAX_ERRORS
    outcome = validate(form, {"lines": [{}] * 1001}, env=env())
    assert codes(outcome) == [("too_many_rows", ("lines",))]


def test_dotted_names_find_fields() -> None:
    form = one_form({"lines": {"type": "lines", "fields": {"n": {"type": "integer"}}}})
    found = form.field_at("lines.n")
    assert found is not None
    assert found.path == "lines.n"
    assert form.field_at("lines.m") is None
    assert [one.id for one in form.lines] == ["lines"]


def test_a_formula_that_reads_like_a_fill_is_still_read_at_every_save() -> None:
    form = beside_shop(
        {
            "order": {"type": "link", "to": "order", "fill": {"code": "order.currency"}},
            "code": {"type": "text"},
            "live": {"type": "text", "formula": "order.currency"},
        }
    )
    before = {"id": 3, "order": 1, "code": "CNY", "live": "CNY"}
    rounds, outcome = asked(form, {"code": "x"}, {"order": {1: {"currency": "USD"}}}, before)
    assert [r.links for r in rounds] == [{"order": {1}}]
    assert (outcome.values["code"], outcome.values["live"]) == ("x", "USD")
