"""The check of rules is exact: its findings are those that trying every kind of value gives."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from flows.policy.conditions import Domain, predicate, read_condition
from flows.policy.examine import (
    DEAD,
    GAP,
    IDLE,
    OVERLAP,
    SHADOWED,
    TOO_COMPLEX,
    Finding,
    examine,
    shown,
)
from flows.policy.model import COLLECT, ELSE, FIRST, UNIQUE, Condition, Edition, Input, Rule
from flows.policy.plain import plain_of
from forms.expr import Scope, compile_expr
from forms.values import Money, Text

NULL = compile_expr("null", Scope({}))


def an_input(name: str, domain: Domain) -> Input:
    return Input(name, NULL, domain, plain_of(domain.kind))


def rule(name: str, inputs: list[Input], **when: Any) -> Rule:
    conditions = []
    for key, written in when.items():
        place = [one.id for one in inputs].index(key)
        allowed = read_condition(written, inputs[place].domain, {})
        conditions.append(Condition(place, written, allowed, predicate(allowed)))
    return Rule(name, Text(name, name), tuple(conditions), {}, {})


def edition(rules: list[Rule], *, otherwise: bool = False) -> Edition:
    last = Rule(ELSE, Text(), (), {}, {}) if otherwise else None
    return Edition("", Text(), None, {}, tuple(rules), last, ())


def told(findings: list[Finding]) -> list[tuple[str, str, tuple[str, ...], str]]:
    return [
        (f.kind, f.rule.id if f.rule else "", tuple(o.id for o in f.others), f.shown)
        for f in findings
    ]


DAYS = an_input("days", Domain("integer"))
FAULT = an_input("fault", Domain("choice", True, ("customer", "merchant", "carrier")))
INTACT = an_input("intact", Domain("boolean", False))
TOTAL = an_input("total", Domain("money"))
SCORE = an_input("score", Domain("decimal", False))
DAY = an_input("day", Domain("date", False))
WAIT = an_input("wait", Domain("duration", False))
WORD = an_input("word", Domain("text", False))


def test_a_gap_is_shown_by_a_value_of_each_input() -> None:
    inputs = [DAYS, FAULT, INTACT]
    rules = [
        rule("unknown", inputs, days="none"),
        rule("early", inputs, days="under 0"),
        rule("quality", inputs, days="0..15", fault=["merchant", "carrier"]),
        rule("other", inputs, days="0..15", fault=["customer", "none"], intact=True),
        rule("late", inputs, days="from 16"),
    ]
    assert told(examine(inputs, edition(rules))) == [
        (GAP, "", (), "days=0, fault=customer, intact=false")
    ]
    assert examine(inputs, edition(rules, otherwise=True)) == []
    closed = [*rules, rule("opened", inputs, fault="customer"), rule("rest", inputs, fault="none")]
    assert examine(inputs, edition(closed)) == []


@pytest.mark.parametrize(
    ("one", "conditions", "witness"),
    [
        (DAYS, ["none", "up to 5", "from 7"], "days=6"),
        (DAYS, ["none", "up to 5", "from 6"], ""),
        (DAYS, ["up to 5", "over 5"], "days=none"),
        (SCORE, ["0..200", "201..300", "under 0", "over 300"], "score=200.1"),
        (SCORE, ["0..200", "200.001..300", "under 0", "over 300"], "score=200.0001"),
        (SCORE, ["up to 200", "over 200"], ""),
        (SCORE, ["under 200", "over 200"], "score=200"),
        (SCORE, ["over 200"], "score=199"),
        (SCORE, ["1..2", "2..3", "over 3", "under 1"], ""),
        (DAY, ["up to 2026-02-28", "from 2026-03-02"], "day=2026-03-01"),
        (DAY, ["up to 2026-02-28", "from 2026-03-01"], ""),
        (DAY, ["from 2026-01-01"], "day=2025-12-31"),
        (WAIT, ["up to 2h", "over 150m"], "wait=135m"),
        (WORD, ["a", ["b", "c"]], "word=…"),
        (WORD, ["…"], "word=……"),
        (TOTAL, ["none", "up to 5 CNY", "over 5 CNY"], ""),
        (TOTAL, ["none", "up to 5 CNY", "over 5 CNY", "up to 7 USD"], "total=8.00 USD"),
        (INTACT, [True], "intact=false"),
        (FAULT, [["customer", "carrier"], "none"], "fault=merchant"),
    ],
)
def test_the_witness_of_a_gap_of_each_kind(one: Input, conditions: list[Any], witness: str) -> None:
    rules = [rule(f"r{n}", [one], **{one.id: c}) for n, c in enumerate(conditions)]
    assert [f.shown for f in examine([one], edition(rules))] == ([witness] if witness else [])


def test_a_rule_in_the_shadow_of_several_names_them() -> None:
    inputs = [DAYS, INTACT]
    rules = [
        rule("short", inputs, days="0..7"),
        rule("used", inputs, intact=False),
        rule("mid", inputs, days="5..15", intact=True),
        rule("never", inputs, days="0..10"),
    ]
    assert told(examine(inputs, edition(rules, otherwise=True))) == [
        (SHADOWED, "never", ("short", "used", "mid"), "days=0, intact=true")
    ]
    assert examine(inputs, edition(rules, otherwise=True), COLLECT) == []


def test_nothing_comes_after_a_rule_without_conditions() -> None:
    rules = [rule("all", [DAYS]), rule("more", [DAYS], days=3)]
    assert told(examine([DAYS], edition(rules))) == [(SHADOWED, "more", ("all",), "days=3")]


def test_an_else_that_nothing_is_left_for_is_idle() -> None:
    rules = [rule("yes", [INTACT], intact=True), rule("no", [INTACT], intact=False)]
    assert told(examine([INTACT], edition(rules, otherwise=True))) == [(IDLE, ELSE, (), "")]
    assert examine([INTACT], edition(rules)) == []
    assert examine([INTACT], edition(rules[:1], otherwise=True)) == []


def test_unique_rules_must_not_meet() -> None:
    inputs = [DAYS, FAULT]
    rules = [
        rule("first", inputs, days="0..7"),
        rule("second", inputs, days="from 8", fault="merchant"),
        rule("third", inputs, days="7..9", fault=["merchant", "none"]),
    ]
    assert told(examine(inputs, edition(rules, otherwise=True), UNIQUE)) == [
        (OVERLAP, "third", ("first",), "days=7, fault=merchant")
    ]


def test_a_rule_outside_the_bounds_of_its_field_is_dead() -> None:
    points = an_input("points", Domain("integer", False, (), 0, 100))
    rules = [
        rule("below", [points], points="under 0"),
        rule("none", [points], points="none"),
        rule("some", [points], points="0..99"),
    ]
    assert told(examine([points], edition(rules))) == [
        (DEAD, "below", (), "points"),
        (DEAD, "none", (), "points"),
        (GAP, "", (), "points=100"),
    ]
    assert examine([points], edition([rule("all", [points], points="0..100")])) == []


def test_no_conditions_at_all_is_one_class_of_values() -> None:
    assert [f.shown for f in examine([TOTAL, DAY], edition([]))] == ["total=0.00, day=2000-01-01"]


def test_entangled_rules_end_in_a_finding_not_in_a_hang() -> None:
    inputs = [an_input(f"i{n}", Domain("integer", False)) for n in range(20)]
    chance = Random(5)
    rules = []
    for number in range(300):
        some = chance.sample(inputs, 4)
        when = {one.id: f"{(low := chance.randrange(60))}..{low + 40}" for one in some}
        rules.append(rule(f"r{number}", inputs, **when))
    start = time.process_time()
    assert [f.kind for f in examine(inputs, edition(rules))][-1] == TOO_COMPLEX
    assert time.process_time() - start < 20


def test_a_small_budget_is_soon_used_up() -> None:
    rules = [rule(f"r{n}", [DAYS], days=n * 2) for n in range(10)]
    assert examine([DAYS], edition(rules, otherwise=True), FIRST, 10) == []
    inputs = [DAYS, SCORE, DAY]
    crossing = [
        rule(f"r{n}", inputs, **{i.id: "none" if i is DAYS else [w]})
        for n, (i, w) in enumerate([(SCORE, 1), (SCORE, 2), (DAY, "2026-01-01")])
    ]
    assert [f.kind for f in examine(inputs, edition(crossing), FIRST, 2)] == [TOO_COMPLEX]


# --- against trying out -------------------------------------------------------------------------

# Bounds are multiples of ten, so a grid of fives has a point in every class that they can make.
OPTIONS = ("a", "b", "c")


def grid(one: Domain) -> list[Any]:
    values: list[Any]
    if one.kind == "integer":
        values = [n for n in range(-5, 50, 5) if one.low is None or one.low <= n <= one.high]
    elif one.kind == "decimal":
        values = [Decimal(n) for n in range(-5, 50, 5)]
    elif one.kind == "money":
        values = [Money(Decimal(n), c) for c in ("CNY", "USD") for n in range(-5, 50, 5)]
    elif one.kind == "date":
        values = [date(2026, 1, 1) + timedelta(days=n) for n in range(-5, 50, 5)]
    elif one.kind == "duration":
        values = [timedelta(hours=n) for n in range(-5, 50, 5)]
    elif one.kind == "boolean":
        values = [True, False]
    elif one.kind == "choice":
        values = [*one.options]
    else:
        values = ["a", "b", "c", "d"]
    return [*values, None] if one.nullable else values


def a_bound(chance: Random, kind: str) -> str:
    number = chance.randrange(5) * 10
    if kind == "date":
        return (date(2026, 1, 1) + timedelta(days=number)).isoformat()
    return f"{number}h" if kind == "duration" else str(number)


def a_condition(chance: Random, one: Domain) -> Any:
    if one.nullable and chance.random() < 0.15:
        return "none"
    if one.kind == "boolean":
        return chance.random() < 0.5
    if one.kind in ("choice", "text"):
        return chance.choice(OPTIONS)
    tail = f" {chance.choice(['CNY', 'USD'])}" if one.kind == "money" else ""
    first, second = sorted((a_bound(chance, one.kind) for _ in range(2)), key=lambda b: (len(b), b))
    form = chance.choice(["up to {}", "over {}", "from {}", "under {}", "{}", "{}..{}"])
    return form.format(first, second) + tail


def a_policy(chance: Random) -> tuple[list[Input], list[Rule]]:
    inputs = []
    for number in range(chance.randint(1, 3)):
        kind = chance.choice(
            ["integer", "decimal", "money", "date", "duration", "boolean", "choice", "text"]
        )
        options = OPTIONS if kind == "choice" else ()
        bounds = (0, 40) if kind == "integer" and chance.random() < 0.3 else (None, None)
        inputs.append(an_input(f"i{number}", Domain(kind, chance.random() < 0.5, options, *bounds)))
    rules = []
    for number in range(chance.randint(0, 6)):
        when = {}
        for one in inputs:
            if chance.random() < 0.7:
                several = chance.random() < 0.25
                made = [a_condition(chance, one.domain) for _ in range(2 if several else 1)]
                when[one.id] = made if several else made[0]
        rules.append(rule(f"r{number}", inputs, **when))
    return inputs, rules


def hits(rules: list[Rule], point: tuple[Any, ...]) -> list[str]:
    return [r.id for r in rules if all(c.test(point[c.input]) for c in r.conditions)]


def within_reach(inputs: list[Input], rules: list[Rule]) -> Iterator[tuple[Any, ...]]:
    """Every point of the grid; amounts only in currencies that a condition names."""
    axes = []
    for place, one in enumerate(inputs):
        values = grid(one.domain)
        if one.domain.kind == "money":
            spans = [
                s for r in rules for c in r.conditions if c.input == place for s in c.allowed.spans
            ]
            known = {s.currency for s in spans} or {"CNY"}
            values = [v for v in values if v is None or v.currency in known]
        axes.append(values)
    yield from itertools.product(*axes)


@pytest.mark.parametrize("block", range(20))
def test_thousands_of_policies_agree_with_trying_every_kind_of_value(block: int) -> None:
    chance = Random(block)
    for _ in range(150):
        inputs, rules = a_policy(chance)
        first_of: dict[str, int] = {}
        alone: dict[str, set[str]] = {r.id: set() for r in rules}
        gap = False
        for point in within_reach(inputs, rules):
            found = hits(rules, point)
            gap = gap or not found
            if found:
                first_of[found[0]] = 1
            for place, name in enumerate(found):
                alone[name].update(found[:place] or [""])
        dead = {name for name, others in alone.items() if not others}
        shadowed = {r.id for r in rules if r.id not in first_of} - dead
        overlapping = {name for name, others in alone.items() if others - {""}}

        at_first = examine(inputs, edition(rules))
        assert {f.rule.id for f in at_first if f.kind == DEAD and f.rule} == dead
        assert {f.rule.id for f in at_first if f.kind == SHADOWED and f.rule} == shadowed
        assert any(f.kind == GAP for f in at_first) == gap
        closed = examine(inputs, edition(rules, otherwise=True))
        sound = not dead and not shadowed
        assert [f.kind for f in closed if f.kind == IDLE] == [IDLE] * (sound and not gap)
        at_once = examine(inputs, edition(rules, otherwise=True), UNIQUE)
        assert {f.rule.id for f in at_once if f.kind == OVERLAP and f.rule} == overlapping
        for finding in (*at_first, *at_once):
            prove(finding, rules)


def prove(finding: Finding, rules: list[Rule]) -> None:
    """The witness shows what the finding says."""
    if finding.kind == DEAD:
        return
    found = hits(rules, finding.witness)
    if finding.kind == GAP:
        assert found == []
        return
    assert finding.rule is not None
    assert finding.rule.id in found
    assert finding.others[0].id in found
    assert found.index(finding.others[0].id) < found.index(finding.rule.id)
    assert {other.id for other in finding.others} <= {r.id for r in rules}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        (7, "7"),
        (Decimal("0.50"), "0.5"),
        (Money(Decimal("5"), "CNY"), "5.00 CNY"),
        (Money(Decimal("5"), "JPY"), "5 JPY"),
        (date(2026, 3, 1), "2026-03-01"),
        (timedelta(hours=2), "120m"),
        ("merchant", "merchant"),
    ],
)
def test_a_witness_is_shown_as_an_author_would_write_it(value: Any, text: str) -> None:
    assert shown(value) == text


def test_first_is_the_default() -> None:
    assert examine([DAYS], edition([rule("all", [DAYS])])) == examine(
        [DAYS], edition([rule("all", [DAYS])]), FIRST
    )
