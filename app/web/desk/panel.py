"""What is to do with a record: the open task with its inputs and buttons, on the record's page."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import g, url_for
from werkzeug.datastructures import MultiDict

from app.access.users import user_names
from app.records import FlowView, TaskView, attachments
from app.records.files import DEFAULT_SIZE, size_shown
from app.records.lines import LineName, line_names, rows_over
from app.web.desk.data import released
from app.web.desk.fields import Chip, FieldView, SectionView, sections
from app.web.desk.flowwords import left_words, line_words
from app.web.desk.formpage import Problem, where_of
from app.web.desk.post import Posted, read_post
from app.web.desk.state import Draft, draft_of, input_name, place
from app.web.desk.values import moment_shown
from app.web.i18n import gettext as _
from app.web.i18n import language
from flows.advance.standing import weight
from flows.model import Approve, Ask, Task
from flows.picture import step_name
from flows.views import ActView, step_rights
from forms.validate_result import FieldError
from forms.values import decode_id, encode_id

FILES = "@"
"""The field that files of acts and comments are uploaded for."""


@dataclass(frozen=True, slots=True)
class Button:
    """One act. `why`: why it is not to be had now."""

    name: str
    label: str
    css: str
    why: str = ""


@dataclass(slots=True)
class Panel:
    """The task at hand. What was typed stands in `comment`, `sign_name`, `files`, `sections`."""

    task: str
    title: str
    note: str
    due: str
    due_at: str
    pressing: str
    buttons: Sequence[Button]
    targets: Sequence[tuple[str, str]]
    asks: Ask
    sections: list[SectionView]
    action: str
    preview_url: str
    key: str
    release_no: int
    version: int
    may_claim: bool = False
    may_give_back: bool = False
    may_transfer: bool = False
    may_add: bool = False
    may_save: bool = False
    comment: str = ""
    sign_name: str = ""
    files: FieldView | None = None
    problems: Sequence[Problem] = ()
    notice: str = ""
    covered: frozenset[str] = frozenset()
    """Fields that stand here and need not be shown again below."""

    @property
    def broad(self) -> bool:
        """Whether it needs the whole width: a grid with many columns."""
        grids = (view for one in self.sections for view in one.fields if view.widget == "grid")
        return any(len(grid.columns) > 3 for grid in grids)


@dataclass(slots=True)
class Typed:
    """What came back with a page that could not be used."""

    data: MultiDict[str, str]
    posted: Posted | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    details: Sequence[FieldError] = ()
    """What is wrong, by path; `errors` by input name."""
    notice: str = ""


def mine(view: FlowView) -> list[TaskView]:
    """The open tasks of the reader that nobody else has taken."""
    return [one for one in view.tasks if one.mine and one.task.claimed in (None, g.actor.user_id)]


def chosen(view: FlowView, task: str | None, row: Mapping[str, Any]) -> TaskView | None:
    """The task a page is about: the one that is named, else the first of the reader's, in the
    order of the lines."""
    tasks = sorted(mine(view), key=lambda one: line_number(view, row, one.row or 0))
    if task:
        try:
            number = decode_id(task)
        except ValueError:
            number = 0
        found = next((one for one in tasks if one.task.id == number), None)
        if found is not None:
            return found
    return tasks[0] if tasks else None


def panel_of(
    form_id: str, rid: str, view: FlowView, one: TaskView, names: Mapping[int, LineName],
    typed: Typed | None = None,
) -> Panel:  # fmt: skip
    """The panel of a task, with what was typed where a page came back."""
    lang, now = language(), g.tenant.now()
    step = view.flow.steps[one.path]
    body, task = step.body, one.task
    kinds = {act.kind: act for act in one.acts if act.unavailable is None}
    due, pressing = left_words(task.due_at, now) if task.due_at is not None else ("", "")
    claimable = isinstance(body, Task) and body.claim and task.claimed is None
    asks = _asks(view, one)
    where: dict[str, Any] = {"form_id": form_id, "rid": rid}
    views, draft = ([], None) if claimable else _inputs(form_id, rid, view, one, typed)
    data = typed.data if typed is not None else MultiDict()
    panel = Panel(
        task=encode_id(task.id),
        title=title_of(view, one, names, lang),
        note=_note(view, one),
        due=due,
        due_at=moment_shown(task.due_at, g.tenant.active().zone) if task.due_at else "",
        pressing=pressing,
        buttons=[] if claimable else _buttons(one, lang),
        targets=[(path, step_name(view.flow.steps[path], lang)) for path in _targets(view, kinds)],
        asks=asks,
        sections=views,
        action=url_for("desk.act", **where),
        preview_url=url_for("desk.preview", **where, task=encode_id(task.id)) if views else "",
        key=secrets.token_urlsafe(18),
        release_no=view.release_no,
        version=view.version,
        may_claim="claim" in kinds,
        may_give_back="give_back" in kinds,
        may_transfer="transfer" in kinds,
        may_add="add" in kinds,
        may_save=bool(views),
        comment=data.get("_comment", ""),
        sign_name=data.get("_sign_name", ""),
        files=None if claimable else files_view(form_id, data.getlist("_attachments")),
        covered=_covered(views),
    )
    if typed is not None:
        panel.notice = typed.notice
        panel.problems = problems(typed, draft)
    return panel


def problems(typed: Typed, draft: Draft | None = None) -> list[Problem]:
    """What is wrong with what was typed, each with the input it is about."""
    lang = language()
    if draft is None:
        said = [*typed.errors.values(), *(one.message.pick(lang) for one in typed.details)]
        return [Problem("", text) for text in dict.fromkeys(said)]
    found = []
    for name, message in draft.state.errors.items():
        where, anchor = where_of(draft.form, draft.state, name, lang)
        found.append(Problem(where, message, anchor))
    return found


def lines_at_hand(form_id: str, view: FlowView) -> Mapping[int, LineName]:
    """What the lines that open tasks are about are called."""
    wanted = [
        (form_id, rows_over(view.flow, one.path), one.row)
        for one in view.tasks
        if one.row is not None
    ]
    return line_names(g.tenant, g.actor, wanted) if wanted else {}


def title_of(view: FlowView, one: TaskView, names: Mapping[int, LineName], lang: str) -> str:
    """The step, the level of an approval, and the line of an `each`."""
    step = view.flow.steps[one.path]
    parts = [step_name(step, lang)]
    levels = getattr(step.body, "levels", {})
    if one.task.level and len(levels) > 1:
        parts.append(levels[one.task.level].label.pick(lang) or one.task.level)
    if one.row is not None and one.row in names:
        parts.append(line_words(names[one.row]))
    return " · ".join(parts)


def line_number(view: FlowView, row: Mapping[str, Any], line: int) -> int:
    """The number of a line, from 1; 0 where the record has none of this id."""
    for lines in view.flow.shape.lines:
        for n, found in enumerate(row.get(lines.id) or ()):
            if found.get("id") == line:
                return n + 1
    return 0


def _note(view: FlowView, one: TaskView) -> str:
    task = one.task
    if task.instead_of:
        names = user_names(g.db, [task.instead_of])
        return _("You decide for %(person)s.", person=names.get(task.instead_of, "–"))
    if task.origin == "added":
        return _("You were asked as well.")
    if task.origin == "transferred":
        return _("It was handed over to you.")
    if task.origin == "escalated":
        tokens = {token.id: token for token in view.tokens}
        at = tokens[task.token].data.get("at", {})
        votes = weight(at, task.id)
        if votes > 1:
            return _("It came to you because it was late, and counts for %(num)d.", num=votes)
        return _("It came to you because it was late.")
    return ""


def _asks(view: FlowView, one: TaskView) -> Ask:
    """What an act of the task must or may carry: the strongest of what its acts say."""
    body = view.flow.steps[one.path].body
    if isinstance(body, Approve) and one.task.level in body.levels:
        return body.levels[one.task.level].ask
    return body.ask if isinstance(body, Task) else Ask()


def _buttons(one: TaskView, lang: str) -> list[Button]:
    found: list[Button] = []
    for act in one.acts:
        if act.kind not in ("exit", "vote"):
            continue
        css = "" if found else "btn-primary"
        if act.name == "rejected":
            css = "btn-outline-danger"
        why = act.unavailable.pick(lang) if act.unavailable is not None else ""
        found.append(Button(act.name, act.label.pick(lang), css, why))
    return found


def _targets(view: FlowView, kinds: Mapping[str, ActView]) -> Sequence[str]:
    """Paths of the steps the task can be sent back to, the default first."""
    act = kinds.get("send_back")
    return [path for path in act.targets if path in view.flow.steps] if act is not None else ()


def _inputs(
    form_id: str, rid: str, view: FlowView, one: TaskView, typed: Typed | None
) -> tuple[list[SectionView], Draft | None]:
    """The inputs that are open in this task, and the draft they were drawn from."""
    held = step_rights(view.flow, one.path, one.task.level)
    if not (held.edit or held.require):
        return [], None
    number = decode_id(rid)
    draft = draft_of(
        form_id,
        number,
        typed.posted if typed is not None else None,
        typed.data if typed is not None else None,
        typed.errors if typed is not None else None,
        task=one.task.id,
    )
    if typed is None:
        draft.state.errors = {}
    else:
        named = {input_name(one.path, draft.state.row_keys): one.message.pick(language())
                 for one in typed.details}  # fmt: skip
        draft.state.errors = {**typed.errors, **named}
    if one.row is not None:
        draft.state.at_hand = encode_id(one.row)
    found = []
    for section in sections(draft.form, draft.state, place(draft)):
        section.fields = [view for view in section.fields if _open(view)]
        if section.fields:
            found.append(section)
    return found, draft


def _open(view: FieldView) -> bool:
    if view.widget == "grid":
        return not view.readonly and any(not column.readonly for column in view.columns)
    return not view.readonly


def _covered(views: Sequence[SectionView]) -> frozenset[str]:
    return frozenset(
        view.name for one in views for view in one.fields if view.widget != "grid" or not view.fixed
    )


def files_view(form_id: str, ids: Sequence[str], name: str = "_attachments") -> FieldView:
    """The input for files that come with an act or a comment."""
    numbers = []
    for one in ids:
        try:
            numbers.append(decode_id(one))
        except ValueError:
            continue
    known = attachments(g.tenant, g.actor, form_id, None, numbers) if numbers else {}
    return FieldView(
        name=name,
        html_id=f"f-{name.strip('_')}",
        widget="files",
        label=_("Attachments"),
        help="",
        type="file",
        many=True,
        value=[encode_id(one) for one in known],
        chips=[Chip(encode_id(one), file.name) for one, file in known.items()],
        upload_url=url_for("desk.upload", form_id=form_id, path=FILES),
        most=DEFAULT_SIZE,
        most_shown=size_shown(DEFAULT_SIZE),
        css=" rf-wide",
    )


def typed_again(form_id: str, data: MultiDict[str, str], notice: str) -> Typed:
    """What came back after signing in again."""
    form = released(form_id, data.get("_release")).form
    return Typed(data, read_post(form, data), notice=notice)
