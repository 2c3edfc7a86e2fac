"""Put a release into force while people work: expand, backfill, activate, contract.

Each phase is written down in `rf_publish` and may be run again: after a kill `resume` goes on
where it stopped. Writers are held up only while the last few changed records are caught up and the
epoch flips.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from app.storage import aggregates as agg
from app.storage import fills
from app.storage.ddl import alter, existing_indexes, expand, indexes, make_indexes
from app.storage.errors import Busy, NotUnique, PublishError
from app.storage.layout import lay_out
from app.storage.manifest import (
    AggregateTable,
    FormTables,
    Manifest,
    ReleaseTables,
    insert_entry,
    load_manifest,
    tables_of,
)
from app.storage.ports import Reader, TenantDatabase, Tx, run_again
from forms.model import Form
from forms.values import new_id

Verdict = tuple[str | None, str | None]
"""What is kept of the scenarios of a release: those that failed as a JSON list (None: none was
run), and why it went ahead."""

_FLIP_TRIES = 100
_FLIP_PAUSE = 0.1


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


def publish(
    db: TenantDatabase,
    catalog: Definitions,
    *,
    content: bytes,
    at: int,
    by: int | None = None,
    note: str = "",
    failing: Sequence[str] | None = None,
    despite: str = "",
) -> int:
    """Make a release of the catalog and activate it; its number. `at` is in microseconds UTC.

    The same content is the same release: it is activated again where another is active, and
    nothing happens where it is active already. `failing` (scenarios that failed; None: none was
    run) and `despite` (why it goes ahead) are kept with the release. Raises PublishError (a change
    of type that cannot be made, another publication unfinished, rows that break a new `unique`).
    """
    verdict = (None if failing is None else json.dumps(list(failing)), despite or None)
    known = db.query("SELECT no FROM rf_release WHERE hash = ?", (catalog.hash,))
    if known:
        activate(db, known[0][0], catalog, at=at, verdict=verdict)
        return int(known[0][0])
    publication = _register(db, catalog, content, at, by, note, verdict)
    _run(db, publication, catalog, at)
    return publication.release


def activate(
    db: TenantDatabase,
    release: int,
    catalog: Definitions,
    *,
    at: int,
    verdict: Verdict | None = None,
) -> None:
    """Put a release that was published before into force again (a rollback, or the way back).

    `verdict` replaces what is kept of its scenarios; None leaves that as it is. Raises
    PublishError when columns of it have been dropped since, or another publication is unfinished.
    """
    pending = unfinished(db)
    if pending is not None:
        if pending.release != release:
            raise _other(pending)
        _run(db, pending, catalog, at)
        return
    with db.write() as tx:
        _, active = tx.state()
        if active == release:
            return
        manifest = load_manifest(tx)
        if any(entry.dropped_at for entry in manifest.release(release)):
            raise PublishError(f"release {release} cannot return: columns of it were dropped")
        if verdict is not None:
            tx.execute(
                "UPDATE rf_release SET failing = ?, despite = ? WHERE no = ?", (*verdict, release)
            )
        publication = _write_down(tx, release, active, at)
    _run(db, publication, catalog, at)


def resume(db: TenantDatabase, catalog_of: Callable[[int], Definitions], *, at: int) -> int | None:
    """Finish a publication that was interrupted; the release's number, None if there is none."""
    pending = unfinished(db)
    if pending is None:
        return None
    _run(db, pending, catalog_of(pending.release), at)
    return pending.release


def abandon(db: TenantDatabase, *, at: int) -> int | None:
    """Give an unfinished publication up, as long as its release is not active. Columns it made
    stay unused. The release's number, None if there was none."""
    pending = unfinished(db)
    if pending is None:
        return None
    with db.flip() as tx:
        _, active = tx.state()
        if active == pending.release:
            raise PublishError(f"release {pending.release} is active already; finish it instead")
        if pending.detail.get("new"):
            _forget(tx, pending.release)
        fills.forget(tx, pending.detail)
        _finish(tx, pending, "abandoned", at)
    return pending.release


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


def in_force_after(reader: Reader, release: int, since: int) -> bool:
    """Was a release replaced no earlier than `since` (microseconds UTC)? False for the active one,
    and for one that never was in force."""
    sql = (
        "SELECT 1 FROM rf_publish WHERE from_release = ? AND phase IN ('contract', 'done')"
        " AND updated_at >= ? LIMIT 1"
    )
    return bool(reader.query(sql, (release, since)))


def load_tables(reader: Reader, release: int, catalog: Definitions) -> ReleaseTables:
    """Where a release keeps its forms and aggregates. Compile against it once, and keep it."""
    manifest = load_manifest(reader)
    forms = tables_of(manifest.release(release))
    return ReleaseTables(release, forms, _aggregate_tables(reader, catalog))


