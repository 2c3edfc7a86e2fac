"""The rules of a policy, edition by edition, with parameters put in their places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from app.catalog.compiling import Compiling
from flows.model import Duration
from flows.policy.conditions import (
    Unreadable,
    on_the_clock,
    predicate,
    read_condition,
    read_constant,
    read_date,
)
from flows.policy.model import ELSE, Condition, Edition, Input, Param, Rule
from forms.expr import TEXT, Scope, Type
from forms.messages import message
from forms.model import Field
from forms.problems import Path, listed, suggest
from forms.templates import TextTemplate
from forms.types import Invalid
from forms.values import Money, Text

RULE_KEYS = ("label", "when", "then", "says")
EDITION_KEYS = ("label", "from", "params", "rules", "without", "else", "public")

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Version:
    """What an edition says in full; values stand beside the path they were written at."""

    id: str
    label: Text
    since: date | None
    params: Mapping[str, tuple[Any, Path]]
    rules: Mapping[str, tuple[Raw, Path]]
    otherwise: tuple[Raw, Path] | None
    public: tuple[Any, Path] | None


def compile_editions(
    at: Compiling, inputs: tuple[Input, ...], fields: Mapping[str, Field | None], branch: str
) -> tuple[Edition, ...]:
    """All editions in order of time; problems are noted at `at`."""
    found = []
    for version in _versions(at):
        count = len(at.problems)
        found.append(_Compiler(at, version, inputs, fields, branch).edition())
        if version.id:
            _name_edition(at, count, version.id)
    return tuple(found)


def _name_edition(at: Compiling, count: int, edition: str) -> None:
    """What an edition inherits stands in its policy: say where it goes wrong, once."""
    known = set(at.problems[:count])
    fresh = [p for p in at.problems[count:] if p not in known]
    at.problems[count:] = [
        p
        if p.path[:2] == ("editions", edition)
        else replace(p, message=f"in the edition {edition}: {p.message}")
        for p in fresh
    ]


# --- editions -----------------------------------------------------------------------------------


def _versions(at: Compiling) -> list[_Version]:
    """Each edition put together from those before it, in order of their days."""
    data = at.data
    base = _Version(
        id="",
        label=at.text("label"),
        since=None,
        params=_placed(data.get("params"), ("params",)),
        rules=_placed(data.get("rules"), ("rules",)),
        otherwise=(data[ELSE], (ELSE,)) if ELSE in data else None,
        public=(data["public"], ("public",)) if "public" in data else None,
    )
    versions = [base]
    dated = []
    for name, raw in data.get("editions", {}).items():
        since = read_date(str(raw.get("from", "")))
        if since is None:
            path: Path = ("editions", name, "from")
            at.problem("bad_date", path, f"there is no day {raw.get('from')}", "2026-03-01")
        else:
            dated.append((since, name, raw))
    days: dict[date, str] = {}
    for since, name, raw in sorted(dated, key=lambda one: one[0]):
        if since in days:
            at.problem(
                "policy_edition",
                ("editions", name, "from"),
                f"the edition {days[since]} begins on {since}, too",
                "one edition a day",
            )
        days[since] = name
        versions.append(_next(versions[-1], name, since, raw, at))
    return versions


def _placed(raw: Raw | None, path: Path) -> dict[str, tuple[Any, Path]]:
    return {name: (value, (*path, name)) for name, value in (raw or {}).items()}


def _next(before: _Version, name: str, since: date, raw: Raw, at: Compiling) -> _Version:
    """An edition: what was before, with what it changes."""
    path: Path = ("editions", name)
    rules = dict(before.rules)
    for index, gone in enumerate(raw.get("without", ())):
        if rules.pop(gone, None) is None:
            at.problem(
                "policy_edition",
                (*path, "without", index),
                f"there is no rule {gone} to leave out",
                listed([*before.rules]) if before.rules else "",
                suggest(gone, before.rules),
            )
    for rule, placed in _placed(raw.get("rules"), (*path, "rules")).items():
        rules = _put(rules, rule, placed, at)
    return _Version(
        id=name,
        label=Text.of(raw.get("label"), name),
        since=since,
        params={**before.params, **_placed(raw.get("params"), (*path, "params"))},
        rules=rules,
        otherwise=(raw[ELSE], (*path, ELSE)) if ELSE in raw else before.otherwise,
        public=(raw["public"], (*path, "public")) if "public" in raw else before.public,
    )


def _put(
    rules: dict[str, tuple[Raw, Path]], name: str, placed: tuple[Raw, Path], at: Compiling
) -> dict[str, tuple[Raw, Path]]:
    """A rule in the place of the one it replaces, before the one it names, or at the end."""
    before = placed[0].get("before")
    if before is None:
        return {**rules, name: placed}
    others = {other: known for other, known in rules.items() if other != name}
    if before not in others:
        at.problem(
            "policy_edition",
            (*placed[1], "before"),
            f"there is no rule {before} to stand before",
            listed([*others]) if others else "",
            suggest(str(before), others),
        )
        return rules
    found: dict[str, tuple[Raw, Path]] = {}
    for other, known in others.items():
        if other == before:
            found[name] = placed
        found[other] = known
    return found


# --- one edition --------------------------------------------------------------------------------


class _Compiler:
    """Compiles one edition."""

    def __init__(
        self,
        at: Compiling,
        version: _Version,
        inputs: tuple[Input, ...],
        fields: Mapping[str, Field | None],
        branch: str,
    ) -> None:
        self.at = at
        self.version = version
        self.inputs = inputs
        self.places = {one.id: place for place, one in enumerate(inputs)}
        self.fields = fields
        self.branch = branch
        self.params = {
            name: Param(name, *read_constant(raw)) for name, (raw, _) in version.params.items()
        }

    def edition(self) -> Edition:
        version = self.version
        rules = [self._rule(name, raw, path) for name, (raw, path) in version.rules.items()]
        otherwise = None
        if version.otherwise is not None:
            raw, path = version.otherwise
            otherwise = self._conclusion(ELSE, raw, path)
        return Edition(
            id=version.id,
            label=version.label,
            since=version.since,
            params=self.params,
            rules=tuple(rules),
            otherwise=otherwise,
            currencies=tuple(_currencies(rules, place) for place in range(len(self.inputs))),
            public=self._words(version.public, rules=True) if version.public else None,
        )

    def _rule(self, name: str, raw: Raw, path: Path) -> Rule:
        if name == ELSE:
            self.at.problem(
                "policy_rule_name",
                path,
                "a rule cannot be called else: so a trace names what happens where none matches",
                on_key=True,
            )
        conditions = []
        declared = self.at.data.get("inputs", {})
        for key, written in raw.get("when", {}).items():
            where = (*path, "when", key)
            if key not in declared:
                self._unknown("input", key, declared, where)
            elif key in self.places:
                made = self._condition(key, written, where)
                if made is not None:
                    conditions.append(made)
        says = raw.get("says")
        return replace(
            self._conclusion(name, raw.get("then", {}), (*path, "then")),
            label=Text.of(raw.get("label"), name),
            conditions=tuple(conditions),
            says=self._words((says, (*path, "says"))) if says is not None else None,
            at=path,
        )

    def _condition(self, name: str, written: Any, path: Path) -> Condition | None:
        place = self.places[name]
        try:
            allowed = read_condition(written, self.inputs[place].domain, self.params)
        except Unreadable as wrong:
            where = path if wrong.index is None else (*path, wrong.index)
            said = (where, wrong.message, wrong.allowed, wrong.suggestion)
            if wrong.empty:
                self.at.problem("policy_empty_range", *said)
            else:
                self.at.problem("policy_condition", *said)
            return None
        return Condition(place, written, allowed, predicate(allowed))

    def _conclusion(self, name: str, raw: Raw, path: Path) -> Rule:
        """A rule's outputs; what it does not name stays empty."""
        then: dict[str, Any] = dict.fromkeys(self.fields)
        verdict: dict[str, Any] = {}
        declared = self.at.data.get("outputs", {})
        for key, written in raw.items():
            if key not in declared:
                self._unknown("output", key, declared, (*path, key))
                continue
            field = self.fields.get(key)
            value = self._value(written, field, (*path, key)) if field is not None else None
            if field is not None and value is not None:
                then[key], verdict[key] = value, field.kind.to_json(value)
        if self.branch in declared and self.branch not in raw:
            self.at.problem(
                "policy_branch",
                path,
                f"{self.branch} stays open here, but the flow branches by it",
                f"{self.branch}: <value>",
                on_key=True,
            )
        return Rule(name, Text(name, name), (), then, verdict, at=path)

    def _value(self, written: Any, field: Field, path: Path) -> Any:
        """A constant, or a parameter, as a value of the output's field."""
        options = field.expr_type.options or ()
        param = self.params.get(written) if isinstance(written, str) else None
        if written in options or param is None:
            value, said, where = written, f"'{written}'", path
        else:
            raw, where = self.version.params[param.id]
            value, said = param.value, f"{param.id}, which is {raw}"
        if isinstance(value, Duration):
            value = on_the_clock(value)
        try:
            found = field.kind.parse(value, field)
            why = "it counts working time or is empty"
        except Invalid as wrong:
            found, why = None, message(wrong.code, wrong.params).en
        if found is None:
            near = suggest(str(written), [*options, *self.params])
            told = f"{field.path} does not take {said}: {why}"
            self.at.problem("policy_value", where, told, ", ".join(options), near)
        elif isinstance(found, Money) and not found.currency:
            self.at.problem("policy_value", where, f"{said} says no currency", "500 CNY")
        return found

    def _words(self, placed: tuple[Any, Path], *, rules: bool = False) -> TextTemplate | None:
        """A text with `{parameter}`, and in the policy's own `{rules}`."""
        names = {name: _shown_as(param) for name, param in self.params.items()}
        if rules:
            names["rules"] = TEXT
        return self.at.message(placed[0], placed[1], Scope(names))

    def _unknown(self, what: str, name: str, known: Raw, path: Path) -> None:
        self.at.problem(
            f"unknown_{what}",
            path,
            f"there is no {what} {name} here",
            listed([*known]) if known else "",
            suggest(name, known),
            on_key=True,
        )


def _shown_as(param: Param) -> Type:
    return TEXT if param.kind == "duration" else Type(param.kind)


def _currencies(rules: list[Rule], place: int) -> frozenset[str]:
    """The currencies that conditions on an input speak of."""
    return frozenset(
        span.currency
        for rule in rules
        for condition in rule.conditions
        if condition.input == place
        for span in condition.allowed.spans
        if span.currency
    )
