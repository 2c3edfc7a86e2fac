"""Why a record is where it is, in words: the trace each transition of its flow left behind.

A trace is a list of decisions, each with its kind and the facts it rested on. Every kind has a
sentence here; what a later version adds is shown by its kind and values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import g

from app.access.rights import admin_rights
from app.access.users import user_names
from app.catalog.model import Catalog
from app.records import TraceEntry
from app.web.desk.facts import FactWords
from app.web.desk.flowwords import doer, joined
from app.web.desk.sayings import SAID, Fact, seats_of, sla_words
from app.web.desk.values import moment_shown
from app.web.i18n import gettext as _
from flows.model import Flow
from flows.picture import (
    act_text,
    exit_label,
    interrupt_name,
    outcome_name,
    step_name,
)
from flows.policy import Policy
from flows.policy.words import needed, rule_name
from forms.expr import Expr
from forms.telling import tell_condition
from forms.values import decode_id


@dataclass(frozen=True, slots=True)
class Reason:
    """One decision in words. `facts`: what it rested on, (name, value); a fact that says all by
    itself has no value."""

    kind: str
    text: str
    facts: Sequence[tuple[str, str]] = ()
    passed_over: Sequence[str] = ()
    written: Sequence[str] = ()
    """The expressions and ids behind it, as the definition has them."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One transition: when, who, and its reasons."""

    when: str
    who: str
    reasons: Sequence[Reason] = field(default_factory=tuple)


def reasons_of(
    entries: Sequence[TraceEntry], flow: Flow, catalog: Catalog, lang: str, row: Mapping[str, Any]
) -> list[Moment]:
    """The reasons of every transition, newest first."""
    users = {user for entry in entries for one in entry.trace for user in user_ids(one)}
    teller = Teller(flow, catalog, lang, user_names(g.db, users) if users else {}, row)
    teller.shows_written = "definitions" in admin_rights(catalog, g.actor)
    teller.read.fetch(
        one[part]
        for entry in entries
        for one in entry.trace
        for part in ("facts", "fields", "verdict", "data")
        if isinstance(one.get(part), Mapping)
    )
    found = []
    for entry in reversed(entries):
        reasons = [teller.tell(one) for one in entry.trace]
        if reasons:
            at = moment_shown(entry.at, g.tenant.active().zone)
            found.append(
                Moment(
                    at, doer(entry.actor, entry.actor_name), [one for one in reasons if one.text]
                )
            )
    return found


def user_ids(one: Fact) -> list[int]:
    found = [one.get(name) for name in ("user", "by", "claimed", "given_back", "transferred",
                                        "added", "instead_of")]  # fmt: skip
    relied = one.get("relied")
    if isinstance(relied, Mapping):
        found.append(relied.get("by"))
    found += [*one.get("users", ()), *one.get("excluded", ())]
    found += [int(seat[5:]) for seat in seats_of(one) if seat.startswith("user:")]
    return [user for user in found if isinstance(user, int) and not isinstance(user, bool)]


