"""Who may see a record that is in a flow: whoever may read it, and whoever has a task on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.access.scopes import let_through
from app.records.errors import forbidden, not_found
from app.records.facts import Facts
from app.records.persons import person
from app.records.prepare import Context
from app.records.rowrights import permits
from app.records.standing import Standing
from flows.state import OPEN, Person, Task
from forms.values import Text

_SEAT = (
    "SELECT MAX(CASE WHEN d.status = 'open' AND d.principal IN ({marks}) THEN 2"
    " WHEN d.by_user = ? THEN 1 ELSE 0 END) FROM rf_due AS d"
    " WHERE d.record_id = ? AND d.form = ? AND d.kind IN ('task', 'vote')"
)
OPEN_SEAT, DONE_SEAT = 2, 1


def has_seat(tasks: Iterable[Task], who: Person) -> bool:
    """Whether one of the open tasks is this person's to do."""
    return any(task.status == OPEN and not who.principals.isdisjoint(task.seats) for task in tasks)


def demand_seen(ctx: Context, facts: Facts, standing: Standing, who: Person) -> None:
    """Raise Refused not_found where the person neither has (or has just lost) one of the tasks that
    were read, nor may read the record."""
    seats = {seat for task in standing.state.tasks.values() for seat in task.seats}
    if who.principals.isdisjoint(seats):
        demand_read(ctx, facts, standing.record.head.id)


def demand_read(ctx: Context, facts: Facts, rid: int) -> None:
    """Raise Refused not_found where the actor's roles do not let him read the record, unless he has
    a task on it or has done one: who is asked to decide must see what about, and what became of
    it."""
    if permits(ctx, facts, rid, "read"):
        return
    who = person(ctx.published.catalog, ctx.actor)
    readable = let_through(ctx.actor.scopes, ctx.plan.live_form, "read")
    if ctx.plan.flow is None or not readable or not seat(ctx, facts, rid, who):
        raise not_found()


def seat(ctx: Context, facts: Facts, rid: int, who: Person) -> int:
    """OPEN_SEAT where the person has an open task on the record, DONE_SEAT where he has done one,
    else 0; asked of the database."""
    if not who.principals:
        return 0
    marks = ", ".join("?" * len(who.principals))
    params: list[Any] = [*sorted(who.principals), who.user or 0, rid, ctx.plan.key]
    return facts.query(_SEAT.format(marks=marks), params)[0][0] or 0


def demand_scope(ctx: Context) -> None:
    """Raise Refused forbidden where an API token lets nothing be changed on this form."""
    if not let_through(ctx.actor.scopes, ctx.plan.live_form, "update"):
        raise forbidden(Text("以此令牌处理任务", "act on tasks with this token"))
