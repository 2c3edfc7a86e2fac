"""What a report may count of a form's flow: `source: <form>.flow`, a row for each piece of work.

A row is a task somebody had (`kind` "task"), a vote of an approval ("vote") or a promise about time
("sla", its id in `step`: `outcome` kept, breached or running). `parent.` is the record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from forms.compile_library import StaticLibrary
from forms.expr import DATETIME, TEXT, USER, Scope, Type, link

LINES = "flow"
NAMES: Mapping[str, Type] = {
    "kind": TEXT,
    "step": TEXT,
    "level": TEXT,
    "stage": TEXT,
    "status": TEXT,
    "outcome": TEXT,
    "opened_at": DATETIME,
    "done_at": DATETIME,
    "due_at": DATETIME,
}


def is_flow_rows(source: str, library: StaticLibrary, flows: Collection[str]) -> bool:
    """Whether a source means the work of a form's flow, not lines of that name."""
    form, _, lines = source.partition(".")
    return lines == LINES and form in flows and library.fields_of(source) is None


def scope(source: str, library: StaticLibrary) -> Scope:
    """The names of such a row; `parent.` leads to its record."""
    form = source.partition(".")[0]
    return Scope({**NAMES, "this": link(form), "me": USER}, library.fields_of(form), None, library)
