"""Who stands in for whom: from when to when, on one form or on all. Votes that open meanwhile go to
the one who stands in, and say for whom; there are no chains.

One person has one deputy at a time: periods that overlap on the same form are refused, and so are
two people who stand in for each other at the same time.

A token sees and changes delegations of the forms its scopes let it read and change; those of all
forms only with scopes for every form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import admin_rights
from app.access.scopes import let_through
from app.access.users import user_names
from app.records.deputies import delegable
from app.records.errors import Refused, forbidden, key_reused, not_found
from app.records.targets import micros, moment
from app.records.transition import Request
from app.records.use import request_of
from forms.validate_result import FieldError
from forms.values import Text, new_id

if TYPE_CHECKING:
    from app.records.tenant import Tenant

_COLUMNS = "id, user_id, to_user, form, starts_at, ends_at, ended_at"
PLANNED, ACTIVE, OVER = "planned", "active", "over"
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
    key: str | None = None,
) -> tuple[int, bool]:
    """Let somebody stand in for oneself (or, with the right `users`, for `user`); its id.

    `starts_at` None: from now on; `ends_at` None: until it is ended. The same `key` with the same
    content gives the first one's id again, and True. Raises Refused invalid (its details name
    "to_user", "form" or "ends_at"), forbidden, key_reused or bad_request.
    """
    who = actor.user_id if user is None else user
    _demand_own(tenant, actor, who)
    _demand_scope(actor, form, "update")
    body = {"user": who, "to_user": to_user, "starts_at": starts_at, "ends_at": ends_at}
    request = request_of(actor, "delegate", form or "", None, body, key)
    known = _made_before(tenant.db.query, request)
    if known is not None:
        return known, True
    wish = _wish(tenant, new_id(), who or 0, to_user, form, starts_at, ends_at)
    with tenant.db.write() as tx:
        if request is not None and not _take(tenant, tx.execute, request, wish):
            return _made_before(tx.execute, request) or 0, True
        _check(tenant, tx.execute, wish)
        tx.execute(
            "INSERT INTO rf_delegation (id, user_id, to_user, form, starts_at, ends_at, created_at,"
            " created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (wish.id, wish.user, wish.to_user, wish.form, wish.starts, wish.ends, tenant.now_us(),
             actor.user_id),
        )  # fmt: skip
    return wish.id, False


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
    _demand_scope(actor, known.form, "update")
    _demand_scope(actor, form, "update")
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
    known = delegation(tenant, actor, delegation_id)
    _demand_scope(actor, known.form, "update")
    tenant.db.execute_now(
        "UPDATE rf_delegation SET ended_at = ? WHERE id = ? AND ended_at IS NULL",
        (tenant.now_us(), delegation_id),
    )


def delegation(tenant: Tenant, actor: Actor, delegation_id: int) -> Delegation:
    """One of one's own (or, with the right `users`, anybody's). Raises Refused."""
    found = _select(tenant, "id = ?", (delegation_id,))
    if not (found and _lets_through(actor, found[0].form, "read")):
        raise not_found()
    _demand_own(tenant, actor, found[0].user)
    return found[0]


def delegations(
    tenant: Tenant,
    actor: Actor,
    *,
    user: int | None = None,
    limit: int = 200,
    before: int = _LAST,
) -> list[Delegation]:
    """One's own (or, with the right `users`, another's) delegations, newest first; those made
    before the one with the id `before`."""
    who = actor.user_id if user is None else user
    _demand_own(tenant, actor, who)
    forms, params = _forms_read(tenant, actor)
    return _select(
        tenant,
        f"user_id = ? AND id < ?{forms} ORDER BY id DESC LIMIT ?",
        (who or 0, before, *params, limit),
    )


def standing_in(
    tenant: Tenant, actor: Actor, *, limit: int = 200, before: int = _LAST
) -> list[Delegation]:
    """For whom one stands in, now or later; newest first, those made before `before`."""
    forms, params = _forms_read(tenant, actor)
    return _select(
        tenant,
        "to_user = ? AND ended_at IS NULL AND (ends_at IS NULL OR ends_at > ?)"
        f" AND id < ?{forms} ORDER BY id DESC LIMIT ?",
        (actor.user_id or 0, tenant.now_us(), before, *params, limit),
    )


def every_delegation(
    tenant: Tenant, actor: Actor, *, limit: int, offset: int = 0
) -> tuple[int, list[Delegation]]:
    """How many there are, and a page of them, newest first. Raises Refused forbidden."""
    _demand_own(tenant, actor, None)
    count = tenant.db.query("SELECT COUNT(*) FROM rf_delegation")[0][0]
    return count, _select(tenant, "1 = 1 ORDER BY id DESC LIMIT ? OFFSET ?", (limit, offset))


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
    """What others have agreed on meanwhile is looked at inside the transaction, which holds both
    people: two agreements at once would not see each other."""
    held = " FOR UPDATE" if tenant.db.dialect == "postgres" else ""
    active = execute(
        f"SELECT id FROM rf_user WHERE id IN (?, ?) AND active = 1 ORDER BY id{held}",
        (wish.user, wish.to_user),
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


def _lets_through(actor: Actor, form: str | None, action: str) -> bool:
    """Whether a token's scopes let an action on the delegation's form through."""
    return let_through(actor.scopes, form or "*", action)


def _demand_scope(actor: Actor, form: str | None, action: str) -> None:
    if not _lets_through(actor, form, action):
        raise forbidden(
            Text(
                "用此令牌设置或结束代理（须有该表单或全部表单的 update 范围）",
                "set or end who stands in with this token: it needs the scope update of the form,"
                " or of every form",
            )
        )


def _forms_read(tenant: Tenant, actor: Actor) -> tuple[str, list[str]]:
    """SQL that leaves the delegations a token may read; nothing for who has none."""
    if _lets_through(actor, None, "read"):
        return "", []
    forms = tenant.active().tables.forms
    keys = [home.key for form, home in forms.items() if _lets_through(actor, form, "read")]
    return f" AND form IN ({', '.join('?' * len(keys)) or 'NULL'})", keys


def _take(tenant: Tenant, execute: Any, request: Request, wish: _Wish) -> bool:
    """Take the key; whether nobody was quicker."""
    return bool(
        execute(
            "INSERT INTO rf_idempotency"
            " (scope, key, request_hash, form, record_id, result, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope, key) DO NOTHING RETURNING 1",
            (request.scope, request.key, request.hash, wish.form or "", wish.id, "{}",
             tenant.now_us()),
        )
    )  # fmt: skip


def _made_before(execute: Any, request: Request | None) -> int | None:
    """The delegation that was made under this key. Raises Refused key_reused."""
    if request is None:
        return None
    known = execute(
        "SELECT request_hash, record_id FROM rf_idempotency WHERE scope = ? AND key = ?",
        (request.scope, request.key),
    )
    if not known:
        return None
    if known[0][0] != request.hash:
        raise key_reused()
    return int(known[0][1])


def _wrong(field: str, zh: str, en: str) -> Refused:
    text = Text(zh, en)
    return Refused("invalid", text, [FieldError("delegation", (field,), text)] if field else ())
