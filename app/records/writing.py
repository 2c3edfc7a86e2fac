"""The writes that follow from a judged row: what the journal says, how totals move, which lines
change, what is due later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol

from app.records.aggregates import mixed
from app.records.deltas import Key, MixedCurrency, Move, contributions, moves
from app.records.errors import invalid
from app.records.openrows import OpenRow, keep_row
from app.records.origins import owed
from app.records.plan import Plan, ids_in
from app.records.prepare import Context, day_of, facts_for
from app.records.targets import micros
from app.records.transition import Request, Write, title_of
from app.storage.sqlgen import Head, Record, Statement
from forms.expr import EvalError
from forms.model import Keep, Row
from forms.validate_result import FieldError, Wanted

_CLOSED = (
    "UPDATE rf_due SET status = 'cancelled', done_at = ? WHERE record_id = ? AND form = ?"
    " AND status IN ('open', 'waiting') AND kind <> 'keep'"
)


class Judged(Protocol):
    """A row that may be written: what validation, or a flow's step, made of it."""

    @property
    def values(self) -> Row: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def warnings(self) -> Sequence[FieldError]: ...


@dataclass(frozen=True, slots=True)
class Given:
    """A row that needs no judging by the form: a flow moved it, nobody typed into it."""

    values: Row
    currency: str | None
    warnings: Sequence[FieldError] = ()


def aggregate_moves(
    ctx: Context, before: Record | None, after: Row | None, currency: str | None
) -> dict[Key, Move]:
    """How the aggregates move. Raises Refused invalid for a calculation that has no value."""
    feeds = ctx.plan.feeds
    if not feeds or (before is not None and after is not None and _idle(ctx.plan, before, after)):
        return {}
    try:
        was = None if before is None else ctx.plan.live(before.row, before.head.currency)
        now = None if after is None else ctx.plan.live(after, currency)
        return moves(contributions(feeds, was, ctx.env), contributions(feeds, now, ctx.env))
    except EvalError as error:
        raise invalid([FieldError("calculation", (), error.message)]) from error
    except MixedCurrency as error:
        raise mixed(error, []) from error


def _idle(plan: Plan, before: Record, after: Row) -> bool:
    """Whether nothing changed that any total reads."""
    if plan.bridge is not None or plan.names is not None:
        return False
    was, reads = before.row, plan.feeds.reads
    columns: dict[str, list[str]] = {}
    for name in reads:
        head, _, column = name.partition(".")
        if column:
            columns.setdefault(head, []).append(column)
        elif plan.form.fields.get(name) is None or plan.form.fields[name].type != "lines":
            if was.get(name) != after.get(name):
                return False
        else:
            columns.setdefault(head, []).append("id")
    for lines, names in columns.items():
        old, new = was.get(lines) or (), after.get(lines) or ()
        if len(old) != len(new):
            return False
        for one, other in zip(old, new, strict=True):
            for name in names:
                if one.get(name) != other.get(name):
                    return False
    return True


def _new_title(ctx: Context, before: Record, outcome: Judged, *, numbered: bool) -> str:
    """The title after a change. A flow's step that left alone what the title shows keeps it: the
    links it reads were not fetched then."""
    plan, row = ctx.plan, outcome.values
    if isinstance(outcome, Given) and plan.form.title is not None:
        exprs = plan.form.title.exprs
        heads = {name.partition(".")[0] for expr in exprs for name in expr.names}
        if not numbered and all(before.row.get(name) == row.get(name) for name in heads):
            return before.head.title or ""
        _fetch_for_title(ctx, before, row)
    return _title(ctx, row)


def _fetch_for_title(ctx: Context, before: Record, row: Row) -> None:
    assert ctx.plan.form.title is not None
    wanted = Wanted()
    for expr in ctx.plan.form.title.exprs:
        for path, name in expr.link_reads:
            field, key = ctx.plan.form.field_at(path), row.get(path)
            if field is None or not isinstance(key, int):
                continue
            if key not in ctx.env.links.get(field.to, {}):
                wanted.links.setdefault(field.to, set()).add(key)
                wanted.fields[field.to] = wanted.fields.get(field.to, frozenset()) | {name}
    if wanted:
        facts_for(ctx, before.row).load(wanted, trusted=True)


def _title(ctx: Context, row: Row) -> str:
    try:
        return title_of(ctx.plan, row, ctx.env, ctx.actor.lang)
    except EvalError as error:
        raise invalid([FieldError("calculation", (), error.message)]) from error


def effective_moment(plan: Plan, moment: str, head: Head | None) -> str:
    """A draft ("save") is what was never submitted of a form that is numbered when it is: of any
    other form, and after that, nobody leaves required fields out."""
    numbering = plan.form.number
    if moment != "save" or numbering is None or numbering.at != "submit":
        return "submit" if moment == "save" else moment
    return "save" if head is None or head.number is None else "submit"


def draws(plan: Plan, head: Head, moment: str) -> bool:
    """Whether a record gets its number now: when it is made, or when it is first submitted."""
    numbering = plan.form.number
    if numbering is None or head.number is not None:
        return False
    return numbering.at == "create" or moment != "save"


