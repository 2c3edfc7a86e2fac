"""Whom one may ask to stand in, and on which forms somebody may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.access.actor import Actor
from app.access.rights import admin_rights, effective_roles
from flows.model import Approve, Flow

if TYPE_CHECKING:
    from app.records.tenant import Tenant

MOST_DEPUTIES = 1000


def delegable(tenant: Tenant) -> list[str]:
    """The forms in whose flow somebody may stand in for an approver."""
    return [form for form, flow in tenant.active().catalog.flows.items() if _lets(flow)]


def deputy(tenant: Tenant, actor: Actor, user_id: int) -> int:
    """The person chosen, if one may choose them, else nobody (0): pages and programs are told
    nobody's name by an id."""
    may = user_id == actor.user_id or any(one == user_id for one, *_ in deputies(tenant, actor))
    return user_id if may else 0


def deputies(tenant: Tenant, actor: Actor) -> list[tuple[int, str, str]]:
    """(id, name, login) of those one may ask to stand in: who decides in the same flows, has the
    same role or department, one's manager and whom one manages; with the right `users`, all."""
    catalog = tenant.active().catalog
    every = actor.unrestricted or "users" in admin_rights(catalog, actor)
    roles = effective_roles(catalog, actor.roles)
    near = set(actor.roles)
    for flow in catalog.flows.values():
        named = _approving(flow)
        if not named.isdisjoint(roles):
            near |= named
    holding = [one for one in catalog.roles if not near.isdisjoint(effective_roles(catalog, [one]))]
    marks = ", ".join("?" * len(holding)) or "NULL"
    own = "(SELECT {} FROM rf_user AS o WHERE o.id = ?)"
    rows = tenant.db.query(
        "SELECT u.id, u.name, u.login FROM rf_user AS u WHERE u.active = 1 AND u.id <> ?"
        f" AND (? = 1 OR u.manager_id = ? OR u.id = {own.format('o.manager_id')}"
        f" OR u.department_id = {own.format('o.department_id')}"
        f" OR u.id IN (SELECT r.user_id FROM rf_user_role AS r WHERE r.role IN ({marks})))"
        " ORDER BY u.name, u.login LIMIT ?",
        (actor.user_id or 0, int(every), *[actor.user_id or 0] * 3, *holding, MOST_DEPUTIES),
    )
    return [(int(id_), str(name), str(login)) for id_, name, login in rows]


def _approving(flow: Flow) -> set[str]:
    """The roles that decide in a flow where somebody may stand in."""
    return {
        who.value
        for step in flow.steps.values()
        if isinstance(step.body, Approve) and "delegate" in step.body.allow
        for people in (step.body.if_nobody, *(level.by for level in step.body.levels.values()))
        for who in people
        if who.kind == "role"
    }


def _lets(flow: Flow) -> bool:
    bodies = (step.body for step in flow.steps.values())
    return any(isinstance(body, Approve) and "delegate" in body.allow for body in bodies)
