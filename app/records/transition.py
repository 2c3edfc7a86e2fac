"""One transition, one transaction, always in this order:

number → epoch and key → guard → record → lines → attachments → what is open → aggregates → journal
→ outbox.

Everything that can be computed before BEGIN has been. What may have changed since is checked
inside: the release by its epoch, the record by its version, the request by its key, and the
invariants by the aggregates themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.failpoints import reach
from app.records import idempotency, journal, numbers, outbox
from app.records.aggregates import keep
from app.records.deltas import Key, Move
from app.records.errors import invalid, stale
from app.records.openrows import OpenRow, put
from app.records.outcome import Saved
from app.records.plan import Plan, payload
from app.storage.databases import TenantDatabase, Tx
from app.storage.sqlgen import Head, Statement
from forms.expr import Env
from forms.messages import message
from forms.model import Row
from forms.validate_result import FieldError
from forms.values import decode_id, new_id

if TYPE_CHECKING:
    from app.records.tenant import Published, Tenant

EVENT = "record"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NUMBER = "UPDATE {table} SET number = ?, title = ?, journal_head = ? WHERE id = ?"


class StaleEpoch(Exception):
    """Another release came into force: reload, and run the use case once more."""


class Repeated(Exception):
    """The idempotency key is there already."""


class Lost(Exception):
    """What the transition answers for is not ours any more: somebody else has taken it over."""


@dataclass(frozen=True, slots=True)
class Request:
    """An idempotency key with what was asked under it."""

    scope: str
    key: str
    hash: str


@dataclass(frozen=True, slots=True)
class Effect:
    """Something for the outbox to do after the transition. `payload` is JSON."""

    topic: str
    once: str
    payload: str


@dataclass(slots=True)
class Write:
    """A transition with everything computed that does not need the transaction.

    `head` and `row` are the state to write (journal fields are filled inside); `expected` is the
    version that must still be there, None for a new record. `lines` are the statements for the
    child tables in order, `files` the attachments to adopt and to let go.
    """

    act: str
    plan: Plan
    actor: Actor
    at: int
    day: date
    head: Head
    row: Row
    expected: int | None
    changes: dict[str, Any]
    moves: dict[Key, Move]
    lines: list[Statement]
    due: list[OpenRow]
    env: Env
    request: Request | None = None
    adopted: frozenset[int] = frozenset()
    released: frozenset[int] = frozenset()
    judged: bool = True
    warnings: tuple[FieldError, ...] = ()
    prev: bytes = journal.GENESIS
    draws: bool = False
    """Whether the record gets its number with this transition."""
    was_title: str | None = None
    extra: list[Statement] = field(default_factory=list)
    before: list[Statement] = field(default_factory=list)
    """What runs before the rows of what is open are written: scopes that were cancelled."""
    guard: Statement | None = None
    """Must touch a row, or nothing is written (the outbox row's fence)."""
    effects: list[Effect] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    """What the event in the outbox says besides the act."""
    listens: tuple[str, ...] = ()
    """Events from outside that are waited for since this transition."""
    heard: bool = False
    """Whether some of them came before: they are to be looked at again."""
    revokes: bool = False
    """Whether what waits in the outbox for this record is withdrawn."""


def commit(tenant: Tenant, published: Published, write: Write, tx: Tx | None = None) -> Saved:
    """Write a transition. After it the worker is woken.

    `tx` is a transaction under way, whose owner commits it and wakes the worker. Raises Refused
    (stale, limit_reached, invalid), StaleEpoch, Repeated or Lost, and the database's Busy, Conflict
    or NotUnique; nothing is written then.
    """
    if tx is not None:
        return _write(tenant.db, tx, published, write, early=True)
    db, numbering = tenant.db, write.plan.form.number
    early = write.draws and numbering is not None and not numbering.gapless
    if early and db.dialect == "postgres":
        _number(write, numbers.draw_before(db, write.plan.key, _period(write)))
        early = False
    with db.write() as tx:
        saved = _write(db, tx, published, write, early=early)
        reach("record.written")
    reach("record.committed")
    tenant.woken()
    return saved


def _write(db: TenantDatabase, tx: Tx, published: Published, write: Write, *, early: bool) -> Saved:
    """All statements between BEGIN and COMMIT. `early`: a number, if one is drawn, comes first."""
    numbering = write.plan.form.number
    late = write.draws and numbering is not None and numbering.gapless
    if early and write.draws and not late:
        _number(write, numbers.draw_inside(tx, write.plan.key, _period(write)))
    saved = _saved(write)
    _enter(db, tx, published, write, saved)
    if write.guard is not None and not touches(tx, write.guard):
        raise Lost
    entry = None if late else _bind(write)
    _record(tx, write)
    if write.listens:
        _hear(tx, write)
    for sql, params in write.lines:
        tx.queue(sql, params)
    _files(tx, write)
    for sql, params in (*write.before, *put(write.due), *write.extra):
        tx.queue(sql, params)
    if write.moves:
        keep(tx, write.moves, published.kept, write.env, write.judged)
    if late:
        _number(write, numbers.draw_inside(tx, write.plan.key, _period(write)))
        saved = _saved(write)
        entry = _bind(write)
        _fill_number(tx, write)
        if write.request is not None:
            tx.queue(idempotency.ANSWER, (_answer(saved), write.request.scope, write.request.key))
    assert entry is not None
    tx.queue(journal.INSERT, entry)
    _tell(tx, published, write)
    return saved


def _enter(db: TenantDatabase, tx: Tx, published: Published, write: Write, saved: Saved) -> None:
    """Take the shared publish lock, check the epoch, and keep the answer under its key, before
    anything that a second request could trip over: one statement."""
    request = write.request
    if request is None:
        epoch, _ = tx.state()
        if epoch != published.epoch:
            raise StaleEpoch
        return
    values = (
        request.scope,
        request.key,
        request.hash,
        write.plan.key,
        saved.id,
        _answer(saved),
        write.at,
        published.epoch,
    )
    if tx.execute(idempotency.ENTER.format(state=db.state_from), values):
        return
    epoch, _ = tx.state()
    raise StaleEpoch if epoch != published.epoch else Repeated


def touches(tx: Tx, statement: Statement) -> bool:
    """Run a statement now; whether it changed a row."""
    sql, params = statement
    return bool(tx.execute(sql, params) if "RETURNING" in sql else tx.change(sql, params))


def _period(write: Write) -> str:
    numbering = write.plan.form.number
    assert numbering is not None
    return numbering.period(write.day)


def _number(write: Write, value: int) -> None:
    """Give the record its number, and its title if that shows it."""
    form = write.plan.form
    assert form.number is not None
    number = form.number.format(value, write.day)
    write.row["number"] = number
    write.changes["number"] = [None, number]
    title = title_of(write.plan, write.row, write.env, write.actor.lang)
    write.row["title"] = title
    if title != write.was_title:
        write.changes["title"] = [write.was_title, title]
    write.head = write.head._replace(number=number, title=title)


def title_of(plan: Plan, row: Row, env: Env, lang: str) -> str:
    """What the record is called in lists and links."""
    if plan.form.title is not None:
        return plan.form.title.render(row, env, lang)
    return str(row.get("number") or plan.form.label.pick(lang))


def _bind(write: Write) -> tuple[Any, ...]:
    """The journal entry, bound to the one before it; its hash becomes the record's head."""
    head, actor = write.head, write.actor
    values = (
        write.plan.key,
        head.id,
        head.journal_seq,
        write.at,
        actor.user_id,
        actor.name,
        actor.via,
        write.act,
        head.release_no,
        journal.canonical(write.changes),
    )
    digest = journal.chain_hash(write.prev, *values)
    write.head = head._replace(journal_head=digest)
    return (*values, write.prev, digest)


def _record(tx: Tx, write: Write) -> None:
    sql = write.plan.sql
    if write.expected is None:
        tx.queue(sql.insert, sql.insert_values(write.head, write.row))
    elif not tx.execute(sql.update, sql.update_values(write.head, write.row, write.expected)):
        raise stale()


def _hear(tx: Tx, write: Write) -> None:
    """Mark events that came too early. Whoever keeps one holds the record's row meanwhile, so none
    slips through between the two."""
    marks = ", ".join("?" * len(write.listens))
    found = tx.execute(
        "UPDATE rf_event SET status = 'new' WHERE record_id = ? AND form = ? AND status = 'early'"
        f" AND name IN ({marks}) RETURNING id",
        (write.head.id, write.plan.key, *write.listens),
    )
    write.heard = bool(found)


def _files(tx: Tx, write: Write) -> None:
    """Adopt uploads (somebody may have saved them elsewhere meanwhile) and let others go."""
    if write.adopted:
        marks = ", ".join("?" * len(write.adopted))
        found = tx.change(
            "UPDATE rf_attachment SET record_id = ?"
            f" WHERE record_id IS NULL AND deleted_at IS NULL AND id IN ({marks})",
            (write.head.id, *sorted(write.adopted)),
        )
        if found != len(write.adopted):
            text = message("file_missing")
            raise invalid([FieldError("file_missing", (), text)])
    if write.released:
        marks = ", ".join("?" * len(write.released))
        tx.queue(
            "UPDATE rf_attachment SET deleted_at = ?"
            f" WHERE deleted_at IS NULL AND record_id = ? AND id IN ({marks})",
            (write.at, write.head.id, *sorted(write.released)),
        )


def _fill_number(tx: Tx, write: Write) -> None:
    head = write.head
    tx.queue(
        _NUMBER.format(table=write.plan.tables.table),
        (head.number, head.title, head.journal_head, head.id),
    )


def _tell(tx: Tx, published: Published, write: Write) -> None:
    """The event and the effects, in one statement."""
    head, key = write.head, write.plan.key
    if published.watched:
        stirred = list(_stirred(published, write))
        if stirred:
            write.told["moved"] = stirred
    if write.revokes:
        tx.queue(outbox.REVOKE, (write.at, key, head.id))
    once = f"{key}:{head.id}:{head.journal_seq}"
    event = payload(write.act, head.journal_seq, head.release_no, write.at, write.told)
    rows = [Effect(EVENT, once, event), *write.effects]
    tx.queue(
        outbox.insert(len(rows)),
        [
            value
            for row in rows
            for value in (
                new_id(),
                row.once,
                row.topic,
                key,
                head.id,
                row.payload,
                write.at,
                write.at,
            )
        ],
    )


def _stirred(published: Published, write: Write) -> Iterator[list[Any]]:
    """Totals and lines that moved and that some flow waits for, beyond the record itself; lines by
    their table, which no rename changes."""
    for name, key in write.moves:
        if f"aggregate:{name}" in published.watched:
            yield [f"aggregate:{name}", key]
    for lines in write.plan.form.lines:
        table = write.plan.tables.children[lines.id].table
        if table in published.watched:
            for row in write.changes.get(lines.id, ()):
                yield [table, decode_id(row)]


def _answer(saved: Saved) -> str:
    kept = {
        "id": saved.id,
        "number": saved.number,
        "title": saved.title,
        "version": saved.version,
        "release_no": saved.release_no,
    }
    return _encode(kept)


def _saved(write: Write) -> Saved:
    head = write.head
    return Saved(
        head.id,
        head.number,
        head.title or "",
        head.version,
        head.release_no,
        warnings=write.warnings,
    )


def answered(result: str) -> Saved:
    """The answer kept under a key."""
    return replace(Saved(**json.loads(result)), replayed=True)
