"""What the rules of a policy leave open, decide twice, or can never decide: exact, with a witness.

The inputs count as independent of each other: a rule that no record can ever meet, because two
inputs are computed from one field, is not seen as dead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from flows.policy.model import FIRST, UNIQUE, Edition, Input, Rule
from flows.policy.regions import Axis, Box, axis, meet, subtract
from forms.types.numbers import plain
from forms.values import Money, minor_units

GAP, OVERLAP, SHADOWED, DEAD, TOO_COMPLEX = "gap", "overlap", "shadowed", "dead", "too_complex"
IDLE = "idle"

BUDGET = 200_000
"""Boxes looked at before the rules count as too entangled: about a second."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that publishing refuses, but for idle, which does no harm.

    `kind`: gap (no rule applies and there is no else), overlap (two rules, `hit: unique`), shadowed
    (`others` take all that `rule` would match), dead (no value fits), too_complex, idle
    (the rules take everything: `rule`, the else, is never reached). `witness` is a
    value for each input that shows it, `shown` the same in words: "fault=merchant, days=3". For a
    shadowed rule it is one that the rule would match, taken by `others[0]`.
    """

    kind: str
    rule: Rule | None = None
    others: tuple[Rule, ...] = ()
    witness: tuple[Any, ...] = ()
    shown: str = ""


def examine(
    inputs: Sequence[Input], edition: Edition, hit: str = FIRST, budget: int = BUDGET
) -> list[Finding]:
    """All findings about the rules of one edition, in the order of the rules; a gap or an
    idle else comes last.

    Where `budget` boxes were not enough, the last finding says so.
    """
    return _Examination(inputs, edition, hit, budget).findings()


class _TooComplex(Exception):
    """The budget is used up."""


class _Examination:
    """One edition's rules as boxes."""

    def __init__(self, inputs: Sequence[Input], edition: Edition, hit: str, budget: int) -> None:
        self.budget = budget
        self.inputs = inputs
        self.edition = edition
        self.hit = hit
        self.axes = [_axis(one, place, edition.rules) for place, one in enumerate(inputs)]
        self.boxes = [self._box(rule) for rule in edition.rules]

    def _box(self, rule: Rule) -> Box:
        masks = [one.full for one in self.axes]
        for condition in rule.conditions:
            masks[condition.input] &= self.axes[condition.input].mask(condition.test)
        return tuple(masks)

    def findings(self) -> list[Finding]:
        found: list[Finding] = []
        before: list[tuple[Rule, Box]] = []
        left: list[Box] = [tuple(one.full for one in self.axes)]
        otherwise = self.edition.otherwise
        try:
            for rule, box in zip(self.edition.rules, self.boxes, strict=True):
                if not all(box):
                    found.append(self._dead(rule, box))
                    continue
                if self.hit == UNIQUE:
                    found += self._overlap(rule, box, before)
                elif self.hit == FIRST and not any(meet(box, one) for one in left):
                    found.append(self._shadowed(rule, box, before))
                before.append((rule, box))
                if otherwise is None or self.hit == FIRST:
                    left = self._without(left, box)
        except _TooComplex:
            return [*found, Finding(TOO_COMPLEX)]
        if otherwise is not None and not left and not found:
            found.append(Finding(IDLE, otherwise))
        if otherwise is None and left:
            found.append(Finding(GAP, None, (), *self._witness(left[0])))
        return found

    def _without(self, boxes: list[Box], box: Box) -> list[Box]:
        """What boxes that do not meet leave outside another."""
        left: list[Box] = []
        for one in boxes:
            left.extend(subtract(one, box))
            if len(left) > self.budget:
                raise _TooComplex
        self.budget -= len(left)
        return left

    def _overlap(self, rule: Rule, box: Box, before: list[tuple[Rule, Box]]) -> list[Finding]:
        """The first rule before that applies where this one does."""
        for other, theirs in before:
            common = meet(box, theirs)
            if common is not None:
                return [Finding(OVERLAP, rule, (other,), *self._witness(common))]
        return []

    def _shadowed(self, rule: Rule, box: Box, before: list[tuple[Rule, Box]]) -> Finding:
        """The rules before that take everything of this one."""
        taken = [(other, common) for other, theirs in before if (common := meet(box, theirs))]
        others = tuple(other for other, _ in taken)
        return Finding(SHADOWED, rule, others, *self._witness(taken[0][1]))

    def _dead(self, rule: Rule, box: Box) -> Finding:
        """The inputs that no value of theirs fits."""
        named = [one.id for one, mask in zip(self.inputs, box, strict=True) if not mask]
        return Finding(DEAD, rule, shown=", ".join(named))

    def _witness(self, box: Box) -> tuple[tuple[Any, ...], str]:
        values = tuple(one.first(mask) for one, mask in zip(self.axes, box, strict=True))
        pairs = zip(self.inputs, values, strict=True)
        return values, ", ".join(f"{one.id}={shown(value)}" for one, value in pairs)


def _axis(one: Input, place: int, rules: Sequence[Rule]) -> Axis:
    return axis(
        one.domain,
        (
            condition.allowed
            for rule in rules
            for condition in rule.conditions
            if condition.input == place
        ),
    )


def shown(value: Any) -> str:
    """A value as an author would write it in a condition."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Money):
        return f"{plain(value.amount, minor_units(value.currency))} {value.currency}".strip()
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, timedelta):
        minutes = value / timedelta(minutes=1)
        return f"{minutes:g}m"
    return str(value)
