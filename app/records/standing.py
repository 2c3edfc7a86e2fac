"""A record as it stands in its flow: row, lines, tokens, tasks and timers, in one read.

A record with two hundred lines in `each` has hundreds of open rows. Who acts in one of those scopes
needs that scope and the ones above it; `near` says which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.records.errors import not_found, release_changed
from app.records.flowstate import read_task, read_timer, read_token, read_top
from app.records.held import beside, take_beside
from app.records.openrows import OpenRow
from app.records.prepare import Context, pinned_rights
from app.storage.ports import Params
from app.storage.sqlgen import Record
from app.storage.whole import json_list, read_whole
from flows.model import Flow
from flows.state import TOP, State, Task, Timer, Token

_NAMES = [f"d.{name}" for name in OpenRow._fields]
_PLACE = "CASE WHEN d.kind = 'token' THEN d.id ELSE d.token END"
_LIVE = "d.status IN ('open', 'waiting') AND d.kind <> 'keep'"
_OPEN = f"d.record_id = ? AND d.form = ? AND {_LIVE}"
_UP = (
    "WITH RECURSIVE up(id) AS ({start} UNION"
    " SELECT d.token FROM rf_due AS d JOIN up ON d.id = up.id AND d.kind = 'token')"
)
_STARTS = {
    "task": "SELECT t.token FROM rf_due AS t WHERE t.task = ?",
    "timer": "SELECT t.token FROM rf_due AS t WHERE t.id = ?",
    "token": "SELECT CAST(? AS BIGINT)",
}


class KeptEvent(NamedTuple):
    """What became of an event from outside, and what is kept with it."""

    status: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Standing:
    """A record under its own release, with what is open. `rows` are the open rows that were read
    (all, or those near the place asked for)."""

    record: Record
    flow: Flow | None
    rows: tuple[OpenRow, ...]
    state: State
    event: KeptEvent | None = None
    """The event that was asked for, as it is kept; None where it is new."""

    @property
    def top(self) -> Token:
        """The token of the top scope."""
        return self.state.tokens[TOP]


def stand(
    ctx: Context,
    rid: int,
    *,
    near: tuple[str, int] | None = None,
    event: str = "",
    filled: bool = False,
) -> tuple[Context, Standing]:
    """The record as it stands. The context comes back with the plan of the record's release.

    `near`: ("task", id), ("timer", id) or ("token", id): what is open there and above it only;
    None: all of it. `event` is an event's id, read even when it is over. `filled`: something is
    filled in, so what the rules look at is read, too, into the context's env. Raises Refused
    not_found.
    """
    dialect = ctx.tenant.db.dialect
    reader = ctx.reader or ctx.tenant.db
    plan, asked = ctx.plan, near
    if plan.flow is not None and plan.flow.reading.until_below:
        near = None  # whatever changes may end a wait in another scope
    prefix: tuple[str, Params] = ("", ())
    chosen, params = _OPEN, [rid, plan.key]
    if near is not None:
        kind, place = near
        prefix = (_UP.format(start=_STARTS[kind]), [place])
        chosen = f"{_OPEN} AND {_PLACE} IN (SELECT up.id FROM up)"
        if kind != "token":
            named = f"d.{'task' if kind == 'task' else 'id'} = ?"  # of this record, even if over
            near_by = f"{_LIVE} AND {_PLACE} IN (SELECT up.id FROM up)"
            chosen = f"d.record_id = ? AND d.form = ? AND (({near_by}) OR {named})"
            params.append(place)
    others: dict[str, tuple[str, Params]] = {
        "open": (
            f"SELECT {json_list(dialect, _NAMES)} AS found FROM rf_due AS d WHERE {chosen}",
            params,
        )
    }
    if event:
        text = f"SELECT {json_list(dialect, ['e.status', 'e.data'])} AS found FROM rf_event AS e"
        others["event"] = (f"{text} WHERE e.id = ?", [event])
    if filled:
        others |= beside(ctx, rid)
    record, found = read_whole(reader, dialect, plan.sql, rid, others, prefix)
    if record is None or record.head.deleted:
        raise not_found()
    if record.head.release_no != ctx.release.no:
        _pin(ctx, record)
        return stand(ctx, rid, near=asked, event=event, filled=filled)
    if filled:
        take_beside(ctx, found)
    rows = tuple(OpenRow._make(values) for values in found["open"])
    kept = None
    if found.get("event"):
        status, data = found["event"][0]
        kept = KeptEvent(status, json.loads(data))
    state = state_of(record.head.flow, rows)
    return ctx, Standing(record, plan.flow, rows, state, kept)


def state_of(flow: str | None, rows: tuple[OpenRow, ...]) -> State:
    """What the engine knows of a record: its top token, and what the rows hold."""
    tokens: dict[int, Token] = {}
    tasks: dict[int, Task] = {}
    timers: dict[int, Timer] = {}
    if flow is not None:
        tokens[TOP] = read_top(flow)
    for row in rows:
        if row.kind == "token":
            tokens[row.id] = read_token(row)
        elif row.kind == "timer":
            timers[row.id] = read_timer(row)
        elif row.kind in ("task", "vote"):
            task = read_task(row)
            tasks.setdefault(task.id, task)
    return State(tokens, tasks, timers)


def _pin(ctx: Context, record: Record) -> None:
    """Go over to the release the record was made under."""
    release = ctx.tenant.release(record.head.release_no)
    pinned = release.tables.form_of(ctx.plan.key)
    if pinned is None:
        raise release_changed()
    ctx.release, ctx.plan = release, ctx.published.plan(pinned.id, release)
    ctx.rights = pinned_rights(ctx)
