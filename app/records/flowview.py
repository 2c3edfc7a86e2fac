"""Where a record stands, what may be done now and by whom, and why it is there.

The path and the reasons come from the journal: each transition left its trace there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.records.discreet import without_hidden
from app.records.errors import not_found
from app.records.facts import Facts
from app.records.moving import FLOW
from app.records.outcome import HistoryEntry
from app.records.persons import person
from app.records.prepare import Context, context, facts_for
from app.records.readying import demand_flow
from app.records.seeing import demand_read, demand_seen
from app.records.standing import Standing, stand
from app.records.stepping import acts_now
from app.records.targets import moment
from flows.model import Flow
from flows.state import OPEN, Task, Timer, Token
from flows.views import ActView
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Tenant


@dataclass(frozen=True, slots=True)
class TaskView:
    """An open task: `mine` whether the reader may do it, `names` who its seats are in words."""

    task: Task
    path: str
    label: Text
    row: int | None
    mine: bool
    names: tuple[str, ...]
    acts: tuple[ActView, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """Where the flow is stuck, and why."""

    token: int
    step: str
    row: int | None
    code: str
    message: Text
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Visited:
    """A step the record has been in. `left_at` and `outcome` are empty while it is there."""

    step: str
    row: str
    entered_at: str
    left_at: str
    outcome: str


@dataclass(frozen=True, slots=True)
class FlowView:
    """A record's flow as one reader sees it.

    `tokens` are the scopes at work, the top one first; `acts` what the reader may do now, over all
    his tasks, interrupts included; `timers` what will happen by itself; `path` all steps visited,
    oldest first.
    """

    flow: Flow
    release_no: int
    version: int
    stage: str | None
    stage_label: Text
    outcome: str | None
    tokens: tuple[Token, ...]
    tasks: tuple[TaskView, ...]
    acts: tuple[ActView, ...]
    timers: tuple[Timer, ...]
    slas: Mapping[str, Any]
    incidents: tuple[Incident, ...]
    path: tuple[Visited, ...]


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One transition and what the flow decided in it. `said` holds "event", "step", "comment",
    "tasks" …; `trace` one mapping a decision, each with its "kind"."""

    seq: int
    at: datetime
    actor: int | None
    actor_name: str
    act: str
    said: Mapping[str, Any]
    trace: tuple[Mapping[str, Any], ...]


def flow_of(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rid: int,
    *,
    entries: Sequence[TraceEntry] | None = None,
) -> FlowView:
    """Where a record stands. `entries`: its decisions, where the caller has them already (see
    `decisions`); else they are read. Raises Refused not_found or no_flow."""
    ctx, standing, flow = _standing(tenant, actor, form_id, rid)
    who = person(ctx.published.catalog, actor)
    acts = acts_now(ctx, flow, standing, who)
    top = standing.top
    stage = standing.record.head.stage
    found = flow.stages.get(stage or "")
    open_tasks = [one for one in standing.state.tasks.values() if one.status == OPEN]
    names = _names(ctx, open_tasks)
    return FlowView(
        flow,
        ctx.plan.release_no,
        standing.record.head.version,
        stage,
        found.label if found is not None else Text(),
        top.outcome,
        tuple(sorted(standing.state.tokens.values(), key=lambda one: (one.id != 0, one.id))),
        tuple(_task_view(flow, standing, one, who.principals, names, acts) for one in open_tasks),
        tuple(act for found in acts.values() for act in found),
        tuple(sorted(standing.state.timers.values(), key=lambda one: one.at)),
        top.data.get("sla", {}),
        tuple(_incidents(standing)),
        tuple(_path(_entries(ctx, rid) if entries is None else entries)),
    )


def why(tenant: Tenant, actor: Actor, form_id: str, rid: int) -> list[TraceEntry]:
    """Every decision of the record's flow with the facts it rested on, oldest first; facts hidden
    from the reader are left out. Raises Refused not_found."""
    ctx, _, _ = _standing(tenant, actor, form_id, rid)
    return [one for one in _entries(ctx, rid) if one.trace or one.said]


def decisions(history: Sequence[HistoryEntry]) -> list[TraceEntry]:
    """The same as `why`, from a history read by the same person: nothing is asked again."""
    found = []
    for one in history:
        said = {name: value for name, value in one.flow.items() if name != "trace"}
        shown = tuple(one.flow.get("trace", ()))
        if said or shown:
            at = moment(one.at)
            found.append(TraceEntry(one.seq, at, one.actor, one.actor_name, one.act, said, shown))
    return found


