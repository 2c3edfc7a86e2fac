"""One sentence for each kind of decision a flow leaves in its trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from app.web.actions import use_words
from app.web.desk.flowwords import doer, joined, need_words
from app.web.i18n import gettext as _
from flows.picture import interrupt_name, outcome_name
from flows.policy.words import input_words
from forms.shown import money_shown
from forms.telling import tell
from forms.values import Money, Text

if TYPE_CHECKING:
    from app.web.desk.why import Teller

Fact = Mapping[str, Any]
SHOWN = 80
"""Characters of a fact; the API has it whole."""
Said = tuple[str, Sequence[tuple[str, str]]]


def _enter(teller: Teller, one: Fact) -> Said:
    return _("Went on to “%(step)s”", step=teller.step(one.get("step"))), ()


_SAID_ALREADY = frozenset({"task", "approve", "switch", "decide", "set"})


def _leave(teller: Teller, one: Fact) -> Said:
    """How a step ended; of steps of people their acts say so, of others what they decided."""
    outcome, step = teller.outcome(one), teller.flow.steps.get(str(one.get("step", "")))
    if not outcome or (step is not None and step.kind in _SAID_ALREADY):
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
    policy = teller.policy(one)
    edition = _(" (edition %(edition)s)", edition=one["edition"]) if one.get("edition") else ""
    verdict = joined(
        [f"{teller.name(k)} = {teller.value(k, v)}" for k, v in (one.get("verdict") or {}).items()],
        teller.lang,
    )
    rules = one.get("rules") or [one.get("rule", "")]
    text = _(
        "Policy “%(policy)s”%(edition)s: %(verdict)s, by the rule “%(rule)s”",
        policy=policy.label.pick(teller.lang) if policy is not None else one.get("policy"),
        edition=edition,
        rule=joined([teller.rule(one, str(rule)) for rule in rules], teller.lang),
        verdict=verdict or "–",
    )
    inputs = one.get("inputs") or {}
    if policy is None:
        return text, teller.facts(inputs)
    return text, [input_words(policy, name, value, teller.lang) for name, value in inputs.items()]


def _switch(teller: Teller, one: Fact) -> Said:
    value, on = one.get("value"), teller.expression(one, one.get("on"))
    way, step = teller.way(one, value), teller.step(one.get("step"))
    if on is not None and isinstance(value, bool):
        said = teller.condition(on, holds=value)
        said = _("%(way)s (%(why)s)", way=way, why=said) if way else said
        return _("“%(step)s”: %(what)s", step=step, what=said), teller.facts(one.get("facts"))
    source = str(one.get("on", ""))
    text = _(
        "“%(step)s”: %(source)s is %(value)s",
        step=step,
        source=tell(on, teller.words, teller.lang) if on is not None else teller.name(source),
        value=way or teller.outcome(one, "value")
        if isinstance(value, str)
        else teller.value(source, value),
    )
    alone = on is not None and on.source in on.names  # the field itself: the text has its value
    return text, () if alone else teller.facts(one.get("facts"))


def _level(teller: Teller, one: Fact) -> Said:
    holds, when = one.get("applies") is True, teller.expression(one, one.get("when"))
    told = teller.condition(when, holds=holds) if when is not None else str(one.get("when", ""))
    said = {"level": teller.level(one), "when": told}
    if holds:
        return _("“%(level)s” is needed: %(when)s", **said), teller.facts(one.get("facts"))
    return _("“%(level)s” is not needed: %(when)s", **said), teller.facts(one.get("facts"))


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
    name = doer(one.get("by"), str(one.get("name") or teller.user(one.get("by"))))
    said = {"person": name, "outcome": teller.outcome(one), "step": teller.level(one)}
    if one.get("instead_of"):
        said["other"] = teller.user(one["instead_of"])
        return _("%(person)s, for %(other)s, on “%(step)s”: %(outcome)s", **said), ()
    if one.get("to"):
        said["target"] = teller.step(one["to"])
        return _("%(person)s sent “%(step)s” back to “%(target)s”", **said), ()
    return _("%(person)s on “%(step)s”: %(outcome)s", **said), ()


def _wait(teller: Teller, one: Fact) -> Said:
    """What it waits for: what happens outside by its name, a condition as it is written."""
    names = one.get("for") or one.get("events") or ()
    what = joined([teller.event(one, str(name)) for name in names], teller.lang)
    what = what or teller.until(one)
    return _("Waits for: %(what)s", what=what), teller.facts(one.get("facts"))


def _arrive(teller: Teller, one: Fact) -> Said:
    if one.get("until"):
        text = _("What it waited for has come about: %(what)s", what=teller.until(one))
        return text, teller.facts(one.get("facts"))
    if one.get("event"):
        event = teller.event(one, str(one["event"]))
        return _("Arrived: %(event)s", event=event), teller.facts(one.get("data"))
    outcome = teller.outcome(one)
    return _("The record it had started came to its end: %(outcome)s", outcome=outcome), ()


def _call(teller: Teller, one: Fact) -> Said:
    action = use_words(str(one.get("use", ""))) or one.get("action", "")
    if one.get("applies") is False:
        return _("Action %(action)s was not needed", action=action), ()
    if one.get("undo_of"):
        return _("Action %(action)s is taken back", action=action), ()
    return _("Action: %(action)s", action=action), ()


def _answer(teller: Teller, one: Fact) -> Said:
    return _("Answer: %(outcome)s", outcome=teller.outcome(one)), _why(teller, one)


def _why(teller: Teller, one: Fact) -> Sequence[tuple[str, str]]:
    """What a service said of its answer."""
    said = _told(one.get("message"), teller.lang)
    return [(_("Why"), said)] if said else ()


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
    people = joined([teller.seat(seat) for seat in seats_of(one)], teller.lang)
    if not people:
        return _("Nobody to escalate it to; it stays where it is"), ()
    if one.get("votes"):
        votes = int(str(one["votes"]))
        return _("%(num)d votes escalated to %(people)s as one", num=votes, people=people), ()
    return _("Escalated to %(people)s", people=people), ()


def _interrupt(teller: Teller, one: Fact) -> Said:
    id_ = str(one.get("interrupt", ""))
    found = teller.flow.interrupts.get(id_)
    name = interrupt_name(found, teller.lang) if found is not None else id_
    return _("Interrupted: %(name)s", name=name), ()


def _told(message: Any, lang: str) -> str:
    """A message of a trace in the reader's language; a text stands for both."""
    return Text.of(message).pick(lang) if isinstance(message, str | Mapping) else ""


