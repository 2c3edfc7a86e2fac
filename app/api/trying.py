"""Trying without writing: what the rules say of values, and what a link field may hold."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, g, request

from app.api.body import only
from app.api.entry import answer, open_form, open_record, read_body, read_id
from app.api.query import read_query
from app.api.shapes import errors_json, values_json
from app.records import choose, look
from app.web.i18n import language
from forms.values import encode_id

LINKS = frozenset({"link", "user", "department"})


def add_trying(api: Blueprint) -> None:
    """`/preview` and `/choices`."""
    api.post("/forms/<form_id>/preview")(preview)
    api.post("/forms/<form_id>/records/<record>/preview")(preview)
    api.get("/forms/<form_id>/choices/<field>")(choices)
    api.post("/forms/<form_id>/choices/<field>")(choices_for)


def preview(form_id: str, record: str | None = None) -> Response:
    """The values as the rules would complete them, and what is wrong with them."""
    if record is None:
        open_form(form_id, "create")
    else:
        open_record(form_id, "update")
    body = only(read_body(), values=dict, version=int, release=int, task=str)
    task = None if body["task"] is None else read_id(body["task"])
    rid = None if record is None else read_id(record)
    found = look.preview(
        g.tenant,
        g.actor,
        form_id,
        body["values"] or {},
        rid=rid,
        release_no=body["release"],
        task=task,
    )
    lang = language()
    return answer(
        {
            "values": values_json(found.form.fields.values(), found.values),
            "errors": errors_json(found.errors, lang),
            "warnings": errors_json(found.warnings, lang),
        }
    )


def choices(form_id: str, field: str) -> Response:
    """Candidates of a link field by search alone."""
    asked = read_query(request.args)
    return _choices(form_id, field, asked.q, {}, None, asked.limit)


def choices_for(form_id: str, field: str) -> Response:
    """Candidates of a link field for the values typed so far (its `where` may read them)."""
    body = only(read_body(), values=dict, row=int, q=str, limit=int)
    limit = min(max(body["limit"] or 20, 1), 100)
    return _choices(form_id, field, body["q"] or "", body["values"] or {}, body["row"], limit)


def _choices(
    form_id: str, field: str, q: str, values: dict[str, Any], row: int | None, limit: int
) -> Response:
    form, held = open_form(form_id, "create", "update")
    found = form.field_at(field)
    if found is None or found.type not in LINKS or not held.sees(field):
        abort(404)
    candidates = choose.choices(
        g.tenant,
        g.actor,
        form_id,
        tuple(field.split(".")),
        q=q,
        submitted=values,
        row_index=row,
        limit=limit,
    )
    return answer(
        {
            "choices": [
                {"id": encode_id(one.id), "number": one.number, "title": one.title}
                for one in candidates
            ]
        }
    )
