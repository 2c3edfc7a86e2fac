"""What a save changed, as the journal keeps it: field → [before, after], as JSON values.

A row of lines is found by its id: `{"lines": {"<id>": {"quantity": ["1", "2"]}}}`; a row that came
or went carries `"+"` or `"-"` with its values. Nothing that stayed the same is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forms.model import Form, Row
from forms.values import encode_id

ToJson = Callable[[Any], Any]
Columns = tuple[tuple[str, ToJson], ...]

ADDED, REMOVED = "+", "-"
_SYSTEM = ("number", "title", "stage")


def _as_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class ChangeWriter:
    """How the values of one form become the journal's JSON; made once a release."""

    header: Columns
    lines: tuple[tuple[str, Columns], ...]

    @classmethod
    def of(cls, form: Form) -> ChangeWriter:
        """The writer of a form, its own fields first, then the system's names it leaves free."""
        own = tuple(
            (name, field.kind.to_json)
            for name, field in form.fields.items()
            if field.type != "lines"
        )
        system = tuple((name, _as_is) for name in _SYSTEM if name not in form.fields)
        lines = tuple(
            (lines.id, tuple((name, field.kind.to_json) for name, field in lines.fields.items()))
            for lines in form.lines
        )
        return cls(own + system, lines)

    def created(self, row: Row) -> dict[str, Any]:
        """All values a new record has."""
        found: dict[str, Any] = {}
        for name, to_json in self.header:
            value = row.get(name)
            if value is not None:
                found[name] = [None, to_json(value)]
        for name, columns in self.lines:
            rows = row.get(name)
            if rows:
                found[name] = {
                    encode_id(line["id"]): {ADDED: _values(columns, line)} for line in rows
                }
        return found

    def updated(self, before: Row, after: Row) -> dict[str, Any]:
        """What differs between two states of a record."""
        found = _differences(self.header, before, after)
        for name, columns in self.lines:
            moved = _line_differences(columns, before.get(name) or (), after.get(name) or ())
            if moved:
                found[name] = moved
        return found


def _values(columns: Columns, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_json(row[name]) for name, to_json in columns if row.get(name) is not None}


def _differences(
    columns: Columns, before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, to_json in columns:
        old, new = before.get(name), after.get(name)
        if old != new or type(old) is not type(new):
            was = None if old is None else to_json(old)
            now = None if new is None else to_json(new)
            if was != now:
                found[name] = [was, now]
    return found


def _line_differences(columns: Columns, before: Any, after: Any) -> dict[str, Any]:
    old = {line["id"]: line for line in before}
    found: dict[str, Any] = {}
    for line in after:
        known = old.pop(line["id"], None)
        if known is None:
            found[encode_id(line["id"])] = {ADDED: _values(columns, line)}
        else:
            changed = _differences(columns, known, line)
            if changed:
                found[encode_id(line["id"])] = changed
    for line in old.values():
        found[encode_id(line["id"])] = {REMOVED: _values(columns, line)}
    return found
