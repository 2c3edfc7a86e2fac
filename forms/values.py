"""Values as every part of the product passes them: money, two-language text, record ids, scales."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import NamedTuple

MONEY_SCALE = 4
"""Decimals a stored amount carries: unit prices need four, no ISO 4217 currency needs more."""

NUMBER_SCALE = 6
"""Decimals a stored decimal, quantity or percentage carries."""

INTEGER_LIMIT = 10**18
"""Integers stay below this, so that every database keeps them exactly in 64 bits."""

LANGUAGES = ("zh", "en")

# Minor units of ISO 4217 currencies that do not have two.
MINOR_UNITS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


def minor_units(currency: str) -> int:
    """How many decimals the currency's smallest coin has (ISO 4217): 2 for CNY, 0 for JPY."""
    return MINOR_UNITS.get(currency, 2)


class Money(NamedTuple):
    """An exact amount of one currency. Arithmetic is the expression language's business."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people, in Chinese and English; one stands in for a missing other."""

    zh: str = ""
    en: str = ""

    @classmethod
    def of(cls, value: str | Mapping[str, str] | None, fallback: str = "") -> Text:
        """Read a definition's *text*: a string for both languages, or `{zh, en}`."""
        if value is None:
            return cls(fallback, fallback)
        if isinstance(value, str):
            return cls(value, value)
        zh, en = value.get("zh", ""), value.get("en", "")
        return cls(zh or en, en or zh)

    def pick(self, language: str) -> str:
        """The text in one language ("zh" or "en")."""
        return self.zh if language == "zh" else self.en


# 42 bits of milliseconds since 2020 and 21 bits that start at random in each process: ids order by
# time, are made before the transaction opens, and two processes do not collide in practice (the
# primary key is the judge).
_EPOCH_MS = 1_577_836_800_000
_LOW_BITS = 21
_counter = count(secrets.randbits(_LOW_BITS))


def _start_anew() -> None:
    global _counter
    _counter = count(secrets.randbits(_LOW_BITS))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = {c: i for i, c in enumerate(_ALPHABET)} | {"i": 1, "l": 1, "o": 0}
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_ID_LENGTH = 13


def new_id() -> int:
    """A fresh record id: a positive 63-bit integer that orders by the moment it was made."""
    ms = int(time.time() * 1000) - _EPOCH_MS
    return (ms << _LOW_BITS) | (next(_counter) & ((1 << _LOW_BITS) - 1))


def new_ids(count: int) -> list[int]:
    """Fresh record ids, one after the other: a record and its lines need several at once."""
    high = (int(time.time() * 1000) - _EPOCH_MS) << _LOW_BITS
    mask = (1 << _LOW_BITS) - 1
    return [high | (next(_counter) & mask) for _ in range(count)]


def encode_id(value: int) -> str:
    """A record id as people and programs see it: 13 characters of Crockford's base 32."""
    return (
        _ALPHABET[value >> 60]
        + _PAIRS[(value >> 50) & 1023]
        + _PAIRS[(value >> 40) & 1023]
        + _PAIRS[(value >> 30) & 1023]
        + _PAIRS[(value >> 20) & 1023]
        + _PAIRS[(value >> 10) & 1023]
        + _PAIRS[value & 1023]
    )


def decode_id(text: str) -> int:
    """Read what `encode_id` wrote (upper case and the look-alikes i, l, o are understood).

    Raises ValueError where the text is no id.
    """
    lowered = text.strip().lower()
    if len(lowered) != _ID_LENGTH:
        raise ValueError(f"not a record id: {text[:40]!r}")
    value = 0
    for char in lowered:
        if char not in _DIGITS:
            raise ValueError(f"not a record id: {text[:40]!r}")
        value = (value << 5) | _DIGITS[char]
    if value >= 1 << 63:
        raise ValueError(f"not a record id: {text[:40]!r}")
    return value
