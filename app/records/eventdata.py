"""What is kept with an event from outside: what it carries, what it is about, who has heard it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from app.records.plain import plain
from app.records.standing import KeptEvent
from flows.events import Arrived
from flows.hearing import Place


def body_of(event: Arrived, heard: Iterable[Place]) -> str:
    """An event as it is stored, JSON."""
    body = {
        "save": {".".join(path): plain(value) for path, value in event.save.items()},
        "data": plain(event.data),
        "rows": sorted(event.rows),
        "heard": sorted(heard),
    }
    return json.dumps(body, ensure_ascii=False)


def event_of(name: str, key: str, body: Mapping[str, Any]) -> Arrived:
    """The reverse. `key` is its sender's id."""
    save = {tuple(path.split(".")): value for path, value in body["save"].items()}
    return Arrived(name, key, save, body["data"], _rows(body), _heard(body))


def heard_before(event: Arrived, kept: KeptEvent | None) -> Arrived:
    """An event that is told again, with what is kept of the times before: who has heard it, and the
    lines it was about then."""
    if kept is None:
        return event
    before = _rows(kept.data)
    rows = event.rows | before if event.rows and before else frozenset[int]()
    return replace(event, rows=rows, heard=_heard(kept.data))


def _rows(body: Mapping[str, Any]) -> frozenset[int]:
    return frozenset(body.get("rows", ()))


def _heard(body: Mapping[str, Any]) -> frozenset[Place]:
    return frozenset((scope, tuple(rows)) for scope, rows in body.get("heard", ()))
