"""What use cases give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forms.model import Form, Row
from forms.validate_result import FieldError


@dataclass(frozen=True, slots=True)
class Saved:
    """A record after a transition. `replayed`: the same request had been done before."""

    id: int
    number: str | None
    title: str
    version: int
    release_no: int
    replayed: bool = False
    warnings: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A record as one reader sees it: what is hidden from him is not in `row`.

    `form` is the form of the record's own release. `may` holds the actions the reader has on this
    very row.
    """

    form: Form
    row: Row
    release_no: int
    hidden: frozenset[str]
    readonly: frozenset[str]
    may: frozenset[str]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One journal entry as one reader sees it. `at` is microseconds UTC; `changes` maps fields to
    [before, after] as JSON values (see `app.records.changes` for lines). `flow` is what the flow
    keeps of it: "event", "step", "task", "comment", "attachments", "trace", "tasks" … (see
    docs/records.md)."""

    seq: int
    at: int
    actor: int | None
    actor_name: str
    via: str
    act: str
    release_no: int
    changes: Mapping[str, Any] = field(default_factory=dict)
    flow: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate of a link field."""

    id: int
    number: str | None
    title: str
