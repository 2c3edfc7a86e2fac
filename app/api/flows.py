"""Flows by API: what a form's flow is, where a record stands in it, why, and one's inbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, g, request

from app import records
from app.api.acting import open_flow
from app.api.entry import answer, etag, open_form, read_id
from app.api.query import bad_parameter, read_query
from app.api.shapes import when
from app.records import FlowView, TaskRow, TaskView, TraceEntry
from app.web.errors import ApiError
from app.web.i18n import language
from flows.model import Ask
from flows.picture import outline
from flows.views import ActView, step_rights
from forms.values import Text, encode_id

BOXES = ("todo", "done", "started")
_ROWS = frozenset({"row", "task", "token", "user", "by", "claimed", "given_back", "transferred",
                   "added", "instead_of", "record"})  # fmt: skip
"""Names in a trace whose integers are ids."""
_LISTS = frozenset({"users", "excluded", "rows", "attachments"})
_SEATS = frozenset({"seats", "to"})
"""Names in a trace under which principals stand, such as "user:12" or "contact:customer:77"."""


def add_flows(api: Blueprint) -> None:
    """`/tasks`, and below a form and a record: `/flow`, `/why`, `/trace`."""
    api.get("/tasks")(tasks)
    api.get("/tasks/count")(count)
    api.get("/forms/<form_id>/flow")(flow)
    record = "/forms/<form_id>/records/<record>"
    api.get(f"{record}/flow")(standing)
    api.get(f"{record}/why")(why)
    api.get(f"{record}/trace/<int:seq>")(trace)


def tasks() -> Response:
    """One page of the caller's inbox: `box` todo, done or started."""
    args = request.args.copy()
    box = args.pop("box", "todo")
    form = args.pop("form", None)
    if box not in BOXES:
        text = Text("应为 " + " / ".join(BOXES), "one of " + ", ".join(BOXES) + " is expected")
        raise bad_parameter("box", "bad_value", text)
    asked = read_query(args)
    try:
        found = records.inbox(
            g.tenant,
            g.actor,
            box,  # type: ignore[arg-type]
            form=form,
            search=asked.q,
            after=asked.cursor or None,
            limit=asked.limit,
        )
    except records.Refused as refused:
        if refused.code == "bad_request":
            raise ApiError("bad_cursor") from None
        raise
    lang = language()
    return answer({"tasks": [_row(one, lang) for one in found.rows], "next": found.next})


def count() -> Response:
    """How much is to do, and how much of it is overdue."""
    found = records.counts(g.tenant, g.actor)
    return answer({"todo": found.todo, "overdue": found.overdue})


def flow(form_id: str) -> Response:
    """The flow of a form: its stages and steps, in words."""
    open_form(form_id)
    open_flow(form_id, "read")
    found, lang = g.tenant.active().catalog.flows[form_id], language()
    return answer(
        {
            "form": form_id,
            "label": found.label.pick(lang),
            "stages": [
                {"id": one.id, "label": one.label.pick(lang)} for one in found.stages.values()
            ],
            "steps": [
                {
                    "path": one.path,
                    "kind": found.steps[one.path].kind if one.path in found.steps else "interrupt",
                    "label": one.name,
                    "stage": one.stage or None,
                    "next": [{"label": way.name, "to": way.to, "back": way.back}
                             for way in one.ways],
                }
                for one in outline(found, lang)
            ],
        }
    )  # fmt: skip


def standing(form_id: str, record: str) -> Response:
    """Where a record stands, its open tasks, what the caller may do, and the way it came."""
    open_flow(form_id, "read")
    view = records.flow_of(g.tenant, g.actor, form_id, read_id(record))
    lang = language()
    body = {
        "stage": view.stage,
        "stage_label": view.stage_label.pick(lang),
        "outcome": view.outcome,
        "version": view.version,
        "release": view.release_no,
        "at": [
            {
                "token": encode_id(one.id),
                "step": f"{one.scope}/{one.step}" if one.scope else one.step,
                "line": _maybe(one.row),
                "visit": one.visit,
                "since": when(one.entered_at),
                "outcome": one.outcome,
            }
            for one in view.tokens
        ],
        "tasks": [_task(view, one, lang) for one in view.tasks],
        "interrupts": [_act(one, lang) for one in view.acts if one.kind == "interrupt"],
        "timers": [
            {"rule": one.rule, "step": one.step, "at": when(one.at), "status": one.status}
            for one in view.timers
        ],
        "slas": {name: dict(clock) for name, clock in view.slas.items()},
        "incidents": [
            {
                "token": encode_id(one.token),
                "step": one.step,
                "line": _maybe(one.row),
                "code": one.code,
                "message": one.message.pick(lang),
            }
            for one in view.incidents
        ],
        "path": [
            {
                "step": one.step,
                "line": one.row or None,
                "entered_at": one.entered_at,
                "left_at": one.left_at or None,
                "outcome": one.outcome or None,
            }
            for one in view.path
        ],
    }
    return answer(body, headers=etag(view.version))