def _incident(teller: Teller, one: Fact) -> Said:
    why = _told(one.get("message"), teller.lang) or str(one.get("code", ""))
    return _("Stuck at “%(step)s”: %(why)s", step=teller.step(one.get("step")), why=why), ()


def _mend(teller: Teller, one: Fact) -> Said:
    how = str(one.get("how", ""))
    said = {
        "retry": _("tried again"),
        "skip": _("gone on without it"),
        "compensate": _("taken back what was done"),
    }.get(how, how)
    return _(
        "%(person)s mended it: %(how)s",
        person=doer(one.get("by"), str(one.get("name", ""))),
        how=said,
    ), ([(_("Why"), str(one["reason"]))] if one.get("reason") else ())


def _end(teller: Teller, one: Fact) -> Said:
    """The end that was reached, by its own name; by its outcome where it has gone since."""
    path, outcome = str(one.get("step", "")), str(one.get("outcome", ""))
    known = path in teller.flow.steps
    name = teller.step(path) if known else outcome_name(outcome, teller.lang)
    return _("Ended: %(outcome)s", outcome=name), ()


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
        return money_shown(Money(Decimal(value["amount"]), value["currency"]))
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {shown(v)}" for k, v in value.items())[:SHOWN]
    if isinstance(value, list | tuple):
        return ", ".join(shown(one) for one in value)[:SHOWN] or "–"
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def seats_of(one: Fact) -> list[str]:
    """The principals a task went to."""
    to = one.get("to")
    return [str(seat) for seat in to] if isinstance(to, list) else []


SAID: dict[str, Callable[[Teller, Fact], Said]] = {
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
