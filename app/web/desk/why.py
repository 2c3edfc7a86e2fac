"""Why a record is where it is, in words: the trace each transition of its flow left behind.

A trace is a list of decisions, each with its kind and the facts it rested on. Every kind has a
sentence here; what a later version adds is shown by its kind and values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import g

from app.access.users import user_names
from app.catalog.model import Catalog
from app.records import TraceEntry
from app.web.desk.flowwords import joined, need_words
from app.web.desk.values import moment_shown
from app.web.i18n import gettext as _
from flows.model import Flow
from flows.picture import exit_label, interrupt_name, option_label, outcome_name, step_name
from forms.model import Field
from forms.values import Text, decode_id

Fact = Mapping[str, Any]
SHOWN = 80
"""Characters of a fact; the API has it whole."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One decision in words. `facts`: what it rested on, (name, value)."""

    kind: str
    text: str
    facts: Sequence[tuple[str, str]] = ()
    passed_over: Sequence[str] = ()


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
    found = []
    for entry in reversed(entries):
        reasons = [teller.tell(one) for one in entry.trace]
        if reasons:
            at = moment_shown(entry.at, g.tenant.active().zone)
            found.append(Moment(at, entry.actor_name, [one for one in reasons if one.text]))
    return found


def user_ids(one: Fact) -> list[int]:
    found = [one.get(name) for name in ("user", "by", "claimed", "given_back", "transferred",
                                        "added", "instead_of")]  # fmt: skip
    relied = one.get("relied")
    if isinstance(relied, Mapping):
        found.append(relied.get("by"))
    found += [*one.get("users", ()), *one.get("excluded", ())]
    found += [int(seat[5:]) for seat in _seats(one) if seat.startswith("user:")]
    return [user for user in found if isinstance(user, int) and not isinstance(user, bool)]


def _seats(one: Fact) -> list[str]:
    to = one.get("to")
    return [str(seat) for seat in to] if isinstance(to, list) else []


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

    def tell(self, one: Fact) -> Reason:
        """One decision."""
        kind = str(one.get("kind", ""))
        say = _SAID.get(kind)
        if say is not None:
            text, facts = say(self, one)
        else:
            text, facts = kind, self.facts({k: v for k, v in one.items() if k != "kind"})
        passed = [
            _("rule %(rule)s: %(input)s did not fit", rule=rule, input=why)
            for rule, why in one.get("considered", ())
        ]
        line = self.line_no(one.get("row"))
        if line and text:
            text = _("%(text)s (line %(number)d)", text=text, number=line)
        return Reason(kind, text, facts, passed)

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
        if not isinstance(values, Mapping):
            return []
        return [(self.name(name), self.value(name, value)) for name, value in values.items()]

    def field(self, name: str) -> Field | None:
        """A field of the record, or of its lines."""
        one = self.flow.shape.field_at(name)
        if one is None:
            inside = (lines.fields.get(name) for lines in self.flow.shape.lines)
            one = next((found for found in inside if found is not None), None)
        return one

    def value(self, name: str, value: Any) -> str:
        """A value that was read; of a choice, its label."""
        return option_label(self.field(name), value, self.lang) or shown(value)

    def name(self, name: str) -> str:
        """A field's label."""
        one = self.field(name)
        return one.label.pick(self.lang) or name if one is not None else name


Said = tuple[str, Sequence[tuple[str, str]]]


def _enter(teller: Teller, one: Fact) -> Said:
    return _("Went on to “%(step)s”", step=teller.step(one.get("step"))), ()


def _leave(teller: Teller, one: Fact) -> Said:
    """How a step ended; for steps of people their acts say so."""
    outcome, step = teller.outcome(one), teller.flow.steps.get(str(one.get("step", "")))
    if not outcome or (step is not None and step.kind in ("task", "approve")):
        return "", ()
    return _("“%(step)s” ended with: %(outcome)s", step=teller.step(one.get("step")),
             outcome=outcome), ()  # fmt: skip


def _set(teller: Teller, one: Fact) -> Said:
    fields = one.get("fields")
    if isinstance(fields, Mapping):
        return _("Values were set"), teller.facts(fields)
    names = [teller.name(str(name)) for name in fields or ()]
    return _("Values were set: %(fields)s", fields=joined(names, teller.lang)), ()


