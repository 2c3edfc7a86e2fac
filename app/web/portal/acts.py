"""What a flow asks of the person, or lets them do: a page for each task, and for interrupts.

The page has what the step opens, what the act must carry, and a button for each way on. Whether it
may be done is the use case's to say; who comes too late is told and led back to the record.
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
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from app.records import FlowView, Preview, Refused, TaskView, act, attach, flow_of, preview, read
from app.web.desk.data import attach_posted, submit_values
from app.web.desk.fields import SectionView, State, sections
from app.web.desk.formpage import HELD
from app.web.desk.live import field_states
from app.web.desk.post import Posted, read_post
from app.web.desk.state import state_of
from app.web.i18n import language
from app.web.portal.choosing import as_choices, not_asked, own_links
from app.web.portal.formpage import (
    Page,
    page_button,
    place,
    reachable,
    tell_problems,
)
from app.web.portal.ids import existing
from app.web.portal.words import Said, said_of
from flows.model import Ask
from flows.views import ActView, step_rights
from forms.model import Form, Lines
from forms.values import decode_id, encode_id

KINDS = frozenset({"exit", "vote", "interrupt"})
"""What people outside are offered; taking, handing on and asking others is for those who work
here."""
EVERY = "*"
FILES = "@"
"""Where files of an act itself are kept."""
MOST_FILES = 5


@dataclass(frozen=True, slots=True)
class Todo:
    """Something the person is asked to do, or may do, on the record's page. `told`: what they were
    written about it."""

    label: str
    url: str
    asked: bool
    told: Said | None = None


def add_routes(portal: Blueprint) -> None:
    """The page of a task or an interrupt, and its answers while one types."""
    rule = "/records/<form_id>/<rid>/do"
    portal.add_url_rule(rule, "task", open_task, methods=["GET"])
    portal.add_url_rule(rule, "act", do, methods=["POST"])
    portal.add_url_rule(f"{rule}/preview", "task_preview", answer_rules, methods=["POST"])


def standing_of(form_id: str, rid: int) -> FlowView | None:
    """Where the record stands; None for one without a flow."""
    try:
        return flow_of(g.tenant, g.actor, form_id, rid)
    except Refused as refused:
        if refused.code == "no_flow":
            return None
        raise


def todos(form_id: str, rid: str, view: FlowView, said: Sequence[Said]) -> list[Todo]:
    """What the person is asked for first, then what they may do besides."""
    lang = language()
    found = []
    for task in view.tasks:
        if task.mine and _offered(task.acts):
            url = url_for("portal.task", form_id=form_id, rid=rid, task=encode_id(task.task.id))
            found.append(Todo(task.label.pick(lang), url, True, _told(task, said)))
    for one in view.acts:
        if one.kind == "interrupt" and one.unavailable is None:
            url = url_for("portal.task", form_id=form_id, rid=rid, name=one.name)
            found.append(Todo(one.label.pick(lang), url, False))
    return found


def _told(task: TaskView, said: Sequence[Said]) -> Said | None:
    """What was written about tasks since this one was opened, last: what is wanted, in the
    company's own words."""
    return next((one for one in said if one.to_do and one.at >= task.task.opened_at), None)


def _offered(acts: tuple[ActView, ...]) -> list[ActView]:
    return [one for one in acts if one.kind in KINDS and one.unavailable is None]


@dataclass(slots=True)
class Doing:
    """The page's subject: a task with its buttons, or one interrupt."""

    form_id: str
    rid: int
    view: FlowView
    task: TaskView | None
    acts: list[ActView]

    @property
    def task_id(self) -> int | None:
        """The task's id."""
        return self.task.task.id if self.task is not None else None

    @property
    def opens(self) -> frozenset[str]:
        """Dotted names of the fields the step opens."""
        if self.task is None:
            return frozenset()
        said = step_rights(self.view.flow, self.task.path, self.task.task.level)
        return frozenset(said.edit)

    @property
    def ask(self) -> Ask:
        """What the acts must carry; an interrupt may carry a word."""
        return self.acts[0].ask if self.task is not None else Ask(comment="optional")

    @property
    def page(self) -> dict[str, Any]:
        """The parameters that name this page."""
        if self.task is not None:
            return {"task": encode_id(self.task.task.id)}
        return {"name": self.acts[0].name}


