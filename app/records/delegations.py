"""Who stands in for whom: from when to when, on one form or on all. Votes that open meanwhile go to
the one who stands in, and say for whom; there are no chains.

One person has one deputy at a time: periods that overlap on the same form are refused, and so are
two people who stand in for each other at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import admin_rights, effective_roles
from app.access.users import user_names
from app.records.errors import Refused, forbidden, not_found
from app.records.targets import micros, moment
from flows.model import Approve, Flow
from forms.validate_result import FieldError
from forms.values import Text, new_id

if TYPE_CHECKING:
    from app.records.tenant import Tenant

_COLUMNS = "id, user_id, to_user, form, starts_at, ends_at, ended_at"
PLANNED, ACTIVE, OVER = "planned", "active", "over"
MOST_DEPUTIES = 1000
_FIRST, _LAST = -(1 << 62), 1 << 62


@dataclass(frozen=True, slots=True)
class Delegation:
    """`user` is stood in for by `to_user`. `form` None: on all forms; open ends are None."""

    id: int
    user: int
    to_user: int
    form: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    ended: bool

    def state(self, now: datetime) -> str:
        """planned, active or over."""
        if self.ended or (self.ends_at is not None and self.ends_at <= now):
            return OVER
        return PLANNED if self.starts_at is not None and self.starts_at > now else ACTIVE


@dataclass(frozen=True, slots=True)
class _Wish:
    """A delegation as it is to be written: times in microseconds UTC, the form by its key."""

    id: int
    user: int
    to_user: int
    form: str | None
    starts: int | None
    ends: int | None


def delegate(
    tenant: Tenant,
    actor: Actor,
    to_user: int,
    *,
    user: int | None = None,
    form: str | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> int:
    """Let somebody stand in for oneself (or, with the right `users`, for `user`); its id.

    `starts_at` None: from now on; `ends_at` None: until it is ended. Raises Refused invalid (its
    details name "to_user", "form" or "ends_at") or forbidden.
    """
    who = actor.user_id if user is None else user
    _demand_own(tenant, actor, who)
    wish = _wish(tenant, new_id(), who or 0, to_user, form, starts_at, ends_at)
    with tenant.db.write() as tx:
        _check(tenant, tx.execute, wish)
        tx.execute(
            "INSERT INTO rf_delegation (id, user_id, to_user, form, starts_at, ends_at, created_at,"
            " created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (wish.id, wish.user, wish.to_user, wish.form, wish.starts, wish.ends, tenant.now_us(),
             actor.user_id),
        )  # fmt: skip
    return wish.id


def change_delegation(
    tenant: Tenant,
    actor: Actor,
    delegation_id: int,
    to_user: int,
    *,
    form: str | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> None:
    """Change one that is not over, as `delegate` would make it. Votes that were opened stay where
    they are. Raises Refused not_found, forbidden or invalid."""
    known = delegation(tenant, actor, delegation_id)
    if known.state(tenant.now()) == OVER:
        raise _wrong("", "该代理已结束，请新建。", "It is over: make a new one.")
    wish = _wish(tenant, known.id, known.user, to_user, form, starts_at, ends_at)
    with tenant.db.write() as tx:
        _check(tenant, tx.execute, wish)
        tx.execute(
            "UPDATE rf_delegation SET to_user = ?, form = ?, starts_at = ?, ends_at = ?"
            " WHERE id = ? AND ended_at IS NULL",
            (wish.to_user, wish.form, wish.starts, wish.ends, wish.id),
        )


def end_delegation(tenant: Tenant, actor: Actor, delegation_id: int) -> None:
    """End it now; votes that were opened stay where they are. Raises Refused."""
    delegation(tenant, actor, delegation_id)
    tenant.db.execute_now(
        "UPDATE rf_delegation SET ended_at = ? WHERE id = ? AND ended_at IS NULL",
        (tenant.now_us(), delegation_id),
    )


def delegation(tenant: Tenant, actor: Actor, delegation_id: int) -> Delegation:
    """One of one's own (or, with the right `users`, anybody's). Raises Refused."""
    found = _select(tenant, "id = ?", (delegation_id,))
    if not found:
        raise not_found()
    _demand_own(tenant, actor, found[0].user)
    return found[0]


def delegations(
    tenant: Tenant, actor: Actor, *, user: int | None = None, limit: int = 200
) -> list[Delegation]:
    """One's own (or, with the right `users`, another's) delegations, newest first."""
    who = actor.user_id if user is None else user
    _demand_own(tenant, actor, who)
    return _select(tenant, "user_id = ? ORDER BY id DESC LIMIT ?", (who or 0, limit))


def standing_in(tenant: Tenant, actor: Actor, *, limit: int = 200) -> list[Delegation]:
    """For whom one stands in, now or later."""
    return _select(
        tenant,
        "to_user = ? AND ended_at IS NULL AND (ends_at IS NULL OR ends_at > ?)"
        " ORDER BY id DESC LIMIT ?",
        (actor.user_id or 0, tenant.now_us(), limit),
    )


def every_delegation(
    tenant: Tenant, actor: Actor, *, limit: int, offset: int = 0
) -> tuple[int, list[Delegation]]:
    """How many there are, and a page of them, newest first. Raises Refused forbidden."""
    _demand_own(tenant, actor, None)
    count = tenant.db.query("SELECT COUNT(*) FROM rf_delegation")[0][0]
    return count, _select(tenant, "1 = 1 ORDER BY id DESC LIMIT ? OFFSET ?", (limit, offset))


def delegable(tenant: Tenant) -> list[str]:
    """The forms in whose flow somebody may stand in for an approver."""
    return [form for form, flow in tenant.active().catalog.flows.items() if _lets(flow)]


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


def _select(tenant: Tenant, where: str, params: Sequence[Any]) -> list[Delegation]:
    keys = {home.key: form for form, home in tenant.active().tables.forms.items()}
    rows = tenant.db.query(f"SELECT {_COLUMNS} FROM rf_delegation WHERE {where}", params)
    return [
        Delegation(
            id_,
            of,
            to,
            None if form is None else keys.get(form, form),
            None if start is None else moment(start),
            None if end is None else moment(end),
            ended is not None,
        )
        for id_, of, to, form, start, end, ended in rows
    ]


# --- what may be written ------------------------------------------------------------------------


def _wish(
    tenant: Tenant,
    id_: int,
    user: int,
    to_user: int,
    form: str | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> _Wish:
    """What is asked for, if it is possible by itself."""
    if user == to_user:
        raise _wrong("to_user", "请选择另一位同事。", "Choose somebody else to stand in.")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise _wrong("ends_at", "结束时间须晚于开始时间。", "It has to end after it begins.")
    if ends_at is not None and ends_at <= tenant.now():
        raise _wrong(
            "ends_at",
            "这段时间已经过去，请选择今天或以后的结束日期。",
            "This time is over already: let it end today or later.",
        )
    key = None
    if form is not None:
        home = tenant.active().tables.forms.get(form)
        if home is None:
            raise _wrong("form", "没有这个表单。", "There is no such form.")
        if form not in delegable(tenant):
            raise _wrong(
                "form",
                "该表单的流程没有可代理的审批。",
                "Nobody can stand in for approvers in the flow of this form.",
            )
        key = home.key
    starts = None if starts_at is None else micros(starts_at)
    return _Wish(id_, user, to_user, key, starts, None if ends_at is None else micros(ends_at))


def _check(tenant: Tenant, execute: Any, wish: _Wish) -> None:
    """What others have agreed on meanwhile is looked at inside the transaction."""
    active = execute(
        "SELECT id FROM rf_user WHERE id IN (?, ?) AND active = 1", (wish.user, wish.to_user)
    )
    known = {row[0] for row in active}
    if wish.to_user not in known:
        raise _wrong("to_user", "没有这位在职用户。", "There is no such active user.")
    if wish.user not in known:
        raise _wrong("user", "没有这位在职用户。", "There is no such active user.")
    at_once = (
        "SELECT starts_at, ends_at FROM rf_delegation WHERE user_id = ? AND ended_at IS NULL"
        " AND id <> ? AND (CAST(? AS TEXT) IS NULL OR form IS NULL OR form = ?)"
        " AND COALESCE(ends_at, ?) > ? AND COALESCE(starts_at, ?) < ?"
    )
    now = tenant.now_us()
    starts = now if wish.starts is None else max(wish.starts, now)
    ends = _LAST if wish.ends is None else wish.ends
    same = (wish.id, wish.form, wish.form, _LAST, starts, _FIRST, ends)
    if execute(f"{at_once} LIMIT 1", (wish.user, *same)):
        raise _wrong(
            "ends_at",
            "这段时间已设置代理，请先结束原有代理或选择其他时间。",
            "Somebody stands in at that time already: end that first, or choose another time.",
        )
    if execute(f"{at_once} AND to_user = ? LIMIT 1", (wish.to_user, *same, wish.user)):
        name = user_names(tenant.db, [wish.to_user]).get(wish.to_user, "–")
        raise _wrong(
            "to_user",
            f"{name}在这段时间由该用户代理，不能互相代理，请选择另一位同事。",
            f"{name} is away at that time and has it the other way round: choose somebody else.",
        )


def _demand_own(tenant: Tenant, actor: Actor, user: int | None) -> None:
    own = user is not None and user == actor.user_id
    if own or actor.unrestricted or "users" in admin_rights(tenant.active().catalog, actor):
        return
    raise forbidden(Text("为他人设置代理", "choose who stands in for others"))


def _wrong(field: str, zh: str, en: str) -> Refused:
    text = Text(zh, en)
    return Refused("invalid", text, [FieldError("delegation", (field,), text)] if field else ())