def _decide(teller: Teller, one: Fact) -> Said:
    if "policy" not in one:
        return _(
            "“%(level)s” decided: %(outcome)s (%(need)s; %(yes)d of %(all)d for, %(no)d against)",
            level=teller.level(one),
            outcome=teller.outcome(one),
            need=need_words(one.get("need", "all")),
            yes=one.get("approved", 0),
            no=one.get("rejected", 0),
            all=one.get("approvers", 0),
        ), ()
    policy = one.get("policy")
    edition = _(" (edition %(edition)s)", edition=one["edition"]) if one.get("edition") else ""
    verdict = joined(
        [f"{teller.name(k)} = {teller.value(k, v)}" for k, v in (one.get("verdict") or {}).items()],
        teller.lang,
    )
    rule = one.get("rule")
    if isinstance(rule, list):
        rule = joined([str(part) for part in rule], teller.lang)
    text = _(
        "Policy %(policy)s%(edition)s decided by rule %(rule)s: %(verdict)s",
        policy=policy_name(teller, str(policy)),
        edition=edition,
        rule=rule or _("“otherwise”"),
        verdict=verdict or "–",
    )
    return text, teller.facts(one.get("inputs"))


def policy_name(teller: Teller, policy: str) -> str:
    """A policy's label, from the release in force."""
    raw = teller.catalog.raw.get("policy", {}).get(policy) or {}
    label = raw.get("label") if isinstance(raw, Mapping) else None
    return Text.of(label, policy).pick(teller.lang) if label else policy


def _switch(teller: Teller, one: Fact) -> Said:
    text = _(
        "“%(step)s”: %(source)s is %(value)s",
        step=teller.step(one.get("step")),
        source=one.get("on", ""),
        value=shown(one.get("value")),
    )
    return text, teller.facts(one.get("facts"))


def _level(teller: Teller, one: Fact) -> Said:
    said = {"level": teller.level(one), "when": one.get("when", "")}
    if one.get("applies"):
        return _("“%(level)s” is needed, because %(when)s holds", **said), ()
    return _("“%(level)s” is not needed, because %(when)s does not hold", **said), ()


def _assign(teller: Teller, one: Fact) -> Said:
    level = teller.level(one)
    for name, text in (
        ("claimed", _("%(person)s took the task")),
        ("given_back", _("%(person)s gave the task back")),
        ("transferred", _("Handed over to %(person)s")),
        ("added", _("%(person)s was asked as well")),
    ):
        if one.get(name) is not None:
            return text % {"person": teller.user(one[name])}, ()
    if one.get("if_nobody"):
        return _("Nobody could be asked, so it went to %(people)s",
                 people=teller.users(one.get("users", ()))), ()  # fmt: skip
    users = one.get("users")
    if users is None:
        return "", ()
    text = _("Asked for “%(level)s”: %(people)s", level=level, people=teller.users(users))
    if one.get("need") is not None:
        text += f" ({need_words(one['need'])})"
    if one.get("excluded"):
        text += ". " + _("Not asked, as they must not decide: %(people)s",
                         people=teller.users(one["excluded"]))  # fmt: skip
    return text, ()


def _skip(teller: Teller, one: Fact) -> Said:
    relied = one.get("relied") or {}
    text = _(
        "%(person)s was not asked again for “%(level)s”: the decision on “%(step)s” of %(at)s "
        "counts",
        person=teller.user(one.get("user")),
        level=teller.level(one),
        step=teller.step(str(relied.get("step", relied.get("of", ""))).partition(".")[0]),
        at=teller.at(relied.get("at")),
    )
    return text, ()


def _vote(teller: Teller, one: Fact) -> Said:
    name = one.get("name") or teller.user(one.get("by"))
    said = {"person": name, "outcome": teller.outcome(one), "step": teller.level(one)}
    if one.get("instead_of"):
        said["other"] = teller.user(one["instead_of"])
        return _("%(person)s, for %(other)s, on “%(step)s”: %(outcome)s", **said), ()
    if one.get("to"):
        said["target"] = teller.step(one["to"])
        return _("%(person)s sent “%(step)s” back to “%(target)s”", **said), ()
    return _("%(person)s on “%(step)s”: %(outcome)s", **said), ()


def _wait(teller: Teller, one: Fact) -> Said:
    names = one.get("for") or one.get("events") or ()
    what = joined([str(name) for name in names], teller.lang) or str(one.get("until", ""))
    return _("Waits for: %(what)s", what=what), teller.facts(one.get("facts"))


def _arrive(teller: Teller, one: Fact) -> Said:
    if one.get("until"):
        return _("What it waited for holds: %(what)s", what=one["until"]), (
            teller.facts(one.get("facts"))
        )
    if one.get("event"):
        return _("Arrived: %(event)s", event=one["event"]), teller.facts(one.get("data"))
    return _("The record it had started came to its end: %(outcome)s",
             outcome=outcome_name(str(one.get("outcome", "")), teller.lang)), ()  # fmt: skip


def _call(teller: Teller, one: Fact) -> Said:
    action = one.get("action", "")
    if one.get("applies") is False:
        return _("Action %(action)s was not needed", action=action), ()
    if one.get("undo_of"):
        return _("Action %(action)s is taken back", action=action), ()
    return _("Action %(action)s: %(use)s was called", action=action, use=one.get("use", "")), ()


