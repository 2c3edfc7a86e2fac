"""A form in the portal: generated like any other, with what the person is filled in already.

Links to the person's own record are never shown nor taken from the page; other links are choices
among what the person may see. Rights, rules and limits are the use case's.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import (
    Blueprint,
    abort,
    flash,
    g,
    jsonify,
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

from app.access.rights import rights
from app.records import Preview, Refused, attach, create, preview
from app.records.errors import release_changed
from app.web.desk.data import Released, attach_posted, released, submit_values
from app.web.desk.fields import Place, SectionView, State, sections
from app.web.desk.formpage import HELD, where_of
from app.web.desk.live import field_states
from app.web.desk.post import Posted, add_row, read_post, remove_row
from app.web.desk.state import state_of
from app.web.i18n import language
from app.web.portal.choosing import as_choices, may_fill, not_asked, offers_of, own_links
from app.web.security import csrf
from forms.model import Form, Lines
from forms.values import decode_id, encode_id

EVERYTHING = "all"
"""In place of a record's id: rows of whatever the person bought are offered."""


@dataclass(slots=True)
class Page:
    """What the form template shows."""

    title: str
    action: str
    back_url: str
    preview_url: str
    submit: list[tuple[str, str]]
    sections: list[SectionView]
    key: str
    release_no: int
    hidden: list[tuple[str, str]] = field(default_factory=list)
    version: int | None = None
    help: str = ""
    notice: str = ""
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    problems_title: str = ""
    left: str | None = None
    more: bool = False
    """Whether rows of other records than the one it began with can be offered."""
    offers: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """Lines field → (name of the link column, id, title) of what may be taken into a new row."""


def add_routes(portal: Blueprint) -> None:
    """New records, answers while one types, uploads."""
    portal.add_url_rule("/records/<form_id>/new", "new_record", open_form, methods=["GET"])
    portal.add_url_rule("/records/<form_id>/new", "create_record", save_form, methods=["POST"])
    portal.add_url_rule("/records/<form_id>/preview", "preview", answer_rules, methods=["POST"])
    portal.add_url_rule("/records/<form_id>/upload", "upload_base", upload, methods=["POST"])
    portal.add_url_rule("/records/<form_id>/upload/<path>", "upload", upload, methods=["POST"])


def startable(form_id: str) -> str:
    """The form, where this portal lets people start it; else a plain 404."""
    portal = g.portal
    asked = portal.ask.form if portal.ask is not None else ""
    if form_id not in portal.start and form_id != asked:
        abort(404)
    return form_id


def open_form(form_id: str) -> Any:
    """An empty form, with what is known filled in. `of` names the record it begins with."""
    release = released(startable(form_id), None)
    return _show(release, None, None)


@csrf.exempt  # type: ignore[untyped-decorator]
def save_form(form_id: str) -> Any:
    """Save what was typed, or show it again with what to mend."""
    data = MultiDict(request.form)
    release = released(startable(form_id), data.get("_release"))
    try:
        csrf.protect()
    except CSRFError:
        posted = read_post(release.form, data)
        return _show(
            release,
            posted,
            data,
            notice=_("This page had expired. Check it and save again."),
            status=400,
        )
    if page_button(release.form, data):
        return _show(release, read_post(release.form, data), data)
    unclear = attach_posted(release.form, request.files, data)
    posted = read_post(release.form, data)
    if unclear:
        return _show(release, posted, data, errors=unclear, status=422)
    values = {**submit_values(release.form, posted, data), **own_links(release.form)}
    key = data.get("_key") or None
    try:
        saved = create(g.tenant, g.actor, form_id, values, key=key, release_no=release.no)
    except Refused as refused:
        if refused.code not in HELD:
            raise
        return _refused(form_id, release, posted, data, refused)
    return _thanks(form_id, saved.id, saved.number or saved.title)


def _thanks(form_id: str, rid: int, name: str) -> Any:
    if form_id in g.portal.start:
        flash(_("We have received it: %(name)s", name=name), "success")
    else:
        flash(_("Thank you for your answer."), "success")
    if not rights(g.tenant.active().catalog, g.actor, form_id).may("read"):
        return redirect(url_for("portal.home"), 303)
    if form_id not in g.portal.start:
        return redirect(url_for("portal.home"), 303)
    return redirect(url_for("portal.record", form_id=form_id, rid=encode_id(rid)), 303)


