"""Looking without touching: the journal of all records, and the outbox with its incidents."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l

from app.access.actor import SYSTEM
from app.admin.ofrecords import RecordRows, record_shown
from app.admin.rows import Query
from app.admin.words import ACTS, SENDING, TOPICS, VIAS
from app.records.outbox import read_error
from app.web.i18n import language
from forms.values import decode_id, encode_id

_JOURNAL = "form, record_id, seq, at, actor_name, via, act, release_no, changes, anchor_no"
_OUTBOX = (
    "id, topic, form, record_id, status, attempts, due_at, last_error, created_at, done_at, payload"
)


def _form(key: str) -> str:
    """A form by its label; the key of one that is no more."""
    published = g.tenant.active()
    live = published.tables.form_of(key)
    return published.catalog.forms[live.id].label.pick(language()) or live.id if live else key


def _in(words: Mapping[str, Any], name: str) -> Callable[..., str]:
    """How a column of codes is shown: in words, an unknown code as it is."""

    def shown(view: Any, context: Any, row: Any, column: str) -> str:
        found = getattr(row, name)
        return str(words.get(found, found))

    return shown


def form_shown(view: Any, context: Any, row: Any, column: str) -> str:
    """A row's form, by its label."""
    return _form(row.form)


def _who(view: Any, context: Any, row: Any, column: str) -> str:
    return str(_l("The system")) if row.actor_name == SYSTEM.name else str(row.actor_name)


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A journal entry."""

    form: str
    record_id: int
    seq: int
    at: int
    actor_name: str
    via: str
    act: str
    release_no: int
    changes: str
    anchored: bool

    @property
    def id(self) -> int:
        """The record's id: an entry has none of its own."""
        return self.record_id

    @property
    def record(self) -> str:
        """The record's id as people see it."""
        return encode_id(self.record_id)


class Journal(RecordRows):
    """The journal, the latest first; searched by form, person, act or record id."""

    right = "journal"
    can_view_details = True
    searchable = True
    moments = frozenset({"at"})
    column_list = ("at", "actor_name", "via", "act", "form", "record", "seq", "anchored")
    column_details_list = (*column_list, "release_no", "changes")
    column_labels = {  # noqa: RUF012
        "at": _l("When"),
        "actor_name": _l("Who"),
        "via": _l("By way of"),
        "act": _l("What"),
        "form": _l("Form"),
        "record": _l("Record"),
        "seq": _l("Entry"),
        "anchored": _l("Anchored"),
        "release_no": _l("Release"),
        "changes": _l("Changes"),
    }
    column_formatters = {  # noqa: RUF012
        "form": form_shown,
        "record": record_shown,
        "actor_name": _who,
        "act": _in(ACTS, "act"),
        "via": _in(VIAS, "via"),
    }
    column_formatters_detail = {  # noqa: RUF012
        **column_formatters,
        "changes": lambda view, context, row, name: _pretty(row.changes),
    }

    def get_pk_value(self, model: JournalRow) -> str:
        return f"{model.form}.{model.seq}.{model.record}"

    def get_one(self, id: Any) -> JournalRow | None:
        form, _dot, rest = str(id).partition(".")
        seq, _dot, record = rest.partition(".")
        try:
            key = (form, decode_id(record), int(seq))
        except ValueError:
            return None
        rows = g.db.query(
            f"SELECT {_JOURNAL} FROM rf_journal WHERE form = ? AND record_id = ? AND seq = ?", key
        )
        return _journal_row(rows[0]) if rows else None

    def find(self, query: Query) -> tuple[None, list[JournalRow]]:
        where, params = _sought(query, "form", "actor_name", "act", "via")
        rows = g.db.query(
            f"SELECT {_JOURNAL} FROM rf_journal WHERE {where}"
            " ORDER BY at DESC, record_id DESC, seq DESC LIMIT ? OFFSET ?",
            [*params, query.limit, query.offset],
        )
        found = [_journal_row(row) for row in rows]
        self.called(found)
        return None, found


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message on its way out."""

    id: int
    topic: str
    form: str
    record_id: int
    status: str
    attempts: int
    due_at: int
    last_error: str | None
    created_at: int
    done_at: int | None
    payload: str

    @property
    def record(self) -> str:
        """The record's id as people see it."""
        return encode_id(self.record_id)


def _error(row: OutboxRow) -> str:
    """What went wrong last, in the reader's language."""
    return read_error(row.last_error).pick(language())


class Outbox(RecordRows):
    """What is sent out; `dead` and `unknown` are incidents somebody has to look at."""

    right = "outbox"
    can_view_details = True
    searchable = True
    sortable = ("status", "due_at", "attempts")
    moments = frozenset({"due_at", "created_at", "done_at"})
    column_list = ("created_at", "topic", "form", "record", "status", "attempts", "due_at")
    column_details_list = (*column_list, "done_at", "last_error", "payload")
    column_labels = {  # noqa: RUF012
        "created_at": _l("Created"),
        "topic": _l("Topic"),
        "form": _l("Form"),
        "record": _l("Record"),
        "status": _l("Status"),
        "attempts": _l("Attempts"),
        "due_at": _l("Due"),
        "done_at": _l("Done"),
        "last_error": _l("Last error"),
        "payload": _l("Content"),
    }
    column_formatters = {  # noqa: RUF012
        "form": form_shown,
        "record": record_shown,
        "status": _in(SENDING, "status"),
        "topic": _in(TOPICS, "topic"),
    }
    column_formatters_detail = {  # noqa: RUF012
        **column_formatters,
        "last_error": lambda view, context, row, name: _error(row),
        "payload": lambda view, context, row, name: _pretty(row.payload),
    }

    def one(self, row_id: int) -> OutboxRow | None:
        rows = g.db.query(f"SELECT {_OUTBOX} FROM rf_outbox WHERE id = ?", (row_id,))
        return OutboxRow(*rows[0]) if rows else None

    def find(self, query: Query) -> tuple[None, list[OutboxRow]]:
        where, params = _sought(query, "status", "form", "topic")
        column = query.sort or "id"
        turn = "DESC" if query.descending or not query.sort else "ASC"
        rows = g.db.query(
            f"SELECT {_OUTBOX} FROM rf_outbox WHERE {where}"
            f" ORDER BY {column} {turn} LIMIT ? OFFSET ?",
            [*params, query.limit, query.offset],
        )
        found = [OutboxRow(*row) for row in rows]
        self.called(found)
        return None, found


def _sought(query: Query, *columns: str) -> tuple[str, list[Any]]:
    """The condition of a search: a record by its id, else what one of the columns says."""
    text = query.search.strip()
    if not text:
        return "1 = 1", []
    try:
        return "record_id = ?", [decode_id(text)]
    except ValueError:
        return f"({' OR '.join(f'{one} = ?' for one in columns)})", [text] * len(columns)


def _journal_row(row: Any) -> JournalRow:
    return JournalRow(*(*row[:9], row[9] is not None))


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text
