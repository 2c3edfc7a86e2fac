"""From a posted page to what the use cases take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import NotFound

from app.records import Refused, attach, choices
from app.web.desk.post import Posted
from app.web.i18n import language
from forms.model import Field, Form, Lines
from forms.values import encode_id

AUTO = "_auto"
"""Names of inputs a person has not touched: the engine may fill them in (defaults, `fill`)."""


@dataclass(frozen=True, slots=True)
class Released:
    """A form of one release."""

    no: int
    form: Form


def released(form_id: str, no: str | None) -> Released:
    """The form as the page's release has it; as the release in force has it where none is named
    or the named one is gone. An unknown form is a plain 404.
    """
    published = g.tenant.active()
    catalog, number = published.catalog, published.no
    if no and no.isdecimal() and int(no) != number:
        try:
            old = g.tenant.release(int(no))
        except Refused:
            pass
        else:
            if form_id in old.catalog.forms:
                catalog, number = old.catalog, old.no
    form = catalog.forms.get(form_id)
    if form is None:
        raise NotFound
    return Released(number, form)


def submit_values(form: Form, posted: Posted, data: MultiDict[str, str]) -> dict[str, Any]:
    """The values to validate: without those a person left to the engine.

    A field with a default, or one that a link fills, is left to the engine until somebody touches
    it; without scripts nothing is left out.
    """
    untouched = set(data.getlist(AUTO))
    posted.left = set()
    filled = _filled(form)
    values: dict[str, Any] = {}
    for field_id, value in posted.values.items():
        one = form.fields[field_id]
        if isinstance(one, Lines):
            keys = posted.rows[field_id]
            values[field_id] = [
                _row(one, f"{field_id}.{key}", row, untouched, filled, posted)
                for key, row in zip(keys, value, strict=True)
            ]
        elif not _leave(one, field_id, untouched, filled, posted):
            values[field_id] = value
    return values


def _row(
    lines: Lines,
    name: str,
    row: Mapping[str, Any],
    untouched: set[str],
    filled: set[str],
    posted: Posted,
) -> dict[str, Any]:
    return {
        column: value
        for column, value in row.items()
        if column == "id"
        or not _leave(lines.fields[column], f"{name}.{column}", untouched, filled, posted)
    }


def _leave(one: Field, name: str, untouched: set[str], filled: set[str], posted: Posted) -> bool:
    if name not in untouched or not (one.default is not None or one.path in filled):
        return False
    posted.left.add(name)
    return True


def _filled(form: Form) -> set[str]:
    """Dotted names of the fields that some link's `fill` writes."""
    found = set()
    for one in form.fields.values():
        found |= set(one.fill)
        if isinstance(one, Lines):
            for column in one.fields.values():
                found |= {f"{one.id}.{target}" for target in column.fill}
    return found


def understand_texts(form: Form, posted: Posted, rid: int | None) -> dict[str, str]:
    """Link pickers in which something was typed but nothing chosen: take the one record that is
    meant, else complain. Returns complaints by input name.
    """
    problems: dict[str, str] = {}
    for name, text in posted.texts.items():
        if posted.typed.get(name) or not text.strip():
            continue
        head, _dot, rest = name.partition(".")
        key, _dot, column = rest.partition(".")
        path = (head, column) if column else (head,)
        index = posted.rows[head].index(key) if column else None
        found = choices(
            g.tenant, g.actor, form.id, path, text.strip(), posted.values, index, 20, rid=rid
        )
        wanted = text.strip().casefold()
        exact = [c for c in found if wanted in {(c.number or "").casefold(), c.title.casefold()}]
        if len(exact) == 1 or len(found) == 1:
            chosen = encode_id((exact or found)[0].id)
            row = posted.values[head][index] if index is not None else posted.values
            row[column or head] = [chosen] if isinstance(posted.typed.get(name), list) else chosen
            posted.typed[name] = row[column or head]
        else:
            problems[name] = _("Choose one from the list: “%(text)s” is not clear.", text=text[:60])
    return problems


def attach_posted(
    form: Form, files: MultiDict[str, FileStorage], data: MultiDict[str, str]
) -> dict[str, str]:
    """Files posted with the page itself (no script): keep them, and put their ids in the data.
    Returns complaints by input name.
    """
    problems: dict[str, str] = {}
    for posted_name, file in list(files.items(multi=True)):
        name, marker, _rest = posted_name.partition("@file")
        if not marker or not file.filename:
            continue
        parts = name.split(".")
        path = f"{parts[0]}.{parts[2]}" if len(parts) == 3 else parts[0]
        if form.field_at(path) is None:
            continue
        try:
            made = attach(
                g.tenant, g.actor, form.id, path, file.stream, file.filename, file.mimetype
            )
        except Refused as refused:
            told = refused.details[0].message if refused.details else refused.message
            problems[name] = f"{file.filename}: {told.pick(language())}"
        else:
            data.add(name, encode_id(made))
    return problems


def editable(version: str | None) -> int:
    """The version a page was made from; 0, which is never current, where it names none."""
    return int(version) if version and version.isdecimal() else 0
