"""Records: list, create, read, change, delete, history, many at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from app.access.rights import rights
from app.api.body import only
from app.api.bulk import run_all
from app.api.entry import answer, etag, open_form, open_record, read_body, read_id, read_version
from app.api.listing import read_fields, read_filters
from app.api.query import read_query
from app.api.shapes import errors_json, record_json, when
from app.records import listing, look, save
from app.records.errors import Refused
from app.records.outcome import HistoryEntry, Saved
from app.storage.cursor import CursorError
from app.web.errors import ApiError
from app.web.i18n import language
from forms.values import Text, encode_id


def add_records(api: Blueprint) -> None:
    """The routes below `/forms/<form>/records`."""
    base = "/forms/<form_id>/records"
    api.get(base)(list_records)
    api.post(base)(create)
    api.get(f"{base}/<record>")(read_record)
    api.patch(f"{base}/<record>")(update)
    api.delete(f"{base}/<record>")(delete)
    api.get(f"{base}/<record>/journal")(journal)
    api.post("/forms/<form_id>/bulk")(bulk)


def list_records(form_id: str) -> Response:
    """One page of a form's records, as far as the caller may see them; without their lines."""
    form, held = open_form(form_id, "list")
    asked = read_query(request.args)
    zone = g.tenant.active().zone
    filters = read_filters(form, held, asked, zone)
    names = form.fields if asked.fields is None else {n.partition(".")[0] for n in asked.fields}
    try:
        page = listing.list_(
            g.tenant,
            g.actor,
            form_id,
            columns=[name for name in form.fields if name in names],
            filters=filters,
            sort=asked.sort or None,
            search=asked.q,
            limit=asked.limit,
            cursor=asked.cursor or None,
        )
    except Refused as refused:
        if isinstance(refused.__cause__, CursorError):
            raise ApiError("bad_cursor") from None
        raise
    return answer(
        {
            "records": [record_json(form, row, held.hidden, asked.fields) for row in page.rows],
            "next": page.next,
        }
    )


def create(form_id: str) -> Response:
    """Create a record; the same Idempotency-Key gives the first answer again."""
    open_form(form_id, "create")
    body = only(read_body(), values=dict, release=int, act=str, draft=bool)
    saved = save.create(
        g.tenant,
        g.actor,
        form_id,
        _values(body),
        key=_key(),
        release_no=body["release"],
        moment="save" if body["draft"] else "submit",
        act=body["act"],
    )
    place = f"{request.script_root}{request.path}/{encode_id(saved.id)}"
    return answer(saved_json(saved), 201, etag(saved.version) | {"Location": place})


def read_record(form_id: str, record: str) -> Response:
    """One record."""
    open_record(form_id, "read")
    asked = read_query(request.args)
    catalog = g.tenant.active().catalog
    read_fields(catalog.forms[form_id], rights(catalog, g.actor, form_id), asked.fields)
    view = look.read(g.tenant, g.actor, form_id, read_id(record))
    found = record_json(view.form, view.row, view.hidden, asked.fields)
    found |= {"release": view.release_no, "may": sorted(view.may)}
    return answer(found, headers=etag(found["version"]))


def update(form_id: str, record: str) -> Response:
    """Change the submitted fields of the version that was read; lines are given wholly."""
    open_record(form_id, "update")
    rid = read_id(record)
    body = only(read_body(), values=dict, version=int, release=int, task=str)
    saved = save.update(
        g.tenant,
        g.actor,
        form_id,
        rid,
        _values(body),
        version=read_version(body["version"]),
        key=_key(),
        release_no=body["release"],
        task=None if body["task"] is None else read_id(body["task"]),
    )
    return answer(saved_json(saved), headers=etag(saved.version))


def delete(form_id: str, record: str) -> Response:
    """Take a record away; its history stays."""
    open_form(form_id, "delete")
    save.delete(g.tenant, g.actor, form_id, read_id(record), version=read_version(None), key=_key())
    return Response(status=204)


def journal(form_id: str, record: str) -> Response:
    """What happened to a record, oldest first."""
    open_record(form_id, "read")
    entries = look.history(g.tenant, g.actor, form_id, read_id(record))
    return answer({"entries": [_entry(entry) for entry in entries]})


def bulk(form_id: str) -> Response:
    """Up to 100 creations, changes and deletions, each a transaction and an answer of its own."""
    open_form(form_id, "create", "update", "delete")
    body = only(read_body(), operations=list)
    return answer({"results": run_all(g.tenant, g.actor, form_id, body["operations"] or [])})


def saved_json(saved: Saved) -> dict[str, Any]:
    """What a writing call gives back."""
    return {
        "id": encode_id(saved.id),
        "number": saved.number,
        "title": saved.title,
        "version": saved.version,
        "release": saved.release_no,
        "replayed": saved.replayed,
        "warnings": errors_json(saved.warnings, language()) if saved.warnings else [],
    }


def _entry(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": when(entry.at),
        "by": None if entry.actor is None else encode_id(entry.actor),
        "by_name": entry.actor_name,
        "via": entry.via,
        "act": entry.act,
        "release": entry.release_no,
        "changes": entry.changes,
    }


def _values(body: dict[str, Any]) -> dict[str, Any]:
    if body["values"] is None:
        text = Text("缺少 values", "is missing")
        raise ApiError("bad_request", details=[("missing_member", ("values",), text)])
    values: dict[str, Any] = body["values"]
    return values


def _key() -> str | None:
    return request.headers.get("Idempotency-Key")
