"""What an act brings along: files, and values that may have been changed by others meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.access.actor import Actor
from app.records.errors import invalid
from app.records.facts import Facts
from app.records.plan import Plan
from app.storage.sqlgen import Record
from forms.messages import message
from forms.types.links import read_id
from forms.validate_result import FieldError
from forms.values import encode_id

ACT_FILES = "@"
"""The field under which files are uploaded that come with an act or a comment."""


def upload_rows(facts: Facts, actor: Actor, ids: Sequence[int]) -> frozenset[int]:
    """The files to adopt: the actor's own uploads for acts, not saved elsewhere.

    Raises Refused invalid for any other.
    """
    if not ids:
        return frozenset()
    wanted = frozenset(ids)
    marks = ", ".join("?" * len(wanted))
    rows = facts.query(
        "SELECT id FROM rf_attachment WHERE record_id IS NULL AND deleted_at IS NULL AND form = ?"
        f" AND field = ? AND COALESCE(created_by, 0) = ? AND id IN ({marks})",
        (facts.form_key, ACT_FILES, actor.me or 0, *sorted(wanted)),
    )
    if {row[0] for row in rows} != wanted:
        text = message("file_missing")
        raise invalid([FieldError("file_missing", ("attachments",), text)])
    return wanted


def collides(
    facts: Facts, plan: Plan, record: Record, version: int | None, values: Mapping[str, Any]
) -> bool:
    """Whether somebody has changed, since the version a page showed, a field that is given now.

    Versions and journal entries count alike, so the entries after it say what was changed.
    """
    head = record.head
    if version is None or version == head.version:
        return False
    since = head.journal_seq - (head.version - version)
    rows = facts.query(
        "SELECT changes FROM rf_journal WHERE form = ? AND record_id = ? AND seq > ?",
        (plan.key, head.id, since),
    )
    lines = {one.id for one in plan.form.lines}
    for (text,) in rows:
        changes = json.loads(text) if text else {}
        for name in changes.keys() & values.keys():
            if name not in lines or _rows_meet(changes[name], values[name]):
                return True
    return False


def _rows_meet(changed: Any, given: Any) -> bool:
    """Whether one row is in both, or rows came or went."""
    if not isinstance(changed, dict) or not isinstance(given, list | tuple):
        return True
    touched: dict[str, set[str]] = {}
    for key, columns in changed.items():
        if "+" in columns or "-" in columns:
            return True
        touched[key] = set(columns)
    for row in given:
        key = read_id(row.get("id")) if isinstance(row, Mapping) else None
        columns = touched.get(encode_id(key), set()) if key else set()
        if columns & set(row):
            return True
    return False


_HAD = (
    "SELECT d.task FROM rf_due AS d WHERE d.record_id = ? AND d.form = ? AND d.status <> 'open'"
    " AND d.kind IN ('task', 'vote') AND d.principal IN ({marks})"
    " ORDER BY d.done_at DESC, d.task LIMIT 1"
)
_LAST = (
    "SELECT actor_name FROM rf_journal WHERE form = ? AND record_id = ? AND act <> 'comment'"
    " ORDER BY seq DESC LIMIT 1"
)


def last_task(facts: Facts, rid: int, principals: frozenset[str]) -> int | None:
    """The task on the record the person last had, None where there never was one."""
    if not principals:
        return None
    marks = ", ".join("?" * len(principals))
    params = (rid, facts.form_key, *sorted(principals))
    rows = facts.query(_HAD.format(marks=marks), params)
    return rows[0][0] if rows else None


def last_actor(facts: Facts, rid: int) -> str:
    """Who acted on the record last."""
    rows = facts.query(_LAST, (facts.form_key, rid))
    return rows[0][0] if rows else ""
