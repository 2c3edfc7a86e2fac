"""Stages, interrupts, promises and due times that come to nothing."""

from __future__ import annotations

from collections.abc import Iterator

from flows.model import Approve, Decide, Do, Due, Start, Step, Task
from flows.soundness.analysis import Analysis
from flows.soundness.outcomes import LATE
from flows.soundness.problems import problem
from forms.model import Lines
from forms.problems import Path, Problem


def check_stages(known: Analysis) -> Iterator[Problem]:
    """What is declared and never comes about."""
    entered = {step.stage for step in known.flow.steps.values() if known.reached(step)}
    for name in known.flow.stages:
        if name not in entered:
            yield problem(
                "stage_never",
                ("stages", name),
                f"no step enters the stage {name}",
                f"stage: {name} in a step, or no such stage",
                on_key=True,
            )
    resting = known.resting_stages()
    for name, one in known.flow.interrupts.items():
        if not one.stages & resting:
            known_stages = ", ".join(s for s in known.flow.stages if s in resting)
            yield problem(
                "interrupt_never",
                ("interrupts", name, "in"),
                f"a record never rests in {' or '.join(sorted(one.stages))}, so {name} never comes",
                f"stages a record rests in: {known_stages}",
            )
    yield from _slas(known, entered)
    for step in known.flow.steps.values():
        yield from _due(step)


def _slas(known: Analysis, entered: set[str]) -> Iterator[Problem]:
    written = _written(known)
    for name, sla in known.flow.slas.items():
        for key, (kind, what) in (("from", sla.start), ("to", sla.stop)):
            if kind == "stage" and what in entered:
                continue
            if kind == "field" and (what in written or "*" in written):
                continue
            how = "no step enters the stage" if kind == "stage" else "no step writes the field"
            yield problem(
                "sla_never",
                ("slas", name, key),
                f"{how} {what}, so the clock of {name} never "
                f"{'starts' if key == 'from' else 'stops'}",
                f"stage: {what} in a step"
                if kind == "stage"
                else f"set: {{{what}: now()}} in a step",
            )


def _written(known: Analysis) -> set[str]:
    """The fields of the record that anybody or anything fills."""
    found = {
        one.id
        for one in known.form.fields.values()
        if one.required is not False or one.default is not None or one.formula is not None
    }
    found |= set(known.world.written)
    for one in known.form.fields.values():
        found.update(one.fill)
        if isinstance(one, Lines):
            found.add(one.id)
    for step in known.flow.steps.values():
        found.update(setting.path[0] for setting in step.sets)
        match step.body:
            case Task() as body:
                found.update((*body.edit, *body.require))
            case Approve() as body:
                for level in body.levels.values():
                    found.update((*level.edit, *level.require))
            case Do() as body:
                found.update(path[0] for a in body.actions.values() for path in a.save)
            case Start() as body:
                found.add(body.save)
            case Decide() as body:
                found.update(name for policy in body.policies for name in policy.outputs)
    return found


def _due(step: Step) -> Iterator[Problem]:
    """A due time that nothing follows from only stands beside the task."""
    if step.due is not None and _idle(step.due) and LATE not in step.exits:
        yield _nothing(step, (*step.at, "due"))
    if isinstance(step.body, Approve) and not (step.due and LATE in step.exits):
        for level in step.body.levels.values():
            if level.due is not None and _idle(level.due) and LATE not in step.exits:
                yield _nothing(step, (*step.at, "approve", "levels", level.id, "due"))


def _idle(due: Due) -> bool:
    return not due.escalate and not due.remind


def _nothing(step: Step, at: Path) -> Problem:
    return problem(
        "due_without_effect",
        at,
        f"nothing happens when {step.id} is late",
        "remind or escalate, or an exit late",
        on_key=True,
    )
