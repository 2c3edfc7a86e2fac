"""People, times and steps of a flow in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.access.actor import SYSTEM
from app.catalog.model import Catalog
from app.records.lines import LineName
from app.web.i18n import gettext as _
from app.web.i18n import ngettext
from flows.durations import words
from flows.model import Approve, Due, Flow, Level, Step, Task, Who
from flows.picture import step_name
from forms.telling import tell


def joined(parts: Sequence[str], lang: str) -> str:
    """A list of words as people write it."""
    return ("、" if lang == "zh" else ", ").join(parts)


def who_words(who: Sequence[Who], catalog: Catalog, flow: Flow, lang: str) -> str:
    """Who a *who* list names."""
    return joined(list(dict.fromkeys(_one(entry, catalog, flow, lang) for entry in who)), lang)


def _one(who: Who, catalog: Catalog, flow: Flow, lang: str) -> str:
    if who.kind == "role":
        role = catalog.roles.get(who.value)
        return role.label.pick(lang) if role else who.value
    if who.kind == "actor_of":
        path, _dot, _level_id = who.value.partition(".")
        step = flow.steps.get(path)
        return _("whoever decided “%(step)s”", step=step_name(step, lang) if step else path)
    named = _named(who.value, flow, lang)
    if who.kind == "manager_of":
        return _("the manager of %(person)s", person=named)
    if who.kind == "head_of":
        return _("the head of %(department)s", department=named)
    return named


def _named(source: str, flow: Flow, lang: str) -> str:
    """What an expression names, in words where it is a field or a known name."""
    if source == "created_by":
        return _("the person who started it")
    if source == "assignee":
        return _("whoever has the task")
    one = flow.shape.field_at(source)
    return one.label.pick(lang) or source if one is not None else source


def people_of(step: Step, catalog: Catalog, flow: Flow, lang: str) -> list[str]:
    """Who acts in a step: one text, for an approval one a level."""
    body = step.body
    if isinstance(body, Task):
        return [who_words(body.by, catalog, flow, lang)]
    if isinstance(body, Approve):
        return [_level(one, len(body.levels), catalog, flow, lang) for one in body.levels.values()]
    return []


def _level(level: Level, count: int, catalog: Catalog, flow: Flow, lang: str) -> str:
    who = who_words(level.by, catalog, flow, lang)
    text = f"{who} ({need_words(level.need, in_order=level.in_order)})"
    label = level.label.pick(lang)
    return f"{label}: {text}" if count > 1 and label and label != level.id else text


def need_words(need: str | int, *, in_order: bool = False) -> str:
    """How many must agree."""
    if isinstance(need, int):
        text = ngettext("%(num)d must agree", "%(num)d must agree", need)
    elif need.endswith("%"):
        text = _("%(share)s must agree", share=need)
    else:
        text = {
            "all": _("all must agree"),
            "one": _("one must agree"),
            "first": _("the first one decides"),
        }.get(need, need)
    return f"{text}, {_('one after the other')}" if in_order else text


def due_words(due: Due | None, flow: Flow, lang: str) -> str:
    """By when a step is to be done."""
    if due is None:
        return ""
    if due.within is not None:
        return _("within %(time)s", time=words(due.within, lang))
    if due.at is not None:
        return _("by the date %(name)s", name=tell(due.at, flow.words, lang))
    return ""


def left_words(due: datetime, now: datetime) -> tuple[str, str]:
    """How long is left until a moment, and how pressing: "late", "soon" (a day) or ""."""
    seconds = (due - now).total_seconds()
    if seconds < 0:
        return _("overdue by %(time)s", time=span_words(-seconds)), "late"
    return _("%(time)s left", time=span_words(seconds)), "soon" if seconds < 86_400 else ""


def ago_words(at: datetime, now: datetime) -> str:
    """How long ago a moment was."""
    seconds = (now - at).total_seconds()
    return _("%(time)s ago", time=span_words(seconds)) if seconds >= 60 else _("just now")


def span_words(seconds: float) -> str:
    """A length of time by its largest unit."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return ngettext("%(num)d minute", "%(num)d minutes", minutes)
    if minutes < 48 * 60:
        return ngettext("%(num)d hour", "%(num)d hours", minutes // 60)
    return ngettext("%(num)d day", "%(num)d days", minutes // 1440)


def line_words(line: LineName) -> str:
    """Which line a task is about: its place, and what it is called."""
    if not line.name:
        return _("line %(number)d", number=line.number)
    return _("line %(number)d: %(name)s", number=line.number, name=line.name)


def doer(actor: int | None, name: str) -> str:
    """Who did something; the system by what it is called in the reader's language."""
    return _("The system") if actor is None and name == SYSTEM.name else name


def stage_words(flow: Flow | None, stage: Any, lang: str) -> str:
    """A stage's label; the id where the flow has no such stage (any more)."""
    if not stage:
        return ""
    known = flow.stages.get(str(stage)) if flow is not None else None
    return known.label.pick(lang) if known else str(stage)


def stage_places(flow: Flow) -> Mapping[str, int]:
    """Stage → the number of its colour."""
    return {stage: n % 8 for n, stage in enumerate(flow.stages)}
