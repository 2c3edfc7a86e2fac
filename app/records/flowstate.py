"""Where a record stands in its flow, as its rows keep it.

The token of the top scope is JSON in the record's own row; tokens of child scopes, tasks, timers
and watches are rows of `rf_due`. What the engine gives back becomes rows here, and rows become
what the engine knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.records.openrows import OpenRow, stable_id
from app.records.targets import micros, moment
from flows.state import CANCELLED, DONE, OPEN, TOP, Task, Timer, Token

_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
).encode


def token_json(token: Token) -> dict[str, Any]:
    """A token as JSON, without its id, its parent and what is at its start."""
    held: dict[str, Any] = {
        "scope": token.scope,
        "row": token.row,
        "children": token.children,
        "counts": dict(token.counts),
        "outcome": token.outcome,
        "data": dict(token.data),
    }
    return {"at": micros(token.entered_at)} | {key: value for key, value in held.items() if value}


def _token(found: Mapping[str, Any], id_: int, parent: int | None, step: str, visit: int) -> Token:
    return Token(
        id_,
        parent,
        found.get("scope", ""),
        found.get("row"),
        step,
        visit,
        moment(found["at"]),
        found.get("children", 0),
        found.get("counts", {}),
        found.get("outcome"),
        found.get("data", {}),
    )


def write_top(token: Token) -> str:
    """The top token as the record's row keeps it."""
    return _encode({"step": token.step, "visit": token.visit, **token_json(token)})


def read_top(flow: str) -> Token:
    """The reverse of `write_top`."""
    found = json.loads(flow)
    return _token(found, TOP, None, found["step"], found["visit"])


class Rows:
    """Makes the rows of one record's transition; of each id the last row counts."""

    def __init__(self, form: str, record_id: int, stage: str | None) -> None:
        self.form, self.record_id, self.stage = form, record_id, stage
        self._rows: dict[int, OpenRow] = {}

    @property
    def rows(self) -> list[OpenRow]:
        """All rows, in the order of their ids: two transitions lock them alike."""
        return [self._rows[key] for key in sorted(self._rows)]

    def add(self, row: OpenRow) -> None:
        """Add a row, or replace the one with its id."""
        self._rows[row.id] = row

    def token(self, token: Token, at: datetime) -> None:
        """A child scope's token."""
        over = token.outcome is not None
        self.add(
            OpenRow(
                token.id,
                self.form,
                self.record_id,
                "token",
                (CANCELLED if token.outcome == CANCELLED else DONE) if over else OPEN,
                token.parent or TOP,
                token.step,
                token.visit,
                token.scope,
                outcome=token.outcome,
                stage=self.stage,
                opened_at=micros(token.entered_at),
                done_at=micros(at) if over else None,
                data=_encode(token_json(token)),
            )
        )

    def task(self, task: Task, before: Task | None, token: Token | None) -> None:
        """A task, a row for each seat; seats it had before and has no more are closed."""
        data: dict[str, Any] = {"seats": task.seats}
        if token is not None and token.scope:
            data["path"] = f"{token.scope}/{task.step}"
        if token is not None and token.row is not None:
            data["row"] = token.row
        if task.origin:
            data["origin"] = task.origin
        if task.source is not None:
            data["source"] = task.source
        gone = () if before is None else (s for s in before.seats if s not in task.seats)
        for seat, status in (
            *((s, task.status) for s in task.seats),
            *((s, CANCELLED) for s in gone),
        ):
            self.add(
                OpenRow(
                    stable_id(task.id, seat),
                    self.form,
                    self.record_id,
                    task.kind,
                    status,
                    task.token,
                    task.step,
                    task.visit,
                    task=task.id,
                    principal=seat,
                    level=task.level,
                    place=task.place,
                    claimed=task.claimed,
                    instead_of=task.instead_of,
                    by_user=task.by if status == task.status else None,
                    outcome=task.outcome or None,
                    stage=self.stage,
                    opened_at=micros(task.opened_at),
                    due_at=None if task.due_at is None else micros(task.due_at),
                    done_at=None if task.done_at is None else micros(task.done_at),
                    data=_encode(data),
                )
            )

    def timer(self, timer: Timer) -> None:
        """A timer."""
        self.add(
            OpenRow(
                timer.id,
                self.form,
                self.record_id,
                "timer",
                timer.status,
                timer.token,
                timer.step,
                timer.visit,
                timer.rule,
                timer.task,
                stage=self.stage,
                due_at=micros(timer.at),
                data=_encode({"fired": timer.fired}) if timer.fired else None,
            )
        )

    def watch(self, token: Token, what: str, key: int, *, over: bool = False) -> None:
        """Something beyond the record that a token's condition reads."""
        rule = watch_rule(what, key)
        self.add(
            OpenRow(
                stable_id(self.record_id, token.id, rule),
                self.form,
                self.record_id,
                "watch",
                DONE if over else OPEN,
                token.id,
                token.step,
                token.visit,
                rule,
            )
        )


def watch_rule(what: str, key: int) -> str:
    """How a watch is found: "order:123"."""
    return f"{what}:{key}"


def read_token(row: OpenRow) -> Token:
    """A child scope's token from its row."""
    return _token(json.loads(row.data or "{}"), row.id, row.token, row.step, row.visit)


def read_timer(row: OpenRow) -> Timer:
    """A timer from its row."""
    assert row.due_at is not None
    fired = json.loads(row.data)["fired"] if row.data else 0
    return Timer(
        row.id,
        row.token,
        row.step,
        row.visit,
        row.rule,
        moment(row.due_at),
        row.task,
        fired,
        row.status,
    )


def read_task(row: OpenRow) -> Task:
    """A task from any one of its rows: each knows all seats."""
    data = json.loads(row.data or "{}")
    assert row.task is not None and row.opened_at is not None
    return Task(
        row.task,
        row.token,
        row.step,
        row.visit,
        row.kind,
        tuple(data.get("seats", ())),
        moment(row.opened_at),
        row.level or "",
        row.place or 0,
        row.claimed,
        row.instead_of,
        row.status,
        row.by_user,
        row.outcome or "",
        None if row.done_at is None else moment(row.done_at),
        None if row.due_at is None else moment(row.due_at),
        data.get("origin", ""),
        data.get("source"),
    )
