"""Events of a record as they are kept: what each carries, what it is about, who has heard it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from app.records.plain import plain
from app.records.prepare import Context
from app.records.standing import KeptEvent, stand
from app.storage.sqlgen import Statement
from flows.events import Arrived
from flows.hearing import Place, awaited, concerned
from flows.model import Flow
from flows.state import Done

NEW, USED, EARLY, LATE = "new", "used", "early", "late"
_EVENT = (
    "INSERT INTO rf_event (id, form, record_id, name, data, status, at, used_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET status = excluded.status, data = excluded.data,"
    " used_at = COALESCE(excluded.used_at, rf_event.used_at) WHERE rf_event.status <> 'used'"
)


def keeping(
    ctx: Context, rid: int, event: Arrived, heard: Iterable[Place], status: str, used: int | None
) -> Statement:
    """What keeps an event of a record. `used`: when it moved something (microseconds UTC)."""
    body = _body(event, heard)
    return _EVENT, (event.id, ctx.plan.key, rid, event.name, body, status, ctx.at, used)


def passed(
    ctx: Context, flow: Flow, rid: int, again: Mapping[str, Any], done: Done
) -> list[Statement]:
    """Somebody went past an event that could not be taken: it counts as heard there, once."""
    kept = stand(ctx, rid, event=again["id"])[1].event
    if kept is None or kept.status in (USED, LATE):
        return []
    one = event_of(again["name"], again["id"], kept.data)
    heard = one.heard | done.heard
    more = awaited(flow, done.row, one.name, concerned(flow, done.row, one.rows), heard)
    status = EARLY if more and done.ended is None else USED
    return [keeping(ctx, rid, one, heard, status, ctx.at)]


def _body(event: Arrived, heard: Iterable[Place]) -> str:
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
