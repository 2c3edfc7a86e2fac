"""Passwords: argon2id, hashed a few at a time, with one cost for known and unknown people."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from app.access.errors import AccessError
from forms.values import Text

SHORTEST, LONGEST = 10, 200
AT_ONCE = 2
PATIENCE = 5.0
"""Hashes computed at one moment in this process, and seconds a caller waits for a turn: 19 MiB
each, so that a flood of sign-ins cannot take the memory."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_turns = threading.BoundedSemaphore(AT_ONCE)

# What people choose first, as stems: digits and marks around them do not help.
_COMMON = frozenset(
    "password passw0rd qwerty qwertyuiop asdfghjkl zxcvbnm iloveyou letmein welcome admin "
    "administrator root changeme default secret dragon monkey football baseball superman batman "
    "sunshine princess master login abc abcdef abcdefghij woaini mima woaini1314 returnflow "
    "returns".split()
)


def hash_password(password: str) -> str:
    """The argon2id hash of a password. Raises AccessError `busy` when too many wait."""
    with _turn():
        return _hasher.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one; takes as long where nothing is stored (None)."""
    with _turn():
        try:
            _hasher.verify(stored or _nobody(), password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    try:
        return _hasher.check_needs_rehash(stored)
    except InvalidHashError:
        return True


def check_password(password: str, *, login: str = "", name: str = "") -> None:
    """Refuse a password that is too short, too long, common, or made of the person's own words.

    Raises AccessError `weak_password`.
    """
    if len(password) < SHORTEST:
        raise _weak(f"密码至少 {SHORTEST} 个字符", f"Use at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise _weak(f"密码最多 {LONGEST} 个字符", f"Use at most {LONGEST} characters")
    lowered = password.casefold()
    if len(set(lowered)) < 4 or lowered in "0123456789012345678901234567890":
        raise _weak("密码过于单调", "The password repeats itself: mix more characters")
    stem = lowered.strip("0123456789!@#$%^&*()_-+=.,?/ ")
    if stem in _COMMON or not stem:
        raise _weak("这是常见密码", "This is a common password: choose another")
    own = [word for word in (login.casefold(), name.casefold()) if len(word) >= 4]
    if any(word in lowered and len(lowered) - len(word) < 6 for word in own):
        raise _weak("密码不要用自己的名字", "Do not build the password from your own name")


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=PATIENCE):
        raise AccessError(
            "busy",
            Text(zh="登录的人太多,请稍候再试。", en="Too many sign-ins: try again shortly."),
            retry_after=2,
        )
    try:
        yield
    finally:
        _turns.release()


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


def _weak(zh: str, en: str) -> AccessError:
    return AccessError("weak_password", Text(zh=f"{zh}。", en=f"{en}."), field="password")
