"""The generated form: a new record, or one being changed.

Whatever is sent comes back as typed when it cannot be saved: wrong values, a stale version, another
release, a limit, an expired page. Only the person's own "save" writes anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import (
    Blueprint,
    abort,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import MultiDict

from app.records import Refused, create, judges, update
from app.records.errors import release_changed
from app.web.desk.data import attach_posted, editable, released, submit_values, understand_texts
from app.web.desk.fields import SectionView, State, html_id, sections
from app.web.desk.post import Posted, add_row, copy_row, read_post, remove_row
from app.web.desk.state import Draft, draft_of, place
from app.web.i18n import language
from app.web.security import csrf
from flows.model import Task
from flows.picture import outcome_name
from flows.views import StepRights, step_rights
from forms.model import Form, Lines
from forms.values import decode_id, encode_id

HELD = frozenset({"invalid", "limit_reached", "not_unique", "stale", "release_changed", "busy"})
"""Refusals that show the page again instead of an error page."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One line of the summary: what is wrong, and a link to the input."""

    where: str
    message: str
    anchor: str = ""


@dataclass(slots=True)
class Page:
    """What the form template shows."""

    form_id: str
    form_label: str
    title: str
    action: str
    back_url: str
    preview_url: str
    submit_label: str
    key: str
    release_no: int
    version: int | None
    sections: list[SectionView]
    problems: Sequence[Problem] = ()
    problems_title: str = ""
    notice: str = ""
    left: str | None = None
    """Inputs left to the engine so far, on a page that came back."""
    acts: Sequence[tuple[str, str]] = ()
    """(name, words) of what can be done with a new record at once, the first one first."""
    flow_url: str = ""


def add_routes(desk: Blueprint) -> None:
    """New and edit pages."""
    desk.add_url_rule("/forms/<form_id>/new", "new_record", open_form, methods=["GET"])
    desk.add_url_rule("/forms/<form_id>/new", "create_record", save_form, methods=["POST"])
    desk.add_url_rule("/forms/<form_id>/<rid>/edit", "edit_record", open_form, methods=["GET"])
    desk.add_url_rule("/forms/<form_id>/<rid>/edit", "update_record", save_form, methods=["POST"])


def open_form(form_id: str, rid: str = "") -> Any:
    """An empty form with its defaults, or the form of a record."""
    number = record_id(rid)
    draft = draft_of(form_id, number, None)
    return _show(draft)


@csrf.exempt  # type: ignore[untyped-decorator]
def save_form(form_id: str, rid: str = "") -> Any:
    """Save what was typed, or show it again with what to mend.

    Protected inside: an expired page is shown again with nothing lost.
    """
    number = record_id(rid)
    data = MultiDict(request.form)
    try:
        csrf.protect()
    except CSRFError:
        return _again(form_id, number, data, _("This page had expired. Check it and save again."))
    if _outlived(number, data):
        return _again(form_id, number, data, release_changed().message.pick(language()), 409)
    return _line_button(form_id, number, data) or _save(form_id, number, data)


def show_again(form_id: str, rid: str, data: MultiDict[str, str]) -> Any:
    """The form, filled with what was typed before signing in again."""
    notice = _("You are signed in again. Check what you typed and save it.")
    return _again(form_id, record_id(rid), data, notice, status=200)


def _outlived(rid: int | None, data: MultiDict[str, str]) -> bool:
    """Whether a new record's page is of a release that judges nothing any more."""
    no = data.get("_release", "")
    if rid is not None or not no.isdecimal():
        return False
    return not judges(g.tenant, g.tenant.active(), int(no))


def record_id(rid: str) -> int | None:
    """The record's number from an address; None for a new one. Unreadable ids are a plain 404."""
    if not rid:
        return None
    try:
        return decode_id(rid)
    except ValueError:
        abort(404)


