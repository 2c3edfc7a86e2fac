"""What leaves an expression without a value, against trying every way its fields could be."""

from __future__ import annotations

import random

from flows.soundness.emptiness import Emptiness
from flows.soundness.facts import RECORD
from forms.expr import Expr, ExprError, compile_expr
from tests.flows.soundness.explorer import valuations
from tests.flows.soundness.random_flows import SHAPE, WORLD, _names

COUNT = 4_000
REQUIRED = frozenset({"r"})
NUMBERS = ("a", "b", "c", "d", "r", "1", "6")


class Words:
    """Writes random expressions, most of which make sense."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def number(self, deep: int) -> str:
        rng = self.rng
        if not deep or rng.random() < 0.4:
            return rng.choice(NUMBERS)
        one, two = self.number(deep - 1), self.number(deep - 1)
        return rng.choice(
            [
                f"{one} + {two}",
                f"({one} - {two})",
                f"coalesce({one}, {two})",
                f"if({self.condition(deep - 1)}, {one}, {two})",
                f"max({one}, {two})",
                f"abs({one})",
                f"-{one}",
            ]
        )

    def condition(self, deep: int) -> str:
        rng = self.rng
        if deep and rng.random() < 0.5:
            one, two = self.condition(deep - 1), self.condition(deep - 1)
            return rng.choice([f"({one} and {two})", f"({one} or {two})", f"not ({one})"])
        one, two = self.number(deep and deep - 1), self.number(deep and deep - 1)
        return rng.choice(
            [
                f"{one} > {two}",
                f"{one} == {two}",
                f"{one} != {two}",
                f"is_empty({rng.choice('abcd')})",
                f"not is_empty({rng.choice('abcd')})",
                f"k == '{rng.choice('uv')}'",
                f"{one} in [1, 6]",
                "k in ['u', 'v']",
            ]
        )


def expressions() -> list[tuple[Expr, frozenset[str]]]:
    """Random conditions, each with fields that are known to be filled."""
    rng = random.Random(7)
    words = Words(rng)
    found: list[tuple[Expr, frozenset[str]]] = []
    while len(found) < COUNT:
        source = words.condition(rng.randint(0, 3))
        known = frozenset(rng.sample(["a", "b", "c", "k"], rng.randint(0, 2)))
        try:
            found.append((compile_expr(source, _names()), known))
        except ExprError:
            continue
    return found


def test_no_expression_is_empty_unforeseen_and_few_are_suspected_wrongly() -> None:
    empty = Emptiness(SHAPE, WORLD)
    wrongly = really = 0
    for expr, known in expressions():
        results = valuations(expr, known, None)
        lacks = empty.of(expr, known | REQUIRED)
        if None in results:
            assert lacks, (expr.source, known)
            really += 1
        else:
            wrongly += bool(lacks)
    assert really > COUNT / 10, (really, wrongly)
    assert wrongly < COUNT / 100


def test_what_a_condition_is_said_to_tell_is_true() -> None:
    empty = Emptiness(SHAPE, WORLD)
    told = missed = 0
    for expr, known in expressions():
        results = valuations(expr, known, None)
        for held in (True, False):
            if held not in results:
                continue
            claimed = {
                f for f in empty.known(expr.node, known | REQUIRED, RECORD, held) if empty.is_own(f)
            }
            sure = results[held] - known
            assert claimed & {"a", "b", "c", "k"} <= results[held], (expr.source, held)
            told += len(sure)
            missed += len(sure - claimed)
    assert told > COUNT / 4
    assert missed < told / 6