def _aggregate_tables(reader: Reader, catalog: Definitions) -> dict[str, AggregateTable]:
    """By the aggregates' ids: what is kept up now comes before what once was."""
    sql = (
        "SELECT aggregate, name FROM rf_aggregate_set WHERE dropped_at IS NULL"
        " ORDER BY stale DESC, first_release"
    )
    names: dict[str, str] = {row[0]: row[1] for row in reader.query(sql)}
    return {
        aggregate.id: AggregateTable(
            aggregate.id,
            names[aggregate.id],
            {measure: f"m{at}" for at, measure in enumerate(aggregate.measures)},
            {m.id: (m.type, m.scale) for m in aggregate.measures.values()},
        )
        for aggregate in catalog.aggregates.values()
        if aggregate.id in names
    }


def _register(
    db: TenantDatabase,
    catalog: Definitions,
    content: bytes,
    at: int,
    by: int | None,
    note: str,
    verdict: Verdict,
) -> Publication:
    """Write the release and its manifest down; nobody sees either before it is active."""
    with db.write() as tx:
        pending = unfinished(tx)
        if pending is not None:
            raise _other(pending)
        _, active = tx.state()
        (newest,) = tx.execute("SELECT coalesce(max(no), 0) FROM rf_release")[0]
        release = int(newest) + 1
        manifest = load_manifest(tx)
        layout = lay_out(manifest, active, release, catalog.forms)
        if layout.illegal:
            raise PublishError("; ".join(layout.illegal))
        tx.execute(
            "INSERT INTO rf_release (no, hash, content, created_at, created_by, note, failing,"
            " despite) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (release, catalog.hash, content, at, by, note, *verdict),
        )
        for entry in layout.closed:
            tx.queue(
                "UPDATE rf_column SET last_release = ? WHERE last_release IS NULL"
                " AND form = ? AND lines = ? AND field = ? AND column_name = ?",
                (release - 1, entry.form, entry.lines, entry.field, entry.column),
            )
        for entry in layout.added:
            tx.queue(*insert_entry(entry))
        return _write_down(tx, release, active, at, new=True)


def _write_down(tx: Tx, release: int, active: int, at: int, new: bool = False) -> Publication:
    pending = unfinished(tx)
    if pending is not None:
        raise _other(pending)
    made = Publication(new_id(), release, active, "expand", 0, {"new": new})
    tx.execute(
        "INSERT INTO rf_publish (id, release_no, from_release, phase, step, detail,"
        " started_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (made.id, release, active, "expand", 0, json.dumps(made.detail), at, at),
    )
    return made


def _other(pending: Publication) -> PublishError:
    return PublishError(
        f"release {pending.release} is being published (phase {pending.phase});"
        " resume or abandon it first"
    )


def _run(db: TenantDatabase, publication: Publication, catalog: Definitions, at: int) -> None:
    """Go through the phases that are left."""
    while publication.phase not in ("done", "abandoned"):
        publication = _PHASES[publication.phase](db, publication, catalog, at)


def _expand(
    db: TenantDatabase, publication: Publication, catalog: Definitions, at: int
) -> Publication:
    manifest = load_manifest(db)
    expand(db, manifest.release(publication.release))
    tables = ReleaseTables(publication.release, tables_of(manifest.release(publication.release)))
    for form_id, home in tables.forms.items():
        wanted = indexes(catalog.forms[form_id], home, _sought(catalog, tables))
        try:
            make_indexes(db, wanted)
        except NotUnique as error:
            raise PublishError(
                f"form {form_id}: rows there already break a `unique` of the release ({error});"
                " change the rows or the rule, or abandon the publication"
            ) from error
    return _step(db, publication, at, "backfill")


def _backfill(
    db: TenantDatabase, publication: Publication, catalog: Definitions, at: int
) -> Publication:
    work = fills.plan_work(db, publication, catalog)
    while True:
        more = work.next_batch(publication.detail)
        if more is None:
            break
        publication = _step(db, publication, at, "backfill", more)
    for left in range(fills.PASSES, -1, -1):
        publication = _catch_up(db, publication, work, at, last=not left)
        if publication.phase == "activate":
            break
    return publication


def _catch_up(
    db: TenantDatabase, publication: Publication, work: fills.Work, at: int, *, last: bool
) -> Publication:
    """One round before the flip: what changed while columns and aggregates were filled."""
    since = work.mark()
    changed = work.changed(db, publication.detail)
    for part in fills.portions(changed):
        run_again(partial(_again, db, work, part))
    phase = "activate" if last or len(changed) < fills.FEW else "backfill"
    return _step(db, publication, at, phase, lambda tx: {**publication.detail, "since": since})


def _again(db: TenantDatabase, work: fills.Work, record_ids: Sequence[int]) -> None:
    with db.write() as tx:
        work.again(tx, record_ids)


def _activate(
    db: TenantDatabase, publication: Publication, catalog: Definitions, at: int
) -> Publication:
    work = fills.plan_work(db, publication, catalog)
    for left in range(_FLIP_TRIES, -1, -1):
        try:
            return run_again(partial(_flip, db, publication, work, at))
        except Busy:
            if not left:
                raise
        time.sleep(_FLIP_PAUSE)
    raise AssertionError("unreachable")


