"""The last decision of every step people decide in, kept in the top token.

Skips, resubmission, `actor_of` and the withdrawal rule rest on it; it does not grow with history.
`moved` tells of each field at which decision it was last seen changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from flows.advance.work import Live, Work
from flows.state import Person


def note_decision(
    work: Work,
    live: Live,
    path: str,
    outcome: str,
    person: Person,
    everybody: Iterable[int] | None = None,
) -> int:
    """Note a decision ("step" or "step.level"); gives its number. `everybody`: all who agreed."""
    data = work.top.data
    number: int = data.get("seq", 0) + 1
    data["seq"] = number
    one: dict[str, Any] = {
        "by": person.user,
        "name": person.name,
        "at": work.now.isoformat(),
        "outcome": outcome,
        "visit": live.visit,
        "seq": number,
    }
    if live.row is not None:
        one["row"] = live.row
    if person.contact:
        one["contact"] = person.contact
    if everybody is not None:
        one["all"] = list(everybody)
    data["decided"] = {**data.get("decided", {}), path: one}
    return number


def note_dealt(work: Work, person: Person) -> None:
    """Note who has decided anything, a single vote too, since something was last sent back."""
    known: list[int | None] = work.top.data.get("dealt", [])
    if person.user not in known:
        work.top.data["dealt"] = [*known, person.user]


def decisions(work: Work) -> Mapping[str, Mapping[str, Any]]:
    """path → the last decision there."""
    found: Mapping[str, Mapping[str, Any]] = work.top.data.get("decided", {})
    return found


def remember(work: Work) -> None:
    """See which fields have changed since this was last asked."""
    if not work.flow.reading.remembers:
        return
    data = work.top.data
    known: Mapping[str, str] = data.get("prints", {})
    prints = {name: _print(work.row.get(name)) for name in work.flow.shape.fields}
    changed = [name for name, one in prints.items() if known.get(name) != one]
    if not changed:
        return
    data["prints"] = prints
    if known:
        number = data.get("seq", 0) + 1
        data["moved"] = {**data.get("moved", {}), **dict.fromkeys(changed, number)}


def changed_since(work: Work, fields: Iterable[str], number: int) -> list[str]:
    """Those of some fields that changed after a decision."""
    moved: Mapping[str, int] = work.top.data.get("moved", {})
    return sorted(name for name in fields if moved.get(name, 0) > number)


def _print(value: object) -> str:
    return blake2b(repr(value).encode(), digest_size=6).hexdigest()
