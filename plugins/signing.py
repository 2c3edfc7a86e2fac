"""Signatures of what goes over HTTP, both ways: who knows the secret sent it, and not long ago.

The header `Returnflow-Signature: t=<seconds since 1970>,v1=<hex>` carries the HMAC-SHA256 of
`<t>.` + body. Several `v1` may stand there while a secret is being changed.
"""

from __future__ import annotations

import hashlib
import hmac

HEADER = "returnflow-signature"
TOLERANCE = 300.0
"""Seconds a signature is good for, either way: clocks differ."""

_LONGEST = 1000


def sign(secret: str, body: bytes, at: float) -> str:
    """The header's value for a body sent at `at` (seconds since 1970)."""
    seconds = int(at)
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def holds(secret: str, header: str, body: bytes, now: float) -> bool:
    """Whether the header was made by somebody who knows the secret, for this body, just now."""
    if not secret or len(header) > _LONGEST:
        return False
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or len(times[0]) > 12:
        return False
    seconds = int(times[0])
    expected = _digest(secret, seconds, body).encode()
    given = [value.encode() for name, _, value in parts if name == "v1"]
    known = [hmac.compare_digest(expected, one) for one in given]
    return any(known) and abs(now - seconds) <= TOLERANCE


def _digest(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
