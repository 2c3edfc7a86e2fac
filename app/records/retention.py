"""Retention: when a form's `keep` has run out, a record's content is erased for good.

The row stays as an empty, deleted one, its lines go, its attachments go. The journal keeps who did
what and when, and every hash, but no values: the entries' texts are emptied, and a last entry
"erase" says so, which is how verification knows that nobody else did it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.access.actor import SYSTEM
from app.access.rights import Rights
from app.records import journal
from app.records.errors import Refused
from app.records.origins import owed
from app.records.prepare import Context, day_of
from app.records.transition import StaleEpoch, Write, commit
from app.records.writing import aggregate_moves
from app.storage.databases import run_again
from app.storage.errors import Busy, Conflict
from app.storage.sqlgen import Record, Statement
from forms.model import Row

if TYPE_CHECKING:
    from app.records.tenant import Tenant

log = structlog.get_logger(__name__)

AT_ONCE = 100
STUCK_PAUSE = 600_000_000
"""Microseconds until a record that could not be erased is tried again."""
_DONE = "UPDATE rf_due SET status = 'done', done_at = ? WHERE id = ? AND form = ? AND kind = 'keep'"
_EMPTIED = "DELETE FROM rf_due WHERE record_id = ? AND form = ? AND kind <> 'keep'"


NEXT = (
    "SELECT MIN(due_at) FROM rf_due"
    " WHERE kind = 'keep' AND status = 'open' AND due_at IS NOT NULL"  # as its index says
)


def next_due(tenant: Tenant) -> int | None:
    """When the next record's time is up (microseconds UTC), or None."""
    rows = tenant.db.query(NEXT)
    found: int | None = rows[0][0]
    return found


def run_due(tenant: Tenant, stopping: Callable[[], bool] = lambda: False) -> int:
    """Erase every record whose time is up; how many were. One that cannot be erased is told in the
    log, stays due and holds up no other."""
    count, failed = 0, set[tuple[str, int]]()
    while not stopping():
        rows = tenant.db.query(
            "SELECT form, record_id FROM rf_due WHERE kind = 'keep' AND status = 'open'"
            f" AND due_at <= ? ORDER BY due_at LIMIT {AT_ONCE + len(failed)}",
            (tenant.now_us(),),
        )
        left = [(row[0], row[1]) for row in rows if (row[0], row[1]) not in failed]
        if not left:
            break
        for key, rid in left:
            try:
                run_again(partial(erase, tenant, key, rid))
                count += 1
            except Busy:
                raise
            except Exception:
                failed.add((key, rid))
                log.exception("record not erased", tenant=tenant.id, form=key, record=rid)
    return count


def erase(tenant: Tenant, key: str, rid: int) -> None:
    """Remove the content of one record; `key` is its form's name in the journal.

    Raises Conflict where somebody else was quicker: run it again.
    """
    ctx, record = _find(tenant, key, rid)
    if ctx is None or record is None:
        with tenant.db.write() as tx:
            tx.execute(_DONE, (tenant.now_us(), rid, key))
        return
    try:
        commit(tenant, ctx.published, _write(ctx, record))
    except StaleEpoch:
        tenant.refresh()
        raise Conflict("another release came into force") from None
    except Refused as refused:
        if refused.code != "stale":
            raise
        raise Conflict("somebody saved the record meanwhile") from None
    log.info("record erased", tenant=tenant.id, form=key, record=rid)


def _find(tenant: Tenant, key: str, rid: int) -> tuple[Context | None, Record | None]:
    published = tenant.refresh()
    release = tenant.release_with(published, key)
    if release is None:
        return None, None
    home = release.tables.form_of(key)
    assert home is not None
    plan = published.plan(home.id, release)
    record = plan.sql.read(tenant.db, [rid]).get(rid)
    if record is None:
        return None, None
    if record.head.release_no != release.no:
        release = tenant.release(record.head.release_no)
        home = release.tables.form_of(key)
        assert home is not None
        plan = published.plan(home.id, release)
        record = plan.sql.read(tenant.db, [rid])[rid]
    now = tenant.now()
    rights = Rights(home.id, everything=True)
    env = published.env(now, None)
    return Context(tenant, published, SYSTEM, plan, release, rights, now, env), record


def _write(ctx: Context, record: Record) -> Write:
    plan, head, at = ctx.plan, record.head, ctx.at
    empty: Row = dict.fromkeys(plan.form.fields)
    empty |= {lines.id: [] for lines in plan.form.lines}
    rows = ctx.tenant.db.query(
        "SELECT id FROM rf_attachment WHERE form = ? AND record_id = ? AND deleted_at IS NULL",
        (plan.key, head.id),
    )
    return Write(
        "erase",
        plan,
        SYSTEM,
        at,
        day_of(ctx),
        head._replace(
            title="",
            stage=None,
            version=head.version + 1,
            currency=None,
            journal_seq=head.journal_seq + 1,
            updated_at=at,
            updated_by=None,
            deleted=1,
            flow=None,
        ),
        empty,
        head.version,
        {},
        {} if head.deleted else aggregate_moves(ctx, record, None, head.currency),
        _emptied(ctx, head.id),
        [],
        ctx.env,
        released=frozenset(row[0] for row in rows),
        judged=False,
        effects=[] if head.deleted else owed(head),
        prev=bytes(head.journal_head or journal.GENESIS),
        extra=[
            (_DONE, (at, head.id, plan.key)),
            (_EMPTIED, (head.id, plan.key)),
            ("DELETE FROM rf_event WHERE record_id = ? AND form = ?", (head.id, plan.key)),
            (
                "UPDATE rf_journal SET changes = ? WHERE form = ? AND record_id = ? AND seq <= ?",
                (journal.ERASED, plan.key, head.id, head.journal_seq),
            ),
        ],
    )


def _emptied(ctx: Context, rid: int) -> list[Statement]:
    """Empty every column any release ever kept for the record, and remove its lines."""
    table = ctx.plan.tables.table
    columns = ctx.tenant.db.query(
        "SELECT DISTINCT column_name FROM rf_column"
        " WHERE table_name = ? AND column_name <> '' AND dropped_at IS NULL ORDER BY column_name",
        (table,),
    )
    children = ctx.tenant.db.query(
        "SELECT DISTINCT c.table_name FROM rf_column AS c JOIN rf_column AS h"
        " ON h.form = c.form AND h.lines = '' AND h.field = '' AND h.table_name = ?"
        " WHERE c.lines <> '' AND c.field = ''",
        (table,),
    )
    found: list[Statement] = [
        (f"DELETE FROM {name} WHERE record_id = ?", (rid,)) for (name,) in children
    ]
    if columns:
        sets = ", ".join(f"{name} = NULL" for (name,) in columns)
        found.append((f"UPDATE {table} SET {sets} WHERE id = ?", (rid,)))
    return found
