"""Policies decide as they are written, and say why."""

from __future__ import annotations

import json
import operator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.policy import Decision, Undecided, decide, parameter, public_text, rule_texts
from flows.policy.conditions import Domain, predicate, read_condition
from forms.expr import Env
from forms.values import Money
from tests.flows.policy_support import claim, line, policy

NOW = datetime(2026, 3, 18, 2, tzinfo=UTC)

RETURNS = """
policy: tested
for: claim.lines
as_of: order.placed_on
params:
  unconditional_days: 7
  quality_days: 15
  refund_within: 3wd
  limit: 500 CNY
inputs:
  days:   days_between(order.delivered_on, applied_on)
  fault:  reason.fault
  intact: intact
outputs:
  verdict: {combine: max}
  freight: {combine: max}
branch: verdict
rules:
  not_delivered: {when: {days: none}, then: {verdict: review}}
  quality:
    when: {days: 0..quality_days, fault: [merchant, carrier]}
    then: {verdict: auto, freight: merchant}
    says: {zh: "{quality_days}天内，质量问题可退。", en: "{quality_days} days, faulty goods."}
  unconditional:
    when: {days: 0..unconditional_days, intact: true}
    then: {verdict: auto, freight: customer}
    says: {zh: "{unconditional_days}天内，无理由退货。", en: "{unconditional_days} days, no why."}
  opened:
    when: {days: 0..unconditional_days, intact: false}
    then: {verdict: review, freight: customer}
else: {verdict: refuse, freight: customer}
public:
  zh: "{rules}{refund_within}内退款，{limit}以下免审。"
  en: "{rules} Refunded within {refund_within}; up to {limit} at once."
editions:
  later:
    from: 2026-07-01
    params: {unconditional_days: 14, refund_within: 1d 12h}
  late:
    from: 2026-06-01
    without: [opened]
    rules:
      used:
        when: {intact: false}
        then: {verdict: refuse, freight: customer}
        before: quality
"""


def env(
    placed_on: date | None = date(2026, 3, 1), delivered_on: date | None = date(2026, 3, 3)
) -> Env:
    order = {"id": 7, "nr": "A1", "placed_on": placed_on, "delivered_on": delivered_on}
    return Env(NOW, links={"order": {7: order}}, currency="CNY")


def judged(
    days: int | None, reason: str, intact: bool, placed: date = date(2026, 3, 1)
) -> Decision:
    delivered = date(2026, 3, 3)
    applied = None if days is None else delivered + timedelta(days=days)
    row = claim(line(11, reason=reason, intact=intact), applied_on=applied)
    return decide(policy(RETURNS), row, env(placed))


@pytest.mark.parametrize(
    ("days", "reason", "intact", "rule", "verdict", "freight"),
    [
        (0, "unwanted", True, "unconditional", "auto", "customer"),
        (7, "unwanted", True, "unconditional", "auto", "customer"),
        (8, "unwanted", True, "else", "refuse", "customer"),
        (7, "unwanted", False, "opened", "review", "customer"),
        (15, "quality", False, "quality", "auto", "merchant"),
        (15, "transit", True, "quality", "auto", "merchant"),
        (16, "quality", True, "else", "refuse", "customer"),
        (-1, "quality", True, "else", "refuse", "customer"),
        (None, "quality", True, "not_delivered", "review", None),
    ],
)
def test_the_first_rule_that_fits_decides_a_line(
    days: int | None, reason: str, intact: bool, rule: str, verdict: str, freight: str | None
) -> None:
    made = judged(days, reason, intact)
    assert made.lines == {11: {"verdict": verdict}}
    assert made.outputs == {"verdict": verdict, "freight": freight}
    assert made.branch == verdict
    assert [entry["rule"] for entry in made.trace] == [rule]


