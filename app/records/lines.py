"""What the lines that tasks are about are called: their place, and what tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.access.actor import Actor
from app.access.rights import rights
from app.records.choose import line_detail
from app.records.facts import Facts
from app.records.prepare import Context, context, facts_for
from flows.model import Each, Flow
from forms.expr import EvalError
from forms.model import Field, Lines
from forms.templates import Template
from forms.validate_result import Wanted

if TYPE_CHECKING:
    from app.records.tenant import Tenant

Place = tuple[str, str, int]
"""(form of the release in force, its lines, id of the row)"""


@dataclass(frozen=True, slots=True)
class LineName:
    """`number` counts from 1; `name` is the line's title where its form gives it one, else its
    first text, else the title of what it links to first ("" where nothing may be read)."""

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


def line_names(tenant: Tenant, actor: Actor, wanted: Iterable[Place]) -> dict[int, LineName]:
    """Row → what it is called, however many rows: in one statement for each form's lines, in three
    where these have a title. The rows are of records the actor has a task on; of what they link to
    only what he may read is told. A row that is gone has no name."""
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
    titled = _titles(ctx, known.fields[lines], ids)
    return {
        id_: LineName(place + 1, titled.get(id_) or str(name or "")) for id_, place, name in rows
    }


def _titles(ctx: Context, field: Field, ids: set[int]) -> Mapping[int, str]:
    """Row → its title; nothing where the actor may not see all that the title shows of the row, or
    of what it links to."""
    title = field.title if isinstance(field, Lines) else None
    if title is None or not isinstance(field, Lines):
        return {}
    target = f"{field.form}.{field.id}"
    names = frozenset(name for expr in title.exprs for name in expr.names)
    links = {pair for expr in title.exprs for pair in expr.link_reads}
    followed = {link: field.fields[link].to for link, _ in links}
    shown = {(target, name) for name in names} | {(followed[link], name) for link, name in links}
    if any(_hidden(ctx, place, name) for place, name in shown):
        return {}
    facts: Facts = facts_for(ctx, None)
    facts.load(Wanted({target: ids}, {target: names}), trusted=True)
    rows: Mapping[int, Mapping[str, object]] = ctx.env.links.get(target, {})
    wanted = Wanted()
    for link, name in links:
        keys = {key for row in rows.values() if isinstance(key := row.get(link), int)}
        if keys:
            wanted.links.setdefault(followed[link], set()).update(keys)
            before = wanted.fields.get(followed[link], frozenset())
            wanted.fields[followed[link]] = before | {name}
    facts.load(wanted)
    return {id_: _rendered(title, row, ctx) for id_, row in rows.items()}


def _hidden(ctx: Context, target: str, name: str) -> bool:
    """Whether a name is closed to the actor."""
    form, _, lines = target.partition(".")
    held = rights(ctx.published.catalog, ctx.actor, form).hidden
    return (f"{lines}.{name}" if lines else name) in held or bool(lines and lines in held)


def _rendered(title: Template, row: Mapping[str, object], ctx: Context) -> str:
    try:
        return title.render(row, ctx.env, ctx.actor.lang)
    except EvalError:
        return ""
