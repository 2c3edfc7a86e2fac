"""What became of scenarios: which failed, where, and what of the definitions they went through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from forms.values import Text


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that did not come out as told. `place`: file:line; `step`: its number from 1 (0:
    what was given). `expected` and `found` are as people write them; what the product itself said
    is in both languages."""

    place: str
    step: int
    what: str
    expected: str
    found: Text | str

    def told(self, lang: str) -> str:
        """In one line, what the product said in a language."""
        found = self.found.pick(lang) if isinstance(self.found, Text) else self.found
        return f"{self.place} {self.what}: expected {self.expected}, found {found}"

    def __str__(self) -> str:
        return self.told("en")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario played. `seconds` without the preparation shared by all."""

    id: str
    label: Text
    place: str
    failures: tuple[Failure, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether everything came out as told."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class Share:
    """How much of something was gone through; `missed` by name."""

    seen: int
    total: int
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All scenarios of a pack or tenant. `steps`: flow → its steps; `rules`: policy → its rules."""

    name: str
    outcomes: tuple[Outcome, ...]
    prepared: float = 0.0
    steps: Mapping[str, Share] = field(default_factory=dict)
    rules: Mapping[str, Share] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those that did not come out as told."""
        return tuple(one for one in self.outcomes if not one.passed)