def _refused(
    form_id: str, release: Released, posted: Posted, data: MultiDict[str, str], refused: Refused
) -> Any:
    lang = language()
    errors: dict[str, str] = {}
    for detail in refused.details:
        errors.setdefault(posted.name(detail.path), detail.message.pick(lang))
    notice = "" if errors else refused.message.pick(lang)
    if refused.code == "release_changed":
        notice = release_changed().message.pick(lang)
        data.pop("_release", None)
        release = released(form_id, None)
        posted = read_post(release.form, data)
    return _show(release, posted, data, errors=errors, notice=notice, status=refused.status)


def page_button(form: Form, data: MultiDict[str, str]) -> bool:
    """Buttons that change the page and save nothing: lines, and choices that others hang on."""
    if "_add" in data and isinstance(form.fields.get(data["_add"]), Lines):
        add_row(data, data["_add"], _fresh())
    elif "_take" in data:
        lines, _dot, rest = data["_take"].partition(".")
        column, _dot, value = rest.partition(".")
        if form.field_at(f"{lines}.{column}") is None:
            return True
        key = _fresh()
        add_row(data, lines, key)
        data[f"{lines}.{key}.{column}"] = value
    elif "_remove" in data:
        remove_row(data, data["_remove"])
    elif "_everything" in data:
        data["_of"] = EVERYTHING
    elif "_refresh" not in data:
        return False
    return True


def _fresh() -> str:
    return f"n{secrets.token_hex(4)}"


def begins_with(form: Form) -> dict[str, int]:
    """Links filled in on a new page: the record `of`, or the one the person named at the door."""
    wanted = request.args.get("of", "")
    try:
        given = decode_id(wanted) if wanted and wanted != EVERYTHING else None
    except ValueError:
        abort(404)
    held = rights(g.tenant.active().catalog, g.actor, form.id)
    order = g.portal.identify.form
    found: dict[str, int] = {}
    for one in form.fields.values():
        if one.type != "link" or one.many or "." in one.to or not may_fill(one, held):
            continue
        if one.to == order and one.to != g.portal.identify.contact:
            found[one.id] = given if given is not None else g.visitor.record_id
        elif given is not None and one.to in g.portal.start:
            found[one.id] = given
    return found


def draft(
    release: Released, posted: Posted | None, data: MultiDict[str, str] | None
) -> tuple[Preview, State, dict[str, Any]]:
    """What the engine says of the page, the state of its inputs, and the values asked about."""
    form = release.form
    if posted is not None:
        values = submit_values(form, posted, data or MultiDict())
        keys = dict(posted.rows)
    else:
        values, keys = {**begins_with(form)}, {}
    values |= own_links(form)
    answer = preview(g.tenant, g.actor, form.id, values, release_no=release.no)
    for lines in answer.form.lines:
        rows = answer.values.get(lines.id) or ()
        keys.setdefault(lines.id, [f"n{n}" for n in range(len(rows))])
    return answer, state_of(answer, keys, posted), values


def place(form: Form) -> Place:
    """Where the form is drawn."""
    zone = g.tenant.active().zone
    return Place(
        lang=language(),
        choices_url="",
        upload_url=url_for("portal.upload_base", form_id=form.id),
        zone=zone,
        today=g.tenant.now().astimezone(zone).date(),
        to_minute=True,
    )


