"""What moves a record without a person at it: timers, answers of effects, events from outside, the
end of a started record, something watched that changed; and incidents somebody mends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from app.access.actor import SYSTEM, Actor
from app.access.rights import Rights, admin_rights
from app.records import stuck
from app.records.errors import Refused, forbidden, not_found
from app.records.eventdata import EARLY, LATE, NEW, USED, event_of, heard_before, keeping, passed
from app.records.moving import Said, moved
from app.records.outcome import Saved
from app.records.persons import person
from app.records.prepare import Context, context, facts_for
from app.records.readying import Prepared, demand_flow, ready
from app.records.seeing import demand_seen
from app.records.standing import Standing, stand
from app.records.stepping import step_on
from app.records.transition import Lost, Write, touches
from app.records.use import run
from app.records.writing import Given, next_write
from app.storage.errors import Conflict
from app.storage.sqlgen import Record, Statement
from flows.events import Answer, Arrived, Changed, Ended, Event, Fire, Mend
from flows.state import Done, Origin
from forms.values import Text, encode_id

if TYPE_CHECKING:
    from app.records.tenant import Published, Tenant
    from app.storage.databases import Reader, Tx

log = structlog.get_logger(__name__)

_TIMER = "SELECT form, record_id FROM rf_due WHERE id = ? AND kind = 'timer' AND status = 'open'"
_IDLE = (
    "UPDATE rf_due SET status = 'done', done_at = ?"
    " WHERE id = ? AND status = 'open' AND due_at <= ?"  # one that was moved meanwhile stays
)
_GONE = "UPDATE rf_event SET status = 'late' WHERE id = ? AND status IN ('new', 'early')"
LASTING = "@"
"""Before a form's lasting name where its id is expected: no id begins so."""


def fire(tenant: Tenant, due_id: int) -> bool:
    """Let a timer that is due do its work; whether it did anything. Twice is once."""
    now = tenant.now_us()
    rows = tenant.db.query(_TIMER, (due_id,))
    if not rows:
        return False
    form_key, rid = rows[0]

    def said(standing: Standing) -> Said:
        timer = standing.state.timers.get(due_id)
        if timer is None:
            return Said("timer")
        return Said("timer", timer.rule, {"step": timer.step})

    done = _signal(tenant, form_key, rid, _Signal(Fire(due_id), said, ("timer", due_id)))
    if not done:
        tenant.db.execute_now(_IDLE, (now, due_id, now))
    return done


def answer(
    tenant: Tenant,
    form_key: str,
    rid: int,
    found: Answer,
    settle: Statement | None = None,
    decided: tuple[Actor, Said] | None = None,
) -> bool:
    """Tell a record what came of an effect it asked for; whether it had a place for it.

    `settle` is the statement that finishes the outbox row while it is still ours: it runs in the
    same transaction, and where it touches no row nothing is written. Raises Lost then. `decided`:
    who says so in place of the service, and how the journal tells it.
    """
    said = Said(
        "answer",
        f"{found.action}.{found.outcome}" if found.action else found.outcome,
        {"step": found.step, "key": found.key, "comment": found.message},
    )
    actor = None
    if decided is not None:
        actor, said = decided
    signal = _Signal(found, lambda _: said, ("token", found.token), settle, actor=actor)
    return _signal(tenant, form_key, rid, signal)


def child_ended(
    tenant: Tenant,
    origin: Origin | Mapping[str, Any],
    rid: int,
    outcome: str,
    settle: Statement | None = None,
) -> bool:
    """Tell the record that started record `rid` how that one ended; as `answer`."""
    known = origin if isinstance(origin, Origin) else Origin(**origin)
    event = Ended(known.key, known.token, known.step, known.visit, rid, outcome)
    said = Said("ended", outcome, {"step": known.step, "record": encode_id(rid)})
    signal = _Signal(event, lambda _: said, ("token", known.token), settle)
    return _signal(tenant, _key_of(tenant, known.form), known.record, signal)


def changed(tenant: Tenant, form_key: str, rid: int, settle: Statement | None = None) -> bool:
    """Something the record's conditions rest on has changed: let it look again."""
    signal = _Signal(Changed(), lambda _: Said("changed"), settle=settle)
    return _signal(tenant, form_key, rid, signal)


def arrive(
    tenant: Tenant, form_key: str, rid: int, event: Arrived, settle: Statement | None = None
) -> str:
    """An event from outside, kept by its id: "used" where it moved something; "early" where nobody
    waits for it now, or nobody who has not heard it (it is looked at again when somebody does);
    "late" where the record has ended. Each line, and each branch, that it is about hears it once,
    when it comes to its wait; what has heard it is not moved by the same id again.
    """
    told: list[str] = []

    def known(standing: Standing) -> Arrived | None:
        kept = standing.event
        told[:] = [kept.status] if kept is not None and kept.status in (USED, LATE) else []
        return None if told else heard_before(event, kept)

    said = Said("event", event.name, {"id": event.id})

    def keep(ctx: Context, one: Arrived, done: Done, over: bool) -> list[Statement]:
        heard = done.heard if done.used else one.heard
        status = USED
        if done.awaited and done.ended is None:
            status = NEW if _opens(done, one.name) else EARLY
        elif not done.used:
            status = EARLY if not over else USED if heard else LATE
        told[:] = [USED if done.used else status]
        used = ctx.at if done.used else None
        return [keeping(ctx, rid, one, heard, status, used)]

    signal = _Signal(event, lambda _: said, None, settle, known=known, keep=keep)
    _signal(tenant, form_key, rid, signal)
    if not told:  # the record is gone
        tenant.db.execute_now(_GONE, (event.id,))
        return LATE
    return told[0]


