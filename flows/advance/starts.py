"""Records of other forms that a step starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.advance.effects import count_try, failed, tries_of
from flows.advance.ids import effect_key
from flows.advance.moves import leave
from flows.advance.work import Live, Work
from flows.events import GONE, Answer, Ended
from flows.model import Start, Step
from flows.state import StartRecord
from forms.values import decode_id

START = "start"
MADE = ("started", "done")
"""Outcomes that say the record is there."""


def enter(work: Work, live: Live, step: Step) -> None:
    """Ask for the record. The step goes on when it is there, or has ended."""
    body: Start = step.body  # type: ignore[assignment]
    row = work.seen_from(live)
    values = {name: work.value(expr, row) for name, expr in body.values.items()}
    before, work.env.parent = work.env.parent, work.row
    try:
        for name, rows in body.rows.items():
            values[name] = [
                {field: work.value(expr, line) for field, expr in rows.values.items()}
                for line in _named(work.row.get(rows.over) or ())
                if rows.where is None or work.value(rows.where, line) is True
            ]
    finally:
        work.env.parent = before
    ended = tries_of(work, live.row, step, START)
    key = effect_key(work.record, live.row, step.path, START, ended)
    live.at["key"] = key
    live.at.pop("record", None)
    work.effects.append(
        StartRecord(key, body.form, values, live.id, step.id, live.visit, body.wait)
    )
    work.say("start", live, step.path, form=body.form, key=key)


def _named(rows: Any) -> list[Mapping[str, Any]]:
    """Rows that know themselves as `row`."""
    return [{**line, "row": line["id"]} for line in rows]


def answered(work: Work, live: Live, step: Step, answer: Answer) -> None:
    """The record was made, or could not be."""
    body: Start = step.body  # type: ignore[assignment]
    if live.at.get("key") != answer.key or "record" in live.at:
        work.used = False
        return
    if answer.outcome not in MADE:
        work.say("answer", live, step.path, key=answer.key, outcome=answer.outcome)
        live.at.pop("key")  # what else is said of this attempt comes too late
        count_try(work, live.row, step, START)
        failed(work, live, step, answer.outcome, answer.message)
        return
    record = answer.data["record"]
    made = decode_id(record) if isinstance(record, str) else int(record)
    _made(work, live, step, body, made)
    if not body.wait:
        leave(work, live, "done")


def ended(work: Work, live: Live, step: Step, event: Ended) -> None:
    """The record has come to its end, or was deleted before: then there is nothing to go on by."""
    body: Start = step.body  # type: ignore[assignment]
    if live.at.get("key") != event.key or not body.wait:
        work.used = False
        return
    if "record" not in live.at:
        _made(work, live, step, body, event.record)
    count_try(work, live.row, step, START)
    work.say("arrive", live, step.path, record=event.record, outcome=event.outcome)
    if event.outcome == GONE:
        live.at.pop("key")
        failed(work, live, step, GONE, "")
        return
    leave(work, live, event.outcome)


def _made(work: Work, live: Live, step: Step, body: Start, record: int) -> None:
    live.at["record"] = record
    work.say("answer", live, step.path, key=live.at["key"], outcome="done", record=record)
    if body.save:
        work.write((body.save,), record)
        work.compute()
