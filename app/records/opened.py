"""What a task opens of a record to whoever holds it: fields, columns of rows, what it demands.

A field is closed unless the step opens it; role and form have their say as well, and the strictest
of the three wins. What an act requires, its step opens.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from app.access.rights import Rights
from flows.model import Each, Flow, Step
from flows.state import State, Task
from flows.views import step_rights
from forms.model import Form
from forms.validate_result import FieldRights

ALL = "*"


def step_of(flow: Flow, state: State, task: Task) -> Step:
    """The step a task belongs to. Raises KeyError where the flow has none."""
    token = state.tokens[task.token]
    return flow.scopes[token.scope].steps[task.step]


def rows_at_hand(flow: Flow, state: State, token_id: int) -> dict[str, frozenset[int]]:
    """The rows a scope is about: lines → the one row, for each `each` around it."""
    over = {
        step.body.scope.path: step.body.over
        for step in flow.steps.values()
        if isinstance(step.body, Each)
    }
    found: dict[str, frozenset[int]] = {}
    at: int | None = token_id
    while at is not None and at in state.tokens:
        token = state.tokens[at]
        if token.row is not None and token.scope in over:
            found[over[token.scope]] = frozenset({token.row})
        at = token.parent
    return found


def opens(
    form: Form,
    held: Rights,
    flow: Flow,
    state: State,
    task: Task,
    *,
    demands: bool = True,
) -> FieldRights:
    """What a task lets its holder write. `demands`: whether what the step requires is asked for
    (not on a rejection)."""
    step = step_of(flow, state, task)
    said = step_rights(flow, step.path, task.level)
    return combined(
        form,
        held,
        {*said.edit, *said.require},
        frozenset(said.require) if demands else frozenset(),
        frozenset(said.hide),
        rows_at_hand(flow, state, task.token),
    )


def combined(
    form: Form,
    held: Rights,
    edit: Collection[str],
    required: frozenset[str] = frozenset(),
    hide: frozenset[str] = frozenset(),
    rows: Mapping[str, frozenset[int]] | None = None,
) -> FieldRights:
    """What is left: what is in `edit` (dotted names, "*" for all) and not closed otherwise."""
    shut: set[str] = set()
    fixed: set[str] = set(rows or ())
    if ALL not in edit:
        shut |= {name for name in form.fields if name not in edit}
        for lines in form.lines:
            columns = {name for name in lines.fields if f"{lines.id}.{name}" in edit}
            if lines.id in edit or not columns:
                continue
            shut.discard(lines.id)
            shut |= {f"{lines.id}.{name}" for name in lines.fields.keys() - columns}
            fixed.add(lines.id)
    return FieldRights(
        held.hidden | hide,
        frozenset(held.readonly | shut),
        required=required,
        fixed=frozenset(fixed),
        rows=dict(rows or {}),
    )