def test_the_trace_names_inputs_edition_and_what_did_not_fit() -> None:
    assert json.loads(json.dumps(judged(5, "unwanted", False).trace)) == [
        {
            "policy": "tested",
            "row": 11,
            "edition": "",
            "rule": "opened",
            "inputs": {"days": 5, "fault": "customer", "intact": False},
            "verdict": {"verdict": "review", "freight": "customer"},
            "considered": [
                *(["not_delivered", "days"], ["quality", "fault"], ["unconditional", "intact"]),
            ],
        }
    ]


def test_the_record_follows_its_gravest_line() -> None:
    row = claim(
        line(11, reason="quality", intact=True),
        line(12, reason="unwanted", intact=False),
        line(13, reason="unwanted", intact=True),
        applied_on=date(2026, 3, 5),
    )
    made = decide(policy(RETURNS), row, env())
    assert made.branch == "review"
    assert made.outputs == {"verdict": "review", "freight": "merchant"}
    assert {key: value["verdict"] for key, value in made.lines.items()} == {
        11: "auto",
        12: "review",
        13: "auto",
    }


@pytest.mark.parametrize(
    ("placed", "edition", "rule"),
    [
        (date(2026, 5, 31), "", "opened"),
        (date(2026, 6, 1), "late", "used"),
        (date(2026, 6, 30), "late", "used"),
        (date(2026, 7, 1), "later", "used"),
    ],
)
def test_the_day_chooses_the_edition_and_each_builds_on_the_one_before(
    placed: date, edition: str, rule: str
) -> None:
    made = judged(5, "unwanted", False, placed)
    assert (made.trace[0]["edition"], made.trace[0]["rule"]) == (edition, rule)


def test_an_edition_changes_a_parameter_wherever_it_stands() -> None:
    assert judged(10, "unwanted", True, date(2026, 6, 30)).branch == "refuse"
    assert judged(10, "unwanted", True, date(2026, 7, 1)).branch == "auto"
    found = policy(RETURNS)
    row = claim()
    assert parameter(found, "unconditional_days", row, env(date(2026, 7, 1))).value == 14
    assert parameter(found, "unconditional_days", row, env()).value == 7
    assert found.params["refund_within"].parts == ((3, "wd"),)


def test_without_a_day_there_is_no_edition() -> None:
    row = claim(line(11, reason="quality", intact=True), applied_on=date(2026, 3, 5))
    with pytest.raises(Undecided, match=r"order · placed_on is empty") as raised:
        decide(policy(RETURNS), row, env(None))
    assert raised.value.code == "no_day"
    assert raised.value.trace[0]["row"] == 11


def test_nothing_to_judge_is_no_verdict() -> None:
    with pytest.raises(Undecided) as raised:
        decide(policy(RETURNS), claim(), env())
    assert raised.value.code == "nothing_to_judge"


def test_the_environment_is_left_as_it_was() -> None:
    world = env()
    world.parent = before = {"id": 3}
    row = claim(line(11, reason="quality", intact=True), applied_on=date(2026, 3, 5))
    decide(policy(RETURNS), row, world)
    assert world.parent is before


def test_what_it_reads_is_known_beforehand() -> None:
    reads = policy(RETURNS).reads
    assert reads.links == {("order", "placed_on"), ("order", "delivered_on")}
    text = """
policy: tested
for: claim.lines
inputs: {total: order_line.total, day: order_line.order.placed_on, own: parent.order.nr}
outputs: {percent: {}}
else: {percent: 1}
"""
    assert policy(text).reads.links == {
        *(("lines.order_line", "total"), ("lines.order_line", "order")),
        *(("lines.order_line.order", "placed_on"), ("order", "nr")),
    }


def test_the_public_wording_is_made_of_rules_and_parameters() -> None:
    found = policy(RETURNS)
    assert public_text(found, "zh", date(2026, 3, 1)) == (
        "15天内，质量问题可退。7天内，无理由退货。3个工作日内退款，500.00 CNY以下免审。"
    )
    assert public_text(found, "en", date(2026, 3, 1)) == (
        "15 days, faulty goods. 7 days, no why. "
        "Refunded within 3 working days; up to 500.00 CNY at once."
    )
    assert "14 days" in public_text(found, "en")
    assert "1 day 12 hours" in public_text(found, "en", date(2027, 1, 1))
    assert rule_texts(found.editions[0], "zh") == {
        "quality": "15天内，质量问题可退。",
        "unconditional": "7天内，无理由退货。",
    }


