"""Who stands in for whom: from when to when, on one form or on all. Votes that open meanwhile go to
the one who stands in, and say for whom; there are no chains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app.access.actor import Actor
from app.access.rights import admin_rights
from app.records.errors import Refused, forbidden, not_found
from app.records.targets import micros, moment
from forms.values import Text, new_id

if TYPE_CHECKING:
    from app.records.tenant import Tenant

_COLUMNS = "id, user_id, to_user, form, starts_at, ends_at, ended_at"


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

    Raises Refused invalid or forbidden.
    """
    who = actor.user_id if user is None else user
    _demand_own(tenant, actor, who)
    if who is None or who == to_user:
        raise _wrong("请选择另一位同事。", "Choose somebody else to stand in.")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise _wrong("结束时间须晚于开始时间。", "It has to end after it begins.")
    active = tenant.db.query("SELECT 1 FROM rf_user WHERE id = ? AND active = 1", (to_user,))
    if not active:
        raise _wrong("没有这位在职用户。", "There is no such active user.")
    key = None
    if form is not None:
        home = tenant.active().tables.forms.get(form)
        if home is None:
            raise _wrong("没有这个表单。", "There is no such form.")
        key = home.key
    made = new_id()
    tenant.db.execute_now(
        "INSERT INTO rf_delegation (id, user_id, to_user, form, starts_at, ends_at, created_at,"
        " created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            made,
            who,
            to_user,
            key,
            None if starts_at is None else micros(starts_at),
            None if ends_at is None else micros(ends_at),
            tenant.now_us(),
            actor.user_id,
        ),
    )
    return made


def end_delegation(tenant: Tenant, actor: Actor, delegation_id: int) -> None:
    """End it now; votes that were opened stay where they are. Raises Refused."""
    rows = tenant.db.query("SELECT user_id FROM rf_delegation WHERE id = ?", (delegation_id,))
    if not rows:
        raise not_found()
    _demand_own(tenant, actor, rows[0][0])
    tenant.db.execute_now(
        "UPDATE rf_delegation SET ended_at = ? WHERE id = ? AND ended_at IS NULL",
        (tenant.now_us(), delegation_id),
    )


def delegations(tenant: Tenant, actor: Actor, *, user: int | None = None) -> list[Delegation]:
    """One's own (or, with the right `users`, another's) delegations, newest first."""
    who = actor.user_id if user is None else user
    _demand_own(tenant, actor, who)
    keys = {home.key: form for form, home in tenant.active().tables.forms.items()}
    rows = tenant.db.query(
        f"SELECT {_COLUMNS} FROM rf_delegation WHERE user_id = ? ORDER BY id DESC", (who or 0,)
    )
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


def _demand_own(tenant: Tenant, actor: Actor, user: int | None) -> None:
    own = user is not None and user == actor.user_id
    if own or actor.unrestricted or "users" in admin_rights(tenant.active().catalog, actor):
        return
    raise forbidden(Text("为他人设置代理", "choose who stands in for others"))


def _wrong(zh: str, en: str) -> Refused:
    return Refused("invalid", Text(zh, en))