class Teller:
    """Says decisions of one flow in one language."""

    def __init__(
        self,
        flow: Flow,
        catalog: Catalog,
        lang: str,
        names: Mapping[int, str],
        row: Mapping[str, Any],
    ) -> None:
        self.flow, self.catalog, self.lang, self.names, self.row = flow, catalog, lang, names, row
        self.words, self.read = flow.words, FactWords(flow, lang)
        self.shows_written = False
        """Whether the reader may see definitions as they are written."""

    def tell(self, one: Fact) -> Reason:
        """One decision."""
        kind = str(one.get("kind", ""))
        say = SAID.get(kind)
        if say is not None:
            text, facts = say(self, one)
        else:
            text, facts = kind, self.facts({k: v for k, v in one.items() if k != "kind"})
        passed = [self.passed(one, str(rule), str(why)) for rule, why in one.get("considered", ())]
        line = self.line_no(one.get("row"))
        if line and text:
            text = _("%(text)s (line %(number)d)", text=text, number=line)
        return Reason(kind, text, facts, passed, written(one) if self.shows_written else ())

    # -- expressions and rules
    def expression(self, one: Fact, source: Any) -> Expr | None:
        """The expression of a step that is written so; None where the step has changed since."""
        step = self.flow.steps.get(str(one.get("step", "")))
        body = step.body if step is not None else None
        found: list[Expr | None] = [getattr(body, name, None) for name in ("on", "until")]
        found += [level.when for level in getattr(body, "levels", {}).values()]
        return next((expr for expr in found if expr is not None and expr.source == source), None)

    def condition(self, expr: Expr, *, holds: bool = True) -> str:
        """A condition, or that it is not so."""
        return tell_condition(expr, self.words, self.lang, holds=holds)

    def until(self, one: Fact) -> str:
        """What is waited for."""
        expr = self.expression(one, one.get("until"))
        return self.condition(expr) if expr is not None else str(one.get("until", ""))

    def policy(self, one: Fact) -> Policy | None:
        """The policy that decided, as the record's release has it."""
        step = self.flow.steps.get(str(one.get("step", "")))
        known = getattr(step.body, "policies", ()) if step is not None else ()
        return next((found for found in known if found.id == one.get("policy")), None)

    def rule(self, one: Fact, rule: str) -> str:
        """What a rule of a policy is called."""
        policy = self.policy(one)
        if policy is None:
            return rule
        return rule_name(policy, str(one.get("edition", "")), rule, self.lang)

    def passed(self, one: Fact, rule: str, read: str) -> str:
        """A rule that did not fit, and what it would have asked."""
        policy, name = self.policy(one), self.rule(one, rule)
        said = needed(policy, str(one.get("edition", "")), rule, read, self.lang) if policy else ""
        return _("“%(rule)s” did not fit; it asks: %(needed)s", rule=name, needed=said or read)

    # -- words
    def step(self, path: Any) -> str:
        """A step's name, by its path or its id."""
        found = self.flow.steps.get(str(path)) or next(
            (one for one in self.flow.steps.values() if one.id == path), None
        )
        return step_name(found, self.lang, self.flow) if found is not None else str(path)

    def level(self, one: Fact) -> str:
        """A step, and the level of an approval that has several."""
        step = self.flow.steps.get(str(one.get("step", "")))
        levels = getattr(step.body, "levels", {}) if step is not None else {}
        level = levels.get(str(one.get("level") or ""))
        name = self.step(one.get("step", ""))
        if level is None or len(levels) < 2:
            return name
        return f"{name} · {level.label.pick(self.lang) or level.id}"

    def outcome(self, one: Fact, name: str = "outcome") -> str:
        """An outcome by the label of its exit."""
        step = self.flow.steps.get(str(one.get("step", "")))
        found = str(one.get(name, ""))
        if step is None:
            return outcome_name(found, self.lang)
        return exit_label(self.flow, step, found, self.lang)

    def way(self, one: Fact, value: Any) -> str:
        """What the exit a value leads to is called; "" where nobody named it."""
        step = self.flow.steps.get(str(one.get("step", "")))
        name = str(value).lower() if isinstance(value, bool) else str(value)
        given = act_text(step, name) if step is not None and name in step.exits else None
        return given.pick(self.lang) if given is not None else ""

    def event(self, one: Fact, name: str) -> str:
        """What happens outside, by the exit it takes, else by the interrupt it is; else its id."""
        known = self.flow.interrupts.get(name)
        return self.way(one, name) or (interrupt_name(known, self.lang) if known else name)

    def user(self, user: Any) -> str:
        """A person's name."""
        return self.names.get(user, "–") if isinstance(user, int) else str(user or _("the system"))

    def users(self, users: Sequence[Any]) -> str:
        """Several people."""
        return joined([self.user(one) for one in users], self.lang) or "–"

    def seat(self, seat: str) -> str:
        """A principal in words."""
        kind, _sep, value = seat.partition(":")
        if kind == "user" and value.isdigit():
            return self.user(int(value))
        if kind == "contact":
            form = self.catalog.forms.get(value.partition(":")[0])
            return form.label.pick(self.lang) or form.id if form is not None else value
        role = self.catalog.roles.get(value)
        return role.label.pick(self.lang) if kind == "role" and role is not None else value

    def at(self, text: Any) -> str:
        """A moment, in the tenant's zone."""
        try:
            found = datetime.fromisoformat(str(text))
        except ValueError:
            return str(text or "")
        return moment_shown(found.replace(tzinfo=found.tzinfo or UTC), g.tenant.active().zone)

    def line_no(self, row: Any) -> int:
        """The number of a line, counted from 1; 0 where it is none."""
        if row is None:
            return 0
        key = row if isinstance(row, int) else _id(str(row))
        for lines in self.flow.shape.lines:
            for n, line in enumerate(self.row.get(lines.id) or ()):
                if line.get("id") == key:
                    return n + 1
        return 0

    def facts(self, values: Any) -> list[tuple[str, str]]:
        """Values that were read, by the labels of their fields."""
        return self.read.told(values)

    def value(self, name: str, value: Any) -> str:
        """A value as the pages show it."""
        return self.read.value(name, value)

    def name(self, name: str) -> str:
        """A field's label."""
        return self.read.name(name)


def written(one: Fact) -> list[str]:
    """What a decision names as its definition does."""
    found = [str(one[name]) for name in ("on", "when", "until") if one.get(name)]
    if one.get("policy"):
        rules = one.get("rules") or [one.get("rule") or "else"]
        found.append(f"{one['policy']}: {', '.join(map(str, rules))}")
        found += [f"{one['policy']}: {rule} ({read})" for rule, read in one.get("considered", ())]
    return found


def _id(text: str) -> int | None:
    try:
        return int(text) if text.isdigit() and len(text) != 13 else decode_id(text)
    except ValueError:
        return None


__all__ = ["Moment", "Reason", "Teller", "reasons_of", "sla_words", "user_ids"]