def _doing(form_id: str, rid: str) -> Doing | None:
    """What the address names; None where there is nothing of it to do (any more)."""
    number = existing(rid)
    view = standing_of(reachable(form_id), number)
    if view is None:
        abort(404)
    wanted, name = request.values.get("task", ""), request.values.get("name", "")
    if wanted:
        try:
            task_id = decode_id(wanted)
        except ValueError:
            abort(404)
        task = next((one for one in view.tasks if one.task.id == task_id and one.mine), None)
        acts = _offered(task.acts) if task is not None else []
        return Doing(form_id, number, view, task, acts) if acts else None
    acts = [one for one in view.acts if one.kind == "interrupt" and one.name == name]
    acts = [one for one in acts if one.unavailable is None]
    return Doing(form_id, number, view, None, acts) if acts else None


def _gone(form_id: str, rid: str) -> Any:
    flash(_("There is nothing to do here any more."), "warning")
    return redirect(url_for("portal.record", form_id=form_id, rid=rid), 303)


def open_task(form_id: str, rid: str) -> Any:
    """The page of a task, or of an interrupt."""
    doing = _doing(form_id, rid)
    return _gone(form_id, rid) if doing is None else _show(doing, None, None)


def do(form_id: str, rid: str) -> Any:
    """Do it, or show the page again with what to mend."""
    doing = _doing(form_id, rid)
    if doing is None:
        return _gone(form_id, rid)
    data = MultiDict(request.form)
    form = _form(doing)
    if page_button(form, data):
        return _show(doing, read_post(form, data), data)
    unclear = attach_posted(form, request.files, data)
    files, told = _files(doing, data)
    posted = read_post(form, data)
    if unclear or told:
        return _show(doing, posted, data, errors=unclear, notice=told, status=422)
    name = data.get("_act", "") or doing.acts[0].name
    if name not in {one.name for one in doing.acts}:
        abort(404)
    try:
        act(
            g.tenant,
            g.actor,
            form_id,
            doing.rid,
            name,
            task=doing.task_id,
            values=_values(doing, form, posted, data) or None,
            comment=data.get("_comment", "").strip()[:4000],
            attachments=files,
            signature=data.get("_signature", "").strip()[:200],
            version=_whole(data.get("_version", "")),
            key=data.get("_key") or None,
        )
    except Refused as refused:
        if refused.code in HELD or refused.code == "ask_missing":
            return _again(doing, posted, data, refused)
        if refused.status in (403, 409):
            flash(refused.message.pick(language()), "warning")
            return redirect(url_for("portal.record", form_id=form_id, rid=rid), 303)
        raise
    flash(_("Done. Thank you."), "success")
    return redirect(url_for("portal.record", form_id=form_id, rid=rid), 303)


def _values(doing: Doing, form: Form, posted: Posted, data: MultiDict[str, str]) -> dict[str, Any]:
    values = submit_values(form, posted, data)
    if EVERY in doing.opens:
        values |= own_links(form)
    return values


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _files(doing: Doing, data: MultiDict[str, str]) -> tuple[list[int], str]:
    """Files that belong to the act: those sent before, and those that come with the page."""
    found: list[int] = []
    for one in data.getlist("_attached")[:MOST_FILES]:
        try:
            found.append(decode_id(one))
        except ValueError:
            continue
    for file in request.files.getlist("_files")[:MOST_FILES]:
        if not file.filename:
            continue
        try:
            made = attach(
                g.tenant, g.actor, doing.form_id, FILES, file.stream, file.filename, file.mimetype
            )
        except Refused as refused:
            told = refused.details[0].message if refused.details else refused.message
            return found, f"{file.filename}: {told.pick(language())}"
        found.append(made)
        data.add("_attached", encode_id(made))
    return found, ""


def _again(doing: Doing, posted: Posted, data: MultiDict[str, str], refused: Refused) -> Any:
    lang = language()
    errors: dict[str, str] = {}
    for detail in refused.details if refused.code == "invalid" else ():
        errors.setdefault(posted.name(detail.path), detail.message.pick(lang))
    notice = "" if errors else refused.message.pick(lang)
    return _show(doing, posted, data, errors=errors, notice=notice, status=refused.status)


def _form(doing: Doing) -> Form:
    """The form as the record's release has it."""
    release = g.tenant.release(doing.view.release_no)
    form: Form = release.catalog.forms[doing.view.flow.form]
    return form


