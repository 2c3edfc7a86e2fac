"""API tokens: `rfk_<id>_<secret>`. Lists show the id, nobody the secret: its hash is stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from app.access.actor import Actor
from app.access.clock import DAY, MINUTE, moment
from app.access.database import Database
from app.access.departments import department_path
from app.access.errors import AccessError
from app.access.scopes import parse_scopes
from app.storage.errors import Busy, Conflict
from forms.values import Text, decode_id, encode_id, new_id

PREFIX = "rfk_"
LONGEST_DAYS = 366
TOUCH = 10 * MINUTE
"""`last_used_at` is written at most this often."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its owner sees it; `prefix` is how the full token begins."""

    id: int
    user_id: int
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None


def issue_token(
    db: Database,
    user_id: int,
    name: str,
    scopes: str | Iterable[str],
    *,
    days: int | None = 90,
    forms: Iterable[str] | None = None,
    now: int | None = None,
) -> tuple[int, str]:
    """Make a token; gives its id and the full token, which is shown this once.

    `days` until it expires (None: never), `forms` the known form ids. Raises AccessError:
    bad_scope, bad_name, bad_expiry, unknown_user.
    """
    allowed, at = parse_scopes(scopes, forms), moment(now)
    label = " ".join(name.split())[:120]
    if not label:
        raise AccessError(
            "bad_name",
            Text(zh="请填写令牌用途。", en="Say what the token is for."),
            field="name",
        )
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise AccessError(
            "bad_expiry",
            Text(
                zh=f"有效期为 1 到 {LONGEST_DAYS} 天。",
                en=f"A token lives 1 to {LONGEST_DAYS} days.",
            ),
            field="days",
        )
    token_id = new_id()
    value = f"{PREFIX}{encode_id(token_id)}_{secrets.token_urlsafe(32)}"
    with db.write() as tx:
        if not tx.execute("SELECT 1 FROM rf_user WHERE id = ? AND active = 1", (user_id,)):
            raise AccessError(
                "unknown_user", Text(zh="没有这个用户。", en="There is no such user.")
            )
        tx.execute(
            "INSERT INTO rf_token (id, user_id, name, hash, scopes, created_at, expires_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (token_id, user_id, label, _hash(db.tenant, value), " ".join(sorted(allowed)), at,
             None if days is None else at + days * DAY),
        )  # fmt: skip
    return token_id, value


def actor_of_token(db: Database, value: str, *, now: int | None = None) -> tuple[Actor, int] | None:
    """The actor behind a token and the token's id; None where it is unknown, over or revoked."""
    token_id = _id_in(value)
    if token_id is None:
        return None
    at = moment(now)
    rows = db.query(
        "SELECT t.hash, t.scopes, t.last_used_at, u.id, u.name, u.login, u.lang, u.department_id, "
        "r.role FROM rf_token t JOIN rf_user u ON u.id = t.user_id "
        "LEFT JOIN rf_user_role r ON r.user_id = u.id WHERE t.id = ? AND t.revoked_at IS NULL "
        "AND (t.expires_at IS NULL OR t.expires_at > ?) AND u.active = 1",
        (token_id, at),
    )
    if not rows or not hmac.compare_digest(rows[0][0], _hash(db.tenant, value)):
        return None
    _, scopes, used_at, user_id, name, login, lang, department_id, _ = rows[0]
    if used_at is None or at - used_at > TOUCH:
        with suppress(Busy, Conflict):  # the next request writes it
            db.execute_now("UPDATE rf_token SET last_used_at = ? WHERE id = ?", (at, token_id))
    actor = Actor(
        user_id=user_id,
        name=name,
        login=login,
        roles=frozenset(row[8] for row in rows if row[8] is not None),
        departments=department_path(db, department_id),
        via="api",
        lang=lang,
        scopes=frozenset(scopes.split()),
    )
    return actor, token_id


def list_tokens(db: Database, user_id: int | None = None) -> list[Token]:
    """A user's tokens, or everybody's, the newest first."""
    where, params = ("WHERE user_id = ?", (user_id,)) if user_id is not None else ("", ())
    rows = db.query(
        "SELECT id, user_id, name, scopes, created_at, expires_at, last_used_at, revoked_at "
        f"FROM rf_token {where} ORDER BY id DESC",
        params,
    )
    return [
        Token(row[0], row[1], row[2], f"{PREFIX}{encode_id(row[0])}", tuple(row[3].split()),
              *row[4:])
        for row in rows
    ]  # fmt: skip


def revoke_token(
    db: Database, token_id: int, *, user_id: int | None = None, now: int | None = None
) -> bool:
    """End a token (of that user, where given); says whether there was a living one."""
    owned, params = ("AND user_id = ?", (user_id,)) if user_id is not None else ("", ())
    rows = db.execute_now(
        f"UPDATE rf_token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL {owned} "
        "RETURNING id",
        (moment(now), token_id, *params),
    )
    return bool(rows)


def _id_in(value: str) -> int | None:
    if not value.startswith(PREFIX) or len(value) > 200:
        return None
    encoded, _, secret = value[len(PREFIX) :].partition("_")
    if not secret:
        return None
    try:
        return decode_id(encoded)
    except ValueError:
        return None


def _hash(tenant: str, value: str) -> str:
    return hashlib.sha256(f"token\0{tenant}\0{value}".encode()).hexdigest()
