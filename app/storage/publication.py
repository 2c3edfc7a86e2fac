"""How far a publication is: one row of `rf_publish`, moved on step by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from app.storage.errors import PublishError
from app.storage.ports import Reader, TenantDatabase, Tx, run_again
from forms.model import Form
from forms.values import new_id


class Definitions(Protocol):
    """What publishing needs of a compiled catalog."""

    @property
    def hash(self) -> str: ...

    @property
    def forms(self) -> Mapping[str, Form]: ...

    @property
    def aggregates(self) -> Mapping[str, Any]: ...

    @property
    def connections(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication under way, or the last one: its release, where it came from, how far it is."""

    id: int
    release: int
    from_release: int
    phase: str
    step: int
    detail: Mapping[str, Any]


def unfinished(reader: Reader) -> Publication | None:
    """The publication under way, if any."""
    rows = reader.query(
        "SELECT id, release_no, from_release, phase, step, detail FROM rf_publish"
        " WHERE finished_at IS NULL ORDER BY id LIMIT 1"
    )
    if not rows:
        return None
    key, release, former, phase, step, detail = rows[0]
    return Publication(key, release, former, phase, step, json.loads(detail))


def write_down(tx: Tx, release: int, active: int, at: int, new: bool = False) -> Publication:
    """Begin a publication. Raises PublishError where another one is unfinished."""
    pending = unfinished(tx)
    if pending is not None:
        raise in_the_way(pending)
    made = Publication(new_id(), release, active, "expand", 0, {"new": new})
    tx.execute(
        "INSERT INTO rf_publish (id, release_no, from_release, phase, step, detail,"
        " started_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (made.id, release, active, "expand", 0, json.dumps(made.detail), at, at),
    )
    return made


def in_the_way(pending: Publication) -> PublishError:
    """Why nothing else can be published now."""
    return PublishError(
        f"release {pending.release} is being published (phase {pending.phase});"
        " resume or abandon it first"
    )


def step(
    db: TenantDatabase,
    publication: Publication,
    at: int,
    phase: str,
    work: Callable[[Tx], Mapping[str, Any]] | None = None,
) -> Publication:
    """One transaction: the work, and how far it is."""

    def once() -> Publication:
        with db.write() as tx:
            detail = work(tx) if work else publication.detail
            return advance(tx, publication, at, phase, detail)

    return run_again(once)


def advance(
    tx: Tx, publication: Publication, at: int, phase: str, detail: Mapping[str, Any]
) -> Publication:
    """Note how far it is. Raises PublishError where another process was quicker."""
    done = tx.change(
        "UPDATE rf_publish SET phase = ?, step = step + 1, detail = ?, updated_at = ?"
        " WHERE id = ? AND step = ? AND finished_at IS NULL",
        (phase, json.dumps(detail), at, publication.id, publication.step),
    )
    if not done:
        raise PublishError("another process is publishing this release; let it finish")
    return replace(publication, phase=phase, step=publication.step + 1, detail=detail)


def finish(tx: Tx, publication: Publication, phase: str, at: int) -> Publication:
    """Note that it is over: done or abandoned."""
    made = advance(tx, publication, at, phase, publication.detail)
    tx.execute("UPDATE rf_publish SET finished_at = ? WHERE id = ?", (at, publication.id))
    return made
