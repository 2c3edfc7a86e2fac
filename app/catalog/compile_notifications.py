"""Notifications: their events happen, their people exist, their words can be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.catalog.compiling import Compiling
from app.catalog.model import Raw
from app.catalog.notifications import ACTOR, CHANNELS, HOPS, SLA, TASK, Listening, Notification
from flows.model import Who
from forms.compile_library import FormLibrary, StaticLibrary, Wrapped
from forms.expr import (
    BOOLEAN,
    DATETIME,
    TEXT,
    Expr,
    ExprError,
    Scope,
    Type,
    compile_expr,
    link,
)
from forms.problems import Path, listed, suggest
from forms.templates import TemplateError, TextTemplate, compile_text
from forms.values import Text

KEYS = (
    "notification label help was event when to channels text attach digest quiet throttle"
).split()
ASSIGNEE = "assignee"
_RECORD = ("created", "updated", "deleted")
_FLOW = ("task.assigned", "task.claimed", "task.cancelled", "escalated", "comment", "incident")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_TARGETS: Mapping[str, Mapping[str, Type]] = {
    TASK: {"label": TEXT, "line": TEXT, "step": TEXT, "due_at": DATETIME, "comment": TEXT},
    ACTOR: {"name": TEXT},
}
_SLA = {"label": TEXT, "due_at": DATETIME}


def compile_notification(
    notification_id: str, at: Compiling, flows: Mapping[str, Raw]
) -> Notification | None:
    """Compile one notification; `flows` are the definitions of flows as written. What is wrong is
    noted in `at`; None where nothing is left to listen for."""
    data = at.data
    forms = {
        form: _listening(form, events, at, flows.get(form, {}))
        for form, events in _events(at, flows).items()
    }
    for index, name in enumerate(data["channels"]):
        _channel(str(name), ("channels", index), at)
    for index, name in enumerate(data.get("attach", ())):
        at.refers("document", name, ("attach", index))
    found = {form: made for form, made in forms.items() if made is not None}
    if not found:
        return None
    return Notification(
        id=notification_id,
        label=at.text("label", notification_id),
        forms=found,
        channels=tuple(str(name) for name in data["channels"]),
        attach=tuple(data.get("attach", ())),
        digest=str(data.get("digest", "")),
        quiet=_span(data.get("quiet")),
        throttle=_throttle(data.get("throttle"), at),
    )


def _events(at: Compiling, flows: Mapping[str, Raw]) -> dict[str, list[str]]:
    """Form → names of its events that exist."""
    raw = at.data["event"]
    found: dict[str, list[str]] = {}
    for index, event in enumerate([raw] if isinstance(raw, str) else raw):
        path: Path = ("event",) if isinstance(raw, str) else ("event", index)
        form, _, name = str(event).partition(".")
        if not at.refers("form", form, path):
            continue
        known = happenings(flows.get(form))
        if name in known:
            found.setdefault(form, []).append(name)
            continue
        near = suggest(name, known)
        at.problem(
            "unknown_event",
            path,
            f"{name} never happens to {form}",
            listed([f"{form}.{one}" for one in known]),
            f"{form}.{near}" if near else "",
        )
    return found


def happenings(flow: Raw | None) -> list[str]:
    """What can happen to records of a form, by name, with the flow it has."""
    found = list(_RECORD)
    if not flow:
        return found
    found += [f"stage.{name}" for name in flow.get("stages", {})]
    found += _FLOW
    for name, step in steps_of(flow.get("steps", {})):
        for due in _dues(step):
            found += [f"remind.{name}.{one}" for one in due.get("remind", {})]
            found.append(f"late.{name}")
        if isinstance(step.get("end"), str):
            found.append(f"ended.{step['end']}")
    for name in flow.get("slas", {}):
        found += [f"sla.{name}.warn", f"sla.{name}.breach"]
    return list(dict.fromkeys(found))


def steps_of(steps: Raw) -> Iterator[tuple[str, Raw]]:
    """All steps, those of inner scopes too, by their own id."""
    for name, step in steps.items():
        if not isinstance(step, Mapping):
            continue
        yield name, step
        yield from steps_of((step.get("each") or {}).get("steps") or {})
        for branch in ((step.get("parallel") or {}).get("branches") or {}).values():
            yield from steps_of(branch)


def _dues(step: Raw) -> Iterator[Raw]:
    levels = (step.get("approve") or {}).get("levels") or {}
    for part in (step, *levels.values()):
        if isinstance(part.get("due"), Mapping):
            yield part["due"]


def _listening(form: str, events: list[str], at: Compiling, flow: Raw) -> Listening | None:
    names = at.library.fields_of(form)
    if names is None:
        return None
    scope = event_scope(form, names, at.library, flow)
    worded = Scope({"link": TEXT, **scope.names}, library=scope.library, max_hops=HOPS)
    text = at.data["text"]
    subject = _text(text["subject"], ("text", "subject"), worded, at)
    body = _text(text["body"], ("text", "body"), worded, at) if "body" in text else None
    when = at.data.get("when")
    condition = at.expr(when, ("when",), scope, BOOLEAN) if when not in (None, True) else None
    to = [_who(form, entry, ("to", i), scope, at, flow) for i, entry in enumerate(at.data["to"])]
    if subject is None:
        return None
    return Listening(
        form, frozenset(events), condition, tuple(who for who in to if who), subject, body
    )


def event_scope(
    form: str, names: Mapping[str, Type], library: StaticLibrary, flow: Raw | None
) -> Scope:
    """The names of a record, and of what happened: `actor`, and with a flow `task` and `sla`. A
    field of the same name comes first."""
    told: dict[str, Type] = {"actor": link(ACTOR)}
    targets = dict(_TARGETS)
    if flow:
        told["task"] = link(TASK)
        slas = list(flow.get("slas", {}))
        if slas:
            told["sla"] = link(SLA)
            targets[SLA] = {name: link(f"{SLA}.{name}") for name in slas}
            targets |= {f"{SLA}.{name}": _SLA for name in slas}
    return Scope(
        {**told, **names, "this": link(form)},
        library=_EventLibrary(library, targets),
        max_hops=HOPS,
    )


class _EventLibrary(Wrapped):
    """The library, which also knows what comes with an event."""

    __slots__ = ("_targets",)

    def __init__(self, library: FormLibrary, targets: Mapping[str, Mapping[str, Type]]) -> None:
        super().__init__(library)
        self._targets = targets

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        """Names of a target."""
        found = self._targets.get(target)
        return found if found is not None else self._library.fields_of(target)


def _text(value: Any, path: Path, scope: Scope, at: Compiling) -> TextTemplate | None:
    def labels(type_: Type) -> Mapping[str, Text] | None:
        options = at.library.options(type_.options_id) if type_.options_id else None
        return {one.id: one.label for one in options.values.values()} if options else None

    try:
        return compile_text(value, scope, labels)
    except TemplateError as error:
        at.problems.extend(problem.under(*path) for problem in error.problems)
        return None


def _channel(name: str, path: Path, at: Compiling) -> None:
    connections = at.ids.get("connection", set())
    if name in CHANNELS or name in connections:
        return
    known = [*CHANNELS, *sorted(connections)]
    at.problem(
        "unknown_channel",
        path,
        f"there is no channel {name}",
        f"{listed(known)}; a connection is a channel by its id",
        suggest(name, known),
    )


def _who(
    form: str, entry: Mapping[str, Any], path: Path, scope: Scope, at: Compiling, flow: Raw
) -> Who | None:
    """One entry of `to`. Nobody's name can be checked here: a word that is no name of the record
    is taken for a login or a department's code."""
    ((kind, value),) = entry.items()
    where, source = (*path, kind), str(value)
    if kind == "role":
        return Who(kind, source) if at.refers("role", value, where) else None
    if kind == "actor_of":
        steps = dict(steps_of(flow.get("steps", {})))
        if source.rpartition("/")[2] in steps:
            return Who(kind, source)
        at.problem(
            "unknown_step",
            where,
            f"{form} has no step {source}",
            listed([*steps]) if steps else "a form without a flow has no steps",
            suggest(source, steps),
        )
        return None
    if source == ASSIGNEE:
        return Who(kind, source)
    if kind == "field" and _is_lines(source, scope):
        return Who(kind, source) if at.has_field(form, source, where) else None
    if kind != "field" and source not in scope.names and re.fullmatch(r"[\w@+-]+", source):
        near = suggest(source, scope.names)
        if not near:
            return Who(kind, source)
    try:
        expr = compile_expr(source, scope)
    except ExprError as error:
        at.problems.extend(problem.under(*where) for problem in error.problems)
        return None
    return Who(kind, source, expr) if _is_person(kind, expr, where, at) else None