def _show(
    release: Released,
    posted: Posted | None,
    data: MultiDict[str, str] | None,
    *,
    errors: Mapping[str, str] | None = None,
    notice: str = "",
    status: int = 200,
) -> Any:
    answer, state, values = draft(release, posted, data)
    form = answer.form
    of = _of(data)
    offers = offers_of(form, values, state, of)
    if posted is None and _take_the_only_one(form, offers, values):
        answer, state = _again(form, release, values)
        offers = offers_of(form, values, state, of)
    state.errors = dict(errors or {})
    views = sections(form, state, place(form))
    known = _known(form, state)
    as_choices(form, views, values, skip=not_asked(form) | known.keys())
    lang = language()
    label = form.label.pick(lang) or form.id
    page = Page(
        title=label,
        action=url_for("portal.create_record", form_id=form.id),
        back_url=url_for("portal.home"),
        preview_url=url_for("portal.preview", form_id=form.id),
        submit=[("save", _("Send"))],
        sections=[one for one in views if one.fields],
        key=secrets.token_urlsafe(18),
        release_no=answer.release_no,
        help=form.help.pick(lang),
        notice=notice,
        offers=offers,
        hidden=[
            *known.items(),
            *([("_of", EVERYTHING if of is None else encode_id(of))] if offers else []),
        ],
        more=bool(offers) and of is not None,
        left=" ".join(sorted(posted.left)) if posted is not None else None,
    )
    tell_problems(page, form, state)
    made = make_response(render_template("portal/form.html", page=page))
    made.status_code = status
    return made


def _known(form: Form, state: State) -> dict[str, str]:
    """What a survey is about is not asked: the page carries it."""
    if form.id in g.portal.start:
        return {}
    return {
        one.id: encode_id(value)
        for one in form.fields.values()
        if one.type == "link" and one.to in g.portal.start
        for value in [state.row.get(one.id)]
        if isinstance(value, int)
    }


def _again(form: Form, release: Released, values: dict[str, Any]) -> tuple[Preview, State]:
    answer = preview(g.tenant, g.actor, form.id, values, release_no=release.no)
    keys = {one.id: [f"n{n}" for n in range(len(answer.values.get(one.id) or ()))]
            for one in answer.form.lines}  # fmt: skip
    return answer, state_of(answer, keys, None)


def tell_problems(page: Page, form: Form, state: State) -> None:
    """The summary above a page that came back."""
    lang = language()
    for name, message in state.errors.items():
        where, anchor = where_of(form, state, name, lang)
        page.problems.append((where, message, anchor))
    if page.problems:
        page.problems_title = ngettext(
            "%(num)d thing to mend", "%(num)d things to mend", len(page.problems)
        )


def _of(data: MultiDict[str, str] | None) -> int | None:
    """The record whose rows are offered: the one a page began with, or that was named at the
    door; None for all the person has."""
    wanted = (data.get("_of", "") if data is not None else "") or request.args.get("of", "")
    if wanted == EVERYTHING:
        return None
    try:
        return decode_id(wanted) if wanted else int(g.visitor.record_id)
    except ValueError:
        abort(404)


def _take_the_only_one(
    form: Form, offers: Mapping[str, list[tuple[str, str, str]]], values: dict[str, Any]
) -> bool:
    """Start with a row: the one thing there is to choose, or an empty one where nothing is
    offered to choose from."""
    changed = False
    for lines in form.lines:
        known = offers.get(lines.id)
        if values.get(lines.id) or lines.readonly is True:
            continue
        if known is not None and len(known) == 1:
            column, value, _title = known[0]
            values[lines.id] = [{column: value}]
            changed = True
        elif known is None:
            least = lines.min if isinstance(lines.min, int) else 0
            values[lines.id] = [{} for _n in range(max(1, least))]
            changed = True
    return changed


def answer_rules(form_id: str) -> Any:
    """What the rules say about the page as it stands: nothing is written."""
    data = MultiDict(request.form)
    release = released(startable(form_id), data.get("_release"))
    posted = read_post(release.form, data)
    answer, state, values = draft(release, posted, data)
    views = sections(answer.form, state, place(answer.form))
    as_choices(answer.form, views, values, skip=not_asked(answer.form))
    return jsonify(field_states(views, state.computed))


def upload(form_id: str, path: str = "") -> Any:
    """Keep a file that was chosen; it belongs to a record once that is saved."""
    form = released(reachable(form_id), None).form
    file = request.files.get("file")
    one = form.field_at(path)
    if one is None or one.type not in {"file", "image"}:
        abort(404)
    if file is None or not file.filename:
        return jsonify(message=_("No file arrived. Choose it again.")), 400
    made = attach(g.tenant, g.actor, form_id, path, file.stream, file.filename, file.mimetype)
    return jsonify(id=encode_id(made), name=file.filename)


def reachable(form_id: str) -> str:
    """The form, where this portal has pages for its records; else a plain 404."""
    if form_id not in g.portal.forms:
        abort(404)
    return form_id
