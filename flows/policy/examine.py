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
from flows.policy.regions import Axis, Box, TooComplex, axis, meet, subtract_all
from forms.types.numbers import plain
from forms.values import Money, minor_units

GAP, OVERLAP, SHADOWED, DEAD, TOO_COMPLEX = "gap", "overlap", "shadowed", "dead", "too_complex"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that publishing refuses.

    `kind`: gap (no rule applies and there is no else), overlap (two rules, `hit: unique`), shadowed
    (`others` take all that `rule` would match), dead (no value fits), too_complex. `witness` is a
    value for each input that shows it, `shown` the same in words: "fault=merchant, days=3". For a
    shadowed rule it is one that the rule would match, taken by `others[0]`.
    """

    kind: str
    rule: Rule | None = None
    others: tuple[Rule, ...] = ()
    witness: tuple[Any, ...] = ()
    shown: str = ""


def examine(inputs: Sequence[Input], edition: Edition, hit: str = FIRST) -> list[Finding]:
    """All findings about the rules of one edition, in the order of the rules; a gap comes last."""
    return _Examination(inputs, edition, hit).findings()


class _Examination:
    """One edition's rules as boxes."""

    def __init__(self, inputs: Sequence[Input], edition: Edition, hit: str) -> None:
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
        live: list[tuple[Rule, Box]] = []
        left: list[Box] = [tuple(one.full for one in self.axes)]
        try:
            for rule, box in zip(self.edition.rules, self.boxes, strict=True):
                if not all(box):
                    found.append(self._dead(rule, box))
                    continue
                found.extend(self._taken(rule, box, live, left))
                live.append((rule, box))
                left = subtract_all(left, box)
        except TooComplex:
            return [*found, Finding(TOO_COMPLEX)]
        if left and self.edition.otherwise is None:
            found.append(Finding(GAP, None, (), *self._witness(left[0])))
        return found

    def _taken(
        self, rule: Rule, box: Box, before: list[tuple[Rule, Box]], left: list[Box]
    ) -> list[Finding]:
        """Whether rules before it take what a rule would match."""
        meeting = [(other, common) for other, theirs in before if (common := meet(box, theirs))]
        if self.hit == UNIQUE and meeting:
            other, common = meeting[0]
            return [Finding(OVERLAP, rule, (other,), *self._witness(common))]
        if self.hit == FIRST and not any(meet(box, open_) for open_ in left):
            others = tuple(other for other, _ in meeting)
            return [Finding(SHADOWED, rule, others, *self._witness(meeting[0][1]))]
        return []

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
