"""Who hears an event from outside: every scope that waits for it, each once, whenever it comes to
its wait.

Scopes side by side (lines, branches of one `parallel`) hear it each for itself; what comes later on
the way of one that has heard it does not hear it again. So it makes no difference which of them was
waiting when the event came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from flows.model import Each, Flow, Wait
from forms.model import Row

Place = tuple[str, tuple[int, ...]]
"""A scope at work: its path, and the rows around it from the outside in."""

EVERYWHERE: Place = ("", ())
"""The whole record: when it has heard an event, nobody else does."""


def apart(flow: Flow, one: Place, other: Place) -> bool:
    """Whether two scopes stand side by side: for different lines, or in different branches of the
    same step; not one around the other, nor one behind the other."""
    rows, others = _rows(flow, one), _rows(flow, other)
    if any(others.get(lines, row) != row for lines, row in rows.items()):
        return True
    for (owner, branch), (step, beside) in zip(
        _levels(flow, one), _levels(flow, other), strict=False
    ):
        if owner != step:
            return False
        if branch != beside:
            return True
    return False


def may_hear(flow: Flow, place: Place, heard: Iterable[Place]) -> bool:
    """Whether a scope has not heard an event yet, nor any on its way."""
    return all(apart(flow, place, one) for one in heard)


def awaited(
    flow: Flow, row: Row, name: str, chosen: Mapping[str, frozenset[int]], heard: frozenset[Place]
) -> bool:
    """Whether a scope may yet come to a wait for an event that some have heard. `chosen`: lines
    whose rows are not all concerned, with those that are."""
    return any(
        place not in heard and may_hear(flow, place, heard)
        for place in _places(flow, row, name, chosen)
    )


def concerned(flow: Flow, row: Row, rows: frozenset[int]) -> dict[str, frozenset[int]]:
    """`chosen` for an event about some rows (none: about the whole record)."""
    if not rows:
        return {}
    for lines in flow.shape.lines:
        if any(one["id"] in rows for one in row.get(lines.id) or ()):
            return {lines.id: rows}
    return {lines.id: frozenset() for lines in flow.shape.lines}


def _places(
    flow: Flow, row: Row, name: str, chosen: Mapping[str, frozenset[int]]
) -> Iterator[Place]:
    """Every place of the record with a wait for an event."""
    for scope in flow.scopes.values():
        bodies = (step.body for step in scope.steps.values())
        if any(isinstance(body, Wait) and name in body.events for body in bodies):
            around = [lines for _, lines in flow.reading.rows.get(scope.path, ())]
            ids = [[line["id"] for line in row.get(lines) or ()] for lines in around]
            for rows in product(*ids):
                concerned = zip(around, rows, strict=True)
                if all(lines not in chosen or one in chosen[lines] for lines, one in concerned):
                    yield scope.path, rows


def _rows(flow: Flow, place: Place) -> dict[str, int]:
    """Lines → the row a scope is for."""
    path, rows = place
    around = flow.reading.rows.get(path, ())
    return {lines: row for (_, lines), row in zip(around, rows, strict=False)}


def _levels(flow: Flow, place: Place) -> Iterator[tuple[str, str]]:
    """From the outside in, the step each scope around stands in, and its branch there."""
    path, names = "", place[0].split("/") if place[0] else []
    while names:
        path = f"{path}/{names.pop(0)}" if path else names.pop(0)
        if isinstance(flow.steps[path].body, Each):
            yield path, ""
        else:
            owner, branch = path, names.pop(0)
            path = f"{path}/{branch}"
            yield owner, branch