def _flip(db: TenantDatabase, publication: Publication, work: fills.Work, at: int) -> Publication:
    """Alone with the database: the last changed records, then the new epoch."""
    with db.flip() as tx:
        _, active = tx.state()
        if active == publication.from_release:
            for part in fills.portions(work.changed(tx, publication.detail)):
                work.again(tx, part)
            work.adopt(tx)
            tx.queue(
                "UPDATE rf_state SET epoch = epoch + 1, release_no = ? WHERE one = 1",
                (publication.release,),
            )
        elif active != publication.release:
            raise PublishError(f"release {active} was activated meanwhile; abandon and try again")
        return _advance(tx, publication, at, "contract", publication.detail)


def _contract(
    db: TenantDatabase, publication: Publication, catalog: Definitions, at: int
) -> Publication:
    """Clean up what only the publication or the former release needed."""
    tables = load_tables(db, publication.release, catalog)
    _drop_indexes(db, catalog, tables)
    fills.clean(db)
    drop_columns(db, keep=(publication.release, publication.from_release), at=at)
    with db.write() as tx:
        return _finish(tx, publication, "done", at)


def drop_columns(db: TenantDatabase, *, keep: tuple[int, ...], at: int) -> list[str]:
    """Drop the columns that no record's release shows and no release in `keep` has; their names
    stay taken. The dropped ones, as table.column."""
    manifest = load_manifest(db)
    dropped: list[str] = []
    for table, column in sorted(_candidates(manifest, keep)):
        if _still_shown(db, manifest, table, column):
            continue
        alter(db, f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute_now(
            "UPDATE rf_column SET dropped_at = ? WHERE table_name = ? AND column_name = ?",
            (at, table, column),
        )
        dropped.append(f"{table}.{column}")
    return dropped


def _candidates(manifest: Manifest, keep: tuple[int, ...]) -> set[tuple[str, str]]:
    entries = [e for e in manifest.entries if e.column and not e.dropped_at]
    kept = {(e.table, e.column) for e in entries if any(e.shown_in(no) for no in keep)}
    return {(e.table, e.column) for e in entries} - kept


def _still_shown(db: TenantDatabase, manifest: Manifest, table: str, column: str) -> bool:
    showing = [e for e in manifest.entries if (e.table, e.column) == (table, column)]
    heads = {e.form: e.table for e in manifest.entries if not e.lines and not e.field}
    for entry in showing:
        last = entry.last if entry.last is not None else 1 << 60
        sql = f"SELECT 1 FROM {heads[entry.form]} WHERE release_no BETWEEN ? AND ? LIMIT 1"
        if db.query(sql, (entry.first, last)):
            return True
    return False


def _drop_indexes(db: TenantDatabase, catalog: Definitions, tables: ReleaseTables) -> None:
    """Drop indexes the active release does not want: a `unique` that is no rule any more would
    still refuse records."""
    wanted = {
        index.name
        for form_id, home in tables.forms.items()
        for index in indexes(catalog.forms[form_id], home, _sought(catalog, tables))
    }
    for name in existing_indexes(db):
        if name.startswith(("u_f_", "x_f_")) and name not in wanted:
            alter(db, f"DROP INDEX IF EXISTS {name}")


def _sought(catalog: Definitions, tables: ReleaseTables) -> dict[str, list[str]]:
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


def _step(
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
            return _advance(tx, publication, at, phase, detail)

    return run_again(once)


def _advance(
    tx: Tx, publication: Publication, at: int, phase: str, detail: Mapping[str, Any]
) -> Publication:
    done = tx.change(
        "UPDATE rf_publish SET phase = ?, step = step + 1, detail = ?, updated_at = ?"
        " WHERE id = ? AND step = ? AND finished_at IS NULL",
        (phase, json.dumps(detail), at, publication.id, publication.step),
    )
    if not done:
        raise PublishError("another process is publishing this release; let it finish")
    return replace(publication, phase=phase, step=publication.step + 1, detail=detail)


def _finish(tx: Tx, publication: Publication, phase: str, at: int) -> Publication:
    made = _advance(tx, publication, at, phase, publication.detail)
    tx.execute("UPDATE rf_publish SET finished_at = ? WHERE id = ?", (at, publication.id))
    return made


def _forget(tx: Tx, release: int) -> None:
    """As if the release had never been: its manifest entries hold in no release, the names they
    took stay taken."""
    tx.execute(
        "UPDATE rf_column SET last_release = first_release - 1 WHERE first_release = ?", (release,)
    )
    tx.execute(
        "UPDATE rf_column SET last_release = NULL WHERE last_release = ? AND first_release <= ?",
        (release - 1, release - 1),
    )
    tx.execute("DELETE FROM rf_release WHERE no = ?", (release,))


_PHASES = {
    "expand": _expand,
    "backfill": _backfill,
    "activate": _activate,
    "contract": _contract,
}
