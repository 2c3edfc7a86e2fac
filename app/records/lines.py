"""What the lines that tasks are about are called: their place, and what tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.access.actor import Actor
from app.records.choose import line_detail
from app.records.prepare import context
from flows.model import Each, Flow

if TYPE_CHECKING:
    from app.records.tenant import Tenant

Wanted = tuple[str, str, int]
"""(form of the release in force, its lines, id of the row)"""


@dataclass(frozen=True, slots=True)
class LineName:
    """`number` counts from 1; `name` is the first text of the line, or the title of what it links
    to first ("" where there is nothing that may be read)."""

    number: int
    name: str


def rows_over(flow: Flow | None, path: str) -> str:
    """The lines the innermost `each` around a step goes over, or ""."""
    scope = path.rpartition("/")[0]
    while flow is not None and scope:
        step = flow.steps.get(scope)
        if step is not None and isinstance(step.body, Each):
            return step.body.over
        scope = scope.rpartition("/")[0]
    return ""


def line_names(tenant: Tenant, actor: Actor, wanted: Iterable[Wanted]) -> dict[int, LineName]:
    """Row → what it is called, in one statement for each form's lines, however many rows. The rows
    are of records the actor has a task on; what linked records are called only where he may read
    them. A row that is gone has no name."""
    by_target: dict[tuple[str, str], set[int]] = {}
    for form, lines, row in wanted:
        if lines:
            by_target.setdefault((form, lines), set()).add(row)
    found: dict[int, LineName] = {}
    for (form, lines), ids in by_target.items():
        found |= _named(tenant, actor, form, lines, ids)
    return found


def _named(
    tenant: Tenant, actor: Actor, form: str, lines: str, ids: set[int]
) -> Mapping[int, LineName]:
    published = tenant.active()
    known = published.catalog.forms.get(form)
    if known is None or all(one.id != lines for one in known.lines):
        return {}  # a record of an older release, whose lines are no more
    ctx = context(tenant, published, actor, form)
    target = published.release.target(f"{form}.{lines}")
    marks = ", ".join("?" * len(ids))
    rows = tenant.db.query(
        f"SELECT t.id, t.position, {line_detail(ctx, target)} FROM {target.source}"
        f" WHERE t.id IN ({marks})",
        sorted(ids),
    )
    return {id_: LineName(place + 1, str(name or "")) for id_, place, name in rows}
