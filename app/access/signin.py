"""Signing in: attempts are counted before the password is looked at, unknown people cost the same.

Both counters (per login, per address) live in the tenant's database, so that a restart or a second
process forgets nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.access.attempts import Limit, address_of, bucket, count, forget, give_back
from app.access.clock import moment
from app.access.database import Database
from app.access.errors import AccessError
from app.access.passwords import hash_password, needs_rehash, verify_password
from app.access.sessions import LIFETIME, Lifetime, open_session, session_id
from app.access.users import fold_login
from forms.values import Text

PER_LOGIN = Limit(most=10, seconds=15 * 60)
PER_ADDRESS = Limit(most=60, seconds=15 * 60)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that succeeded: who, and the value for the session cookie."""

    user_id: int
    cookie: str


def sign_in(
    db: Database,
    login: str,
    password: str,
    *,
    ip: str,
    agent: str = "",
    replacing: str = "",
    now: int | None = None,
    lifetime: Lifetime = LIFETIME,
) -> SignedIn:
    """Check a login and a password and start a session; `replacing` is the cookie held before.

    Raises AccessError: sign_in_failed (the same for an unknown login, a wrong password and a
    closed account), too_many_attempts (with retry_after), busy.
    """
    at, wanted = moment(now), fold_login(login)
    by_login, by_address = bucket("login", wanted), bucket("address", address_of(ip))
    with db.write() as tx:
        waits = [
            count(tx, by_address, PER_ADDRESS, now=at),
            count(tx, by_login, PER_LOGIN, now=at),
        ]
    wait = max((one for one in waits if one is not None), default=None)
    if wait is not None:
        raise _too_many(wait)
    rows = db.query("SELECT id, password, active FROM rf_user WHERE login = ?", (wanted,))
    user_id, stored, active = rows[0] if rows else (None, None, 0)
    matches = verify_password(stored or None, password)
    if not matches or not active or user_id is None:
        raise _failed()
    renewed = hash_password(password) if needs_rehash(stored) else None
    with db.write() as tx:
        if not tx.execute(  # closed, or given another password, while this one was being checked
            "SELECT 1 FROM rf_user WHERE id = ? AND password = ? AND active = 1", (user_id, stored)
        ):
            raise _failed()
        forget(tx, by_login)
        give_back(tx, by_address, PER_ADDRESS, now=at)
        if renewed is not None:
            tx.execute(
                "UPDATE rf_user SET password = ? WHERE id = ? AND password = ?",
                (renewed, user_id, stored),
            )
        if replacing:
            tx.execute("DELETE FROM rf_session WHERE id = ?", (session_id(db.tenant, replacing),))
        value = open_session(tx, db.tenant, user_id, ip=ip, agent=agent, now=at, lifetime=lifetime)
    return SignedIn(user_id, value)


def confirm_password(db: Database, user_id: int, password: str, *, now: int | None = None) -> None:
    """Ask a signed-in person for the password again (before changing it, say).

    Raises AccessError: sign_in_failed, too_many_attempts.
    """
    at, name = moment(now), bucket("login", f"#{user_id}")
    with db.write() as tx:
        wait = count(tx, name, PER_LOGIN, now=at)
    if wait is not None:
        raise _too_many(wait)
    rows = db.query("SELECT password FROM rf_user WHERE id = ? AND active = 1", (user_id,))
    if not verify_password(rows[0][0] if rows else None, password):
        raise AccessError(
            "sign_in_failed",
            Text(zh="密码不正确。", en="Wrong password."),
            field="password",
        )
    with db.write() as tx:
        forget(tx, name)


def _failed() -> AccessError:
    return AccessError(
        "sign_in_failed", Text(zh="登录名或密码不正确。", en="Wrong login or password.")
    )


def _too_many(wait: int) -> AccessError:
    minutes = -(-wait // 60)
    return AccessError(
        "too_many_attempts",
        Text(
            zh=f"尝试次数过多,请在 {minutes} 分钟后再试。",
            en=f"Too many attempts: try again in {minutes} minutes.",
        ),
        retry_after=wait,
    )
