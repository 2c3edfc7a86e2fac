"""How records of one form are written: everything compiled once a release, nothing a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.records.changes import ChangeWriter
from app.records.closed import Names, names_between
from app.records.deltas import Feeds, feeds_of
from app.records.held import Held, held_by
from app.storage.bridge import Bridge, bridge
from app.storage.codecs import dumps
from app.storage.manifest import FormTables
from app.storage.sqlgen import FormSql, compile_form_sql
from flows.model import Flow
from forms.model import Field, Form, Row

if TYPE_CHECKING:
    from app.records.tenant import Published, Release

_EMPTY_FEEDS = Feeds((), {}, frozenset())


@dataclass(frozen=True, slots=True)
class Plan:
    """One form of one release, ready to be written under the release in force.

    `key` names the form in tables that outlive a rename. `bridge` leads rows of an older release
    to the release in force (None where nothing differs); `live_form` is the form's id there, ""
    where it exists no more. `feeds` are the measures of the release in force.
    """

    form: Form
    release_no: int
    tables: FormTables
    sql: FormSql
    bridge: Bridge | None
    live_form: str
    feeds: Feeds
    changes: ChangeWriter
    unique: Mapping[frozenset[str], str]
    """Columns of a unique index → the id of the rule in the form."""
    links: tuple[tuple[str | None, Field], ...]
    """(lines field or None, field) of everything that leads to a record."""
    files: tuple[tuple[str | None, Field], ...]
    held: Held
    """What its rules read beyond a record that is there already."""
    names: Names | None = None
    """What the fields are called in the release in force; None where they are called the same."""
    flow: Flow | None = None
    """The way its records go, in its own release."""

    @property
    def key(self) -> str:
        """The form's name in the journal, outbox, due dates and attachments."""
        return self.tables.key

    def live(self, row: Row, currency: str | None) -> Row:
        """The row under the names and types of the release in force."""
        return row if self.bridge is None else self.bridge.row(row, currency)


def plan_form(published: Published, release: Release, form_id: str) -> Plan:
    """Compile the plan of a form. Raises KeyError where the release has no such form."""
    form, tables = release.catalog.forms[form_id], release.tables.forms[form_id]
    live = published.tables.form_of(tables.key)
    leads, names = None, None
    if live is not None and release is not published.release:
        names = names_between(tables, live)
        made = bridge(form, tables, published.catalog.forms[live.id], live)
        leads = None if made.same else made
    feeds = _EMPTY_FEEDS
    if live is not None:
        feeds = feeds_of(live.id, published.catalog.aggregates.values())
    return Plan(
        form,
        release.no,
        tables,
        compile_form_sql(form, tables, leads),
        leads,
        live.id if live else "",
        feeds,
        ChangeWriter.of(form),
        {
            frozenset(tables.columns[name].name for name in unique.fields): unique.id
            for unique in form.unique.values()
        },
        _fields_of(form, ("link",)),
        _fields_of(form, ("file", "image")),
        held_by(form, tables),
        names,
        release.catalog.flows.get(form_id),
    )


def _fields_of(form: Form, types: tuple[str, ...]) -> tuple[tuple[str | None, Field], ...]:
    found: list[tuple[str | None, Field]] = [
        (None, field) for field in form.fields.values() if field.type in types
    ]
    for lines in form.lines:
        found += [(lines.id, field) for field in lines.fields.values() if field.type in types]
    return tuple(found)


def ids_in(fields: tuple[tuple[str | None, Field], ...], row: Mapping[str, Any]) -> set[int]:
    """All ids that the given fields of a record hold."""
    found: set[int] = set()
    for lines, field in fields:
        rows = (row,) if lines is None else row.get(lines) or ()
        for each in rows:
            value = each.get(field.id)
            if isinstance(value, int):
                found.add(value)
            elif value:
                found.update(value)
    return found


def payload(act: str, seq: int, release_no: int, at: int, told: Mapping[str, Any]) -> str:
    """The outbox payload of a record event; the receiver reads the record itself. `told`: what a
    flow has to say of the transition, as JSON values."""
    event = f'{{"act":"{act}","seq":{seq},"release":{release_no},"at":{at}'
    return f"{event},{dumps(told)[1:]}" if told else event + "}"
