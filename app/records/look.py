"""Looking without touching: one record, its history, a form answered live, candidates of a link."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import Rights
from app.records.discreet import without_hidden
from app.records.facts import FILES, Facts
from app.records.moving import FLOW
from app.records.outcome import HistoryEntry, View
from app.records.persons import person
from app.records.plan import ids_in
from app.records.prepare import (
    Context,
    context,
    demand,
    facts_for,
    load,
    validate,
)
from app.records.rowrights import permits
from app.records.saving import held_now
from app.records.seeing import OPEN_SEAT, demand_read, demand_seen, seat
from app.records.standing import stand
from forms.model import Form, Row
from forms.validate_result import FieldError, FieldRights

if TYPE_CHECKING:
    from app.records.tenant import Tenant

_ON_ROWS = ("read", "update", "delete", "amend")


def read(tenant: Tenant, actor: Actor, form_id: str, rid: int) -> View:
    """A record with its lines, as this reader may see it, in the form of its own release.

    Raises Refused not_found, also where it exists and is not his to see.
    """
    ctx, facts, row = _seen(tenant, actor, form_id, rid)
    held = ctx.rights
    may = frozenset(
        action
        for action in held.actions | (frozenset(_ON_ROWS) if held.everything else frozenset())
        if action not in _ON_ROWS or permits(ctx, facts, rid, action)
    )
    if ctx.plan.flow is not None:
        may = _in_flow(ctx, facts, rid, may)
    return View(
        ctx.plan.form,
        visible_row(ctx.plan.form, held, row),
        ctx.plan.release_no,
        held.hidden,
        held.readonly,
        may,
    )


def _in_flow(ctx: Context, facts: Facts, rid: int, may: frozenset[str]) -> frozenset[str]:
    """In a flow a record is changed by whoever has a task on it, or may amend it."""
    who = person(ctx.published.catalog, ctx.actor)
    if "amend" in may or ctx.rights.everything or seat(ctx, facts, rid, who) == OPEN_SEAT:
        return may | {"read", "update"}
    return (may | {"read"}) - {"update"}


def history(tenant: Tenant, actor: Actor, form_id: str, rid: int) -> list[HistoryEntry]:
    """What happened to a record, oldest first; fields hidden from the reader are left out.

    Raises Refused not_found.
    """
    ctx, _, _ = _seen(tenant, actor, form_id, rid)
    rows = tenant.db.query(
        "SELECT seq, at, actor, actor_name, via, act, release_no, changes FROM rf_journal"
        " WHERE form = ? AND record_id = ? ORDER BY seq",
        (ctx.plan.key, rid),
    )
    hidden = ctx.rights.hidden
    entries = []
    for seq, at, who, name, via, act, no, changes in rows:
        told = json.loads(changes) if changes else {}
        flow = told.pop(FLOW, {})
        if hidden and "trace" in flow:
            flow["trace"] = [without_hidden(one, hidden, ctx.plan.flow) for one in flow["trace"]]
        shown = _visible_changes(told, hidden)
        entries.append(HistoryEntry(seq, at, who, name, via, act, no, shown, flow))
    return entries


def _seen(tenant: Tenant, actor: Actor, form_id: str, rid: int) -> tuple[Context, Facts, Row]:
    ctx = context(tenant, tenant.active(), actor, form_id)
    ctx, record = load(ctx, rid, None)
    facts = facts_for(ctx, record.row)
    demand_read(ctx, facts, rid)
    return ctx, facts, record.row


def visible_row(form: Form, held: Rights, row: Row) -> Row:
    """The row without what is hidden from the reader."""
    if not held.hidden:
        return row
    shown = {name: value for name, value in row.items() if name not in held.hidden}
    for lines in form.lines:
        within = {name.partition(".")[2] for name in held.hidden if name.startswith(f"{lines.id}.")}
        if within and lines.id in shown:
            shown[lines.id] = [
                {name: value for name, value in line.items() if name not in within}
                for line in shown[lines.id]
            ]
    return shown


def _visible_changes(changes: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    if not hidden:
        return dict(changes)
    found: dict[str, Any] = {}
    for name, change in changes.items():
        if name in hidden:
            continue
        if isinstance(change, dict):
            change = {row: _visible_line(name, one, hidden) for row, one in change.items()}
        found[name] = change
    return found


def _visible_line(lines: str, change: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    def shown(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if f"{lines}.{name}" not in hidden}

    return {
        name: shown(value) if isinstance(value, dict) else value
        for name, value in shown(change).items()
    }


@dataclass(frozen=True, slots=True)
class Preview:
    """A form answered while it is being filled in. Nothing was written.

    `values` is the whole row with defaults, fills and formulas, lines in the order given; the maps
    are keyed by path: ("address",) or ("lines", 0, "quantity").
    """

    form: Form
    release_no: int
    version: int | None
    values: Row
    currency: str | None
    errors: tuple[FieldError, ...]
    warnings: tuple[FieldError, ...]
    visible: Mapping[tuple[str | int, ...], bool]
    required: Mapping[tuple[str | int, ...], bool]
    readonly: Mapping[tuple[str | int, ...], bool]
    hidden: frozenset[str]
    locked: frozenset[str]
    """Dotted names, as this form has them, of fields the person may not see, or not change."""
    fixed: frozenset[str] = frozenset()
    """Lines whose rows neither come nor go."""


def preview(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    submitted: Mapping[str, Any],
    *,
    rid: int | None = None,
    release_no: int | None = None,
    moment: str = "submit",
    task: int | None = None,
) -> Preview:
    """Judge a draft as a save would, without saving: never refuses what was typed.

    `task`: the task in which a record is being filled in. Raises Refused where the actor may not
    fill in this form or see this record.
    """
    ctx = context(tenant, tenant.active(), actor, form_id, release_no if rid is None else None)
    previous: Row | None = None
    version, held = None, None
    if rid is None:
        demand(ctx, "create")
    else:
        ctx, previous, version, held = _draft_of(ctx, rid, task)
    outcome, _ = validate(ctx, submitted, previous, moment, held)
    _drop_strange_files(ctx, outcome.values, previous)
    form = ctx.plan.form
    return Preview(
        form,
        ctx.plan.release_no,
        version,
        visible_row(form, ctx.rights, outcome.values),
        outcome.currency,
        tuple(outcome.errors),
        tuple(outcome.warnings),
        outcome.visible,
        outcome.required,
        outcome.readonly,
        ctx.rights.hidden | (held.hidden if held else frozenset()),
        ctx.rights.readonly | (held.readonly if held else frozenset()),
        held.fixed if held else frozenset(),
    )


def _draft_of(
    ctx: Context, rid: int, task: int | None
) -> tuple[Context, Row, int, FieldRights | None]:
    """The record to fill in, its version, and what is open of it to the actor."""
    if ctx.plan.flow is None:
        ctx, record = load(ctx, rid, None)
        demand_read(ctx, facts_for(ctx, record.row), rid)
        demand(ctx, "update")
        return ctx, record.row, record.head.version, None
    ctx, standing = stand(ctx, rid)
    record = standing.record
    demand_seen(ctx, facts_for(ctx, record.row), standing, person(ctx.published.catalog, ctx.actor))
    held = held_now(ctx, standing, (), task, demands=True)
    return ctx, record.row, record.head.version, held


def _drop_strange_files(ctx: Context, row: Row, previous: Row | None) -> None:
    """Leave out attachments that are neither the record's nor the person's own: whoever guesses an
    id learns nothing of the file, not even its name."""
    held = ids_in(ctx.plan.files, previous) if previous is not None else set()
    known = held | ctx.env.links.get(FILES, {}).keys()
    for lines, field in ctx.plan.files:
        for each in (row,) if lines is None else row.get(lines) or ():
            given = each.get(field.id)
            if given and not known.issuperset(given):
                each[field.id] = [one for one in given if one in known] or None