def new_write(ctx: Context, outcome: Judged, request: Request | None, moment: str) -> Write:
    """The transition that creates a record."""
    plan, actor, at = ctx.plan, ctx.actor, ctx.at
    row: Row = outcome.values
    row |= {
        "version": 1,
        "created_at": ctx.now,
        "created_by": actor.user_id,
        "updated_at": ctx.now,
        "updated_by": actor.user_id,
    }
    title = _title(ctx, row)
    row["title"] = title
    head = Head(
        row["id"],
        row.get("number") if plan.form.number is not None else None,
        title,
        row.get("stage"),
        1,
        plan.release_no,
        outcome.currency,
        1,
        None,
        at,
        actor.user_id,
        at,
        actor.user_id,
    )
    return Write(
        "create",
        plan,
        actor,
        at,
        day_of(ctx),
        head,
        row,
        None,
        plan.changes.created(row),
        aggregate_moves(ctx, None, row, outcome.currency),
        [s for sql in plan.sql.lines.values() for s in sql.insert(head.id, row[sql.id])],
        due_rows(ctx, row),
        ctx.env,
        request,
        frozenset(ids_in(plan.files, row)),
        warnings=tuple(outcome.warnings),
        draws=draws(plan, head, moment),
    )


def next_write(
    ctx: Context, before: Record, outcome: Judged, request: Request | None, moment: str
) -> Write:
    """The transition that changes a record."""
    plan, actor, at = ctx.plan, ctx.actor, ctx.at
    row: Row = outcome.values
    head = before.head
    row |= {"version": head.version + 1, "updated_at": ctx.now, "updated_by": actor.user_id}
    drawing = draws(plan, head, moment)
    row["title"] = _new_title(ctx, before, outcome, numbered=drawing)
    held, holds_now = ids_in(plan.files, before.row), ids_in(plan.files, row)
    return Write(
        "update",
        plan,
        actor,
        at,
        day_of(ctx),
        head._replace(
            title=row["title"],
            stage=row.get("stage"),
            version=head.version + 1,
            currency=outcome.currency,
            journal_seq=head.journal_seq + 1,
            updated_at=at,
            updated_by=actor.user_id,
        ),
        row,
        head.version,
        plan.changes.updated(before.row, row),
        aggregate_moves(ctx, before, row, outcome.currency),
        line_statements(plan, head.id, before.row, row),
        due_rows(ctx, row),
        ctx.env,
        request,
        frozenset(holds_now - held),
        frozenset(held - holds_now),
        warnings=tuple(outcome.warnings),
        prev=bytes(head.journal_head or b""),
        draws=drawing,
        was_title=head.title,
    )


def delete_write(ctx: Context, before: Record, act: str, request: Request | None) -> Write:
    """The transition that takes a record away; its row stays, marked."""
    head, actor, at = before.head, ctx.actor, ctx.at
    return Write(
        act,
        ctx.plan,
        actor,
        at,
        day_of(ctx),
        head._replace(
            version=head.version + 1,
            journal_seq=head.journal_seq + 1,
            updated_at=at,
            updated_by=actor.user_id,
            deleted=1,
        ),
        before.row,
        head.version,
        {},
        aggregate_moves(ctx, before, None, head.currency),
        [],
        [],
        ctx.env,
        request,
        prev=bytes(head.journal_head or b""),
        before=[] if head.flow is None else [(_CLOSED, (at, head.id, ctx.plan.key))],
        effects=owed(head),
        revokes=head.flow is not None,
    )


def line_statements(plan: Plan, record_id: int, before: Row, after: Row) -> list[Statement]:
    """Delete rows that went, then write those that came, changed or moved."""
    found: list[Statement] = []
    for name, sql in plan.sql.lines.items():
        old = {line["id"]: (at, line) for at, line in enumerate(before.get(name) or ())}
        rows = after.get(name) or ()
        gone = old.keys() - {line["id"] for line in rows}
        if gone:
            found += sql.delete(record_id, sorted(gone))
        changed = [(at, line) for at, line in enumerate(rows) if old.get(line["id"]) != (at, line)]
        if changed:
            found += sql.put(record_id, changed)
    return found


def due_rows(ctx: Context, row: Row) -> list[OpenRow]:
    """What has to be done with the record later: the end of its retention."""
    keep = ctx.plan.form.keep
    if keep is None:
        return []
    since = row.get(keep.since)
    if since is None:
        return []
    zone = ctx.published.zone
    day = since.astimezone(zone).date() if isinstance(since, datetime) else since
    return [keep_row(ctx.plan.key, row["id"], _end_of_keep(keep, day, zone))]


@lru_cache(maxsize=2048)
def _end_of_keep(keep: Keep, since: date, zone: tzinfo) -> int:
    """The first moment after the last day a record is kept, in microseconds UTC."""
    return micros(datetime.combine(keep.until(since) + timedelta(days=1), time(), zone))
