"""The inbox: what is to do, what one has done, what one has started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask import Blueprint, abort, g, redirect, render_template, request, url_for

from app.access.users import user_names
from app.records import Refused
from app.records.inbox import TaskRow, Tasks, counts, inbox
from app.web.desk.flowwords import ago_words, left_words, line_words
from app.web.desk.values import moment_shown
from app.web.i18n import gettext as _
from app.web.i18n import language, ngettext
from flows.picture import outcome_name
from flows.views import LABELS
from forms.values import Text, encode_id

BOXES: tuple[Literal["todo", "done", "started"], ...] = ("todo", "done", "started")
PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the inbox. `pressing`: "late", "soon" or ""; `pick`: what a checkbox sends."""

    url: str
    title: str
    form: str
    step: str
    stage: str
    colour: int
    due: str
    due_at: str
    pressing: str
    when: str
    when_at: str
    outcome: str
    note: str
    pick: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """One tab above the inbox."""

    id: str
    label: str
    url: str
    count: int | None = None
    late: int = 0


def add_routes(desk: Blueprint) -> None:
    """The inbox, and the number beside it in the menu."""
    desk.add_url_rule("/inbox", "inbox", show_inbox)


def show_inbox() -> Any:
    """A page of one box, as it is searched and filtered."""
    box = next((one for one in BOXES if one == request.args.get("box", "todo")), None)
    if box is None:
        abort(404)
    form, q = request.args.get("form") or None, request.args.get("q", "").strip()[:200]
    after = request.args.get("after") or None
    try:
        found = inbox(g.tenant, g.actor, box, form=form, search=q, after=after, limit=PAGE)
    except Refused as refused:
        if refused.code != "bad_request":
            raise
        return redirect(url_for("desk.inbox", box=box))
    lang = language()
    return render_template(
        "desk/inbox.html",
        box=box,
        boxes=boxes(form, q),
        q=q,
        form=form or "",
        forms=[(one, catalog_label(one, lang)) for one in g.tenant.active().catalog.flows],
        lines=lines_of(found, box, lang),
        acts=acts_for(found.rows, lang) if box == "todo" else [],
        shown=ngettext("%(num)d entry on this page", "%(num)d entries on this page",
                       len(found.rows)),
        first_url=url_for("desk.inbox", box=box, form=form, q=q or None) if after else "",
        next_url=url_for("desk.inbox", box=box, form=form, q=q or None, after=found.next)
        if found.next
        else "",
    )  # fmt: skip


def boxes(form: str | None, q: str) -> list[Box]:
    """The tabs; a search stays when one changes between them."""
    number = counts(g.tenant, g.actor)
    labels = {"todo": _("To do"), "done": _("Done by me"), "started": _("Started by me")}
    return [
        Box(
            one,
            labels[one],
            url_for("desk.inbox", box=one, form=form, q=q or None),
            number.todo if one == "todo" else None,
            number.overdue if one == "todo" else 0,
        )
        for one in BOXES
    ]


def catalog_label(form_id: str, lang: str) -> str:
    """The label of a form of the release in force."""
    form = g.tenant.active().catalog.forms.get(form_id)
    return form.label.pick(lang) or form_id if form is not None else form_id


def lines_of(found: Tasks, box: str, lang: str) -> list[Line]:
    """The lines of a page."""
    now, zone = g.tenant.now(), g.tenant.active().zone
    people = {one.instead_of for one in found.rows if one.instead_of}
    names = user_names(g.db, people) if people else {}
    lines = []
    for row in found.rows:
        at = row.done_at or row.opened_at
        due, pressing = ("", "")
        if row.due_at is not None and box == "todo":
            due, pressing = left_words(row.due_at, now)
        lines.append(
            Line(
                url=record_url(row),
                title=row.title or row.number or encode_id(row.record),
                form=row.form_label.pick(lang),
                step=step_words(row, lang),
                stage=row.stage_label.pick(lang),
                colour=stage_colour(row),
                due=due,
                due_at=moment_shown(row.due_at, zone) if row.due_at is not None else "",
                pressing=pressing,
                when=ago_words(at, now),
                when_at=moment_shown(at, zone),
                outcome=outcome_name(row.outcome, lang) if row.outcome else "",
                note=_note(row, names),
                pick=f"{row.form} {encode_id(row.record)} {encode_id(row.task)}"
                if row.task
                else "",
            )
        )
    return lines


def _note(row: TaskRow, names: dict[int, str]) -> str:
    line = line_words(row.line) if row.line is not None else ""
    return " · ".join(part for part in (line, _whose(row, names)) if part)


def _whose(row: TaskRow, names: dict[int, str]) -> str:
    if row.instead_of:
        return _("for %(person)s", person=names.get(row.instead_of, "–"))
    if row.kind == "task" and row.claimed:
        return _("taken by you")
    return _("from the pool") if _pooled(row) else ""


def _pooled(row: TaskRow) -> bool:
    return row.kind == "task" and any(not seat.startswith("user:") for seat in row.seats)


def record_url(row: TaskRow) -> str:
    """The record's page, with the task open."""
    task = encode_id(row.task) if row.task else None
    return url_for("desk.record", form_id=row.form, rid=encode_id(row.record), task=task)


def step_words(row: TaskRow, lang: str) -> str:
    """The step, and the level of an approval."""
    flow = g.tenant.active().catalog.flows.get(row.form)
    step = flow.steps.get(row.step) if flow is not None else None
    name = row.step_label.pick(lang)
    levels = getattr(step.body, "levels", {}) if step is not None else {}
    if row.level and len(levels) > 1 and row.level in levels:
        return f"{name} · {levels[row.level].label.pick(lang) or row.level}"
    return name


def act_name(name: str, lang: str, label: Text | None = None) -> str:
    """What a button of an act says: "Approve" where its outcome is "Approved"."""
    own = label.pick(lang) if label is not None else ""
    if own and own != name:
        return own
    return LABELS[name].pick(lang) if name in LABELS else outcome_name(name, lang)


def stage_colour(row: TaskRow) -> int:
    """The colour of the record's stage."""
    flow = g.tenant.active().catalog.flows.get(row.form)
    stages = list(flow.stages) if flow is not None else []
    return stages.index(row.stage) % 8 if row.stage in stages else 7


def acts_for(rows: Sequence[TaskRow], lang: str) -> list[tuple[str, str]]:
    """(name, words) of what can be done with several of these tasks at once."""
    flows = g.tenant.active().catalog.flows
    found: dict[str, str] = {}
    for row in rows:
        flow = flows.get(row.form)
        step = flow.steps.get(row.step) if flow is not None else None
        if step is None:
            continue
        for name, exit_ in step.exits.items():
            votes = row.kind == "vote" and name in {"approved", "rejected"}
            task = row.kind == "task" and name not in {"late", "*"}
            if votes or task:
                found.setdefault(name, act_name(name, lang, exit_.label))
        if row.kind == "vote":
            found.setdefault("approved", act_name("approved", lang))
            found.setdefault("rejected", act_name("rejected", lang))
    return list(found.items())
