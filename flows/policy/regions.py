"""Exact sets of input values: each input is cut into classes that no condition tells apart.

A set of inputs is a box: for every input a bit mask over its classes. Boxes are taken apart and
intersected exactly; a class is represented by one of its values, and what a condition says of that
value it says of the whole class, because the cuts are at the bounds of all conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from itertools import pairwise
from typing import Any

from flows.policy.conditions import ORDERED, Allowed, Domain, Test
from forms.values import Money

Box = tuple[int, ...]

OTHER = "…"
"""Stands for a text that no condition names."""

_DISCRETE = frozenset({"integer", "date"})
_WIDE = Context(prec=60)


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """The classes of one input, each by a value it holds; the empty value comes last."""

    values: tuple[Any, ...]

    def mask(self, test: Test) -> int:
        """The classes a condition allows."""
        return sum(1 << place for place, value in enumerate(self.values) if test(value))

    @property
    def full(self) -> int:
        """All classes."""
        return (1 << len(self.values)) - 1

    def first(self, mask: int) -> Any:
        """A value of the first class in a mask that is not empty."""
        return self.values[(mask & -mask).bit_length() - 1]


def axis(domain: Domain, conditions: Iterable[Allowed]) -> Axis:
    """Cut an input's values at the bounds of its conditions."""
    found = list(conditions)
    values: list[Any]
    if domain.kind == "boolean":
        values = [True, False]
    elif domain.kind == "choice":
        values = [*domain.options]
    elif domain.kind == "money":
        values = _amounts(domain, found)
    elif domain.kind in ORDERED:
        bounds = {b for one in found for span in one.spans for b in (span.low, span.high)}
        values = [*_classes(bounds - {None}, domain)]
    else:
        named = sorted({value for one in found for value in one.values})
        values = [*named, _other(named)]
    return Axis((*values, None) if domain.nullable else tuple(values))


def subtract(box: Box, other: Box) -> Iterator[Box]:
    """The part of a box outside another, as boxes that do not meet."""
    common = tuple(mine & theirs for mine, theirs in zip(box, other, strict=True))
    if not all(common):
        yield box
        return
    for place, (mine, shared) in enumerate(zip(box, common, strict=True)):
        rest = mine & ~shared
        if rest:
            yield (*common[:place], rest, *box[place + 1 :])


def meet(box: Box, other: Box) -> Box | None:
    """What two boxes have in common; None where that is nothing."""
    common = tuple(mine & theirs for mine, theirs in zip(box, other, strict=True))
    return common if all(common) else None


# --- classes of ordered values ------------------------------------------------------------------


def _amounts(domain: Domain, conditions: list[Allowed]) -> list[Any]:
    """Classes of amounts, of each currency that a condition names."""
    bounds: dict[str, set[Any]] = {}
    for one in conditions:
        for span in one.spans:
            bounds.setdefault(span.currency, set()).update((span.low, span.high))
    return [
        Money(amount, currency)
        for currency, known in (bounds or {"": set()}).items()
        for amount in _classes(known - {None}, domain)
    ]


def _classes(bounds: set[Any], domain: Domain) -> Iterator[Any]:
    """A value of each class, in order: the bounds themselves, and what lies between and beyond."""
    low, high = domain.low, domain.high
    if not bounds:
        yield low if low is not None else high if high is not None else _ZERO[domain.kind]
        return
    cuts = sorted({b for b in (*bounds, low, high) if b is not None and _inside(b, low, high)})
    step = _STEPS[domain.kind]
    if low is None and cuts[0] != date.min:
        yield cuts[0] - step
    yield cuts[0]
    for first, second in pairwise(cuts):
        if domain.kind not in _DISCRETE:
            yield _between(first, second)
        elif first + step < second:
            yield first + step
        yield second
    if high is None and cuts[-1] != date.max:
        yield cuts[-1] + step


def _inside(value: Any, low: Any, high: Any) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


def _between(first: Any, second: Any) -> Any:
    """A value strictly between two others, with as few decimals as can be."""
    if isinstance(first, timedelta):
        return (first + second) / 2
    low, high = Decimal(first), Decimal(second)
    places = 0
    while True:
        unit = Decimal(1).scaleb(-places)
        found = _WIDE.add(low.quantize(unit, ROUND_FLOOR, _WIDE), unit)
        if found < high:
            return found
        places += 1


def _other(named: Sequence[str]) -> str:
    found = OTHER
    while found in named:
        found += OTHER
    return found


_ZERO: dict[str, Any] = {
    "integer": 0,
    "decimal": Decimal(0),
    "money": Decimal(0),
    "date": date(2000, 1, 1),
    "duration": timedelta(0),
}
_STEPS: dict[str, Any] = {
    "integer": 1,
    "decimal": Decimal(1),
    "money": Decimal(1),
    "date": timedelta(days=1),
    "duration": timedelta(hours=1),
}