def _line_button(form_id: str, rid: int | None, data: MultiDict[str, str]) -> Any:
    """Add, copy or remove a line on a page without scripts."""
    form = released(form_id, data.get("_release")).form
    fresh = f"n{secrets.token_hex(4)}"
    if "_add" in data and data["_add"] in form.fields:
        add_row(data, data["_add"], fresh)
    elif "_copy" in data:
        copy_row(form, data, data["_copy"], fresh)
    elif "_remove" in data:
        remove_row(data, data["_remove"])
    else:
        return None
    return _again(form_id, rid, data, status=200)


def _save(form_id: str, rid: int | None, data: MultiDict[str, str]) -> Any:
    release = released(form_id, data.get("_release"))
    unclear = attach_posted(release.form, request.files, data)
    posted = read_post(release.form, data)
    unclear |= understand_texts(release.form, posted, rid)
    if unclear:
        return _refused(draft_of(form_id, rid, posted, data, errors=unclear), 422)
    values = submit_values(release.form, posted, data)
    options: dict[str, Any] = {"key": data.get("_key") or None, "release_no": release.no}
    try:
        if rid is None:
            saved = create(g.tenant, g.actor, form_id, values, **_start(data), **options)
        else:
            version = editable(data.get("_version"))
            saved = update(g.tenant, g.actor, form_id, rid, values, version=version, **options)
    except Refused as refused:
        if refused.code not in HELD:
            raise
        return _refuse(form_id, rid, data, posted, refused)
    name = saved.title or saved.number or encode_id(saved.id)
    flash(_("Saved: %(name)s", name=name), "success")
    for warning in saved.warnings:
        flash(warning.message.pick(language()), "warning")
    return redirect(url_for("desk.record", form_id=form_id, rid=encode_id(saved.id)), 303)


def _start(data: MultiDict[str, str]) -> dict[str, Any]:
    """How a new record enters its flow: by an act of its first task, or staying in it."""
    name = data.get("_act", "")
    if name == "_save":
        return {"moment": "save"}
    return {"act": name} if name not in ("", "save") else {}


def _refuse(
    form_id: str, rid: int | None, data: MultiDict[str, str], posted: Posted, refused: Refused
) -> Any:
    lang = language()
    errors: dict[str, str] = {}
    for detail in refused.details:
        errors.setdefault(posted.name(detail.path), detail.message.pick(lang))
    notice = "" if errors else refused.message.pick(lang)
    if refused.code == "stale":
        notice = _(
            "Somebody else saved this record while you were typing. What you typed is below: "
            "compare it with the record, then save again to put your values in place."
        )
    elif refused.code == "release_changed":
        notice = refused.message.pick(lang)
        data.pop("_release", None)
        posted = read_post(released(form_id, None).form, data)
    keep = refused.code != "stale"
    draft = draft_of(form_id, rid, posted, data if keep else None, errors=errors)
    return _refused(draft, refused.status, notice)


def _again(
    form_id: str, rid: int | None, data: MultiDict[str, str], notice: str = "", status: int = 400
) -> Any:
    if _outlived(rid, data):
        data.pop("_release")
    release = released(form_id, data.get("_release"))
    posted = read_post(release.form, data)
    page = make_response(_show(draft_of(form_id, rid, posted, data), notice))
    page.status_code = status
    return page


def _refused(draft: Draft, status: int, notice: str = "") -> Any:
    page = make_response(_show(draft, notice, complain=True))
    page.status_code = status
    return page