def mend(
    tenant: Tenant, actor: Actor, form_id: str, rid: int, how: Mend, settle: Statement | None = None
) -> Saved:
    """Resolve an incident of a record: try again, skip with a reason, or take back what was done.

    `how.person` is replaced by the actor, who needs the administrative right `incidents`. Of a form
    that is not in force nobody may read a record: that right is enough there, and `form_id` is
    "@" and its lasting name. Raises Refused.
    """
    published = tenant.active()
    if not actor.unrestricted and "incidents" not in admin_rights(published.catalog, actor):
        raise forbidden(Text("处理异常", "resolve incidents"))
    if not how.reason.strip() and how.how != "retry":
        raise Refused("ask_missing", Text("请说明原因。", "Say why."))
    written: list[Write] = []
    home = published.tables.forms.get(form_id)
    form_key = home.key if home is not None else form_id.removeprefix(LASTING)

    def prepare(published: Published, reader: Reader | None) -> Prepared:
        live = not form_id.startswith(LASTING)
        if live:
            ctx = context(tenant, published, actor, form_id, None, reader)
        else:
            ctx = system_context(tenant, published, form_key, reader)
        ctx, standing = stand(ctx, rid)
        flow, record = demand_flow(ctx, standing), standing.record
        who = person(published.catalog, actor)
        if live and not actor.unrestricted:
            demand_seen(ctx, facts_for(ctx, record.row), standing, who)
        event = Mend(who, how.token, how.how, how.reason, how.outcome)
        given = Given(dict(record.row), record.head.currency)
        done = step_on(ctx, flow, standing.state, event, given.values, given.currency, record)
        write = next_write(ctx, record, Given(done.row, given.currency), None, "save")
        write.guard, write.actor = settle, actor
        said = Said("mend", how.how, {"comment": how.reason, "outcome": how.outcome})
        written[:] = [moved(ctx, write, flow, standing, done, said)]
        again = stuck.again_of(standing, how.token)
        if done.heard and again.get("event") == "arrived":
            write.extra += passed(ctx, flow, rid, again, done)
        return ctx.plan, ready(ctx, write)

    saved = run(tenant, None, prepare, lock=form_key, rid=rid)
    if written[0].heard:
        look_at_once(tenant, form_key, rid)
    return saved


def system_context(
    tenant: Tenant, published: Published, form_key: str, reader: Reader | None = None
) -> Context:
    """The scene for what no person does, also where no release has the form any more.

    Raises Refused not_found where no release ever had it.
    """
    release = tenant.release_with(published, form_key)
    home = None if release is None else release.tables.form_of(form_key)
    if release is None or home is None:
        raise not_found()
    plan = published.plan(home.id, release)
    now = tenant.now()
    rights = Rights(home.id, everything=True)
    env = published.env(now, None)
    return Context(tenant, published, SYSTEM, plan, release, rights, now, env, reader)


def _key_of(tenant: Tenant, form_id: str) -> str:
    """The lasting name of a form that is called by it, or by its id of now."""
    tables = tenant.current().tables
    found = None if tables.form_of(form_id) is not None else tables.forms.get(form_id)
    return found.key if found is not None else form_id


@dataclass(slots=True)
class _Signal:
    """An event that no person brings, on its way into a record."""

    event: Event
    said: Callable[[Standing], Said]
    near: tuple[str, int] | None = None
    settle: Statement | None = None
    known: Callable[[Standing], Arrived | None] | None = None
    """Of an event from outside: as it is to be told, None where it is over."""
    keep: Callable[[Context, Arrived, Done, bool], list[Statement]] | None = None
    actor: Actor | None = None
    """Who decided what the event says; None: nobody."""
    used: bool = False
    again: bool = False
    """Whether somebody has come to a wait for the same event meanwhile."""
    write: Write | None = None


