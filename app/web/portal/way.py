"""The way of a record as outsiders see it: stages passed with their dates, and those ahead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.model import Approve, Each, Flow, Parallel, Scope, Step

MOST = 200
"""Steps looked at on the way ahead."""
_NOT_THE_WAY = ("late", "rejected", "sent_back", "none")


@dataclass(frozen=True, slots=True)
class Milestone:
    """A stage on the way. `state`: "past", "now", "ahead" or "end" (where the way has ended)."""

    id: str
    label: str
    state: str
    at: datetime | None = None


def passed(entries: Iterable[Any]) -> list[tuple[str, int]]:
    """(stage, microseconds UTC) in the order they were entered, from journal entries."""
    found: list[tuple[str, int]] = []
    for entry in entries:
        change = entry.changes.get("stage")
        after = change[1] if isinstance(change, list) and len(change) == 2 else change
        if isinstance(after, str) and after and (not found or found[-1][0] != after):
            found.append((after, entry.at))
    return found


def milestones(
    flow: Flow,
    visited: Sequence[tuple[str, datetime]],
    stage: str,
    steps: Iterable[str],
    ended: bool,
    lang: str,
    shown: frozenset[str] | None = None,
) -> list[Milestone]:
    """The stages passed (each once, with the time it was first entered), the present one, and
    those ahead if all goes as it mostly does. `steps` are the paths of present steps; `shown`
    limits the stages (None: all)."""

    def label(name: str) -> str:
        found = flow.stages.get(name)
        return found.label.pick(lang) if found is not None else name

    first: dict[str, datetime] = {}
    for name, at in visited:
        first.setdefault(name, at)
    found = [
        Milestone(name, label(name), "past", at) for name, at in first.items() if name != stage
    ]
    if stage:
        found.append(Milestone(stage, label(stage), "end" if ended else "now", first.get(stage)))
    known = {one.id for one in found}
    if not ended:
        for name in ahead(flow, steps):
            if name not in known:
                known.add(name)
                found.append(Milestone(name, label(name), "ahead"))
    return [one for one in found if shown is None or one.id in shown or one.id == stage]


def ahead(flow: Flow, steps: Iterable[str]) -> list[str]:
    """Stages still to come from the present steps, taking everywhere the way that is written
    first and is neither a refusal nor a failure."""
    found: dict[str, None] = {}
    for path in steps:
        step = flow.steps.get(path)
        while step is not None and "/" in step.path:  # inside others: on from the outermost
            step = flow.steps.get(step.path.rpartition("/")[0])
        seen: set[str] = set()
        while step is not None and step.path not in seen and len(seen) < MOST:
            seen.add(step.path)
            step = _next(flow.top, step)
            if step is not None and step.stage:
                found[step.stage] = None
    return list(found)


def _next(scope: Scope, step: Step) -> Step | None:
    exits: Mapping[str, Any] = step.exits
    wanted = [
        one
        for name, one in exits.items()
        if name not in _NOT_THE_WAY and not name.startswith("failed.")
    ]
    if isinstance(step.body, Approve) and "approved" in exits:
        wanted = [exits["approved"]]
    if isinstance(step.body, Each | Parallel) and "done" in exits:
        wanted = [exits["done"]]
    return scope.steps.get(wanted[0].to) if wanted else None
