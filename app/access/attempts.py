"""Counting attempts in the tenant's database: sign-ins and calls, over a sliding window.

Two fixed windows are weighed against each other, so that nobody gets twice the limit by acting
around a window's edge, and a bucket needs two rows at the most.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass

from app.access.clock import SECOND, moment
from app.access.database import Database, Tx

_ADD = (
    'INSERT INTO rf_attempt (bucket, "window", count) VALUES (?, ?, ?) '
    'ON CONFLICT (bucket, "window") DO UPDATE SET count = rf_attempt.count + excluded.count '
    "RETURNING count"
)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` within `seconds`."""

    most: int
    seconds: int


def bucket(kind: str, *subject: str) -> str:
    """The name of a counter. What a person typed is hashed: it may be a password by mistake."""
    digest = hashlib.sha256("\0".join(subject).encode("utf-8", "replace")).hexdigest()
    return f"{kind}:{digest[:40]}"


def address_of(ip: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 network an IPv6 client owns."""
    try:
        known = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)


def count(tx: Tx, name: str, limit: Limit, *, now: int, amount: int = 1) -> int | None:
    """Count `amount` more; None where the limit still holds, else seconds to wait.

    What is refused counts too: hammering on does not shorten the wait.
    """
    span = limit.seconds * SECOND
    window = now // span
    rows = tx.execute(_ADD, (name, window, amount))
    before = tx.execute(
        'SELECT count FROM rf_attempt WHERE bucket = ? AND "window" = ?', (name, window - 1)
    )
    passed = (now % span) / span
    weight = rows[0][0] + (before[0][0] * (1 - passed) if before else 0)
    if weight <= limit.most:
        return None
    return max(1, round(limit.seconds * (1 - passed)))


def take_block(db: Database, name: str, limit: Limit, amount: int, *, now: int) -> int:
    """Reserve up to `amount` of this window's permits; gives how many were granted (0: used up)."""
    window = now // (limit.seconds * SECOND)
    rows = db.execute_now(_ADD, (name, window, amount))
    taken: int = rows[0][0]
    return max(0, amount - max(0, taken - limit.most))


def forget(tx: Tx, name: str) -> None:
    """Drop a counter: the person proved to be who they say."""
    tx.execute("DELETE FROM rf_attempt WHERE bucket = ?", (name,))


def give_back(tx: Tx, name: str, limit: Limit, *, now: int) -> None:
    """Take one back from the present window: an attempt that succeeded is no attempt."""
    tx.execute(
        'UPDATE rf_attempt SET count = count - 1 WHERE bucket = ? AND "window" = ? AND count > 0',
        (name, now // (limit.seconds * SECOND)),
    )


def sweep_attempts(db: Database, limits: dict[str, Limit], now: int | None = None) -> None:
    """Remove windows that can no longer matter; `limits` maps a bucket's kind to its limit."""
    at = moment(now)
    with db.write() as tx:
        for kind, limit in sorted(limits.items()):
            tx.execute(
                'DELETE FROM rf_attempt WHERE bucket LIKE ? AND "window" < ?',
                (f"{kind}:%", at // (limit.seconds * SECOND) - 1),
            )
