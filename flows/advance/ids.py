"""Ids of tokens, tasks and timers, and the keys of effects: the same for the same transition."""

from __future__ import annotations

from hashlib import blake2b

from forms.values import encode_id


def made_id(place: str) -> int:
    """A 62-bit id of a place: the record, where in its flow, the visit and a count, as text."""
    digest = blake2b(place.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 2 or 1


def effect_key(record: int, row: int | None, step: str, action: str, failures: int) -> str:
    """What makes an effect one and the same: the record, its line, the action. A new attempt after
    a failure that was final is another effect, and numbered."""
    line = "-" if row is None else encode_id(row)
    base = f"{encode_id(record)}:{line}:{step}:{action}"
    return f"{base}#{failures}" if failures else base