def test_the_branches_are_the_values_of_the_branch_in_their_order() -> None:
    assert policy(RETURNS).branches == ("refuse", "auto", "review")


# --- one record ---------------------------------------------------------------------------------


def record(inputs: str, rules: str, rest: str = "", outputs: str = "level: {}") -> str:
    asked = "\n".join(f"  {one}" for one in inputs.split("; "))
    head = f"policy: tested\nfor: claim\ninputs:\n{asked}\noutputs: {{{outputs}}}\n"
    return head + (f"rules:\n{rules}\n" if rules else "") + rest


LEVELS = record(
    "total: total",
    """
  nothing: {when: {total: none}, then: {level: 0}}
  small:   {when: {total: up to 500 CNY}, then: {level: 1}}
  middle:  {when: {total: [500.01..5000 CNY, under 5000.01 CNY]}, then: {level: 2}}
""",
    "else: {level: 3}",
)


@pytest.mark.parametrize(
    ("total", "level"),
    [(None, 0), ("-1", 1), ("500", 1), ("500.01", 2), ("5000", 2), ("5000.01", 3), ("9e9", 3)],
)
def test_a_record_is_judged_by_its_amount(total: str | None, level: int) -> None:
    amount = None if total is None else Money(Decimal(total), "CNY")
    made = decide(policy(LEVELS), claim(total=amount), env())
    assert made.outputs == {"level": level}
    assert made.lines == {}
    assert made.branch is None
    assert made.trace[0]["row"] is None


def test_an_amount_in_another_currency_has_no_answer() -> None:
    with pytest.raises(Undecided, match="speak of CNY; total is in USD") as raised:
        decide(policy(LEVELS), claim(total=Money(Decimal(10), "USD")), env())
    assert raised.value.code == "other_currency"
    assert raised.value.trace[0]["inputs"] == {"total": {"amount": "10.00", "currency": "USD"}}


def test_a_calculation_without_a_value_is_no_verdict() -> None:
    text = record("sum: total + money(1, 'USD')", "", "else: {level: 1}")
    with pytest.raises(Undecided) as raised:
        decide(policy(text), claim(total=Money(Decimal(10), "CNY")), env())
    assert raised.value.code == "no_value"
    assert "USD" in raised.value.message.zh


def test_all_matching_rules_are_collected() -> None:
    text = record(
        "points: points; vip: vip",
        """
  many: {when: {points: over 50}, then: {fee: 10 CNY, ok: true}}
  most: {when: {points: over 90}, then: {fee: 5 CNY}}
  vip:  {when: {vip: true}, then: {ok: false, fee: bonus}}
""",
        "hit: collect\nelse: {fee: 1 CNY}\nparams: {bonus: 2.5 CNY}",
        "fee: {combine: sum}, ok: {combine: all}",
    )
    found = policy(text)
    made = decide(found, claim(points=95, vip=True), env())
    assert made.outputs == {"fee": Money(Decimal("17.5"), "CNY"), "ok": False}
    assert made.trace[0]["rules"] == ["many", "most", "vip"]
    assert made.trace[0]["verdict"] == {
        "fee": {"amount": "17.50", "currency": "CNY"},
        "ok": False,
    }
    assert json.loads(json.dumps(made.trace)) == made.trace
    made = decide(found, claim(points=60), env())
    assert made.outputs == {"fee": Money(Decimal(10), "CNY"), "ok": True}
    made = decide(found, claim(points=5), env())
    assert made.outputs == {"fee": Money(Decimal(1), "CNY"), "ok": None}
    assert made.trace[0]["rule"] == "else"


