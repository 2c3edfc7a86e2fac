"""Names of what records point at: other records, lines, people, departments, files.

All ids of a page are asked for at once, a statement for each kind of target. What the reader may
not read is shown by nothing but a dash: not even its title gets out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flask import g, url_for
from flask_babel import gettext as _

from app.access.rights import rights
from app.records import titles
from app.web.desk.fields import Chip
from app.web.desk.timeline import target_of
from app.web.desk.values import IDS
from forms.model import Field, Form, Lines
from forms.values import encode_id

Names = Mapping[str, Mapping[int, Chip]]
"""Target ("order", "order.lines", "user", "department", "file") → id → name."""

_SYSTEM = {
    "user": "SELECT id, name FROM rf_user WHERE id IN",
    "department": "SELECT id, name FROM rf_department WHERE id IN",
    "file": "SELECT id, name FROM rf_attachment WHERE deleted_at IS NULL AND id IN",
}


def names_of(form: Form, row: Mapping[str, Any]) -> Names:
    """Names of everything a record points at."""
    return names_of_ids(ids_of(form, row))


def ids_of(form: Form, row: Mapping[str, Any]) -> dict[str, set[int]]:
    """The ids a record holds, by target."""
    found: dict[str, set[int]] = {}
    for one in form.fields.values():
        if isinstance(one, Lines):
            for line in row.get(one.id) or ():
                for column in one.fields.values():
                    _take(column, line.get(column.id), found)
        else:
            _take(one, row.get(one.id), found)
    return found


def _take(one: Field, value: Any, found: dict[str, set[int]]) -> None:
    if value is not None and one.type in IDS:
        members = value if isinstance(value, list | tuple) else [value]
        found.setdefault(target_of(one), set()).update(members)


def names_of_ids(
    wanted: Mapping[str, Collection[int]], record: tuple[str, str] | None = None
) -> Names:
    """Names by target. Files get addresses of downloads where the `record` (form, id) is given."""
    found: dict[str, dict[int, Chip]] = {}
    for target, ids in wanted.items():
        if not ids:
            continue
        if target in _SYSTEM:
            found[target] = _system(target, ids, record)
        else:
            found[target] = _linked(target, ids)
    return found


def _system(target: str, ids: Collection[int], record: tuple[str, str] | None) -> dict[int, Chip]:
    listed = sorted(ids)
    marks = ", ".join("?" * len(listed))
    names = dict(g.db.query(f"{_SYSTEM[target]} ({marks})", listed))
    chips = {}
    for one in listed:
        url = ""
        if target == "file" and record is not None:
            form_id, rid = record
            url = url_for("desk.download", form_id=form_id, rid=rid, file_id=encode_id(one))
        chips[one] = Chip(encode_id(one), str(names.get(one, "–")), url)
    return chips


def _linked(target: str, ids: Collection[int]) -> dict[int, Chip]:
    form_id, _dot, _lines = target.partition(".")
    opens = rights(g.tenant.active().catalog, g.actor, form_id).may("read")
    names = titles(g.tenant, g.actor, target, ids)
    chips = {}
    for one in ids:
        found = names.get(one)
        if found is None:
            chips[one] = Chip(encode_id(one), _("not visible to you"))
            continue
        url = url_for("desk.record", form_id=form_id, rid=encode_id(found.record)) if opens else ""
        chips[one] = Chip(encode_id(one), found.title or encode_id(one), url)
    return chips


def chips_of(one: Field, value: Any, names: Names) -> list[Chip]:
    """The names of a field's value."""
    if value is None:
        return []
    known = names.get(target_of(one), {})
    members = value if isinstance(value, list | tuple) else [value]
    return [known.get(member) or Chip(encode_id(member), encode_id(member)) for member in members]