def _show(draft: Draft, notice: str = "", *, complain: bool = False) -> str:
    lang, form = language(), draft.form
    if not complain:
        draft.state.errors = {}
    new = draft.rid is None
    held = _first_rights(form.id) if new else None
    if held is not None:
        draft.state.hidden |= frozenset(held.hide)
    views = sections(form, draft.state, place(draft))
    if held is not None:
        views = _asked_at_first(form, views, held)
    rid = encode_id(draft.rid) if draft.rid is not None else ""
    where: dict[str, Any] = {"form_id": form.id} if new else {"form_id": form.id, "rid": rid}
    label = form.label.pick(lang)
    problems = _problems(form, draft, lang) if complain else []
    page = Page(
        form_id=form.id,
        form_label=label,
        title=_("New: %(form)s", form=label) if new else _("Edit: %(title)s", title=draft.title),
        action=url_for("desk.create_record" if new else "desk.update_record", **where),
        back_url=url_for("desk.records", form_id=form.id)
        if new
        else url_for("desk.record", **where),
        preview_url=url_for("desk.preview", **where),
        submit_label=_("Create") if new else _("Save"),
        key=secrets.token_urlsafe(18),
        release_no=draft.release_no,
        version=draft.version,
        sections=views,
        problems=problems,
        notice=notice,
    )
    if new:
        page.acts, page.flow_url = _entry_acts(draft, lang)
    if draft.state.posted is not None:
        page.left = " ".join(sorted(draft.state.posted.left))
    if problems:
        page.problems_title = ngettext(
            "%(num)d thing to mend before this can be saved",
            "%(num)d things to mend before this can be saved",
            len(problems),
        )
    return render_template("desk/form.html", page=page)


def _first_rights(form_id: str) -> StepRights | None:
    """What the first task of a flow opens and hides; None where it begins otherwise."""
    flow = g.tenant.active().catalog.flows.get(form_id)
    entry = flow.top.steps[flow.top.entry] if flow is not None else None
    if flow is None or entry is None or not isinstance(entry.body, Task):
        return None
    return step_rights(flow, entry.path)


def _asked_at_first(form: Form, views: list[SectionView], held: StepRights) -> list[SectionView]:
    """What a new record's page asks for: what the first task opens, and what no record is without
    and nothing fills in (the task need not let it be changed afterwards)."""
    opened = {name.partition(".")[0] for name in (*held.edit, *held.require)}
    opened |= {
        one.id
        for one in form.fields.values()
        if isinstance(one, Lines) or (one.required is not False and one.default is None)
    }
    found = []
    for one in views:
        one.fields = [
            view for view in one.fields if view.readonly or "*" in opened or view.name in opened
        ]
        if one.fields:
            found.append(one)
    return found


def _entry_acts(draft: Draft, lang: str) -> tuple[list[tuple[str, str]], str]:
    """The buttons of the first task of a new record, and the page of its flow."""
    catalog = g.tenant.active().catalog
    flow = catalog.flows.get(draft.form.id)
    if flow is None:
        return [], ""
    url = url_for("desk.flow", form_id=draft.form.id)
    entry = flow.top.steps[flow.top.entry]
    if not isinstance(entry.body, Task):
        return [], url
    acts = [
        ("done" if name == "*" else name, outcome_name(name, lang, one.label) or _("Submit"))
        for name, one in entry.exits.items()
        if name != "late" and one.when is None
    ]
    return acts, url


def _problems(form: Form, draft: Draft, lang: str) -> list[Problem]:
    found = []
    for name, message in draft.state.errors.items():
        where, anchor = where_of(form, draft.state, name, lang)
        found.append(Problem(where, message, anchor))
    return found


def where_of(form: Form, state: State, name: str, lang: str) -> tuple[str, str]:
    """What a complaint's input is called, and its anchor."""
    head, _dot, rest = name.partition(".")
    one = form.fields.get(head)
    if one is None:
        return "", ""
    label = one.label.pick(lang) or one.id
    if not rest:
        return label, html_id(name)
    key, _dot, column_id = rest.partition(".")
    keys = state.row_keys.get(head, [])
    line = keys.index(key) + 1 if key in keys else 0
    row = _("%(lines)s, line %(number)d", lines=label, number=line)
    column = form.field_at(f"{head}.{column_id}") if column_id else None
    if column is None:
        return row, html_id(f"{head}.{key}") + "-error"
    return f"{row}, {column.label.pick(lang) or column.id}", html_id(name)
