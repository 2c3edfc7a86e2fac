"""What the kinds that are not compiled yet name: forms, fields, steps, stages, roles must exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from app.catalog.compiling import Compiling
from forms.problems import Path, suggest

Raw = Mapping[str, Any]


def check_references(_id: str, at: Compiling) -> None:
    """Note every reference of a flow, notification, … that leads nowhere."""
    check = _CHECKS.get(next(iter(at.data), ""))
    if check is not None:
        check(at)


def check_zone(at: Compiling) -> None:
    """The time zone of a tenant or calendar exists."""
    zone = at.data.get("zone")
    if isinstance(zone, str) and not _is_zone(zone):
        near = suggest(zone, available_timezones())
        at.problem(
            "unknown_zone", ("zone",), f"there is no time zone {zone}", "Asia/Shanghai, UTC", near
        )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _flow(at: Compiling) -> None:
    form = str(at.data.get("flow", ""))
    if form not in at.ids.get("form", set()):
        at.problem(
            "flow_without_form",
            ("flow",),
            f"there is no form {form}: a flow has the id of its form",
            "",
            suggest(form, at.ids.get("form", ())),
        )
    if "calendar" in at.data:
        at.refers("calendar", at.data["calendar"], ("calendar",))
    stages, steps = at.data.get("stages", {}), at.data.get("steps", {})
    for name, sla in at.data.get("slas", {}).items():
        for index, stage in enumerate(sla.get("pause", ())):
            if stage not in stages:
                at.unknown("stage", stage, stages, ("slas", name, "pause", index))
    for name, interrupt in at.data.get("interrupts", {}).items():
        path: Path = ("interrupts", name)
        if interrupt["to"] not in steps:
            at.unknown("step", interrupt["to"], steps, (*path, "to"))
        for index, stage in enumerate(interrupt["in"]):
            if stage not in stages:
                at.unknown("stage", stage, stages, (*path, "in", index))
        _who(interrupt.get("by"), (*path, "by"), at)
    for path, step, scope in _steps(steps, ("steps",)):
        _step(form, path, step, scope, stages, at)


def _steps(steps: Raw, path: Path) -> Iterator[tuple[Path, Raw, Raw]]:
    """All steps with the scope they stand in; a target stays inside its scope."""
    for name, step in steps.items():
        here = (*path, name)
        yield here, step, steps
        inner = step.get("each")
        if inner is not None:
            yield from _steps(inner.get("steps", {}), (*here, "each", "steps"))
        for branch, below in step.get("parallel", {}).get("branches", {}).items():
            yield from _steps(below, (*here, "parallel", "branches", branch))


def _step(form: str, path: Path, step: Raw, scope: Raw, stages: Raw, at: Compiling) -> None:
    if "stage" in step and step["stage"] not in stages:
        at.unknown("stage", step["stage"], stages, (*path, "stage"))
    for where, target in _targets(step.get("next"), (*path, "next")):
        if target not in scope:
            at.unknown("step", target, scope, where)
    policies = step.get("decide", ())
    for index, policy in enumerate([policies] if isinstance(policies, str) else policies):
        one = isinstance(policies, str)
        at.refers("policy", policy, (*path, "decide") if one else (*path, "decide", index))
    if "start" in step:
        started = step["start"]["form"]
        if at.refers("form", started, (*path, "start", "form")):
            for name in step["start"].get("with", {}):
                at.has_field(started, name, (*path, "start", "with", name), on_key=True)
    for name in step.get("set", {}):
        if not _row_name(path, name):
            at.has_field(form, name, (*path, "set", name), on_key=True)
    _due(step.get("due"), (*path, "due"), at)
    for part, raw in _people_parts(step, path):
        for key in ("by", "if_nobody", "exclude"):
            _who(raw.get(key), (*part, key), at)
        for key in ("edit", "require", "hide"):
            listed_fields = raw.get(key, ())
            for index, name in enumerate(() if listed_fields == "all" else listed_fields):
                at.has_field(form, name, (*part, key, index))
        _due(raw.get("due"), (*part, "due"), at)


def _row_name(path: Path, name: str) -> bool:
    """Inside `each` the row has a name of its own (`line.shipped`), not a field of the record."""
    return "each" in path and "." in name


def _people_parts(step: Raw, path: Path) -> Iterator[tuple[Path, Raw]]:
    for kind in ("task", "approve"):
        if kind in step:
            yield (*path, kind), step[kind]
            for level, raw in step[kind].get("levels", {}).items():
                yield (*path, kind, "levels", level), raw


def _targets(after: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(after, str):
        yield path, after
    elif isinstance(after, Mapping):
        for outcome, target in after.items():
            if isinstance(target, Mapping):
                yield (*path, outcome, "to"), str(target.get("to"))
            else:
                yield (*path, outcome), str(target)


def _due(due: Raw | None, path: Path, at: Compiling) -> None:
    if due is not None:
        _who(due.get("escalate"), (*path, "escalate"), at)


def _who(people: Any, path: Path, at: Compiling) -> None:
    for index, person in enumerate(people or ()):
        if "role" in person:
            at.refers("role", person["role"], (*path, index, "role"))


def _document(at: Compiling) -> None:
    form = at.data.get("for", "")
    if not at.refers("form", form, ("for",)):
        return
    signoffs = at.data.get("signoffs", {})
    for index, part in enumerate(at.data.get("body", ())):
        path: Path = ("body", index)
        for number, name in enumerate(part.get("signoffs", ())):
            if name not in signoffs:
                at.unknown("signoff", name, signoffs, (*path, "signoffs", number))
        about = form
        if "of" in part:
            linked = at.type_at(form, part["of"])
            at.has_field(form, part["of"], (*path, "of"))
            about = linked.target if linked is not None and linked.target else ""
        if not about:
            continue
        for number, name in enumerate(part.get("fields", ())):
            at.has_field(about, name, (*path, "fields", number))
        if "table" in part and at.target(f"{about}.{part['table']}", (*path, "table")):
            for number, name in enumerate(part.get("columns", ())):
                at.has_field(about, f"{part['table']}.{name}", (*path, "columns", number))


def _trigger(at: Compiling) -> None:
    start = at.data["start"]
    if at.refers("form", start["form"], ("start", "form")):
        for name in start.get("with", {}):
            at.has_field(start["form"], name, ("start", "with", name), on_key=True)


def _demo(at: Compiling) -> None:
    made: dict[str, str] = {}
    for name, spec in at.data.get("records", {}).items():
        path: Path = ("records", name)
        form = spec.get("form", name)
        where = (*path, "form") if "form" in spec else path
        if "like" in spec and spec["like"] not in made.values():
            at.unknown("form", spec["like"], dict.fromkeys(made.values()), (*path, "like"))
        if at.refers("form", form, where, on_key="form" not in spec):
            for field in spec.get("with", {}):
                at.has_field(form, field, (*path, "with", field), on_key=True)
        made[name] = str(form)
    departments = at.data.get("departments", {})
    for name, user in at.data.get("users", {}).items():
        for index, role in enumerate(user.get("roles", ())):
            at.refers("role", role, ("users", name, "roles", index))
        if "department" in user and user["department"] not in departments:
            place = ("users", name, "department")
            at.unknown("department", user["department"], departments, place)


_CHECKS: Mapping[str, Callable[[Compiling], None]] = {
    "flow": _flow,
    "tenant": check_zone,
    "document": _document,
    "trigger": _trigger,
    "demo": _demo,
}
