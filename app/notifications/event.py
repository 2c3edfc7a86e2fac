"""What happened to a record, as the outbox says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

_ACTS = {"create": "created", "update": "updated", "amend": "updated", "delete": "deleted"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Happened:
    """One happening. `name` without the form ("stage.refused"). `once`: what makes it this one and
    no other. `at`: microseconds UTC. `data`: task, seats, step, due_at, comment … as JSON."""

    form: str
    record_id: int
    name: str
    once: str
    at: int
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seats(self) -> tuple[str, ...]:
        """Principals of the task it is about."""
        found = self.data.get("seats") or ()
        return tuple(str(one) for one in found) if isinstance(found, Sequence) else ()

    @property
    def due_at(self) -> datetime | None:
        """When the task or promise it is about is due."""
        return moment(self.data.get("due_at") or self.data.get("due"))


def happened(
    form: str, record_id: int, once: str, payload: Mapping[str, Any]
) -> tuple[Happened, ...]:
    """The happenings of one record event: the act itself, then what the flow did, in order.

    `form` is the form's id in the release in force. A step inside others is known by its own id.
    """
    at = int(payload.get("at") or 0)
    found: list[Happened] = []
    act = _ACTS.get(str(payload.get("act", "")))
    if act:
        found.append(Happened(form, record_id, act, f"{once}/0", at, _about(payload, {})))
    for number, one in enumerate(payload.get("happenings") or (), 1):
        name, data = (one["name"], one.get("data")) if isinstance(one, Mapping) else one
        about = _about(payload, data or {})
        found.append(Happened(form, record_id, _plain(str(name)), f"{once}/{number}", at, about))
    return tuple(found)


def _about(payload: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    general = {key: payload[key] for key in ("by", "actor", "comment") if payload.get(key)}
    return {**general, **data}


def _plain(name: str) -> str:
    """`remind.move/route.half` is written `remind.route.half`."""
    return ".".join(part.rpartition("/")[2] for part in name.split("."))


def moment(value: object) -> datetime | None:
    """A time as JSON has it: microseconds UTC, or ISO text."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return _EPOCH + timedelta(microseconds=value)
    if isinstance(value, datetime):
        return value
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
