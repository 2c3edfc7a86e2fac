"""A record: what is to do with it, its values and lines, its flow, and what happened to it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

from app.records import View, delete, history, open_attachment, read
from app.web.desk.data import editable
from app.web.desk.fields import Chip, FieldView
from app.web.desk.formpage import record_id
from app.web.desk.names import chips_of, ids_of, names_of_ids
from app.web.desk.panel import Typed, files_view, problems
from app.web.desk.said import said_in
from app.web.desk.standing import Stand, stand_of
from app.web.desk.timeline import Entry, ids_in, target_of, timeline
from app.web.desk.values import IDS, NUMBERS, shown_value
from app.web.downloads import download as send
from app.web.i18n import language
from forms.model import Field, Form, Lines
from forms.values import encode_id


@dataclass(slots=True)
class Shown:
    """One value on the page."""

    label: str
    text: str = ""
    links: Sequence[Chip] = ()
    wide: bool = False
    stage: bool = False
    pictures: bool = False
    css: str = ""


@dataclass(slots=True)
class ShownLines:
    """The rows of one lines field."""

    label: str
    columns: list[Shown]
    rows: list[list[Shown]]


@dataclass(slots=True)
class ShownPart:
    """Values up to the next lines field, or the lines: as the definition orders them."""

    values: list[Shown] = field(default_factory=list)
    lines: ShownLines | None = None
    empty: list[str] = field(default_factory=list)
    """Labels of fields that hold nothing: named together, so that what is there stands out."""


@dataclass(slots=True)
class ShownSection:
    """One section of the page."""

    label: str
    parts: list[ShownPart] = field(default_factory=list)


@dataclass(slots=True)
class Page:
    """What the record template shows."""

    form_id: str
    rid: str
    form_label: str
    title: str
    stage: str
    edit_url: str
    delete_url: str
    version: int
    key: str
    sections: list[ShownSection]
    timeline: list[Entry]
    footnote: str
    stand: Stand | None = None
    comment_key: str = ""
    comment_text: str = ""
    comment_files: FieldView | None = None
    notice: str = ""
    left: Sequence[tuple[str, str]] = ()
    """What was typed for a task that is not open any more: (label, text)."""


def add_routes(desk: Blueprint) -> None:
    """The record page, deleting, downloads."""
    desk.add_url_rule("/forms/<form_id>/<rid>", "record", show_record)
    desk.add_url_rule("/forms/<form_id>/<rid>/delete", "delete_record", remove, methods=["POST"])
    desk.add_url_rule("/forms/<form_id>/<rid>/files/<file_id>", "download", download)


def show_record(form_id: str, rid: str) -> Any:
    """The record page."""
    return _page(form_id, rid)


def show_again(form_id: str, rid: str, typed: Typed, status: int) -> Any:
    """The record page as it now is, with what was typed."""
    return make_response(_page(form_id, rid, typed), status)


def _page(form_id: str, rid: str, typed: Typed | None = None) -> str:
    number = existing(rid)
    view = read(g.tenant, g.actor, form_id, number)
    entries = history(g.tenant, g.actor, form_id, number)
    form, lang, zone = view.form, language(), g.tenant.active().zone
    wanted = ids_in(entries, form)
    for target, ids in ids_of(form, view.row).items():
        wanted.setdefault(target, set()).update(ids)
    names = names_of_ids(wanted, record=(form_id, rid))

    def name(one: Field, member: int) -> str:
        chip = names.get(target_of(one), {}).get(member)
        return chip.text if chip else encode_id(member)

    where: dict[str, Any] = {"form_id": form_id, "rid": rid}
    stage = view.row.get("stage")
    wish = typed.data.get("_task") if typed is not None else request.args.get("task")
    stand = stand_of(form_id, rid, view, entries, wish, typed)
    covered = stand.panel.covered if stand is not None and stand.panel is not None else frozenset()
    told = said_in(form_id, rid, entries, stand.view.flow if stand is not None else None, lang)
    page = Page(
        form_id=form_id,
        rid=rid,
        form_label=form.label.pick(lang),
        title=str(view.row.get("title") or view.row.get("number") or rid),
        stage=str(stage) if stage else "",
        edit_url=url_for("desk.edit_record", **where) if _editable(view, stand) else "",
        delete_url=url_for("desk.delete_record", **where) if "delete" in view.may else "",
        version=int(view.row["version"]),
        key=secrets.token_urlsafe(18),
        sections=_sections(view, names, lang, covered),
        timeline=timeline(entries, form, lang, zone, name, told),
        footnote=_(
            "Version %(version)d, form of release %(release)d",
            version=view.row["version"],
            release=view.release_no,
        ),
        stand=stand,
        comment_key=secrets.token_urlsafe(18) if stand is not None else "",
        comment_files=files_view(form_id, (), "_comment_files"),
    )
    if stand is not None:
        page.stage = stand.stage
    if typed is not None:
        _typed(page, typed)
    return render_template("desk/record.html", page=page)


def _editable(view: View, stand: Stand | None) -> bool:
    """In a flow, records are changed in tasks; by the edit page only where a role may amend."""
    return "amend" in view.may if stand is not None else "update" in view.may


def _typed(page: Page, typed: Typed) -> None:
    """Show what was typed where it belongs; what has no place any more, as text."""
    page.comment_text = typed.data.get("_text", "")
    files = typed.data.getlist("_comment_files")
    page.comment_files = files_view(page.form_id, files, "_comment_files")
    panel = page.stand.panel if page.stand is not None else None
    if panel is not None and panel.task == typed.data.get("_task"):
        return
    page.notice = typed.notice or "; ".join(one.message for one in problems(typed))
    if typed.data.get("_comment"):
        page.left = [(_("Your comment"), typed.data["_comment"])]


def remove(form_id: str, rid: str) -> Any:
    """Delete a record, after the page asked whether that is meant."""
    version = editable(request.form.get("_version"))
    key = request.form.get("_key") or None
    delete(g.tenant, g.actor, form_id, existing(rid), version=version, key=key)
    flash(_("The record has been deleted."), "success")
    return redirect(url_for("desk.records", form_id=form_id), 303)


def download(form_id: str, rid: str, file_id: str) -> Any:
    """A file of a record, for whoever may see the record and the field it is in."""
    found = open_attachment(g.tenant, g.actor, form_id, existing(rid), existing(file_id))
    inline = request.args.get("show") == "1"
    return send(found.stream, found.name, found.mime, found.size, inline=inline)


def existing(rid: str) -> int:
    """An id from an address, which must be one."""
    number = record_id(rid)
    if number is None:
        abort(404)
    return number


def _sections(
    view: View,
    names: Mapping[str, Mapping[int, Chip]],
    lang: str,
    covered: frozenset[str] = frozenset(),
) -> list[ShownSection]:
    """The values by section, without those that stand in the panel above."""
    form, row = view.form, view.row
    left = [one for one in form.fields if one not in view.hidden and one not in covered]
    found = []
    for section in form.sections.values():
        inside = [one for one in section.fields if one in left]
        left = [one for one in left if one not in inside]
        if inside:
            shown = ShownSection(section.label.pick(lang))
            _fill(shown, form, inside, row, view.hidden, names, lang)
            found.append(shown)
    if left:
        shown = ShownSection("")
        _fill(shown, form, left, row, view.hidden, names, lang)
        found.append(shown)
    return found


def _fill(
    shown: ShownSection,
    form: Form,
    ids: Sequence[str],
    row: Mapping[str, Any],
    hidden: frozenset[str],
    names: Mapping[str, Mapping[int, Chip]],
    lang: str,
) -> None:
    for field_id in ids:
        one = form.fields[field_id]
        if isinstance(one, Lines):
            lines = row.get(one.id) or ()
            columns = [
                c for c in one.fields.values() if c.path not in hidden and _filled(c.id, lines)
            ]
            rows = [[_shown(c, line.get(c.id), names, lang) for c in columns] for line in lines]
            heads = [Shown(c.label.pick(lang) or c.id, css=_css(c)) for c in columns]
            label = one.label.pick(lang) or one.id
            shown.parts.append(ShownPart(lines=ShownLines(label, heads, rows)))
        else:
            if not shown.parts or shown.parts[-1].lines is not None:
                shown.parts.append(ShownPart())
            made = _shown(one, row.get(one.id), names, lang)
            if made.text or made.links:
                shown.parts[-1].values.append(made)
            else:
                shown.parts[-1].empty.append(made.label)


def _filled(name: str, lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column has a value in some line: where there is little room, one that is empty
    throughout pushes others out of sight."""
    return not lines or any(line.get(name) not in (None, [], "") for line in lines)


def _shown(one: Field, value: Any, names: Mapping[str, Mapping[int, Chip]], lang: str) -> Shown:
    label = one.label.pick(lang) or one.id
    if one.type in IDS:
        links = chips_of(one, value, names)
        pictures = one.type == "image" and bool(links)
        return Shown(label, links=links, css=_css(one), pictures=pictures)
    text = shown_value(one, lang, g.tenant.active().zone)(value) if value is not None else ""
    return Shown(label, text, wide=one.lines > 1 and not one.within, css=_css(one))


def _css(one: Field) -> str:
    return "rf-number" if one.type in NUMBERS else ""
