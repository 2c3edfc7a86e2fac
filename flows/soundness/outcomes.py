"""What each kind of step can come out as, and where each outcome leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flows.model import (
    Approve,
    Decide,
    Do,
    Each,
    End,
    Exit,
    Parallel,
    SetOnly,
    Start,
    Step,
    Switch,
    Task,
    Wait,
)
from flows.soundness.world import World

ANY = "*"
"""The exit that every outcome takes."""
ELSE = "else"
DONE = "done"
LATE = "late"
FAILED = "failed."
APPROVED = "approved"
SENT_BACK = "sent_back"


UNAVAILABLE = "unavailable"
"""What every action may fail with."""
NONE = "none"
"""The exit of a switch that has no value."""

_WAITING = Task | Wait | Start | Each | Parallel


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a step may come out as.

    `sure`: each of these has to have an exit. `more`: these may have one (a failure without an
    exit is an incident, a vote nobody offers does not happen). `open`: other words are possible,
    too, and nobody can list them (`else` takes them). `why`: where the outcomes come from.
    """

    sure: tuple[str, ...]
    more: tuple[str, ...] = ()
    open: bool = False
    why: str = ""

    @property
    def known(self) -> tuple[str, ...]:
        """All that can be listed."""
        return (*self.sure, *self.more)


Inner = Mapping[str, frozenset[str]]
"""Child scope → names of the ends it can reach."""


def outcomes_of(step: Step, world: World, inner: Inner) -> Outcomes:
    """What a step may come out as, given what the scopes inside it can end with."""
    late = (LATE,) if is_timed(step) else ()
    match step.body:
        case Task():
            buttons = tuple(o for o in step.exits if o != LATE)
            return Outcomes(buttons, late, why="the buttons of the task")
        case Approve():
            return Outcomes(
                ("approved", "rejected"), (SENT_BACK, *late), why="what approvers decide"
            )
        case Decide():
            return _decide(step.body)
        case Switch():
            return _switch(step.body)
        case Do():
            return _do(step.body, world)
        case Wait():
            events = step.body.events or ("until",)
            return Outcomes(events, late, why="what the step waits for")
        case Each():
            found = inner.get(step.body.scope.path, frozenset())
            named = tuple(sorted(found - {DONE}))
            return Outcomes((DONE, *named), late, why="`done` and the ends of the rows")
        case Parallel():
            return _parallel(step.body, inner, late)
        case Start():
            return _start(step.body, world, late)
        case SetOnly():
            return Outcomes((DONE,), why="a step that only sets")
        case End():
            return Outcomes(())


def is_timed(step: Step) -> bool:
    """Whether time can take a token on: it waits until a due time, and nobody is called in then."""
    if isinstance(step.body, Approve):
        dues = [step.due, *(level.due for level in step.body.levels.values())]
        return any(due is not None and not due.escalate for due in dues)
    due = step.due
    return due is not None and not due.escalate and isinstance(step.body, _WAITING)


def exit_for(step: Step, outcome: str) -> Exit | None:
    """The way out that an outcome takes: its own, else `else`, else the lone one, which is not for
    lateness and failures."""
    found = step.exits.get(outcome)
    if found is not None:
        return found
    if isinstance(step.body, Switch) and outcome != NONE and ELSE in step.exits:
        return step.exits[ELSE]
    if outcome == LATE or outcome.startswith(FAILED):
        return None
    return step.exits.get(ANY)


def ways(step: Step, world: World, inner: Inner) -> Iterator[tuple[str, Exit]]:
    """Every (outcome, exit) a token can take from here."""
    found = outcomes_of(step, world, inner)
    taken = set()
    for outcome in found.known:
        way = exit_for(step, outcome)
        if way is not None:
            taken.add(way.outcome)
            yield outcome, way
    for outcome, way in step.exits.items():
        if outcome not in taken and found.open and outcome != LATE:
            yield outcome, way


def stops(step: Step) -> bool:
    """Whether a token rests here, so that others may move meanwhile."""
    return isinstance(step.body, Task | Approve | Wait | Do | Start | Each | Parallel)


def _decide(body: Decide) -> Outcomes:
    for policy in reversed(body.policies):
        if policy.branch:
            return Outcomes(
                tuple(policy.branches), why=f"what {policy.id} gives for {policy.branch}"
            )
    return Outcomes((DONE,), why="policies without a branch")


def _switch(body: Switch) -> Outcomes:
    kind, none = body.on.type, (NONE,)
    if kind.kind == "boolean":
        return Outcomes(("true", "false"), none, why=f"{body.on.source} is true or false")
    if kind.kind == "choice" and kind.options is not None:
        return Outcomes(kind.options, none, why=f"the values of {body.on.source}")
    return Outcomes((ELSE,), none, open=True, why=f"{body.on.source} is {kind}")


def _do(body: Do, world: World) -> Outcomes:
    codes: dict[str, None] = {}
    known = True
    for action in body.actions.values():
        spec = world.action(action.use)
        if spec is None:
            known = False
        else:
            codes.update(dict.fromkeys(FAILED + code for code in (*spec.fails, UNAVAILABLE)))
    return Outcomes((DONE,), tuple(codes), open=not known, why="what the actions answer")


def _parallel(body: Parallel, inner: Inner, late: tuple[str, ...]) -> Outcomes:
    ends = [inner.get(scope.path, frozenset()) for scope in body.branches.values()]
    needed = body.join or len(ends)
    done = (DONE,) if sum(DONE in found for found in ends) >= needed else ()
    named = sorted(frozenset().union(*ends) - {DONE})
    return Outcomes((*done, *named), late, why="`done` and the ends of the branches")


def _start(body: Start, world: World, late: tuple[str, ...]) -> Outcomes:
    if not body.wait:
        return Outcomes((DONE,), late, why="a started record nobody waits for")
    ends = world.ends.get(body.form)
    if ends is None:
        return Outcomes((), late, open=True, why=f"{body.form} has no flow")
    return Outcomes(tuple(sorted(ends)), late, why=f"the ends of {body.form}")
