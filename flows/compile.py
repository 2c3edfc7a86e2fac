"""A flow's definition → frozen objects, with every expression typed in its scope.

References to other definitions (policies, roles, calendars, forms, stages, targets of exits) are
told by the catalog beforehand; what such a reference is missing for is passed over here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.compile_bodies import body, kind_of, settings
from flows.compile_context import Notes, Place, Raw, World, scope
from flows.compile_exits import check_exits
from flows.compile_people import due, people
from flows.compile_reads import prepare
from flows.model import Exit, Flow, Interrupt, Reading, Scope, Sla, Stage, Step
from forms.expr import Expr
from forms.model import Form, Lines
from forms.problems import Path
from forms.telling import Words
from forms.values import Text

if TYPE_CHECKING:
    from flows.policy.model import Policy

MOST_STEPS = 200
MOST_EXITS = 2_000
"""A flow is looked at from every side before it is published; its size bounds how long that is."""


def compile_flow(
    form_id: str,
    data: Raw,
    at: Notes,
    policies: Mapping[str, Policy],
    form: Form,
    ends: Mapping[str, frozenset[str]] | None = None,
    words: Words | None = None,
) -> Flow | None:
    """Compile the flow of a form. None where something in it has a problem.

    `data` fits its schema; `policies` are those of the release by id; `ends` says of every form
    with a flow by which outcomes its records end (see `ends_of`). `words`: what names are called
    in the release; without them only the form's own.
    """
    steps, exits = _size(data["steps"])
    world = World(at, form, policies, ends or {})
    if steps > MOST_STEPS or exits > MOST_EXITS:
        world.problem(
            "flow_too_large",
            ("steps",),
            f"the flow has {steps} steps with {exits} exits",
            f"at most {MOST_STEPS} steps with {MOST_EXITS} exits, those inside steps included",
            on_key=True,
        )
        return None
    work = _Work(world)
    top = work.scope(data["steps"], Place("", ("steps",)))
    if work.incomplete:
        return None
    slas = {name: _sla(world, name, one, data) for name, one in data.get("slas", {}).items()}
    interrupts = {
        name: _interrupt(world, name, one) for name, one in data.get("interrupts", {}).items()
    }
    check_actors(world, work.steps, interrupts)
    flow = Flow(
        form=form_id,
        label=Text.of(data.get("label"), form_id),
        calendar=str(data.get("calendar", "")),
        stages={
            name: Stage(name, Text.of(one.get("label"), name))
            for name, one in data["stages"].items()
        },
        slas={name: one for name, one in slas.items() if one is not None},
        interrupts=interrupts,
        scopes={"": top, **work.scopes},
        steps=work.steps,
        shape=form,
        reading=Reading(),
        policies={name: one for name, one in policies.items() if one.form == form_id},
        words=Words(form_id, {form_id: form}) if words is None else words.of(form_id),
    )
    return prepare(flow, world.library)


def _size(raw: Raw) -> tuple[int, int]:
    """How many steps there are, and how many exits, at every depth."""
    steps = exits = 0
    ahead: list[Raw] = [raw]
    while ahead:
        for one in ahead.pop().values():
            steps += 1
            exits += len(one["next"]) if isinstance(one.get("next"), Mapping) else 1
            ahead += one.get("parallel", {}).get("branches", {}).values()
            ahead += [one["each"]["steps"]] if "steps" in one.get("each", {}) else []
    return steps, exits


def ends_of(data: Any) -> frozenset[str]:
    """The outcomes the records of a flow end with, from its definition."""
    steps = data.get("steps", {}) if isinstance(data, Mapping) else {}
    found = (one.get("end") for one in steps.values() if isinstance(one, Mapping))
    return frozenset(str(end) for end in found if end is not None)


class _Work:
    """The scopes and steps found so far; `incomplete` where a step could not be made."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.scopes: dict[str, Scope] = {}
        self.steps: dict[str, Step] = {}
        self.incomplete = False

    def scope(self, raw: Raw, place: Place) -> Scope:
        """Compile the steps of a scope."""
        steps: dict[str, Step] = {}
        for name, one in raw.items():
            step = self.step(name, one, (*place.root, name), place)
            if step is not None:
                steps[name] = self.steps[step.path] = step
        made = Scope(place.path, next(iter(raw)), steps)
        if place.path:
            self.scopes[place.path] = made
        return made

    def step(self, name: str, raw: Raw, path: Path, place: Place) -> Step | None:
        """Compile one step; None where its body has a problem."""
        world = self.world
        made = body(world, raw, path, place, self.scope)
        exits = self.exits(raw.get("next"), (*path, "next"), place)
        when = due(world, raw.get("due"), (*path, "due"), place)
        sets = settings(world, raw.get("set", {}), (*path, "set"), place)
        if made is None:
            self.incomplete = True
            return None
        step = Step(
            id=name,
            path=f"{place.path}/{name}" if place.path else name,
            kind=kind_of(raw),
            label=Text.of(raw.get("label"), name),
            stage=str(raw.get("stage", "")),
            sets=sets,
            due=when,
            exits=exits,
            body=made,
            at=path,
        )
        check_exits(world, step, path)
        return step

    def exits(self, raw: Any, path: Path, place: Place) -> dict[str, Exit]:
        """All ways out of a step, by outcome."""
        if raw is None:
            return {}
        if isinstance(raw, str):
            return {"*": Exit("*", raw)}
        names = scope(self.world, place)
        found: dict[str, Exit] = {}
        for outcome, one in raw.items():
            if isinstance(one, str):
                found[outcome] = Exit(outcome, one, label=Text.of(None, outcome))
                continue
            when: Expr | None = None
            if "when" in one:
                when = self.world.at.condition(one["when"], (*path, outcome, "when"), names)
            label = Text.of(one.get("label"), outcome)
            found[outcome] = Exit(outcome, one["to"], int(one.get("max", 0)), label, when)
        return found


