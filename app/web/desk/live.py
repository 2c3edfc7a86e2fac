"""Answers while somebody types: rules and formulas as JSON, candidates of a link as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, abort, g, jsonify, render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from app.access.rights import rights
from app.access.users import list_users
from app.records import attach, choices, inbox, read
from app.web.desk.data import released, submit_values
from app.web.desk.fields import FieldView, RowView, SectionView, sections
from app.web.desk.formpage import record_id
from app.web.desk.panel import FILES
from app.web.desk.post import read_post
from app.web.desk.state import draft_of, place
from forms.values import encode_id

CHOICES = 20


def add_routes(desk: Blueprint) -> None:
    """Preview, choices and uploads of a form."""
    post: dict[str, Any] = {"methods": ["POST"]}
    desk.add_url_rule("/forms/<form_id>/preview", "preview", answer_rules, **post)
    desk.add_url_rule("/forms/<form_id>/choices", "choices", offer_choices, **post)
    desk.add_url_rule("/forms/<form_id>/upload", "upload_base", upload, **post)
    desk.add_url_rule("/forms/<form_id>/upload/<path>", "upload", upload, **post)
    desk.add_url_rule("/forms/<form_id>/<rid>/people", "people", offer_people, **post)


def answer_rules(form_id: str) -> Any:
    """What the rules say about the page as it stands: nothing is written."""
    rid = record_id(request.args.get("rid", ""))
    data = MultiDict(request.form)
    release = released(form_id, data.get("_release"))
    posted = read_post(release.form, data)
    task = record_id(request.args.get("task", ""))
    draft = draft_of(form_id, rid, posted, data, task=task)
    views = sections(draft.form, draft.state, place(draft))
    return jsonify(field_states(views, draft.state.computed))


def field_states(views: Iterable[SectionView], computed: frozenset[str]) -> dict[str, Any]:
    """The state of every input of a page, as `live.js` reads it."""
    fields: dict[str, Any] = {}
    currencies: dict[str, str] = {}
    shown: dict[str, bool] = {}
    for section in views:
        if section.id:
            shown[section.id] = section.visible
        for view in section.fields:
            _state(view, computed, fields, currencies)
    return {"fields": fields, "currencies": currencies, "sections": shown, "said": ""}


def _state(
    view: FieldView,
    computed: frozenset[str],
    fields: dict[str, Any],
    currencies: dict[str, str],
) -> None:
    state: dict[str, Any] = {
        "visible": view.visible,
        "required": view.required,
        "readonly": view.readonly,
        "error": view.error,
        "warning": view.warning,
    }
    if view.name in computed and view.widget not in {"grid", "files"}:
        state["value"] = view.value
        if view.widget == "picker":
            state["text"] = [c.text for c in view.chips] if view.many else view.text
    if view.follows:
        state["options"] = view.options
    if view.currency is not None:
        currencies[view.name] = view.currency
    fields[view.name] = state
    for row in view.rows:
        _row_state(row, computed, fields, currencies)


def _row_state(
    row: RowView, computed: frozenset[str], fields: dict[str, Any], currencies: dict[str, str]
) -> None:
    fields[row.name] = {"visible": True, "required": False, "readonly": False, "error": row.error}
    for cell in row.cells:
        _state(cell, computed, fields, currencies)


def offer_choices(form_id: str) -> Any:
    """Candidates of a link for what was typed, as options of its listbox."""
    data = MultiDict(request.form)
    name = data.get("_q", "")
    form = released(form_id, data.get("_release")).form
    posted = read_post(form, data)
    head, _dot, rest = name.partition(".")
    key, _dot, column = rest.partition(".")
    if form.field_at(f"{head}.{column}" if column else head) is None:
        abort(404)
    keys = posted.rows.get(head, [])
    if column and key not in keys:
        abort(404)
    text = data.get(f"{name}@text", "").strip()
    if posted.typed.get(name) and isinstance(posted.typed[name], str):
        text = ""  # something is chosen already: its own title is no search
    found = choices(
        g.tenant,
        g.actor,
        form_id,
        (head, column) if column else (head,),
        text[:200],
        submit_values(form, posted, data),
        keys.index(key) if column else None,
        CHOICES,
        rid=record_id(request.args.get("rid", "")),
    )
    items = [
        {
            "value": encode_id(one.id),
            "text": one.title or one.number or encode_id(one.id),
            "extra": one.number if one.number and one.number not in one.title else "",
        }
        for one in found
    ]
    return render_template("desk/options.html", choices=items)


def offer_people(form_id: str, rid: str) -> Any:
    """People to hand a task to, for whoever may see the record."""
    number = record_id(rid)
    assert number is not None
    read(g.tenant, g.actor, form_id, number)
    text = request.form.get("_user@text", "").strip()[:200]
    if request.form.get("_user"):
        text = ""
    items = [
        {"value": encode_id(one.id), "text": one.name, "extra": one.login}
        for one in list_users(g.db, search=text, limit=CHOICES)
        if one.active and one.id != g.actor.user_id
    ]
    return render_template("desk/options.html", choices=items)


def may_attach(form_id: str) -> bool:
    """Whether the person may bring files along with acts on records of a form: somebody who has
    rights on it, or has tasks."""
    if rights(g.tenant.active().catalog, g.actor, form_id).actions:
        return True
    return bool(inbox(g.tenant, g.actor, "todo", form=form_id, limit=1).rows)


def upload(form_id: str, path: str = "") -> Any:
    """Keep a file that was chosen in a form, or comes with an act; it belongs to a record once
    that is saved."""
    form = released(form_id, None).form
    file = request.files.get("file")
    one = form.field_at(path)
    if path == FILES:
        if form_id not in g.tenant.active().catalog.flows or not may_attach(form_id):
            abort(404)
    elif one is None or one.type not in {"file", "image"}:
        abort(404)
    if file is None or not file.filename:
        return jsonify(message=_("No file arrived. Choose it again.")), 400
    made = attach(g.tenant, g.actor, form_id, path, file.stream, file.filename, file.mimetype)
    return jsonify(id=encode_id(made), name=file.filename)
