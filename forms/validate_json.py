"""Rows as JSON, as HTML form posts, as journal changes and as people read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from forms.model import Field, Form, Lines, Row
from forms.types.dates import DatetimeType
from forms.values import Text, encode_id

Change = dict[str, object]
"""`{"path": "lines.<row id>.quantity", "old": …, "new": …}`, JSON-ready."""

Titles = Callable[[str, int], "str | None"]
"""Gives the title of a linked record (or user …) by its target and id."""

IDS = ("id", "created_by", "updated_by")
MOMENTS = ("created_at", "updated_at")
SYSTEM = ("id", "number", "title", "stage", *MOMENTS, "created_by", "updated_by", "version")

_CELL = re.compile(r"([a-z][a-z0-9_]*)-([0-9]{1,6})-([a-z][a-z0-9_]*)")
_IGNORED = ("csrf_token",)
_moment = DatetimeType().to_json


def to_json(
    form: Form, row: Mapping[str, Any], hidden: Collection[str] = frozenset()
) -> dict[str, object]:
    """A record as the API gives it: ids in base 32, amounts and decimals as text, ISO dates.

    `hidden` holds dotted names of fields to leave out.
    """
    found: dict[str, object] = {}
    for name in SYSTEM:
        value = row.get(name)
        if name in IDS:
            value = encode_id(value) if value is not None else None
        elif isinstance(value, datetime):
            value = _moment(value)
        found[name] = value
    found |= _values(form.fields, row, hidden)
    return found


def _values(
    fields: Mapping[str, Field], row: Mapping[str, Any], hidden: Collection[str] = frozenset()
) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, one in fields.items():
        if one.path in hidden:
            continue
        value = row.get(key)
        if isinstance(one, Lines):
            found[key] = [
                {"id": encode_id(line["id"]), **_values(one.fields, line, hidden)}
                for line in value or ()
            ]
        else:
            found[key] = None if value is None else one.kind.to_json(value)
    return found


def from_form_post(
    form: Form,
    posted: Mapping[str, Sequence[str]] | Iterable[tuple[str, Sequence[str]]],
    checkboxes: Collection[str] | None = None,
) -> dict[str, object]:
    """What an HTML form posted, as `begin` takes it.

    `posted` maps names to all their values (a MultiDict's `.lists()`). A cell of a line grid is
    named `lines-0-quantity`; posting the name `lines` itself says that the grid was on the page, so
    that removing every row is not mistaken for leaving it alone. Rows without id in which nothing
    was typed are left out. `checkboxes` names the yes-no fields drawn as checkboxes (dotted): not
    posted, they are false; None means all that a person may write, in forms that were on the page.
    """
    items = posted.items() if isinstance(posted, Mapping) else posted
    found: dict[str, object] = {}
    cells: dict[str, dict[int, dict[str, object]]] = {}
    for name, values in items:
        if name in _IGNORED or name.startswith("_"):
            continue
        cell = _CELL.fullmatch(name)
        table = form.fields.get(cell[1]) if cell else None
        if cell and isinstance(table, Lines):
            row = cells.setdefault(cell[1], {}).setdefault(int(cell[2]), {})
            row[cell[3]] = _posted(table.fields.get(cell[3]), values)
        elif isinstance(form.fields.get(name), Lines):
            cells.setdefault(name, {})
        else:
            found[name] = _posted(form.fields.get(name), values)
    _unticked(form.fields.values(), found, checkboxes)
    for name, rows in cells.items():
        lines = form.fields[name]
        typed = []
        for index in sorted(rows):
            row = rows[index]
            if not any(row.values()):
                continue
            if isinstance(lines, Lines):
                _unticked(lines.fields.values(), row, checkboxes)
            typed.append(row)
        found[name] = typed
    return found


def _posted(one: Field | None, values: Sequence[str]) -> object:
    if one is not None and (one.many or one.type in ("file", "image")):
        return [value for value in values if value]
    return values[-1] if values else None


def _unticked(
    fields: Iterable[Field], found: dict[str, object], checkboxes: Collection[str] | None
) -> None:
    """A checkbox that is not ticked is not posted at all: it means false."""
    for one in fields:
        if one.type != "boolean" or one.id in found:
            continue
        writable = one.formula is None and one.readonly is not True and one.visible is not False
        if one.path in checkboxes if checkboxes is not None else writable:
            found[one.id] = False


def diff(form: Form, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Change]:
    """What changed from one row to another, JSON-ready; `old` is None for a new record.

    Paths are dotted; inside lines they carry the row's id. An added or removed row is one change
    with the row's values; a changed order of the rows that stayed is one of `lines` itself.
    """
    found: list[Change] = []
    for key, one in form.fields.items():
        if isinstance(one, Lines):
            found += _diff_lines(one, (old or {}).get(key) or (), new.get(key) or ())
        else:
            found += _diff_value(one, key, (old or {}).get(key), new.get(key))
    return found


def _diff_value(one: Field, path: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    to_json = one.kind.to_json
    before = None if old is None else to_json(old)
    after = None if new is None else to_json(new)
    yield {"path": path, "old": before, "new": after}


def _diff_lines(lines: Lines, old: Sequence[Row], new: Sequence[Row]) -> Iterator[Change]:
    before = {row["id"]: row for row in old}
    after = {row["id"]: row for row in new}
    for key, row in before.items():
        if key not in after:
            path = f"{lines.id}.{encode_id(key)}"
            yield {"path": path, "old": _filled(lines, row), "new": None}
    for key, row in after.items():
        path = f"{lines.id}.{encode_id(key)}"
        earlier = before.get(key)
        if earlier is None:
            yield {"path": path, "old": None, "new": _filled(lines, row)}
            continue
        for name, one in lines.fields.items():
            yield from _diff_value(one, f"{path}.{name}", earlier.get(name), row.get(name))
    stayed = [key for key in before if key in after]
    now = [key for key in after if key in before]
    if stayed != now:
        yield {
            "path": lines.id,
            "old": [encode_id(key) for key in stayed],
            "new": [encode_id(key) for key in now],
        }


def _filled(lines: Lines, row: Mapping[str, Any]) -> dict[str, object]:
    return {key: value for key, value in _values(lines.fields, row).items() if value is not None}


def json_schema(
    form: Form, use: str = "response", hidden: Collection[str] = frozenset()
) -> dict[str, object]:
    """JSON Schema (2020-12) of a record: `use` is "create", "update" or "response".

    Requests hold the fields a person may write; only a create names required ones.
    """
    response = use == "response"
    properties: dict[str, object] = {}
    if response:
        identity: dict[str, object] = {"type": "string", "readOnly": True}
        moment = {"type": "string", "format": "date-time", "readOnly": True}
        properties = {name: _nullable(identity) for name in SYSTEM}
        properties |= {"id": identity, "created_at": moment, "updated_at": moment}
        properties["version"] = {"type": "integer", "readOnly": True}
    properties |= _properties(form.fields, use, hidden)
    schema: dict[str, object] = {
        "type": "object",
        "title": form.label.en,
        "properties": properties,
        "additionalProperties": False,
    }
    needed = _needed(form.fields, use, hidden)
    return schema | ({"required": needed} if needed else {})


def _properties(
    fields: Mapping[str, Field], use: str, hidden: Collection[str]
) -> dict[str, object]:
    response = use == "response"
    found: dict[str, object] = {}
    for key, one in fields.items():
        if one.path in hidden or not (response or writable(one)):
            continue
        if isinstance(one, Lines):
            schema = _rows_schema(one, use, hidden)
        else:
            schema = _nullable(one.kind.json_schema(one, response=response))
        schema["title"] = one.label.en
        if one.help.en:
            schema["description"] = one.help.en
        if response and not writable(one):
            schema["readOnly"] = True
        found[key] = schema
    return found


def _rows_schema(lines: Lines, use: str, hidden: Collection[str]) -> dict[str, object]:
    key: dict[str, object] = {"type": "string", "description": "Of a row that is there already"}
    item: dict[str, object] = {
        "type": "object",
        "properties": {"id": key, **_properties(lines.fields, use, hidden)},
        "additionalProperties": False,
    }
    needed = _needed(lines.fields, use, hidden)
    if needed:
        item["required"] = needed
    schema: dict[str, object] = {"type": "array", "items": item}
    if use != "response":
        schema["maxItems"] = lines.max
        if use == "create" and lines.min:
            schema["minItems"] = lines.min
    return schema


def _needed(fields: Mapping[str, Field], use: str, hidden: Collection[str]) -> list[str]:
    if use != "create":
        return []
    return [
        one.id
        for one in fields.values()
        if one.required is True
        and one.default is None
        and writable(one)
        and one.path not in hidden
        and not _filled_by(one, fields)
    ]


def _filled_by(one: Field, fields: Mapping[str, Field]) -> bool:
    return any(one.id in other.fill for other in fields.values())


def writable(one: Field) -> bool:
    """Whether a person may ever write the field: not computed, not read-only, not hidden."""
    return one.formula is None and one.readonly is not True and one.visible is not False


def _nullable(schema: dict[str, object]) -> dict[str, object]:
    return {"anyOf": [schema, {"type": "null"}]}


def display(
    form: Form,
    row: Mapping[str, Any],
    lang: str,
    titles: Titles | None = None,
    hidden: Collection[str] = frozenset(),
) -> dict[str, Any]:
    """The values as people read them, by field; "" where empty, a list of such maps for lines.

    `titles` turns ids of linked records, users, departments and files into names; its targets are
    those of `Wanted.links`.
    """
    return {
        key: (
            [_shown(one.fields, line, lang, titles, hidden) for line in row.get(key) or ()]
            if isinstance(one, Lines)
            else show_value(one, row.get(key), lang, titles)
        )
        for key, one in form.fields.items()
        if one.path not in hidden
    }


def _shown(
    fields: Mapping[str, Field],
    row: Mapping[str, Any],
    lang: str,
    titles: Titles | None,
    hidden: Collection[str],
) -> dict[str, str]:
    return {
        key: show_value(one, row.get(key), lang, titles)
        for key, one in fields.items()
        if one.path not in hidden
    }


def show_value(one: Field, value: Any, lang: str, titles: Titles | None = None) -> str:
    """One value as people read it."""
    if value is None:
        return ""
    target = one.to or getattr(one.kind, "facts", "")
    if titles is not None and target:
        members = value if isinstance(value, list | tuple) else (value,)
        named = (titles(target, member) or encode_id(member) for member in members)
        return Text("、", ", ").pick(lang).join(named)
    return one.kind.format(value, lang, one)
