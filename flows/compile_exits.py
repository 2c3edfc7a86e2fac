"""The outcomes a step can have, and exits that no outcome leads to."""

from __future__ import annotations

from flows.compile_context import World
from flows.model import Approve as ApproveBody
from flows.model import (
    Decide,
    Do,
    Each,
    End,
    Parallel,
    Scope,
    SetOnly,
    Start,
    Step,
    Switch,
    Task,
    Wait,
)
from forms.problems import Path

LATE = "late"
FAILED = "failed."


def check_exits(world: World, step: Step, path: Path) -> None:
    """Note every exit that no outcome of the step leads to; an end has none at all."""
    if isinstance(step.body, End):
        if step.exits:
            world.problem("end_goes_on", (*path, "next"), "an end has no next", on_key=True)
        return
    if not step.exits:
        world.problem(
            "no_next", (*path, "next"), f"{step.id} leads nowhere", "next, or end", on_key=True
        )
        return
    known = outcomes(world, step)
    for name in step.exits:
        if name == "*" or known is None:
            continue
        if name == LATE and LATE not in known:
            world.problem(
                "late_without_due",
                (*path, "next", name),
                "this step is never late",
                "due, with a time",
                on_key=True,
            )
        elif name not in known and not (name.startswith(FAILED) and isinstance(step.body, Do)):
            world.unknown("outcome", name, known, (*path, "next", name), on_key=True)


def outcomes(world: World, step: Step) -> list[str] | None:
    """What a step can end with, `late` where it has a due time; None: any name will do."""
    found = _outcomes(world, step)
    if (
        found is not None
        and step.due is not None
        and isinstance(step.body, Task | ApproveBody | Wait | Start | Each | Parallel)
    ):
        found.append(LATE)
    return found


def _outcomes(world: World, step: Step) -> list[str] | None:
    match step.body:
        case Task():
            names = [name for name in step.exits if name != LATE]
            return [*names, "done"]
        case ApproveBody():
            return ["approved", "rejected", "sent_back"]
        case Decide(policies=policies):
            branches = [policy for policy in policies if policy.branch]
            return [*branches[-1].branches] if branches else ["done"]
        case Switch(on=on):
            return _values(on.type.kind, on.type.options)
        case Do():
            return ["done"]
        case Wait(events=events):
            return list(events) or ["until"]
        case Each(scope=scope):
            return _ends([scope])
        case Parallel(branches=branches):
            return _ends(list(branches.values()))
        case Start(form=form, wait=wait):
            ends = world.ends.get(form)
            return (sorted(ends) if ends is not None else None) if wait else ["done"]
        case SetOnly():
            return ["done"]
    return []


def _values(kind: str, options: tuple[str, ...] | None) -> list[str] | None:
    """The exits of a switch: values, `none` for a value that is not there, `else`."""
    if kind == "boolean":
        return ["true", "false", "none", "else"]
    if kind == "choice" and options is not None:
        return [*options, "none", "else"]
    return None


def _ends(scopes: list[Scope]) -> list[str]:
    found = {"done": None}
    for scope in scopes:
        for step in scope.steps.values():
            if isinstance(step.body, End):
                found[step.body.outcome] = None
    return list(found)