def why(form_id: str, record: str) -> Response:
    """Every decision of the record's flow with the facts it rested on, oldest first."""
    open_flow(form_id, "read")
    entries = records.why(g.tenant, g.actor, form_id, read_id(record))
    return answer({"entries": [_entry(one) for one in entries]})


def trace(form_id: str, record: str, seq: int) -> Response:
    """What one entry of the record's journal decided."""
    open_flow(form_id, "read")
    if seq > 1 << 31:
        abort(404)
    return answer(_entry(records.trace(g.tenant, g.actor, form_id, read_id(record), seq)))


def _row(one: TaskRow, lang: str) -> dict[str, Any]:
    return {
        "task": encode_id(one.task) if one.task else None,
        "kind": one.kind,
        "form": one.form,
        "record": encode_id(one.record),
        "number": one.number,
        "title": one.title,
        "stage": one.stage,
        "stage_label": one.stage_label.pick(lang),
        "step": one.step or None,
        "step_label": one.step_label.pick(lang),
        "level": one.level or None,
        "line": _maybe(one.row),
        "line_number": one.line.number if one.line is not None else None,
        "line_label": (one.line.name or None) if one.line is not None else None,
        "opened_at": when(one.opened_at),
        "due_at": _when(one.due_at),
        "overdue": one.overdue,
        "claimed_by": _maybe(one.claimed),
        "instead_of": _maybe(one.instead_of),
        "outcome": one.outcome or None,
        "done_at": _when(one.done_at),
    }


def _task(view: FlowView, one: TaskView, lang: str) -> dict[str, Any]:
    task, rights = one.task, step_rights(view.flow, one.path, one.task.level)
    found = {
        "id": encode_id(task.id),
        "kind": task.kind,
        "step": one.path,
        "label": one.label.pick(lang),
        "level": task.level or None,
        "line": _maybe(one.row),
        "people": list(one.names),
        "mine": one.mine,
        "claimed_by": _maybe(task.claimed),
        "instead_of": _maybe(task.instead_of),
        "opened_at": when(task.opened_at),
        "due_at": _when(task.due_at),
        "acts": [_act(act, lang) for act in one.acts],
    }
    if one.mine:
        found |= {"edit": list(rights.edit), "require": list(rights.require)}
    return found


def _act(act: ActView, lang: str) -> dict[str, Any]:
    return {
        "name": act.name,
        "label": act.label.pick(lang),
        "kind": act.kind,
        "ask": _ask(act.ask),
        "requires_fields": act.requires,
        "targets": list(act.targets),
        "unavailable": None if act.unavailable is None else act.unavailable.pick(lang),
    }


def _ask(ask: Ask) -> dict[str, str]:
    said = {"comment": ask.comment, "attachment": ask.attachment, "signature": ask.signature}
    return {name: rule for name, rule in said.items() if rule}


def _entry(one: TraceEntry) -> dict[str, Any]:
    return {
        "seq": one.seq,
        "at": when(one.at),
        "by": _maybe(one.actor),
        "by_name": one.actor_name,
        "act": one.act,
        "said": _plain(one.said),
        "trace": [_plain(fact) for fact in one.trace],
    }


def _plain(value: Any, name: str = "") -> Any:
    """A trace as JSON for programs: ids in the form all ids have outside."""
    if isinstance(value, Mapping):
        return {key: _plain(one, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        if name in _SEATS:
            return [_seat(one) for one in value]
        return [_plain(one, name[:-1] if name in _LISTS else "") for one in value]
    known = name in _ROWS or name in {"user", "exclude", "row", "attachment"}
    if known and isinstance(value, int) and not isinstance(value, bool):
        return encode_id(value)
    return value


def _seat(seat: Any) -> Any:
    """A principal with its id in the form all ids have outside; a role is named as it is."""
    kind, _, key = str(seat).rpartition(":")
    return f"{kind}:{encode_id(int(key))}" if key.isdigit() else seat


def _maybe(id_: int | None) -> str | None:
    return None if id_ is None else encode_id(id_)


def _when(at: datetime | None) -> str | None:
    return None if at is None else when(at)
