"""People outside: a one-time code by mail instead of a password, and sessions of their own.

Asking for a code only writes down what was typed; whether it belongs to anybody is looked up by
the worker, later. So the answer, and the time it takes, are the same for known and unknown orders.
Nothing here is worth anything in another tenant or portal: both are part of every hash.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.access.attempts import Limit, address_of, bucket, count, give_back
from app.access.clock import HOUR, MINUTE
from app.access.database import Database
from app.access.errors import AccessError
from app.storage.errors import Busy, Conflict
from forms.values import Text

CODE_LIFE = 10 * MINUTE
"""How long a code is good, from the moment it was asked for."""
DIGITS = 6
TRIES = 5
"""How often a code may be guessed."""
IDLE, ABSOLUTE = HOUR, 12 * HOUR
"""How long a session lives unused, and in all."""
TOUCH = MINUTE

ASKS = Limit(most=5, seconds=15 * 60)
"""Codes asked for one subject (an order, say)."""
GUESSES = Limit(most=15, seconds=60 * 60)
"""Codes tried for one subject, over all that were asked for."""
PER_ADDRESS = Limit(most=30, seconds=15 * 60)
"""Codes asked for, and tried, from one address."""
LIMITS = {"portal_ask": ASKS, "portal_guess": GUESSES, "portal_address": PER_ADDRESS}

Statement = tuple[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a worker needs to know to send a code."""

    id: str
    portal: str
    given: Mapping[str, str]
    lang: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody in a portal: the id of the record they are, of the one they named, and the address
    that was written to."""

    portal: str
    contact: int
    record_id: int
    address: str


def ask_id(tenant: str, portal: str, token: str) -> str:
    """The hash under which a request for a code is kept."""
    return hashlib.sha256(f"ask\0{tenant}\0{portal}\0{token}".encode()).hexdigest()


def ask(
    db: Database,
    portal: str,
    given: Mapping[str, str],
    subject: str,
    lang: str,
    *,
    ip: str,
    now: int,
    also: Statement,
) -> str:
    """Write down that somebody wants a code; gives the token for their browser.

    `given`: what they typed, by path. `subject`: what attempts are counted for, the order number.
    `also` runs in the same transaction, ASK among its parameters being filled in: the message to
    the worker. Raises AccessError too_many_attempts.
    """
    token = secrets.token_urlsafe(32)
    name = bucket("portal_ask", portal, subject.casefold())
    with db.write() as tx:
        waits = [
            count(tx, bucket("portal_address", address_of(ip)), PER_ADDRESS, now=now),
            count(tx, name, ASKS, now=now),
        ]
    wait = max((one for one in waits if one is not None), default=None)
    if wait is not None:
        raise _too_many(wait)
    key = ask_id(db.tenant, portal, token)
    with db.write() as tx:
        tx.execute(
            "INSERT INTO rf_portal_ask (id, portal, given, subject, lang, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, portal, json.dumps(dict(given), ensure_ascii=False),
             bucket("portal_guess", portal, subject.casefold()), lang, now, now + CODE_LIFE),
        )  # fmt: skip
        sql, params = also
        tx.execute(sql, [json.dumps({"ask": key}) if one is ASK else one for one in params])
    return token


ASK = object()
"""Stands in the parameters of `ask`'s statement for the content of the message, as JSON."""


def asked(db: Database, key: str, now: int) -> Asked | None:
    """A request that still waits for its code; None where it is over or was dealt with."""
    rows = db.query(
        "SELECT portal, given, lang FROM rf_portal_ask"
        " WHERE id = ? AND given IS NOT NULL AND expires_at > ?",
        (key, now),
    )
    return Asked(key, rows[0][0], json.loads(rows[0][1]), rows[0][2]) if rows else None


