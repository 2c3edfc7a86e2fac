"""Who lists, due times, what an act must carry."""

from __future__ import annotations

from typing import Any

from flows.compile_context import Place, Raw, World, scope
from flows.model import Ask, Due, Duration, Reminder, Who
from forms.expr import DATE, DATETIME, DEPARTMENT, USER, Expr, Scope, Type, many
from forms.model import Lines
from forms.problems import Path

_USERS = (USER, many(USER), Type("link"))
_DEPARTMENTS = (DEPARTMENT, many(DEPARTMENT))
ASSIGNEE = "assignee"


def people(
    world: World, raw: Any, path: Path, place: Place, *, late: bool = False
) -> tuple[Who, ...]:
    """A *who* list. `late`: it is for an escalation, where `assignee` is known."""
    found = []
    for index, entry in enumerate(raw or ()):
        for kind, value in entry.items():
            who = _who(world, kind, str(value), (*path, index, kind), place, late)
            if who is not None:
                found.append(who)
    return tuple(found)


def _who(world: World, kind: str, value: str, path: Path, place: Place, late: bool) -> Who | None:
    if kind in ("role", "actor_of"):
        return Who(kind, value)
    if kind == "manager_of" and value == ASSIGNEE:
        if late:
            return Who(kind, value)
        world.problem(
            "no_assignee", path, "nobody has the task yet", "assignee stands in escalate only"
        )
        return None
    names = scope(world, place)
    if kind == "field" and isinstance(world.form.fields.get(value.partition(".")[0]), Lines):
        return _of_rows(world, value, path)
    wanted: tuple[Type, ...] = _DEPARTMENTS if kind in ("department", "head_of") else _USERS
    if kind == "field":
        wanted = (*_USERS, *_DEPARTMENTS)
    if kind == "manager_of":
        wanted = (USER, many(USER))
    expr = _person(world, value, path, names, wanted)
    return None if expr is None else Who(kind, value, expr)


def _person(
    world: World, value: str, path: Path, names: Scope, wanted: tuple[Type, ...]
) -> Expr | None:
    return world.at.expr(value, path, names, wanted)


def _of_rows(world: World, value: str, path: Path) -> Who | None:
    """The users that a field of lines names, over all rows."""
    found = world.form.field_at(value)
    if found is None or found.expr_type.kind not in ("user", "link"):
        known = [
            f"{one.id}.{inner.id}"
            for one in world.form.lines
            for inner in one.fields.values()
            if inner.expr_type.kind == "user"
        ]
        world.unknown("field", value, known, path)
        return None
    return Who("field", value)


def due(world: World, raw: Raw | None, path: Path, place: Place) -> Due | None:
    """When a step, or a level, must be done."""
    if raw is None:
        return None
    within = world.duration(raw["in"], (*path, "in")) if "in" in raw else None
    at = None
    if "at" in raw:
        at = world.at.expr(raw["at"], (*path, "at"), scope(world, place), (DATE, DATETIME))
    if ("in" in raw) == ("at" in raw):
        world.problem(
            "one_due", path, "a due time is either so long after entry or at a date", "in or at"
        )
        return None
    return Due(
        within=within,
        at=at,
        recompute=raw.get("recompute", "on_change") == "on_change",
        remind={
            name: _reminder(world, name, one, (*path, "remind", name))
            for name, one in raw.get("remind", {}).items()
        },
        escalate=people(world, raw.get("escalate"), (*path, "escalate"), place, late=True),
    )


def _reminder(world: World, name: str, raw: Raw, path: Path) -> Reminder:
    given: dict[str, Duration | None] = {
        key: world.duration(raw[key], (*path, key))
        for key in ("before", "after", "every")
        if key in raw
    }
    if "before" in given and "after" in given:
        world.problem(
            "one_reminder",
            path,
            "a reminder counts from entry or from the due time",
            "before or after",
        )
    most = int(raw.get("max", 10 if "every" in given else 1))
    return Reminder(name, given.get("before"), given.get("after"), given.get("every"), most)


def ask(raw: Raw | None, otherwise: Ask | None = None) -> Ask:
    """What an act must carry; what is not said is as in `otherwise`."""
    base = otherwise or Ask()
    given = raw or {}
    return Ask(
        comment=given.get("comment", base.comment),
        attachment=given.get("attachment", base.attachment),
        signature=given.get("signature", base.signature),
    )


def fields_open(raw: Any) -> tuple[str, ...]:
    """`edit`: dotted paths, ("*",) for all."""
    return ("*",) if raw == "all" else tuple(raw or ())
