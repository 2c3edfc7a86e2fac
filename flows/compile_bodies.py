"""What a step does, by its kind, and what it writes on entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flows.compile_context import Place, Raw, World, row_scope, scope
from flows.compile_people import ask, due, fields_open, people
from flows.model import (
    Action,
    Approve,
    Body,
    Decide,
    Do,
    Duration,
    Each,
    End,
    Level,
    Parallel,
    Rows,
    SetOnly,
    Setting,
    Start,
    Switch,
    Task,
    Wait,
)
from flows.model import Scope as Steps
from forms.expr import BOOLEAN, TEXT, Expr, Scope, Type, link
from forms.model import Field, Lines
from forms.problems import Path
from forms.values import Text

KINDS = ("task", "approve", "decide", "switch", "do", "wait", "each", "parallel", "start", "end")

RETRIES = 5
"""How often an effect is tried again where the definition does not say."""

_WHERE = re.compile(r"\s+where\s+")
_SWITCHED = ("boolean", "choice", "text")

Inner = Callable[[Raw, Place], Steps]
"""Compiles the steps of a scope inside a step."""


def kind_of(raw: Raw) -> str:
    """The kind of a step; its schema says that there is one."""
    return next((kind for kind in KINDS if kind in raw), "set")


def body(world: World, raw: Raw, path: Path, place: Place, inner: Inner) -> Body | None:
    """The body of a step; `inner` compiles the steps below it."""
    kind = kind_of(raw)
    below = (*path, kind)
    match kind:
        case "task":
            return _task(world, raw["task"], below, place)
        case "approve":
            return _approve(world, raw["approve"], below, place)
        case "decide":
            return _decide(world, raw["decide"], below)
        case "switch":
            return _switch(world, raw["switch"], below, place)
        case "do":
            return _do(world, raw["do"], below, place)
        case "wait":
            return _wait(world, raw["wait"], below, place)
        case "each":
            return _each(world, raw["each"], below, place, inner)
        case "parallel":
            return _parallel(raw["parallel"], below, place, inner)
        case "start":
            return _start(world, raw["start"], below, place)
        case "end":
            return End(str(raw["end"]))
    return SetOnly()


def settings(world: World, raw: Raw, path: Path, place: Place) -> tuple[Setting, ...]:
    """What a step writes on entry."""
    found = []
    for name, value in raw.items():
        target = writable(world, name, (*path, name), place)
        if target is None:
            continue
        where, one, current = target
        names = (
            row_scope(world, where[0]) if len(where) == 2 and not current else scope(world, place)
        )
        expr = world.at.expr(value, (*path, name), names, one.expr_type)
        if expr is not None:
            found.append(Setting(where, expr, current))
    return tuple(found)


def writable(
    world: World, name: str, path: Path, place: Place
) -> tuple[tuple[str, ...], Field, bool] | None:
    """The field a step writes: its path, the field, and whether of the row at hand only."""
    rows = dict(place.rows)
    head, _, tail = name.partition(".")
    current = bool(tail) and head in rows
    dotted = f"{rows[head]}.{tail}" if current else name
    found = world.form.field_at(dotted)
    if found is None or isinstance(found, Lines):
        known = [
            *(one.id for one in world.form.fields.values() if not isinstance(one, Lines)),
            *(f"{one.id}.{inner}" for one in world.form.lines for inner in one.fields),
            *(
                f"{row}.{inner}"
                for row, of in rows.items()
                for inner in world.fields(f"{world.form.id}.{of}")
            ),
        ]
        world.unknown("field", name, known, path, on_key=True)
        return None
    if found.formula is not None:
        world.problem(
            "set_formula", path, f"{name} is computed by its formula", "another field", on_key=True
        )
        return None
    return tuple(dotted.split(".")), found, current


# --- people -------------------------------------------------------------------------------------


def _task(world: World, raw: Raw, path: Path, place: Place) -> Task:
    return Task(
        by=people(world, raw["by"], (*path, "by"), place),
        edit=fields_open(raw.get("edit")),
        require=tuple(raw.get("require", ())),
        hide=tuple(raw.get("hide", ())),
        ask=ask(raw.get("ask")),
        claim=bool(raw.get("claim", False)),
    )


def _approve(world: World, raw: Raw, path: Path, place: Place) -> Approve:
    asked = ask(raw.get("ask"))
    names = scope(world, place)
    levels: dict[str, Level] = {}
    for name, one in raw["levels"].items():
        here = (*path, "levels", name)
        levels[name] = Level(
            id=name,
            label=Text.of(one.get("label"), name),
            by=people(world, one["by"], (*here, "by"), place),
            need=one.get("need", "all"),
            in_order=bool(one.get("in_order", False)),
            when=world.at.condition(one.get("when"), (*here, "when"), names),
            edit=fields_open(one.get("edit", raw.get("edit"))),
            require=tuple(dict.fromkeys([*raw.get("require", ()), *one.get("require", ())])),
            ask=ask(one.get("ask"), asked),
            due=due(world, one.get("due"), (*here, "due"), place),
        )
    skip = raw.get("skip", ())
    return Approve(
        levels=levels,
        if_nobody=people(world, raw.get("if_nobody"), (*path, "if_nobody"), place),
        exclude=people(world, raw.get("exclude"), (*path, "exclude"), place),
        skip=frozenset([skip] if isinstance(skip, str) else skip),
        allow=frozenset(raw.get("allow", ())),
        resubmit=raw.get("resubmit", "replay"),
        watch=_watched(world, levels),
    )


def _watched(world: World, levels: Mapping[str, Level]) -> frozenset[str]:
    """Every field an approver sees and cannot write: what a decision rests on."""
    own = {path for one in levels.values() for path in (*one.edit, *one.require)}
    return frozenset(name for name in world.form.fields if name not in own and "*" not in own)


# --- machines -----------------------------------------------------------------------------------


def _decide(world: World, raw: Any, path: Path) -> Decide | None:
    names = [raw] if isinstance(raw, str) else raw
    found = []
    for index, name in enumerate(names):
        policy = world.policies.get(name)
        if policy is None:
            return None  # it is not there, or has problems of its own
        if policy.form != world.form.id:
            here = path if isinstance(raw, str) else (*path, index)
            world.problem(
                "policy_of_other_form", here, f"{name} judges {policy.form}", world.form.id
            )
            return None
        found.append(policy)
    return Decide(tuple(found))


def _switch(world: World, raw: Any, path: Path, place: Place) -> Switch | None:
    expr = world.at.expr(raw, path, scope(world, place))
    if expr is None:
        return None
    if expr.type.kind not in _SWITCHED:
        world.problem(
            "bad_switch",
            path,
            f"this gives {expr.type}",
            "a condition, a choice, a text, or sign(…) of a number",
            f"sign({expr.source})" if expr.type.kind in ("integer", "decimal", "money") else "",
        )
        return None
    return Switch(expr)


def _do(world: World, raw: Raw, path: Path, place: Place) -> Do:
    return Do({name: _action(world, name, one, (*path, name), place) for name, one in raw.items()})


def _action(world: World, name: str, raw: Raw, path: Path, place: Place) -> Action:
    names = scope(world, place)
    arguments = _values(world, raw.get("with", {}), (*path, "with"), names)
    save: dict[tuple[str, ...], str] = {}
    for target, given in raw.get("save", {}).items():
        found = writable(world, target, (*path, "save", target), place)
        if found is not None:
            save[found[0]] = given
    retry = raw.get("retry", RETRIES)
    every: Duration | None = None
    if isinstance(retry, Mapping):
        if "every" in retry:
            every = world.duration(retry["every"], (*path, "retry", "every"))
        retry = retry.get("max", RETRIES)
    key = None
    if "key" in raw:
        key = world.at.expr(raw["key"], (*path, "key"), names, TEXT)
    return Action(
        id=name,
        label=Text.of(raw.get("label"), name),
        use=raw["use"],
        when=world.at.condition(raw.get("when"), (*path, "when"), names),
        arguments=arguments,
        save=save,
        key=key,
        retries=int(retry),
        every=every,
        undo=raw.get("undo", ""),
    )


def _values(world: World, raw: Raw, path: Path, names: Scope) -> dict[str, Expr]:
    found = {}
    for name, value in raw.items():
        expr = world.at.expr(value, (*path, name), names)
        if expr is not None:
            found[name] = expr
    return found


def _wait(world: World, raw: Raw, path: Path, place: Place) -> Wait | None:
    if "until" not in raw:
        return Wait(tuple(raw["for"]))
    until = world.at.expr(raw["until"], (*path, "until"), scope(world, place), BOOLEAN)
    return None if until is None else Wait((), until)


def _start(world: World, raw: Raw, path: Path, place: Place) -> Start:
    target, names = str(raw["form"]), scope(world, place)
    rows: dict[str, Rows] = {}
    for name, one in raw.get("rows", {}).items():
        here = (*path, "rows", name)
        over, where = _over(world, one["over"], (*here, "over"))
        if over is None:
            continue
        extra = {"row": link(f"{world.form.id}.{over}")}
        inside = row_scope(world, over, extra)
        into = f"{target}.{name}"
        if world.library.fields_of(into) is None:
            signature = world.library.signature(target)
            if signature is not None:
                world.unknown("lines", name, signature.lines, here, on_key=True)
            continue
        values = _fill(world, one.get("with", {}), (*here, "with"), inside, into)
        rows[name] = Rows(over, where, values)
    save = str(raw.get("save", ""))
    if save:
        found = writable(world, save, (*path, "save"), Place("", ()))
        if found is not None and found[1].expr_type != link(target):
            world.problem(
                "save_no_link",
                (*path, "save"),
                f"{save} is {found[1].expr_type}",
                f"a link to {target}",
            )
    return Start(
        form=target,
        values=_fill(world, raw.get("with", {}), (*path, "with"), names, target),
        rows=rows,
        save=save,
        wait=bool(raw.get("wait", False)),
    )


def _fill(world: World, raw: Raw, path: Path, names: Scope, target: str) -> dict[str, Expr]:
    """Values of another form's fields, of the fields' types; unknown fields are told elsewhere."""
    types: Mapping[str, Type] = world.library.fields_of(target) or {}
    found = {}
    for name, value in raw.items():
        if name not in types:
            if "." in target and types:
                world.unknown("field", name, types, (*path, name), on_key=True)
            continue
        expr = world.at.expr(value, (*path, name), names, types[name])
        if expr is not None:
            found[name] = expr
    return found


# --- scopes -------------------------------------------------------------------------------------


def _over(world: World, raw: str, path: Path) -> tuple[str | None, Expr | None]:
    """`lines where …`: the lines field and the condition on its rows."""
    head, *tail = _WHERE.split(raw.strip(), maxsplit=1)
    lines = [one.id for one in world.form.lines]
    if head not in lines:
        world.unknown("lines", head, lines, path)
        return None, None
    where = world.at.condition(tail[0], path, row_scope(world, head)) if tail else None
    return head, where


def _each(world: World, raw: Raw, path: Path, place: Place, inner: Inner) -> Each | None:
    over, where = _over(world, raw["over"], (*path, "over"))
    name = str(raw["as"])
    if name in scope(world, place).names:
        world.problem(
            "row_name_taken",
            (*path, "as"),
            f"{name} is a name of the record already",
            "another name",
        )
        return None
    if over is None:
        return None
    below = place.inside(_joined(place, path), (*path, "steps"), (name, over))
    return Each(over, where, name, inner(raw["steps"], below))


def _parallel(raw: Raw, path: Path, place: Place, inner: Inner) -> Parallel:
    branches = {
        name: inner(
            steps, place.inside(f"{_joined(place, path)}/{name}", (*path, "branches", name))
        )
        for name, steps in raw["branches"].items()
    }
    join = raw.get("join", "all")
    return Parallel(
        branches,
        {"all": 0, "any": 1}[join] if isinstance(join, str) and not join.isdigit() else int(join),
    )


def _joined(place: Place, path: Path) -> str:
    """The path of the step whose body stands at `path`."""
    return f"{place.path}/{path[-2]}" if place.path else str(path[-2])
