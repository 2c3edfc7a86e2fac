"""Which rows an actor may touch: the roles' conditions, in SQL where rows are read, and on the
row itself where it is about to be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import rights
from app.records.errors import forbidden, not_found
from app.records.targets import Target
from app.storage.resolver import RecordResolver, World, truth
from forms.expr import Env, EvalError, Expr
from forms.model import Form, Row
from forms.validate_result import Wanted
from forms.values import Text

if TYPE_CHECKING:
    from app.records.facts import Facts
    from app.records.prepare import Context

NOTHING = "1 = 0"


def target_condition(facts: Facts, target: Target) -> tuple[str, Sequence[Any]]:
    """The SQL condition (on the alias `target.record`) under which the actor may read the rows of
    a target, and its parameters; "" where he may read all."""
    published = facts.published
    live = published.tables.form_of(facts.release.tables.forms[target.form].key)
    if live is None:
        return NOTHING, ()
    held = rights(published.catalog, facts.actor, live.id).rows("read")
    return any_of(facts, live.id, held, target.record)


def any_of(
    facts: Facts, form_id: str, conditions: Sequence[Expr] | None, alias: str
) -> tuple[str, Sequence[Any]]:
    """Row conditions of the release in force as one SQL condition on the record's alias."""
    if conditions is None:
        return "", ()
    if not conditions:
        return NOTHING, ()
    published = facts.published
    resolver = RecordResolver(World(published.catalog.forms, published.tables), form_id, alias)
    dialect, env = facts.tenant.db.dialect, judging(facts.env, facts.actor)
    found = [truth(expr, dialect, resolver, env) for expr in conditions]
    return (
        " OR ".join(text for text, _ in found),
        [value for _, params in found for value in params],
    )


def judging(env: Env, actor: Actor) -> Env:
    """What row conditions see: `me` is whoever asks, also where that is nobody of the company.
    (Elsewhere `me` is a user or nothing.)"""
    if not actor.contact:
        return env
    own = copy(env)
    own.me = actor.me
    return own


def permits(ctx: Context, facts: Facts, rid: int, action: str) -> bool:
    """Whether the actor may do this to the record as it is stored."""
    conditions = ctx.rights.rows(action)
    if conditions is None:
        return True
    if not conditions:
        return False
    text, params = any_of(facts, ctx.rights.form, conditions, "t")
    sql = f"SELECT 1 FROM {ctx.plan.tables.table} AS t WHERE t.id = ? AND ({text})"
    return bool(facts.query(sql, (rid, *params)))


def demand_row(ctx: Context, facts: Facts, rid: int, action: str, what: Text | None = None) -> None:
    """Raise Refused where the actor may not do this to the record: not_found for reading, so that
    what he may not see looks like what is not there; else forbidden."""
    if not permits(ctx, facts, rid, action):
        raise not_found() if what is None else forbidden(what)


def holds(facts: Facts, form: Form, conditions: Sequence[Expr], row: Row) -> bool:
    """Whether one of the conditions is true of a row that is about to be written."""
    wanted = list(_links(form, conditions, row))
    if wanted:
        for one in wanted:
            facts.load(one, trusted=True)
    env = judging(facts.env, facts.actor)
    try:
        return any(expr.evaluate(row, env) is True for expr in conditions)
    except EvalError:
        return False


def _links(form: Form, conditions: Sequence[Expr], row: Row) -> Iterator[Wanted]:
    """What the conditions read through links and of aggregates."""
    for expr in conditions:
        for path, name in expr.link_reads:
            field = form.field_at(path)
            if field is not None and field.to:
                ids = _ids(path, row)
                if ids:
                    yield Wanted({field.to: ids}, {field.to: frozenset({name})})
        for aggregate, path in expr.aggregate_reads:
            keys = {row["id"]} if path in ("id", "this") else _ids(path, row)
            if keys:
                yield Wanted(aggregates={(aggregate, key) for key in keys})


def _ids(path: str, row: Row) -> set[int]:
    head, _, rest = path.partition(".")
    rows = row.get(head) or () if rest else (row,)
    found: set[int] = set()
    for each in rows:
        value = each.get(rest or head)
        found.update(
            value if isinstance(value, list | tuple) else () if value is None else (value,)
        )
    return found