def _signal(tenant: Tenant, form_key: str, rid: int, signal: _Signal) -> bool:
    """Move a record by an event that no person brings; whether it had a place.

    What the record cannot take (a limit, a rule of the form) becomes an incident where it stands.
    """
    refused: list[Refused] = []

    def prepare(published: Published, reader: Reader | None) -> Prepared:
        signal.used, signal.again, signal.write = False, False, None
        ctx = system_context(tenant, published, form_key, reader)
        ctx, standing = _standing(ctx, rid, signal)
        flow, record = demand_flow(ctx, standing), standing.record
        event: Event | None = signal.event
        if signal.known is not None:
            event = signal.known(standing)
        if event is None:
            return ctx.plan, _idle(ctx, record, signal.settle, [])
        if refused:
            done = stuck.stuck(ctx, standing, event, refused[-1])
        else:
            row, currency = dict(record.row), record.head.currency
            done = step_on(ctx, flow, standing.state, event, row, currency, record)
        kept: list[Statement] = []
        if signal.keep is not None and isinstance(event, Arrived):
            kept = signal.keep(ctx, event, done, standing.top.outcome is not None)
        if not done.used:
            return ctx.plan, _idle(ctx, record, signal.settle, kept)
        write = next_write(ctx, record, Given(done.row, record.head.currency), None, "save")
        write.guard = signal.settle
        if signal.actor is not None:
            write.actor = signal.actor
        moved(ctx, write, flow, standing, done, signal.said(standing))
        write.extra += kept
        signal.used = True
        signal.again = done.awaited and _opens(done, getattr(event, "name", ""))
        signal.write = write
        return ctx.plan, ready(ctx, write)

    try:
        run(tenant, None, prepare, lock=form_key, rid=rid)
    except Refused as problem:
        if problem.code in ("not_found", "no_flow"):  # deleted meanwhile: nobody needs the answer
            _settle_alone(tenant, signal.settle)
            return False
        if problem.code not in stuck.CODES:
            raise
        refused.append(problem)
        run(tenant, None, prepare, lock=form_key, rid=rid)
    if signal.write is not None and (signal.write.heard or signal.again):
        look_at_once(tenant, form_key, rid)
    return signal.used


def _opens(done: Done, name: str) -> bool:
    """Whether a transition opens a wait for an event."""
    return any(name in names for _, names in done.opened)


def _standing(ctx: Context, rid: int, signal: _Signal) -> tuple[Context, Standing]:
    """The record, with as much of what is open as the event may concern."""
    name = signal.event.id if isinstance(signal.event, Arrived) else ""
    near = signal.near
    there, standing = stand(ctx, rid, near=near, event=name)
    if near is not None and near[0] == "token" and near[1] not in standing.state.tokens:
        # Its scope is over; one that was opened anew may wait for the same effect.
        return stand(ctx, rid)
    return there, standing


def _idle(
    ctx: Context, record: Record, settle: Statement | None, rest: list[Statement]
) -> Callable[[Tx | None], Saved]:
    """Nothing happens to the record; what brought the event is finished all the same."""
    head = record.head
    same = Saved(head.id, head.number, head.title or "", head.version, head.release_no)
    table, postgres = ctx.plan.tables.table, ctx.tenant.db.dialect == "postgres"
    held = f"SELECT version FROM {table} WHERE id = ?{' FOR UPDATE' if postgres else ''}"

    def finish(tx: Tx) -> None:
        # What is kept as early or late must be so when it is committed.
        if rest and tx.execute(held, (head.id,)) != [(head.version,)]:
            raise Conflict("the record has moved on")
        _finish(tx, settle, rest)

    def go(tx: Tx | None) -> Saved:
        if tx is not None:
            finish(tx)
        elif settle is not None or rest:
            with ctx.tenant.db.write() as own:
                finish(own)
        return same

    return go


def _finish(tx: Tx, settle: Statement | None, rest: list[Statement]) -> None:
    if settle is not None and not touches(tx, settle):
        raise Lost
    for sql, params in rest:
        tx.queue(sql, params)


def _settle_alone(tenant: Tenant, settle: Statement | None) -> None:
    if settle is not None:
        with tenant.db.write() as tx:
            _finish(tx, settle, [])


_AGAIN = (
    "SELECT id, name, data FROM rf_event"
    " WHERE status = 'new' AND form = ? AND record_id = ? ORDER BY at, id"
)


def look_again(tenant: Tenant, form_key: str, rid: int) -> int:
    """Let events of a record arrive that came before anybody waited for them; how many."""
    rows = tenant.db.query(_AGAIN, (form_key, rid))
    for key, name, body in rows:
        arrive(tenant, form_key, rid, event_of(name, key, json.loads(body)))
    return len(rows)


def look_at_once(tenant: Tenant, form_key: str, rid: int) -> None:
    """`look_again` after a transition that is saved already: what fails now (a busy database, an
    event nobody can read) is the worker's to do and takes nothing back."""
    try:
        look_again(tenant, form_key, rid)
    except Refused:
        return
    except Exception:
        log.exception("event failed", tenant=tenant.id, record=rid)


def pending_events(tenant: Tenant, limit: int = 200) -> list[tuple[str, int]]:
    """(form's lasting name, record id) of the records with events to look at again: what was cut
    off between the wait's opening and the event. Oldest first."""
    rows = tenant.db.query(
        "SELECT form, record_id FROM rf_event WHERE status = 'new'"
        f" GROUP BY form, record_id ORDER BY MIN(at), record_id LIMIT {int(limit)}"
    )
    return [(row[0], row[1]) for row in rows]
