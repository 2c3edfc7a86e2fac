"""Columns that are searched by value, and so want an index of their own."""

from __future__ import annotations

from app.storage import aggregates as agg
from app.storage.manifest import FormTables, ReleaseTables
from app.storage.publication import Definitions
from forms.model import Form


def sought(catalog: Definitions, tables: ReleaseTables) -> dict[str, list[str]]:
    """Table → columns by which aggregates find their keys, and events from outside their record."""
    found: dict[str, list[str]] = {}
    for aggregate in catalog.aggregates.values():
        for table, column in agg.by_columns(aggregate, tables):
            found.setdefault(table, []).append(column)
    for connection in catalog.connections.values():
        for event in connection.events.values():
            place = _event_column(catalog.forms[event.form], tables.forms[event.form], event.field)
            if place is not None:
                found.setdefault(place[0], []).append(place[1])
    return found


def _event_column(form: Form, home: FormTables, path: str) -> tuple[str, str] | None:
    """(table, column) of a field that events name; None for a text of several lines, which may be
    too long for an index."""
    lines, _, name = path.rpartition(".")
    field = form.fields[lines].fields[name] if lines else form.fields[name]  # type: ignore[attr-defined]
    if getattr(field, "lines", 1) > 1:
        return None
    table = home.children[lines] if lines else home
    return table.table, table.columns[name].name