def _is_lines(source: str, scope: Scope) -> bool:
    found = scope.names.get(source.partition(".")[0])
    return found is not None and found.kind == "lines"


_PEOPLE = {
    "user": ("user",),
    "manager_of": ("user",),
    "department": ("department",),
    "head_of": ("department", "user"),
    "field": ("user", "department", "text", "link"),
}


def _is_person(kind: str, expr: Expr, path: Path, at: Compiling) -> bool:
    one = expr.type.item if expr.type.kind == "list" and expr.type.item else expr.type
    allowed = _PEOPLE[kind]
    if one.kind in allowed:
        return True
    at.problem(
        "not_a_person",
        path,
        f"{expr.source} is {one}, nobody who could be told",
        listed([*allowed]) + (" (an address, or a record that has one)" if kind == "field" else ""),
    )
    return False


def _span(value: object) -> tuple[int, int] | None:
    """`22:00-08:00` in minutes of the day."""
    if not isinstance(value, str):
        return None
    start, end = (int(time[:2]) * 60 + int(time[3:]) for time in value.split("-"))
    return (start, end) if start != end else None


def _throttle(value: object, at: Compiling) -> int:
    """Seconds; working time means nothing here."""
    if value is None:
        return 0
    parts = re.findall(r"(\d+)(\w+)", str(value))
    if not parts or any(unit not in _SECONDS for _, unit in parts):
        at.problem(
            "throttle_on_the_clock",
            ("throttle",),
            f"{value} is no time on the clock",
            "a number with m, h or d: 30m, 4h, 1d",
        )
        return 0
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)
