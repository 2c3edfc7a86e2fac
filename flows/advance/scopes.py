"""`each` and `parallel`: scopes of their own below a step."""

from __future__ import annotations

from flows.advance.dues import open_due
from flows.advance.moves import DONE_OUTCOME, leave, spawn
from flows.advance.work import Live, Work
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
    open_due(work, live, step, step.due)
    for row in rows:
        spawn(work, live, body.scope, row)


def enter_parallel(work: Work, live: Live, step: Step) -> None:
    """A scope for every branch."""
    body: Parallel = step.body  # type: ignore[assignment]
    open_due(work, live, step, step.due)
    if body.join:
        live.at["join"] = body.join
    for scope in body.branches.values():
        spawn(work, live, scope, live.row)
