"""A compiled policy: frozen plain objects. The compiler makes them, `decide` reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flows.model import Reads
from flows.policy.conditions import Allowed, Domain, Test
from forms.expr import Expr
from forms.telling import Words
from forms.templates import TextTemplate
from forms.values import Text

FIRST, UNIQUE, COLLECT = "first", "unique", "collect"
ELSE = "else"
"""What a trace names as the rule where none matched; no rule may be called so."""


@dataclass(frozen=True, slots=True, eq=False)
class Param:
    """A constant of a policy. `kind`: boolean, integer, decimal, money, date, duration (its value
    is a `flows.model.Duration`) or text."""

    id: str
    kind: str
    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """What the rules look at. `domain` is what its values can be."""

    id: str
    expr: Expr
    domain: Domain
    plain: Callable[[Any], Any]
    """The value as JSON, for the trace."""


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """What a policy decides. `line`, `record`: whether the judged line and the record have a field
    of that name. `combine` and `fold`: how several values become one ("" and None: they do not).
    """

    id: str
    label: Text
    kind: str
    line: bool
    record: bool
    combine: str
    fold: Callable[[list[Any]], Any] | None
    plain: Callable[[Any], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One condition of a rule. `input`: its place among the inputs; `test` answers for a value."""

    input: int
    written: Any
    allowed: Allowed
    test: Test


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """If all conditions hold, the outputs are `then`; `verdict` is the same as JSON.

    `at`: where the rule stands in the definition, for messages.
    """

    id: str
    label: Text
    conditions: tuple[Condition, ...]
    then: Mapping[str, Any]
    verdict: Mapping[str, Any]
    says: TextTemplate | None = None
    at: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Edition:
    """A policy as it holds from the day `since` on (None: from the beginning, id "").

    `otherwise` applies where no rule matches; None: nothing does. `currencies`: for each input the
    currencies its conditions speak of; an amount in another has no answer (empty: any will do).
    """

    id: str
    label: Text
    since: date | None
    params: Mapping[str, Param]
    rules: tuple[Rule, ...]
    otherwise: Rule | None
    currencies: tuple[frozenset[str], ...]
    public: TextTemplate | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy. `lines` is "" where it judges the record, else the lines field it judges.

    `editions` are in order of time, the first without a day. `as_of` gives the day that chooses
    among them (None: today). `branches`: the values `branch` can have, as exits name them.
    """

    id: str
    label: Text
    form: str
    lines: str
    as_of: Expr | None
    inputs: tuple[Input, ...]
    outputs: Mapping[str, Output]
    hit: str
    branch: str
    editions: tuple[Edition, ...]
    branches: tuple[str, ...] = ()
    reads: Reads = field(default_factory=Reads)
    was: str = ""
    words: Words = field(default_factory=Words)
    """What the names in its expressions are called; bare ones belong to what it judges."""

    @property
    def target(self) -> str:
        """What it judges: "return_request", "return_request.lines"."""
        return f"{self.form}.{self.lines}" if self.lines else self.form

    @property
    def exprs(self) -> tuple[Expr, ...]:
        """Everything it evaluates, in the scope of what it judges."""
        own = tuple(one.expr for one in self.inputs)
        return own if self.as_of is None else (*own, self.as_of)

    @property
    def params(self) -> Mapping[str, Any]:
        """The values of the parameters of the first edition."""
        return {name: param.value for name, param in self.editions[0].params.items()}

    def edition_on(self, day: date) -> Edition:
        """The edition in force on a day."""
        found = self.editions[0]
        for edition in self.editions[1:]:
            if edition.since is None or edition.since > day:
                break
            found = edition
        return found


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy decided.

    `outputs`: values for fields of the record; `lines`: line id → values for fields of the line.
    `branch`: the outcome of a decide step, None for a policy without one. `trace`: one entry a
    judged record or line, JSON values: {"policy", "row": line id or None, "edition", "rule",
    "inputs", "verdict", "considered": [[rule, first input that did not fit], …]}, with
    `hit: collect` also "rules".
    """

    outputs: Mapping[str, Any]
    lines: Mapping[int, Mapping[str, Any]]
    branch: str | None
    trace: list[dict[str, Any]]


class Undecided(Exception):
    """The policy has no answer: an incident, never a silent pass.

    `code`: no_value (an input cannot be computed), no_day (`as_of` is empty), other_currency,
    no_rule, several_rules, nothing_to_judge. `trace` is what was found out so far.
    """

    def __init__(self, code: str, message: Text, trace: list[dict[str, Any]]) -> None:
        super().__init__(message.en)
        self.code = code
        self.message = message
        self.trace = trace
