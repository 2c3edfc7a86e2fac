"""Actions and events that no connection can serve, by what capabilities say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flows.model import Action, Do, Wait
from flows.soundness.analysis import Analysis
from flows.soundness.problems import problem
from forms.problems import Path, Problem, suggest


def check_actions(known: Analysis) -> Iterator[Problem]:
    """Every `use`, `undo`, `with` and `save` of an action, every event waited for."""
    if not known.world.capabilities:
        return
    for step in known.flow.steps.values():
        match step.body:
            case Do() as body:
                for action in body.actions.values():
                    yield from _action(known, action, (*step.at, "do", action.id))
            case Wait() as body:
                for index, name in enumerate(body.events):
                    yield from _event(known, name, (*step.at, "wait", "for", index))
    for name, one in known.flow.interrupts.items():
        if not one.by:
            yield from _event(known, name, ("interrupts", name), on_key=True)


def _action(known: Analysis, action: Action, at: Path) -> Iterator[Problem]:
    uses = {"use": action.use, **({"undo": action.undo} if action.undo else {})}
    for key, use in uses.items():
        if known.world.action(use) is None:
            every = _names(known, "actions")
            yield problem(
                "action_unknown",
                (*at, key),
                f"no connection can serve {use}",
                ", ".join(every),
                suggest(use, every),
            )
    spec = known.world.action(action.use)
    if spec is None:
        return
    missing = [name for name in spec.arguments if name not in action.arguments]
    if missing:
        yield problem(
            "argument_missing",
            (*at, "with") if action.arguments else (*at, "use"),
            f"{action.use} needs {' and '.join(missing)}",
            f"with: {{{missing[0]}: …}}",
        )
    for path, name in action.save.items():
        if name not in spec.gives:
            yield problem(
                "answer_unknown",
                (*at, "save", ".".join(path)),
                f"{action.use} does not answer {name}",
                ", ".join(spec.gives) or "it answers nothing",
                suggest(name, spec.gives),
            )


def _event(known: Analysis, name: str, at: Path, *, on_key: bool = False) -> Iterator[Problem]:
    every = _names(known, "events")
    if name not in every:
        yield problem(
            "event_unknown",
            at,
            f"no connection tells {name}",
            ", ".join(every),
            suggest(name, every),
            on_key=on_key,
        )


def _names(known: Analysis, what: str) -> list[str]:
    found: list[str] = []
    for name, capability in known.world.capabilities.items():
        inner: Mapping[str, object] = getattr(capability, what)
        found += [f"{name}.{one}" for one in inner]
    return found