def _sla(world: World, name: str, raw: Raw, data: Raw) -> Sla | None:
    path: Path = ("slas", name)
    ends = [_moment(world, str(raw[key]), (*path, key), data) for key in ("from", "to")]
    within = world.duration(raw["within"], (*path, "within"))
    warn = world.duration(raw["warn"], (*path, "warn")) if "warn" in raw else None
    start, stop = ends
    if start is None or stop is None or within is None:
        return None
    pause = frozenset(raw.get("pause", ()))
    return Sla(name, Text.of(raw.get("label"), name), start, stop, within, warn, pause)


def _moment(world: World, name: str, path: Path, data: Raw) -> tuple[str, str] | None:
    """A stage, or a field that holds a date or a moment."""
    if name in data["stages"]:
        return ("stage", name)
    found = world.form.fields.get(name)
    if found is None or isinstance(found, Lines):
        dated = [one.id for one in world.form.fields.values() if one.type in ("date", "datetime")]
        world.unknown("stage_or_field", name, [*data["stages"], *dated], path)
        return None
    return ("field", name)


def _interrupt(world: World, name: str, raw: Raw) -> Interrupt:
    path, place = ("interrupts", name), Place("", ())
    if not raw.get("by") and "." not in name:
        world.problem(
            "nobody_interrupts",
            path,
            f"{name} names nobody who may do it",
            "by, or the name of an event such as carrier.lost",
            on_key=True,
        )
    return Interrupt(
        id=name,
        label=Text.of(raw.get("label"), name),
        by=people(world, raw.get("by"), (*path, "by"), place),
        stages=frozenset(raw["in"]),
        to=str(raw["to"]),
        undo=bool(raw.get("undo", False)),
        when=world.at.condition(raw.get("when"), (*path, "when"), scope(world, place)),
    )


def check_actors(
    world: World, steps: Mapping[str, Step], interrupts: Mapping[str, Interrupt]
) -> None:
    """Note every `actor_of` that names no step people decide in."""
    human = [
        name
        for path, step in steps.items()
        if step.kind in ("task", "approve")
        for name in (path, *(f"{path}.{level}" for level in getattr(step.body, "levels", ())))
    ]
    for who, path in _named(world.at.data):
        if who not in human and not any(one.endswith(f"/{who}") for one in human):
            world.unknown("step", who, human, path)


def _named(raw: Any, path: Path = ()) -> list[tuple[str, Path]]:
    """Every `actor_of` of a definition, with its path."""
    entries: Any = ()
    if isinstance(raw, Mapping):
        entries = raw.items()
    elif isinstance(raw, list):
        entries = enumerate(raw)
    found = []
    for key, value in entries:
        if key == "actor_of" and isinstance(value, str):
            found.append((value, (*path, key)))
        else:
            found += _named(value, (*path, key))
    return found