def _answer(teller: Teller, one: Fact) -> Said:
    return _("Answer: %(outcome)s", outcome=outcome_name(str(one.get("outcome", "")),
                                                         teller.lang)), ()  # fmt: skip


def _start(teller: Teller, one: Fact) -> Said:
    form = teller.catalog.forms.get(str(one.get("form", "")))
    label = form.label.pick(teller.lang) if form is not None else str(one.get("form", ""))
    return _("A record was started: %(form)s", form=label), ()


def _due(teller: Teller, one: Fact) -> Said:
    return _("Due %(at)s", at=teller.at(one.get("due"))), ()


def _remind(teller: Teller, one: Fact) -> Said:
    return _("Reminder no. %(count)d was sent", count=one.get("count", 1)), ()


def _late(teller: Teller, one: Fact) -> Said:
    return _("“%(step)s” was not done in time", step=teller.level(one)), ()


def _escalate(teller: Teller, one: Fact) -> Said:
    people = joined([teller.seat(seat) for seat in _seats(one)], teller.lang)
    return _("Escalated to %(people)s", people=people or "–"), ()


def _interrupt(teller: Teller, one: Fact) -> Said:
    found = teller.flow.interrupts.get(str(one.get("name", "")))
    name = interrupt_name(found, teller.lang) if found is not None else str(one.get("name", ""))
    return _("Interrupted: %(name)s", name=name), ()


def _incident(teller: Teller, one: Fact) -> Said:
    why = str(one.get("message") or one.get("code", ""))
    return _("Stuck at “%(step)s”: %(why)s", step=teller.step(one.get("step")), why=why), ()


def _mend(teller: Teller, one: Fact) -> Said:
    return _("%(person)s mended it: %(how)s", person=one.get("name", ""), how=one.get("how", "")), (
        [(_("Why"), str(one["reason"]))] if one.get("reason") else ()
    )


def _end(teller: Teller, one: Fact) -> Said:
    return _("Ended: %(outcome)s", outcome=outcome_name(str(one.get("outcome", "")),
                                                        teller.lang)), ()  # fmt: skip


def _each(teller: Teller, one: Fact) -> Said:
    return _("“%(step)s” opens for %(count)d lines", step=teller.step(one.get("step")),
             count=len(one.get("rows") or ())), ()  # fmt: skip


def _sla(teller: Teller, one: Fact) -> Said:
    sla = teller.flow.slas.get(str(one.get("sla", "")))
    label = sla.label.pick(teller.lang) if sla is not None else str(one.get("sla", ""))
    state = sla_words(str(one.get("state", "")))
    return _("Promised time “%(name)s”: %(state)s", name=label, state=state), ()


def _jump(teller: Teller, one: Fact) -> Said:
    return _("Back where it was sent back from, as nothing read since has changed"), ()


def _replay(teller: Teller, one: Fact) -> Said:
    names = [teller.name(str(name)) for name in one.get("changed") or ()]
    return _("All steps again, because these have changed: %(fields)s",
             fields=joined(names, teller.lang) or "–"), ()  # fmt: skip


def sla_words(state: str) -> str:
    """The state of a clock."""
    return {
        "running": _("running"),
        "paused": _("paused"),
        "kept": _("kept"),
        "met": _("kept"),
        "missed": _("missed"),
        "breached": _("missed"),
        "void": _("ended early"),
    }.get(state, state)


def shown(value: Any) -> str:
    """A fact as text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping) and set(value) == {"amount", "currency"}:
        return f"{value['amount']} {value['currency']}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {shown(v)}" for k, v in value.items())[:SHOWN]
    if isinstance(value, list | tuple):
        return ", ".join(shown(one) for one in value)[:SHOWN] or "–"
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _id(text: str) -> int | None:
    try:
        return int(text) if text.isdigit() and len(text) != 13 else decode_id(text)
    except ValueError:
        return None


_SAID: dict[str, Callable[[Teller, Fact], Said]] = {
    "enter": _enter,
    "leave": _leave,
    "set": _set,
    "decide": _decide,
    "switch": _switch,
    "level": _level,
    "assign": _assign,
    "skip": _skip,
    "vote": _vote,
    "act": _vote,
    "wait": _wait,
    "arrive": _arrive,
    "call": _call,
    "answer": _answer,
    "start": _start,
    "due": _due,
    "remind": _remind,
    "late": _late,
    "escalate": _escalate,
    "interrupt": _interrupt,
    "incident": _incident,
    "mend": _mend,
    "end": _end,
    "each": _each,
    "sla": _sla,
    "jump_back": _jump,
    "replay": _replay,
}

__all__ = ["Moment", "Reason", "Teller", "reasons_of", "shown", "sla_words", "user_ids"]