def make_code() -> str:
    """A new code, of DIGITS digits."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def keep_code(
    db: Database, secret: str, key: str, code: str, contact: int, record_id: int, address: str
) -> None:
    """Keep the hash of the code that is about to be sent; an earlier one is worth nothing then."""
    db.execute_now(
        "UPDATE rf_portal_ask SET code = ?, contact = ?, record_id = ?, address = ? WHERE id = ?",
        (code_hash(secret, db.tenant, key, code), contact, record_id, address, key),
    )


def dealt_with(db: Database, key: str) -> None:
    """Forget what was typed: it was looked up."""
    db.execute_now("UPDATE rf_portal_ask SET given = NULL WHERE id = ?", (key,))


def code_hash(secret: str, tenant: str, key: str, code: str) -> str:
    """A keyed hash: six digits alone would be guessed from a stolen database."""
    message = f"portal code\0{tenant}\0{key}\0{code}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def enter(
    db: Database, secret: str, portal: str, token: str, code: str, *, ip: str, now: int
) -> str:
    """Check a code, which then is used up, and start a session; gives the cookie's value.

    Raises AccessError code_wrong (the same for a wrong, used or late code, and for one that was
    never sent) or too_many_attempts.
    """
    key = ask_id(db.tenant, portal, token)
    address = bucket("portal_address", address_of(ip))
    with db.write() as tx:
        waits = [count(tx, address, PER_ADDRESS, now=now)]
        rows = tx.execute(
            "UPDATE rf_portal_ask SET tries = tries + 1"
            " WHERE id = ? AND used_at IS NULL AND expires_at > ?"
            " RETURNING subject, code, tries, contact, record_id, address",
            (key, now),
        )
        subject, stored, tries, contact, record, mail = rows[0] if rows else (
            bucket("portal_guess", portal, key), None, 1, None, None, None)  # fmt: skip
        waits.append(count(tx, subject, GUESSES, now=now))
    wait = max((one for one in waits if one is not None), default=None)
    if wait is not None:
        raise _too_many(wait)
    digits = "".join(char for char in code if char.isdigit())
    matches = hmac.compare_digest(stored or "-" * 64, code_hash(secret, db.tenant, key, digits))
    if not matches or tries > TRIES or contact is None:
        raise AccessError(
            "code_wrong",
            Text(
                zh="验证码不正确或已过期。请核对后重试，或重新获取。",
                en="This code is wrong or has run out. Check it, or ask for a new one.",
            ),
            field="code",
        )
    value = secrets.token_urlsafe(32)
    with db.write() as tx:
        used = tx.execute(
            "UPDATE rf_portal_ask SET used_at = ?, code = NULL"
            " WHERE id = ? AND used_at IS NULL AND code = ? RETURNING id",
            (now, key, stored),
        )
        if not used:  # somebody else was quicker with the same code
            raise AccessError("code_wrong", _USED, field="code")
        give_back(tx, address, PER_ADDRESS, now=now)
        give_back(tx, subject, GUESSES, now=now)
        tx.execute(
            "INSERT INTO rf_portal_session"
            " (id, portal, contact, record_id, address, created_at, seen_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (_session_id(db.tenant, portal, value), portal, contact, record, mail or "",
             now, now, now + ABSOLUTE),
        )  # fmt: skip
    return value


def visitor(db: Database, portal: str, value: str, *, now: int) -> Visitor | None:
    """Whoever a cookie's value belongs to in this portal; None where the session is over."""
    key = _session_id(db.tenant, portal, value)
    rows = db.query(
        "SELECT contact, record_id, address, seen_at FROM rf_portal_session"
        " WHERE id = ? AND portal = ? AND expires_at > ? AND seen_at > ?",
        (key, portal, now, now - IDLE),
    )
    if not rows:
        return None
    contact, record, address, seen = rows[0]
    if now - seen > TOUCH:
        with suppress(Busy, Conflict):  # the next request writes it
            db.execute_now("UPDATE rf_portal_session SET seen_at = ? WHERE id = ?", (now, key))
    return Visitor(portal, contact, record, address)


def leave(db: Database, portal: str, value: str) -> None:
    """End a session."""
    db.execute_now(
        "DELETE FROM rf_portal_session WHERE id = ?", (_session_id(db.tenant, portal, value),)
    )


def remember_language(db: Database, principal: str, lang: str, now: int) -> None:
    """Write to this person in this language from now on."""
    db.execute_now(
        "INSERT INTO rf_contact (principal, lang, seen_at) VALUES (?, ?, ?)"
        " ON CONFLICT (principal) DO UPDATE SET lang = excluded.lang, seen_at = excluded.seen_at",
        (principal, lang, now),
    )


def sweep_portal(db: Database, now: int) -> None:
    """Remove requests and sessions that are over."""
    db.execute_now("DELETE FROM rf_portal_ask WHERE expires_at <= ?", (now - HOUR,))
    db.execute_now("DELETE FROM rf_portal_session WHERE expires_at <= ?", (now,))


_USED = Text(zh="该验证码已使用，请重新获取。", en="This code was used already: ask for a new one.")


def _session_id(tenant: str, portal: str, value: str) -> str:
    return hashlib.sha256(f"visitor\0{tenant}\0{portal}\0{value}".encode()).hexdigest()


def _too_many(wait: int) -> AccessError:
    minutes = -(-wait // 60)
    return AccessError(
        "too_many_attempts",
        Text(
            zh=f"尝试次数过多，请在 {minutes} 分钟后再试。",
            en=f"Too many attempts: try again in {minutes} minutes.",
        ),
        retry_after=wait,
    )