def test_exactly_one_rule_is_unique_and_its_order_does_not_matter() -> None:
    text = record(
        "points: points",
        """
  low:  {when: {points: up to 50}, then: {ok: true}}
  high: {when: {points: over 50}, then: {ok: false}}
""",
        "hit: unique\nbranch: ok",
        "ok: {}",
    )
    found = policy(text)
    assert found.branches == ("true", "false")
    assert decide(found, claim(points=50), env()).branch == "true"
    assert decide(found, claim(points=51), env()).branch == "false"
    with pytest.raises(Undecided) as raised:  # a value its field does not allow
        decide(found, claim(points=None), env())
    assert raised.value.code == "no_rule"
    assert "points = empty" in raised.value.message.en


def test_two_rules_at_once_are_no_verdict_where_one_must_be_alone() -> None:
    text = record(
        "points: points",
        "  some: {when: {points: over 5}, then: {level: 1}}\n"
        "  more: {when: {points: over 3}, then: {level: 2}}",
        "else: {level: 0}",
    )
    alone = replace(policy(text), hit="unique")  # as a definition, `check` refuses it
    assert decide(alone, claim(points=4), env()).outputs == {"level": 2}
    with pytest.raises(Undecided, match="points is over 5; points is over 3") as raised:
        decide(alone, claim(points=6), env())
    assert raised.value.code == "several_rules"


