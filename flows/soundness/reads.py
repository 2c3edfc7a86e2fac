"""Every expression of a step whose value the engine needs, and what is filled when it reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flows.model import (
    Approve,
    Decide,
    Do,
    Due,
    Level,
    Start,
    Step,
    Switch,
    Task,
    Who,
)
from flows.soundness.facts import RECORD, Frame
from flows.soundness.outcomes import ANY
from flows.soundness.outcomes import NONE as NO_VALUE
from flows.soundness.world import World
from forms.expr import Expr
from forms.problems import Path


@dataclass(frozen=True, slots=True)
class Use:
    """One expression that has to have a value. `what` says what it is for. `outcome`: read when
    the step is left so ("": while it is at work). `guard`: read only where this holds. `soft`: the
    code of a warning, where the engine can go on without."""

    expr: Expr
    at: Path
    what: str
    outcome: str = ""
    frame: Frame = RECORD
    guard: Expr | None = None
    guard_frame: Frame = RECORD
    soft: str = ""


def uses_of(step: Step, world: World) -> Iterator[Use]:
    """What a step needs, apart from people."""
    for outcome, way in step.exits.items():
        if way.when is not None:
            at: Path = (*step.at, "next", outcome, "when")
            what = f"the condition of the exit {outcome}"
            yield Use(way.when, at, what, outcome, soft="button_may_be_missing")
    yield from _due(step.due, (*step.at, "due"))
    match step.body:
        case Switch() as body:
            if NO_VALUE not in step.exits and ANY not in step.exits:
                yield Use(body.on, (*step.at, "switch"), "the switch")
        case Approve() as body:
            for level in body.levels.values():
                here: Path = (*step.at, "approve", "levels", level.id)
                if level.when is not None:
                    yield Use(level.when, (*here, "when"), f"the condition of the level {level.id}")
                yield from _due(level.due, (*here, "due"))
        case Do() as body:
            yield from _actions(step, body, world)
        case Start() as body:
            yield from _started(step, body, world)


def _due(due: Due | None, at: Path) -> Iterator[Use]:
    if due is not None and due.at is not None:
        yield Use(due.at, (*at, "at"), "the due time", soft="due_may_be_empty")


def _actions(step: Step, body: Do, world: World) -> Iterator[Use]:
    for action in body.actions.values():
        here: Path = (*step.at, "do", action.id)
        spec = world.action(action.use)
        money = spec is not None and spec.money
        if action.when is not None:
            yield Use(action.when, (*here, "when"), f"the condition of the action {action.id}")
        if action.key is not None:
            what = f"the key of the action {action.id}"
            yield Use(action.key, (*here, "key"), what, guard=action.when)
        for name, expr in action.arguments.items():
            if spec is None or name not in spec.arguments:
                continue
            yield Use(
                expr,
                (*here, "with", name),
                f"{name} of {action.use}",
                guard=action.when,
                soft="" if money else "argument_may_be_empty",
            )


def _started(step: Step, body: Start, world: World) -> Iterator[Use]:
    """A new record is refused where a required field is empty."""
    form = world.forms.get(body.form)
    if form is None:
        return
    at: Path = (*step.at, "start")
    for name, expr in body.values.items():
        found = form.fields.get(name)
        if found is not None and found.required is True:
            yield Use(expr, (*at, "with", name), f"{name}, which {body.form} requires,")
    for lines, rows in body.rows.items():
        here: Path = (*at, "rows", lines)
        frame = Frame(rows.over)
        for name, expr in rows.values.items():
            inner = form.field_at(f"{lines}.{name}")
            if inner is not None and inner.required is True:
                yield Use(
                    expr,
                    (*here, "with", name),
                    f"{name} of {lines}, which {body.form} requires,",
                    frame=frame,
                    guard=rows.where,
                    guard_frame=frame,
                )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A list of people that must not be empty: `by`, where it stands, what for."""

    by: tuple[Who, ...]
    at: Path
    what: str
    guard: Expr | None = None


def people_of(step: Step) -> Iterator[Wanted]:
    """The people a step cannot do without."""
    match step.body:
        case Task() as body:
            yield Wanted(body.by, (*step.at, "task", "by"), f"the task {step.id}")
        case Approve() as body:
            if body.if_nobody:
                at: Path = (*step.at, "approve", "if_nobody")
                yield Wanted(body.if_nobody, at, f"{step.id} where nobody decides")
                return
            for level in body.levels.values():
                yield Wanted(level.by, _level_at(step, level), f"the level {level.id}", level.when)


def _level_at(step: Step, level: Level) -> Path:
    return (*step.at, "approve", "levels", level.id, "by")


def judged_lines(step: Step) -> Iterator[tuple[str, str]]:
    """(policy, lines) a decide step needs rows of."""
    if isinstance(step.body, Decide):
        for policy in step.body.policies:
            if policy.lines and policy.branch:
                yield policy.id, policy.lines
