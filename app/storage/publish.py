"""Put a release into force while people work: expand, backfill, activate, contract.

Each phase is written down in `rf_publish` and may be run again: after a kill `resume` goes on
where it stopped. Writers are held up only while the last few changed records are caught up and the
epoch flips.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial

from app.storage import fills
from app.storage.contract import drop_columns, drop_indexes
from app.storage.ddl import expand, indexes, make_indexes
from app.storage.errors import Busy, NotUnique, PublishError
from app.storage.layout import Layout, lay_out
from app.storage.manifest import (
    AggregateTable,
    ReleaseTables,
    insert_entry,
    lasting,
    load_manifest,
    tables_of,
)
from app.storage.ports import Reader, TenantDatabase, Tx, run_again
from app.storage.publication import (
    Definitions,
    Publication,
    advance,
    finish,
    in_the_way,
    step,
    unfinished,
    write_down,
)
from app.storage.sought import sought

Verdict = tuple[str | None, str | None]
"""What is kept of the scenarios of a release: those that failed as a JSON list (None: none was
run), and why it went ahead."""

_FLIP_TRIES = 100
_FLIP_PAUSE = 0.1


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
    watched: Collection[str] = (),
) -> int:
    """Make a release of the catalog and activate it; its number. `at` is in microseconds UTC.

    The same content is the same release: it is activated again where another is active, and
    nothing happens where it is active already. `failing` (scenarios that failed; None: none was
    run) and `despite` (why it goes ahead) are kept with the release, as is what its flows wait for
    beyond their records (`watched`: "order", "order.lines", "aggregate:received"). Raises
    PublishError (a change of type that cannot be made, another publication unfinished, rows that
    break a new `unique`).
    """
    verdict = (None if failing is None else json.dumps(list(failing)), despite or None)
    known = _known(db, catalog)
    if known is None:
        register = partial(_register, db, catalog, content, at, by, note, verdict, watched)
        try:
            publication = register()
        except NotUnique:  # another process took that number in the same moment (PostgreSQL)
            publication = register()
        if isinstance(publication, Publication):
            _run(db, publication, catalog, at)
            return publication.release
        known = publication
    activate(db, known, catalog, at=at, verdict=verdict)
    return known


def _known(reader: Reader, catalog: Definitions) -> int | None:
    """The release that has this content, if there is one."""
    rows = reader.query("SELECT no FROM rf_release WHERE hash = ?", (catalog.hash,))
    return int(rows[0][0]) if rows else None


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
            raise in_the_way(pending)
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
        publication = write_down(tx, release, active, at)
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
        finish(tx, pending, "abandoned", at)
    return pending.release


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
    watched: Collection[str],
) -> Publication | int:
    """Write the release and its manifest down; nobody sees either before it is active. Its number
    where another process has published the same content meanwhile."""
    with db.write() as tx:
        pending = unfinished(tx)
        if pending is not None:
            raise in_the_way(pending)
        _, active = tx.state()
        known = _known(tx, catalog)
        if known is not None:
            return known
        (newest,) = tx.execute("SELECT coalesce(max(no), 0) FROM rf_release")[0]
        release = int(newest) + 1
        manifest = load_manifest(tx)
        layout = lay_out(manifest, active, release, catalog.forms)
        if layout.illegal:
            raise PublishError("; ".join(layout.illegal))
        tx.execute(
            "INSERT INTO rf_release (no, hash, content, created_at, created_by, note, failing,"
            " despite, watched) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (release, catalog.hash, content, at, by, note, *verdict, _lasting(layout, watched)),
        )
        for entry in layout.closed:
            tx.queue(
                "UPDATE rf_column SET last_release = ? WHERE last_release IS NULL"
                " AND form = ? AND lines = ? AND field = ? AND column_name = ?",
                (release - 1, entry.form, entry.lines, entry.field, entry.column),
            )
        for entry in layout.added:
            tx.queue(*insert_entry(entry))
        return write_down(tx, release, active, at, new=True)


def _lasting(layout: Layout, watched: Collection[str]) -> str:
    """What flows wait for under names no rename changes, as JSON."""
    forms = tables_of(layout.entries)
    return json.dumps(sorted(lasting(forms, what) for what in watched))


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
        wanted = indexes(catalog.forms[form_id], home, sought(catalog, tables))
        try:
            make_indexes(db, wanted)
        except NotUnique as error:
            raise PublishError(
                f"form {form_id}: rows there already break a `unique` of the release ({error});"
                " change the rows or the rule, or abandon the publication"
            ) from error
    return step(db, publication, at, "backfill")


def _backfill(
    db: TenantDatabase, publication: Publication, catalog: Definitions, at: int
) -> Publication:
    work = fills.plan_work(db, publication, catalog)
    while True:
        more = work.next_batch(publication.detail)
        if more is None:
            break
        publication = step(db, publication, at, "backfill", more)
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
    return step(db, publication, at, phase, lambda tx: {**publication.detail, "since": since})


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
        return advance(tx, publication, at, "contract", publication.detail)


def _contract(
    db: TenantDatabase, publication: Publication, catalog: Definitions, at: int
) -> Publication:
    """Clean up what only the publication or the former release needed."""
    tables = load_tables(db, publication.release, catalog)
    drop_indexes(db, catalog, tables)
    fills.clean(db)
    drop_columns(db, keep=(publication.release, publication.from_release), at=at)
    with db.write() as tx:
        return finish(tx, publication, "done", at)


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
