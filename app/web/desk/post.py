"""Reading a posted form page: the values for the form engine, and everything as it was typed.

Names of inputs: `field`; `lines.<row>.field`, where the row is a line's id or a word the page made
up for a new one; `lines@rows` lists the rows in order; `field@text` is what was typed into a link
picker and `field@file` an upload without script. Names starting with `_` belong to the page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from forms.model import Field, Form, Lines
from forms.values import decode_id

ROW_KEY = re.compile(r"[a-z0-9]{1,24}")
MAX_ROWS = 10_000


@dataclass(slots=True)
class Posted:
    """A page that was sent.

    `values` is what the engine validates; `typed` holds each input as it was, by input name;
    `texts` what stood in link pickers; `rows` the row keys of each lines field, in order; `left`
    the inputs whose values are left to the engine (see `submit_values`).
    """

    values: dict[str, Any] = field(default_factory=dict)
    typed: dict[str, str | list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[str]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)

    def name(self, path: tuple[str | int, ...]) -> str:
        """The input name of an error's path: ("lines", 0, "quantity") → "lines.n1.quantity"."""
        head = str(path[0]) if path else ""
        if len(path) == 1 or head not in self.rows:
            return ".".join(str(part) for part in path)
        keys, index = self.rows[head], path[1]
        key = keys[index] if isinstance(index, int) and 0 <= index < len(keys) else str(index)
        return ".".join([head, key, *(str(part) for part in path[2:])])


def read_post(form: Form, data: MultiDict[str, str]) -> Posted:
    """Read what a page of this form sent. Fields that were not sent are left out."""
    posted = Posted()
    for one in form.fields.values():
        if isinstance(one, Lines):
            _read_lines(one, data, posted)
        elif one.id in data:
            posted.values[one.id] = _read(one, one.id, data, posted)
    return posted


def _read_lines(lines: Lines, data: MultiDict[str, str], posted: Posted) -> None:
    marker = f"{lines.id}@rows"
    if marker not in data:
        return
    keys = [key for key in data.getlist(marker)[:MAX_ROWS] if ROW_KEY.fullmatch(key)]
    keys = list(dict.fromkeys(keys))
    rows = []
    for key in keys:
        row: dict[str, Any] = {}
        identity = row_id(key)
        if identity is not None:
            row["id"] = identity
        for column in lines.fields.values():
            name = f"{lines.id}.{key}.{column.id}"
            if name in data:
                row[column.id] = _read(column, name, data, posted)
        rows.append(row)
    posted.rows[lines.id] = keys
    posted.values[lines.id] = rows


def _read(one: Field, name: str, data: MultiDict[str, str], posted: Posted) -> Any:
    if f"{name}@text" in data:
        posted.texts[name] = data[f"{name}@text"]
    if one.many or one.type in {"file", "image"}:
        members = [value for value in data.getlist(name) if value]
        posted.typed[name] = members
        return members or None
    value = data.getlist(name)[-1]
    posted.typed[name] = value
    return value


def row_id(key: str) -> int | None:
    """The line id behind a row key; None for a row the page made up."""
    if len(key) != 13 or key.startswith("n"):
        return None
    try:
        return decode_id(key)
    except ValueError:
        return None


def add_row(data: MultiDict[str, str], lines: str, key: str) -> None:
    """One more empty row at the end (the button "Add a line" without scripts)."""
    data.add(f"{lines}@rows", key)


def remove_row(data: MultiDict[str, str], name: str) -> None:
    """Take out the row named "lines.key"."""
    lines, _, key = name.partition(".")
    marker = f"{lines}@rows"
    data.setlist(marker, [one for one in data.getlist(marker) if one != key])


def copy_row(form: Form, data: MultiDict[str, str], name: str, key: str) -> None:
    """Put a copy of the row named "lines.key" behind it, under another key."""
    lines, _, source = name.partition(".")
    marker = f"{lines}@rows"
    keys: list[str] = []
    for one in data.getlist(marker):
        keys += [one, key] if one == source else [one]
    data.setlist(marker, keys)
    prefix = f"{lines}.{source}."
    for found, values in list(data.lists()):
        if found.startswith(prefix):
            data.setlist(f"{lines}.{key}.{found.removeprefix(prefix)}", values)
