"""Work nobody can do: those asked are shut out, do not see the record, or cannot fill what is
required of them."""

from __future__ import annotations

from collections.abc import Iterator

from flows.model import Approve, Step, Task, Who
from flows.soundness.analysis import Analysis, edges_in_words
from flows.soundness.problems import problem
from forms.problems import Path, Problem


def check_people(known: Analysis) -> Iterator[Problem]:
    """Every task and level, by those who should do it."""
    for step in known.flow.steps.values():
        if not known.reached(step):
            continue
        match step.body:
            case Task() as body:
                at: Path = (*step.at, "task")
                yield from _rights(known, step, body.by, (*at, "by"))
                yield from _hidden(known, step, body, at)
                yield from _actors(known, step, body.by, (*at, "by"))
            case Approve() as body:
                yield from _approve(known, step, body)


def _approve(known: Analysis, step: Step, body: Approve) -> Iterator[Problem]:
    at: Path = (*step.at, "approve")
    out = {(who.kind, who.value) for who in body.exclude}
    for level in body.levels.values():
        here: Path = (*at, "levels", level.id)
        left = [who for who in level.by if (who.kind, who.value) not in out]
        if level.by and not left:
            yield problem(
                "all_excluded",
                (*here, "by"),
                f"everybody who could decide {level.id} of {step.id} is excluded",
                "others in by, or a shorter exclude",
            )
        elif not body.if_nobody and (out or not any(who.kind == "role" for who in left)):
            why = "some are excluded" if out else "those named may not be there"
            yield problem(
                "if_nobody_missing",
                (*here, "by"),
                f"{level.id} of {step.id} may have nobody to decide: {why}",
                "if_nobody, as in if_nobody: [{role: …}]",
            )
        yield from _rights(known, step, level.by, (*here, "by"))
        yield from _must(known, step, level.by, level.require, (*here, "require"))
        yield from _actors(known, step, level.by, (*here, "by"))
    yield from _actors(known, step, body.exclude, (*at, "exclude"))


def _rights(known: Analysis, step: Step, by: tuple[Who, ...], at: Path) -> Iterator[Problem]:
    """Whoever has a task sees the record; a role without `read` only as long as that."""
    form = known.form.id
    for index, who in enumerate(by):
        role = known.world.roles.get(who.value) if who.kind == "role" else None
        if role is None or not (role.can or role.includes):
            continue
        grants = known.world.grants(who.value, form)
        if not any("read" in grant.actions for grant in grants):
            yield problem(
                "seen_only_at_work",
                (*at, index, "role"),
                f"{who.value} sees records of {form} only while {step.id} is to be done",
                f"read among the actions of {form} in the role {who.value}",
            )


def _hidden(known: Analysis, step: Step, body: Task, at: Path) -> Iterator[Problem]:
    hidden = set(body.hide)
    for index, path in enumerate(body.require):
        if path in hidden or path.partition(".")[0] in hidden:
            yield problem(
                "hidden_but_required",
                (*at, "require", index),
                f"{step.id} hides {path} and requires it",
                "one of hide and require",
            )
    yield from _must(known, step, body.by, body.require, (*at, "require"))


def _must(
    known: Analysis, step: Step, by: tuple[Who, ...], paths: tuple[str, ...], at: Path
) -> Iterator[Problem]:
    """What a step requires, and nobody it asks could see or write."""
    for index, path in enumerate(paths):
        field = known.form.field_at(path)
        way = _way_without(known, step, path) if field is not None else None
        if field is None or way is None:
            continue
        outer = known.form.fields.get(field.within) if field.within else None
        both = [one for one in (field, outer) if one is not None]
        hidden = [who.value for who in by if _shut(known, who, path, "hide")]
        locked = [who.value for who in by if _shut(known, who, path, "readonly")]
        if any(one.visible is False for one in both):
            yield problem(
                "hidden_but_required",
                (*at, index),
                f"{step.id} requires {path}, which is never visible",
                "visible: true in the form, or set instead of require",
            )
        elif by and len(hidden) == len(by):
            yield problem(
                "hidden_but_required",
                (*at, index),
                f"{step.id} requires {path}, which {' and '.join(hidden)} may not see, "
                f"and which may be empty, as on the way {way}",
                "hide of the role without it, or other people",
            )
        elif field.formula is None and any(one.readonly is True for one in both):
            yield problem(
                "readonly_but_required",
                (*at, index),
                f"{step.id} requires {path}, which is read-only and may be empty, "
                f"as on the way {way}",
                "no readonly in the form (a step opens a field only to those it names), or set",
            )
        elif by and len(locked) == len(by):
            yield problem(
                "readonly_but_required",
                (*at, index),
                f"{step.id} requires {path}, which {' and '.join(locked)} cannot write, "
                f"and which may be empty, as on the way {way}",
                "readonly of the role without it, or other people",
            )


def _way_without(known: Analysis, step: Step, path: str) -> str | None:
    """A way to a step on which a field may be empty; None where it is filled anyway."""
    states = known.states(step)
    if not states:
        return known.way_to(step)
    bad = next((one for one in states if known.empty.fact(path, one.inside, "")), None)
    return None if bad is None else known.way_to(step, bad)


def _shut(known: Analysis, who: Who, path: str, what: str) -> bool:
    """Whether a role's grants hide or lock a field; roles add up: all of its grants have to."""
    grants = known.world.grants(who.value, known.form.id) if who.kind == "role" else ()
    names = {path, path.partition(".")[0]}
    return bool(grants) and all(not names.isdisjoint(getattr(g, what)) for g in grants)


def _actors(known: Analysis, step: Step, by: tuple[Who, ...], at: Path) -> Iterator[Problem]:
    """Whoever did a step is known only where every way has passed it."""
    for index, who in enumerate(by):
        if who.kind != "actor_of":
            continue
        name = who.value.partition(".")[0].rpartition("/")[2]
        graph = known.graph_of(step)
        if name not in graph.scope.steps or name == step.id:
            continue
        past = graph.way_past(step.id, name)
        if past is not None:
            way = edges_in_words(step.id, past)
            yield problem(
                "actor_not_passed",
                (*at, index, "actor_of"),
                f"{step.id} asks for whoever did {name}, and a way leads past it: {way}",
                f"a step that every way to {step.id} passes, or others named, too",
            )
