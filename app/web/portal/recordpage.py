"""A record as the person it belongs to sees it: where it stands, what comes next, what was said,
and what they can do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from flask_babel import gettext as _

from app.access.rights import rights
from app.records import FlowView, View, history, open_attachment, read
from app.web.desk.names import chips_of, ids_of, names_of_ids
from app.web.desk.values import IDS, NUMBERS, moment_shown
from app.web.downloads import download as send
from app.web.i18n import language
from app.web.portal.acts import Todo, standing_of, todos
from app.web.portal.formpage import reachable
from app.web.portal.ids import existing
from app.web.portal.way import Milestone, milestones, passed
from app.web.portal.words import EPOCH, Said, said_of, text_of
from forms.model import Field, Lines


@dataclass(slots=True)
class Fact:
    """One value of the record. `files`: (name, address, is a picture)."""

    label: str
    text: str = ""
    files: list[tuple[str, str, bool]] = field(default_factory=list)
    number: bool = False


@dataclass(slots=True)
class Rows:
    """The rows of a lines field."""

    label: str
    rows: list[list[Fact]]


@dataclass(slots=True)
class Page:
    """What the record template shows."""

    title: str
    label: str
    stage: str
    way: list[tuple[Milestone, str, str]]
    todos: list[Todo]
    promises: list[str]
    facts: list[Fact]
    lines: list[Rows]
    said: list[Said]
    survey_url: str = ""
    survey_label: str = ""


def add_routes(portal: Blueprint) -> None:
    """The record page and its files."""
    portal.add_url_rule("/records/<form_id>/<rid>", "record", show_record)
    portal.add_url_rule("/records/<form_id>/<rid>/files/<file_id>", "download", download)


def show_record(form_id: str, rid: str) -> Any:
    """The record page."""
    number = existing(rid)
    view = read(g.tenant, g.actor, reachable(form_id), number)
    lang = language()
    standing = standing_of(form_id, number)
    names = names_of_ids(ids_of(view.form, view.row))
    facts, lines = _values(view, names, (form_id, rid))
    said = said_of(form_id, number)
    page = Page(
        title=str(view.row.get("title") or view.row.get("number") or view.form.label.pick(lang)),
        label=view.form.label.pick(lang),
        stage=str(view.row.get("stage") or ""),
        way=way_of(form_id, number, view, standing) if standing is not None else [],
        todos=todos(form_id, rid, standing, said) if standing is not None else [],
        promises=promises(standing) if standing is not None else [],
        facts=facts,
        lines=lines,
        said=said,
    )
    if may_answer(form_id, number, page.stage):
        survey = g.tenant.active().catalog.forms[g.portal.ask.form]
        page.survey_label = survey.label.pick(lang)
        page.survey_url = url_for("portal.new_record", form_id=survey.id, of=rid)
    return render_template("portal/record.html", page=page)


def way_of(
    form_id: str, rid: int, view: View, standing: FlowView
) -> list[tuple[Milestone, str, str]]:
    """The record's way with dates for people and programs."""
    published, flow = g.tenant.active(), standing.flow
    entries = history(g.tenant, g.actor, form_id, rid)
    visited = [(stage, EPOCH + timedelta(microseconds=at)) for stage, at in passed(entries)]
    stage = str(view.row.get("stage") or "")
    steps = [token.step for token in standing.tokens if not token.scope]
    ended = standing.outcome is not None
    found = milestones(flow, visited, stage, steps, ended, language(), g.portal.stages)
    return [
        (
            one,
            moment_shown(one.at, published.zone) if one.at is not None else "",
            one.at.isoformat(timespec="seconds") if one.at is not None else "",
        )
        for one in found
    ]


def promises(standing: FlowView) -> list[str]:
    """What the company has promised and has not kept yet, with the day it will."""
    zone, lang = g.tenant.active().zone, language()
    found = []
    for timer in standing.timers:
        kind, _slash, rest = timer.rule.partition("/")
        name, _slash, moment = rest.partition("/")
        sla = standing.flow.slas.get(name)
        if kind == "sla" and moment == "breach" and timer.status == "open" and sla is not None:
            when = timer.at.astimezone(zone)
            found.append(_("%(what)s: by %(when)s", what=sla.label.pick(lang) or name,
                           when=f"{when:%Y-%m-%d}"))  # fmt: skip
    return found


def _values(
    view: View, names: Mapping[str, Any], where: tuple[str, str]
) -> tuple[list[Fact], list[Rows]]:
    """What the portal shows of the record: the fields it names, else all the person may see."""
    wanted = g.portal.fields if view.form.id in g.portal.start else ()
    facts: list[Fact] = []
    lines: list[Rows] = []
    for one in view.form.fields.values():
        if one.id in view.hidden:
            continue
        if isinstance(one, Lines):
            columns = [
                c for c in one.fields.values()
                if c.path not in view.hidden and (not wanted or c.path in wanted)
            ]  # fmt: skip
            rows = [
                [fact for c in columns if (fact := _fact(c, line.get(c.id), names, where))]
                for line in view.row.get(one.id) or ()
            ]
            if columns and rows:
                lines.append(Rows(one.label.pick(language()) or one.id, rows))
        elif not wanted or one.id in wanted:
            fact = _fact(one, view.row.get(one.id), names, where)
            if fact is not None and not (one.type == "link" and one.to == _contact()):
                facts.append(fact)
    return facts, lines


def _contact() -> str:
    return str(g.portal.identify.contact)


def _fact(one: Field, value: Any, names: Mapping[str, Any], where: tuple[str, str]) -> Fact | None:
    """A value with its label; None for an empty one, and for an amount worked out that is nothing
    (so far): people take "0.00" for what they get."""
    if one.type == "money" and one.formula is not None and value is not None and not value.amount:
        return None
    label = one.label.pick(language()) or one.id
    if one.type in ("file", "image"):
        files = [
            (chip.text, url_for("portal.download", form_id=where[0], rid=where[1],
                                file_id=chip.value), one.type == "image")
            for chip in chips_of(one, value, names)
        ]  # fmt: skip
        return Fact(label, files=files) if files else None
    text = text_of(one, value, names)
    if not text or (one.type in IDS and text == "–"):
        return None
    return Fact(label, text, number=one.type in NUMBERS)


def may_answer(form_id: str, rid: int, stage: str) -> bool:
    """Whether the survey is asked for now: the stage is one of those, and there is no answer."""
    ask = g.portal.ask
    if ask is None or form_id not in g.portal.start or stage not in ask.at:
        return False
    published = g.tenant.active()
    survey = published.catalog.forms[ask.form]
    if not rights(published.catalog, g.actor, ask.form).may("create"):
        return False
    leads = [one.id for one in survey.fields.values() if one.type == "link" and one.to == form_id]
    return bool(leads) and not _answered(ask.form, leads[0], rid)


def _answered(survey: str, link: str, rid: int) -> bool:
    tables = g.tenant.active().tables.forms[survey]
    rows: Sequence[Any] = g.db.query(
        f"SELECT 1 FROM {tables.table} WHERE deleted = 0 AND {tables.columns[link].name} = ?"
        " LIMIT 1",
        (rid,),
    )
    return bool(rows)


def download(form_id: str, rid: str, file_id: str) -> Any:
    """A file of a record, for whoever may see the record and the field it is in."""
    found = open_attachment(g.tenant, g.actor, reachable(form_id), existing(rid), existing(file_id))
    inline = request.args.get("show") == "1"
    return send(found.stream, found.name, found.mime, found.size, inline=inline)