def trace(tenant: Tenant, actor: Actor, form_id: str, rid: int, seq: int) -> TraceEntry:
    """What one entry of the history decided. Raises Refused not_found."""
    ctx, _, _ = _standing(tenant, actor, form_id, rid)
    for one in _entries(ctx, rid, seq):
        return one
    raise not_found()


def _standing(
    tenant: Tenant, actor: Actor, form_id: str, rid: int
) -> tuple[Context, Standing, Flow]:
    ctx = context(tenant, tenant.active(), actor, form_id)
    ctx, standing = stand(ctx, rid)
    facts: Facts = facts_for(ctx, standing.record.row)
    who = person(ctx.published.catalog, actor)
    demand_seen(ctx, facts, standing, who)
    if not standing.state.tasks:
        demand_read(ctx, facts, rid)
    return ctx, standing, demand_flow(ctx, standing)


def _entries(ctx: Context, rid: int, seq: int | None = None) -> Iterator[TraceEntry]:
    one = "" if seq is None else " AND seq = ?"
    rows = ctx.tenant.db.query(
        "SELECT seq, at, actor, actor_name, act, changes FROM rf_journal"
        f" WHERE form = ? AND record_id = ?{one} ORDER BY seq",
        (ctx.plan.key, rid, *(() if seq is None else (seq,))),
    )
    for number, at, actor, name, act, changes in rows:
        said = json.loads(changes).get(FLOW, {}) if changes else {}
        found = said.pop("trace", [])
        shown = tuple(without_hidden(one, ctx.rights.hidden, ctx.plan.flow) for one in found)
        yield TraceEntry(number, moment(at), actor, name, act, said, shown)


def _task_view(
    flow: Flow,
    standing: Standing,
    task: Task,
    principals: frozenset[str],
    names: Mapping[str, str],
    acts: Mapping[int, Sequence[ActView]],
) -> TaskView:
    token = standing.state.tokens[task.token]
    path = f"{token.scope}/{task.step}" if token.scope else task.step
    step = flow.steps.get(path)
    return TaskView(
        task,
        path,
        step.label if step is not None else Text(task.step, task.step),
        token.row,
        not principals.isdisjoint(task.seats),
        tuple(names.get(seat, seat) for seat in task.seats),
        tuple(acts.get(task.id, ())),
    )


def _names(ctx: Context, tasks: Sequence[Task]) -> dict[str, str]:
    """Who seats are: users and departments by name, roles by label."""
    found: dict[str, str] = {}
    ids: dict[str, set[int]] = {"user": set(), "department": set()}
    lang = ctx.actor.lang
    for seat in {seat for task in tasks for seat in task.seats}:
        kind, _, value = seat.partition(":")
        if kind in ids:
            ids[kind].add(int(value))
        elif kind == "role" and value in ctx.published.catalog.roles:
            found[seat] = ctx.published.catalog.roles[value].label.pick(lang)
    for kind, wanted in ids.items():
        if wanted:
            marks = ", ".join("?" * len(wanted))
            sql = f"SELECT id, name FROM rf_{kind} WHERE id IN ({marks})"
            for key, name in ctx.tenant.db.query(sql, sorted(wanted)):
                found[f"{kind}:{key}"] = name
    return found


def _incidents(standing: Standing) -> Iterator[Incident]:
    for token in standing.state.tokens.values():
        found = token.data.get("incident")
        if found is None:
            continue
        said = found.get("message") or {}
        path = f"{token.scope}/{token.step}" if token.scope else token.step
        text = said if isinstance(said, Text) else Text(said.get("zh", ""), said.get("en", ""))
        yield Incident(token.id, path, token.row, str(found.get("code", "")), text, None)


def _path(entries: Iterable[TraceEntry]) -> Iterator[Visited]:
    """The steps entered and left, as the traces tell."""
    open_: dict[tuple[str, str], int] = {}
    found: list[Visited] = []
    for entry in entries:
        at = entry.at.isoformat()
        for one in entry.trace:
            step, row = str(one.get("step", "")), str(one.get("row") or "")
            if one.get("kind") == "enter":
                open_[step, row] = len(found)
                found.append(Visited(step, row, at, "", ""))
            elif one.get("kind") == "leave" and (step, row) in open_:
                place = open_.pop((step, row))
                was = found[place]
                left = str(one.get("outcome", ""))
                found[place] = Visited(step, row, was.entered_at, at, left)
    yield from found
