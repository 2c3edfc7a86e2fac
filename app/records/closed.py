"""A reader's rights on a record of another release, whose fields may bear other names there.

Roles are always those in force and name the fields of the form in force. A record shows the form of
its own release: a field that was renamed since stays as closed as it is under its new name, and one
that is no more stays as closed as the roles of that release had it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.access.rights import Rights
from app.storage.manifest import Column, FormTables

Names = Mapping[str, str | None]
"""Dotted name of a field in one release → its dotted name in the release in force; None: gone."""


def names_between(then: FormTables, now: FormTables) -> Names | None:
    """What the fields of a form are called today; None where nothing was renamed or dropped."""
    found: dict[str, str | None] = dict(_columns(then.columns, now.columns))
    lines_now = {child.table: child for child in now.children.values()}
    for lines in then.children.values():
        today = lines_now.get(lines.table)
        found[lines.id] = today.id if today else None
        renamed = _columns(lines.columns, today.columns if today else {})
        found |= {
            f"{lines.id}.{name}": f"{today.id}.{new}" if today and new else None
            for name, new in renamed.items()
        }
    return None if all(name == new for name, new in found.items()) else found


def renamed(values: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Values under the names of today; what is no more keeps its name, and is refused by it."""

    def row(lines: str, one: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: names.get(f"{lines}.{name}") for name in one}
        return {(to or name).rpartition(".")[2]: one[name] for name, to in found.items()}

    return {
        names.get(name) or name: [row(name, one) for one in value]
        if isinstance(value, list) and all(isinstance(one, Mapping) for one in value)
        else value
        for name, value in values.items()
    }


def rights_then(held: Rights, names: Names | None, then: Rights) -> Rights:
    """The rights of today (`held`) on the fields of an older release, whose own rights were `then`.

    Row conditions stay those of today.
    """
    if names is None or held.everything:
        return held
    seen = then.may("read") or then.may("list")
    gone = {name for name, new in names.items() if new is None}
    hidden = {name for name in gone if not seen or not then.sees(name)} | gone & held.hidden
    hidden |= {name for name, new in names.items() if new in held.hidden}
    readonly = {name for name, new in names.items() if new in held.readonly}
    readonly |= gone & then.readonly
    return replace(held, hidden=frozenset(hidden), readonly=frozenset(readonly - hidden))


def _columns(then: Mapping[str, Column], now: Mapping[str, Column]) -> dict[str, str | None]:
    by_root = {column.root: name for name, column in now.items()}
    return {name: by_root.get(column.root) for name, column in then.items()}