def _draft(
    doing: Doing, posted: Posted | None, data: MultiDict[str, str] | None
) -> tuple[Preview, State, dict[str, Any]]:
    form = _form(doing)
    values = submit_values(form, posted, data or MultiDict()) if posted is not None else {}
    if EVERY in doing.opens:
        values |= own_links(form)
    answer = preview(g.tenant, g.actor, doing.form_id, values, rid=doing.rid, task=doing.task_id)
    keys = dict(posted.rows) if posted is not None else {}
    for lines in answer.form.lines:
        rows = answer.values.get(lines.id) or ()
        keys.setdefault(lines.id, [encode_id(row["id"]) for row in rows])
    return answer, state_of(answer, keys, posted), values


def _views(
    doing: Doing, answer: Preview, state: State, values: dict[str, Any]
) -> list[SectionView]:
    """The inputs the step opens, each in its section; rows show what they are about."""
    if doing.task is None:
        return []
    found = sections(answer.form, state, place(answer.form))
    opens = doing.opens
    for section in found:
        section.fields = [view for view in section.fields if _opened(answer.form, view.name, opens)]
    skip = set(own_links(answer.form))
    if EVERY in opens:  # then as on a new record's page: what is worked out is not asked
        skip |= not_asked(answer.form)
    as_choices(answer.form, found, values, skip=skip, rid=doing.rid)
    demanded = _demanded(doing)
    for section in found:
        for view in section.fields:
            view.required = view.required or view.name in demanded
            if view.widget == "grid" and view.name in answer.fixed:
                view.readonly = True
            for cell in (cell for row in view.rows for cell in row.cells):
                cell.required = cell.required or f"{view.name}.{cell.column}" in demanded
    return [section for section in found if section.fields]


def _demanded(doing: Doing) -> frozenset[str]:
    """Dotted names of the fields the step wants filled in."""
    if doing.task is None:
        return frozenset()
    return frozenset(step_rights(doing.view.flow, doing.task.path, doing.task.task.level).require)


def _opened(form: Form, name: str, opens: frozenset[str]) -> bool:
    if EVERY in opens or name in opens:
        return True
    one = form.fields.get(name)
    return isinstance(one, Lines) and any(path.startswith(f"{name}.") for path in opens)


def _show(
    doing: Doing,
    posted: Posted | None,
    data: MultiDict[str, str] | None,
    *,
    errors: dict[str, str] | None = None,
    notice: str = "",
    status: int = 200,
) -> Any:
    lang, rid = language(), encode_id(doing.rid)
    typed: MultiDict[str, str] = data if data is not None else MultiDict()
    told = _told(doing.task, said_of(doing.form_id, doing.rid)) if doing.task is not None else None
    page = Page(
        title=(doing.task.label if doing.task is not None else doing.acts[0].label).pick(lang),
        action=url_for("portal.act", form_id=doing.form_id, rid=rid),
        back_url=url_for("portal.record", form_id=doing.form_id, rid=rid),
        preview_url="",
        submit=[(one.name, one.label.pick(lang)) for one in doing.acts],
        sections=[],
        key=secrets.token_urlsafe(18),
        release_no=doing.view.release_no,
        version=doing.view.version,
        hidden=[*doing.page.items()],
        notice=notice,
        left=" ".join(sorted(posted.left)) if posted is not None else None,
    )
    if doing.task is not None and doing.opens:
        answer, state, values = _draft(doing, posted, data)
        state.errors = dict(errors or {})
        page.sections = _views(doing, answer, state, values)
        tell_problems(page, answer.form, state)
        page.preview_url = url_for(
            "portal.task_preview", form_id=doing.form_id, rid=rid, **doing.page
        )
    made = make_response(
        render_template(
            "portal/act.html",
            page=page,
            ask=doing.ask,
            told=told,
            name=_name(doing),
            comment=typed.get("_comment", ""),
            signature=typed.get("_signature", ""),
            attached=typed.getlist("_attached"),
        )
    )
    made.status_code = status
    return made


def _name(doing: Doing) -> str:
    """What the record is called: a person may have several."""
    row = read(g.tenant, g.actor, doing.form_id, doing.rid).row
    return str(row.get("title") or row.get("number") or "")


def answer_rules(form_id: str, rid: str) -> Any:
    """What the rules say about the page as it stands: nothing is written."""
    doing = _doing(form_id, rid)
    if doing is None:
        abort(404)
    data = MultiDict(request.form)
    posted = read_post(_form(doing), data)
    answer, state, values = _draft(doing, posted, data)
    return jsonify(field_states(_views(doing, answer, state, values), state.computed))
