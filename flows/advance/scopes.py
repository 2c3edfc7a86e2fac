"""`each` and `parallel`: scopes of their own below a step."""

from __future__ import annotations

from flows.advance.dues import open_due
from flows.advance.moves import DONE_OUTCOME, leave, spawn
from flows.advance.trouble import trouble
from flows.advance.work import MOST_PLACES, Live, Work
from flows.model import Each, Parallel, Step


def enter_each(work: Work, live: Live, step: Step) -> None:
    """A scope for every row where the condition holds; without rows the step is done."""
    body: Each = step.body  # type: ignore[assignment]
    before, work.env.parent = work.env.parent, work.row
    try:
        rows = [
            line["id"]
            for line in work.row.get(body.over) or ()
            if body.where is None or work.value(body.where, line) is True
        ]
    finally:
        work.env.parent = before
    work.say("each", live, step.path, rows=rows)
    if not rows:
        leave(work, live, DONE_OUTCOME)
        return
    _demand_room(work, len(rows))
    open_due(work, live, step, step.due)
    for row in rows:
        spawn(work, live, body.scope, row)


def enter_parallel(work: Work, live: Live, step: Step) -> None:
    """A scope for every branch."""
    body: Parallel = step.body  # type: ignore[assignment]
    _demand_room(work, len(body.branches))
    open_due(work, live, step, step.due)
    if body.join:
        live.at["join"] = body.join
    for scope in body.branches.values():
        spawn(work, live, scope, live.row)


def _demand_room(work: Work, more: int) -> None:
    """Scopes inside scopes multiply: stop before the record is in more places than it can be."""
    if max(len(work.state.tokens), len(work.live)) + more > MOST_PLACES:
        raise trouble("too_many_places", str(MOST_PLACES))
