"""Text rules that hold alike in Python, SQLite and PostgreSQL: letter case and white space."""

from __future__ import annotations

# One-to-one letter pairs of Latin, Greek and Cyrillic. Databases disagree about the rest (and
# SQLite knows only ASCII), so that these tables, not a database's locale, decide.
_PAIRS = [
    (upper, upper.lower())
    for upper in map(chr, range(0x41, 0x530))
    if len(upper.lower()) == 1 and upper.lower() != upper and upper.lower().upper() == upper
]
UPPER = "".join(upper for upper, _ in _PAIRS)
LOWER = "".join(lower for _, lower in _PAIRS)
_TO_LOWER = str.maketrans(UPPER, LOWER)
_TO_UPPER = str.maketrans(LOWER, UPPER)

SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
SPACES += "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def lower(text: str) -> str:
    """Small letters for capital ones, letter by letter."""
    return text.lower() if text.isascii() else text.translate(_TO_LOWER)


def upper(text: str) -> str:
    """Capital letters for small ones, letter by letter."""
    return text.upper() if text.isascii() else text.translate(_TO_UPPER)


def trim(text: str) -> str:
    """Without white space at both ends."""
    return text.strip(SPACES)
