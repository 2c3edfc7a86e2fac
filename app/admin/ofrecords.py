"""Rows that are about records: called by the record's title and leading to its page, as far as the
reader may see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from flask import g, url_for

from app.access.rights import rights
from app.admin.rows import AdminRows
from app.records import titles
from forms.values import encode_id


class OfRecord(Protocol):
    """A row about a record. `form` is the key of its form."""

    @property
    def form(self) -> str:
        """The form's key."""

    @property
    def record_id(self) -> int:
        """The record's id."""


def names_of_records(
    wanted: Iterable[tuple[str, int]],
) -> dict[tuple[str, int], tuple[str, str]]:
    """(key of the form, record) → (what it is called, its page), one statement for each form; those
    the reader may not see are left out."""
    by_form: dict[str, set[int]] = {}
    for key, rid in wanted:
        by_form.setdefault(key, set()).add(rid)
    found: dict[tuple[str, int], tuple[str, str]] = {}
    published = g.tenant.active()
    for key, ids in by_form.items():
        live = published.tables.form_of(key)
        if live is None or not rights(published.catalog, g.actor, live.id).may("read"):
            continue
        for rid, one in titles(g.tenant, g.actor, live.id, ids).items():
            url = url_for("desk.record", form_id=live.id, rid=encode_id(rid))
            found[key, rid] = (one.title, url)
    return found


class RecordRows(AdminRows):
    """Rows with a column `record`."""

    def called(self, rows: Iterable[OfRecord]) -> None:
        """Look up what the records of a page are called, in one statement for each form."""
        g.records_called = names_of_records((row.form, row.record_id) for row in rows)

    def record_url(self, row: OfRecord) -> str:
        """The record's page; "" where it is not the reader's to see."""
        return self._found(row)[1]

    def _found(self, row: OfRecord) -> tuple[str, str]:
        known: dict[tuple[str, int], tuple[str, str]] = g.get("records_called") or {}
        return known.get((row.form, row.record_id), ("", ""))


def record_shown(view: RecordRows, context: Any, row: OfRecord, column: str) -> str:
    """What a record is called; its id where that is not the reader's to know."""
    return view._found(row)[0] or encode_id(row.record_id)
