"""What goes on by itself: imports that ran, and times at which a record moves without anybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l

from app.admin.ledger import form_shown
from app.admin.ofrecords import RecordRows, record_shown
from app.admin.rows import AdminRows, Query, order_by
from app.web.i18n import gettext as _
from app.web.i18n import language
from flows.model import Flow
from flows.picture import step_name
from forms.values import decode_id, encode_id

_IMPORT = (
    "id, import_id, file_hash, status, accepted, rejected, skipped, started_at, updated_at, detail"
)
_TIMER = "id, form, record_id, step, rule, due_at"
_OPEN = "kind = 'timer' AND status = 'open'"

STATES = {"running": _l("under way"), "done": _l("finished")}


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One run of an import. `lines`: how many lines of its file were read."""

    id: int
    definition: str
    file: str
    status: str
    accepted: int
    rejected: int
    skipped: int
    started_at: int
    updated_at: int
    detail: str | None

    @property
    def name(self) -> str:
        """The import by its label; the id of one that is no more."""
        found = g.tenant.active().catalog.imports.get(self.definition)
        return found.label.pick(language()) or found.id if found is not None else self.definition

    @property
    def state(self) -> str:
        """How it stands, in words."""
        return str(STATES.get(self.status, self.status))

    @property
    def content(self) -> str:
        """The beginning of its files' hash: equal for equal files."""
        return self.file[:12]

    @property
    def reasons(self) -> str:
        """Why records were turned away, the most frequent code first."""
        counted: dict[str, int] = json.loads(self.detail or "{}").get("codes", {})
        most = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
        return ", ".join(f"{code} × {count}" for code, count in most)


class Imports(AdminRows):
    """Imports that ran, or run, the latest first; the command line starts them."""

    right = "imports"
    sortable = ("started_at", "accepted", "rejected")
    moments = frozenset({"started_at", "updated_at"})
    column_list = (
        "started_at", "name", "state", "accepted", "rejected", "skipped", "reasons", "updated_at",
        "content",
    )  # fmt: skip
    column_labels = {  # noqa: RUF012
        "started_at": _l("Started"),
        "name": _l("Import"),
        "state": _l("Status"),
        "accepted": _l("Taken in"),
        "rejected": _l("Turned away"),
        "skipped": _l("Left out"),
        "reasons": _l("Why turned away"),
        "updated_at": _l("Last step"),
        "content": _l("Content of the files"),
    }

    def one(self, row_id: int) -> ImportRow | None:
        rows = g.db.query(f"SELECT {_IMPORT} FROM rf_import WHERE id = ?", (row_id,))
        return ImportRow(*rows[0]) if rows else None

    def find(self, query: Query) -> tuple[None, list[ImportRow]]:
        turn = order_by(query, {name: name for name in self.sortable}, "started_at DESC")
        rows = g.db.query(
            f"SELECT {_IMPORT} FROM rf_import ORDER BY {turn}, id DESC LIMIT ? OFFSET ?",
            (query.limit, query.offset),
        )
        return None, [ImportRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A moment at which a record moves by itself."""

    id: int
    form: str
    record_id: int
    step: str
    rule: str
    due_at: int

    @property
    def record(self) -> str:
        """The record's id as people see it."""
        return encode_id(self.record_id)

    @property
    def where(self) -> str:
        """The step's name, as far as the flow in force has such a step."""
        flow = _flow(self.form)
        found = (one for one in flow.steps.values() if one.id == self.step) if flow else iter(())
        known = next(found, None)
        return step_name(known, language(), flow) if known is not None else self.step

    @property
    def what(self) -> str:
        """What happens then."""
        kind, _sep, rest = self.rule.partition("/")
        if kind == "remind":
            return _("a reminder")
        if kind == "sla":
            flow, name = _flow(self.form), rest.partition("/")[0]
            sla = flow.slas.get(name) if flow is not None else None
            label = sla.label.pick(language()) if sla is not None else name
            return _("the promised time “%(name)s” is looked at", name=label)
        if kind.startswith("due"):
            return _("it is late, or goes to others")
        return _("the condition it waits for is looked at")


def _flow(key: str) -> Flow | None:
    published = g.tenant.active()
    live = published.tables.form_of(key)
    return published.catalog.flows.get(live.id) if live is not None else None


class Jobs(RecordRows):
    """What will happen by itself, the next first: due times, reminders, promises, conditions."""

    right = "jobs"
    searchable = True
    moments = frozenset({"due_at"})
    column_list = ("due_at", "form", "record", "where", "what")
    column_labels = {  # noqa: RUF012
        "due_at": _l("When"),
        "form": _l("Form"),
        "record": _l("Record"),
        "where": _l("Step"),
        "what": _l("What happens then"),
    }
    column_formatters = {"form": form_shown, "record": record_shown}  # noqa: RUF012

    def one(self, row_id: int) -> TimerRow | None:
        rows = g.db.query(f"SELECT {_TIMER} FROM rf_due WHERE {_OPEN} AND id = ?", (row_id,))
        return TimerRow(*rows[0]) if rows else None

    def find(self, query: Query) -> tuple[None, list[TimerRow]]:
        where, params = _OPEN, list[Any]()
        text = query.search.strip()
        if text:
            try:
                where, params = f"{_OPEN} AND record_id = ?", [decode_id(text)]
            except ValueError:
                where, params = f"{_OPEN} AND (form = ? OR step = ?)", [text, text]
        rows = g.db.query(
            f"SELECT {_TIMER} FROM rf_due WHERE {where} AND due_at IS NOT NULL"
            " ORDER BY due_at, id LIMIT ? OFFSET ?",
            [*params, query.limit, query.offset],
        )
        found = [TimerRow(*row) for row in rows]
        self.called(found)
        return None, found