@pytest.mark.parametrize(
    ("kind", "written", "yes", "no"),
    [
        ("points", "7", [7], [6, 8]),
        ("points", "[1..3, 7, over 90]", [1, 3, 7, 91], [0, 4, 90]),
        ("points", "from seven", [7, 8], [6]),
        ("points", "under seven", [6], [7]),
        ("score", "0.5..1.5", ["0.5", "1", "1.5"], ["0.49", "1.51"]),
        ("score", "-1..seven", ["-1", "7"], ["-1.1", "7.1"]),
        ("score", "none", [None], ["0"]),
        ("score", "[none, over half]", [None, "0.51"], ["0.5"]),
        (
            "applied_on",
            "2026-01-01..2026-06-30",
            ["2026-01-01"],
            ["2025-12-31", "2026-07-01", None],
        ),
        ("applied_on", "over opening", ["2026-03-02"], ["2026-03-01"]),
        ("waited", "under 48h", [timedelta(hours=47)], [timedelta(hours=48), None]),
        ("waited", "0h..two_days", [timedelta(hours=48)], [timedelta(hours=49)]),
        ("waited", "from 1d 12h", [timedelta(hours=36)], [timedelta(hours=35)]),
        ("note", "[hello, word]", ["hello", "w"], ["word", "Hello", None]),
        ("note", "none", [None], ["none"]),
        ("vip", "true", [True], [False, None]),
        ("vip", "[false, none]", [False, None], [True]),
        ("vip", "yes_please", [True], [False]),
        ("freight", "[merchant, none]", ["merchant", None], ["customer"]),
        ("freight", "payer", ["customer"], ["merchant"]),
    ],
)
def test_each_kind_of_condition(kind: str, written: str, yes: list[Any], no: list[Any]) -> None:
    text = record(
        f"asked: {kind}",
        f"  fits: {{when: {{asked: {written}}}, then: {{level: 1}}}}",
        "else: {level: 0}\n"
        "params: {seven: 7, half: 0.5, opening: 2026-03-01, two_days: 2d, word: w, "
        "yes_please: true, payer: customer}",
    )
    found = policy(text)

    def typed(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if kind == "score":
            return Decimal(value)
        return date.fromisoformat(value) if kind == "applied_on" else value

    for value in yes:
        assert decide(found, claim(**{kind: typed(value)}), env()).outputs == {"level": 1}, value
    for value in no:
        assert decide(found, claim(**{kind: typed(value)}), env()).outputs == {"level": 0}, value


def test_values_of_each_kind_are_given() -> None:
    text = record(
        "points: points",
        "",
        "params: {wait: 36h}\n"
        "else: {level: 3, fee: 9.90 CNY, ok: false, by_then: wait, freight: customer, note: 好}",
        "level: {}, fee: {}, ok: {}, by_then: {}, freight: {}, note: {}",
    )
    made = decide(policy(text), claim(points=1), env())
    assert made.outputs == {
        "level": 3,
        "fee": Money(Decimal("9.90"), "CNY"),
        "ok": False,
        "by_then": timedelta(hours=36),
        "freight": "customer",
        "note": "好",
    }


def test_lines_are_combined_in_each_way() -> None:
    text = """
policy: tested
for: claim.lines
inputs: {q: quantity, nr: order.nr}
outputs: {level: {combine: sum}, ok: {combine: any}, fee: {combine: min}, percent: {}}
rules:
  two: {when: {q: 2}, then: {level: 2, ok: true, fee: 5 CNY, percent: 50}}
  one: {when: {q: 1}, then: {level: 1, fee: 3 CNY, ok: false}}
else: {percent: 100}
"""
    found = policy(text)
    rows = [line(n, quantity=Decimal(q)) for n, q in ((11, 2), (12, 1), (13, 9))]
    made = decide(found, claim(*rows), env())
    assert made.outputs == {"level": 3, "ok": True, "fee": Money(Decimal(3), "CNY")}
    assert made.lines[11] == {"fee": Money(Decimal(5), "CNY"), "percent": Decimal(50)}
    assert made.lines[13] == {"fee": None, "percent": Decimal(100)}
    sums = policy(
        "policy: tested\nfor: claim.lines\ninputs: {q: quantity}\n"
        "outputs: {by_then: {combine: sum}, percent: {combine: sum}}\n"
        "else: {by_then: 2h, percent: 1.5}\n"
    )
    waits = decide(sums, claim(*rows), env())
    assert waits.outputs == {"by_then": timedelta(hours=6)}
    assert decide(sums, claim(), env()).outputs == {"by_then": timedelta(0)}
    empty = decide(found, claim(), env())
    assert empty.outputs == {"level": 0, "ok": False, "fee": None}
    assert empty.trace == []


# --- conditions against a plain reading -----------------------------------------------------------

READINGS = {
    "up to": operator.le,
    "under": operator.lt,
    "from": operator.ge,
    "over": operator.gt,
}


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from([*READINGS]), st.integers(-20, 20)),
            st.tuples(st.just(".."), st.integers(-20, 20), st.integers(0, 10)),
            st.tuples(st.just("="), st.integers(-20, 20)),
            st.tuples(st.just("none")),
        ),
        min_size=1,
        max_size=4,
    ),
    st.one_of(st.none(), st.integers(-25, 25)),
    st.sampled_from(["integer", "decimal", "money"]),
)
def test_a_list_of_conditions_holds_where_one_of_them_does(
    parts: list[tuple[Any, ...]], value: int | None, kind: str
) -> None:
    def written(part: tuple[Any, ...]) -> str:
        tail = " CNY" if kind == "money" else ""
        match part:
            case ("none",):
                return "none"
            case ("=", bound):
                return f"{bound}{tail}"
            case ("..", low, length):
                return f"{low}..{low + length}{tail}"
        return f"{part[0]} {part[1]}{tail}"

    def holds(part: tuple[Any, ...]) -> bool:
        if value is None or part[0] == "none":
            return value is None and part[0] == "none"
        if part[0] == "..":
            return bool(part[1] <= value <= part[1] + part[2])
        return bool(READINGS.get(part[0], operator.eq)(value, part[1]))

    typed: Any = value
    if value is not None and kind != "integer":
        typed = Money(Decimal(value), "CNY") if kind == "money" else Decimal(value)
    test = predicate(read_condition([written(part) for part in parts], Domain(kind), {}))
    assert test(typed) == any(holds(part) for part in parts)
    if kind == "money" and value is not None:
        assert not test(Money(Decimal(value), "USD"))
