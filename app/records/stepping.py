"""Let the engine move a record: fetch what it will look at, hear what follows, or why not.

What a step may read before the flow waits again is known from its definition and fetched in one
statement; what the engine misses after that it asks for, at most three times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from app.records.acted import last_actor
from app.records.deltas import Key, Move, unscaled
from app.records.errors import Refused, declined
from app.records.facts import Facts, Gone
from app.records.prepare import Context, facts_for
from app.records.writing import aggregate_moves
from app.storage.sqlgen import Record
from flows.advance import advance
from flows.calendars import clock
from flows.events import Event
from flows.model import Flow
from flows.reading import Wants
from flows.state import OPEN, Declined, Done, Need, Person, State
from flows.state import Facts as Known
from flows.views import ActView, acts_of, interrupts_of
from forms.model import Row
from forms.validate_result import Wanted
from forms.values import Text

if TYPE_CHECKING:
    from app.records.standing import Standing

ROUNDS = 4
"""Calls of the engine for one event: three with something missing, and the last one."""


def step_on(
    ctx: Context,
    flow: Flow,
    state: State,
    event: Event,
    row: Row,
    currency: str | None,
    before: Record | None,
) -> Done:
    """Move the record. `row` is what will be saved if the engine changes nothing; `before` is the
    record as it is stored, None for a new one.

    Raises Refused with the engine's code where the event is not allowed.
    """
    facts = engine_facts(ctx, row, currency, before)
    known = facts.known
    for _ in range(ROUNDS):
        found = advance(flow, state, event, known, ctx.now)
        if isinstance(found, Done):
            return found
        if isinstance(found, Declined):
            raise declined(found, _who_was_first(ctx, facts, found, row["id"]))
        facts.fetch(found)
    raise Refused(
        "busy",
        Text("流程需要的数据过多，请稍后再试。", "The flow asks for too much: try again later."),
    )


class EngineFacts:
    """What the engine may look at, filled as it asks.

    Aggregates are given as if the record were saved as it is now: what its own change adds is added
    to what is kept.
    """

    __slots__ = ("_moves", "_moving", "facts", "known")

    def __init__(
        self, facts: Facts, moving: Callable[[], Mapping[Key, Move]], known: Known
    ) -> None:
        self.facts, self._moving, self.known = facts, moving, known
        self._moves: Mapping[Key, Move] | None = None

    def fetch(self, need: Need) -> None:
        """Load what is needed, in one statement; what does not exist is told as absent."""
        env = self.facts.env
        wanted = Wanted(
            {target: set(ids) for target, ids in need.links.items()},
            dict(need.fields),
            set(need.aggregates),
        )
        self.facts.load(wanted, trusted=True, people=need.people)
        links: Any = env.links
        for target, ids in need.links.items():
            rows = links.setdefault(target, {})
            for key in ids:
                rows.setdefault(key, None)
        totals: Any = env.aggregates
        for name, key in need.aggregates:
            kept = totals.setdefault(name, {})
            if isinstance(kept, Gone):
                continue
            kept[key] = self._with_own(name, key, kept.get(key) or {})
        self.known.people.update(self.facts.people)

    def _with_own(self, name: str, key: int, kept: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._moves is None:
            self._moves = self._moving()
        move = self._moves.get((name, key))
        if move is None:
            return kept
        aggregate = self.facts.published.kept[name].aggregate
        code = move.currency or self.facts.env.currency
        found = dict(kept)
        for amount, (measure, shape) in zip(move.amounts, aggregate.measures.items(), strict=False):
            own: Any = unscaled(amount, shape, code)
            found[measure] = found[measure] + own if measure in found else own
        return found


def engine_facts(
    ctx: Context, row: Row, currency: str | None, before: Record | None
) -> EngineFacts:
    """Facts for the engine about a row; nothing is loaded yet."""
    env = env_of(ctx, currency)
    facts = facts_for(ctx, None if before is None else before.row)
    facts.env, facts.record_id = env, row["id"]
    calendars = {"": clock(ctx.published.zone), **ctx.published.catalog.calendars}
    if ctx.release is not ctx.published.release:  # one that is gone counts on as it was
        calendars = {**ctx.release.catalog.calendars, **calendars}
    own = partial(aggregate_moves, ctx, before, row, currency)
    return EngineFacts(facts, own, Known(row, env, {}, calendars))


def env_of(ctx: Context, currency: str | None) -> Any:
    """An env of its own: what flows may read, the person who acts need not be allowed to."""
    env = ctx.published.env(ctx.now, ctx.actor.user_id)
    if currency:
        env.currency = currency
    return env


def _who_was_first(ctx: Context, facts: EngineFacts, why: Declined, rid: int) -> str:
    """The name of who decided; whose act cancelled the task, where nobody did."""
    if why.by is not None:
        reader = ctx.reader or ctx.tenant.db
        rows = reader.query("SELECT name FROM rf_user WHERE id = ?", (why.by,))
        return rows[0][0] if rows else ""
    return last_actor(facts.facts, rid) if why.code == "task_decided" else ""


def acts_now(
    ctx: Context, flow: Flow, standing: Standing, who: Person
) -> dict[int, tuple[ActView, ...]]:
    """What the person may do now: by task, and under 0 the interrupts open to him."""
    record = standing.record
    facts = engine_facts(ctx, dict(record.row), record.head.currency, record)
    mine = [
        task
        for task in standing.state.tasks.values()
        if task.status == OPEN and not who.principals.isdisjoint(task.seats)
    ]
    wants = Wants(facts.known, flow.reading.fields)
    for task in mine:
        token = standing.state.tokens[task.token]
        for exit_ in flow.scopes[token.scope].steps[task.step].exits.values():
            probe = None if exit_.when is None else flow.reading.probes.get(id(exit_.when))
            if probe is not None:
                probe(facts.known.row, facts.known.env, wants)
    if wants.some:
        facts.fetch(wants.need())
    state, now = standing.state, ctx.now
    found = {task.id: acts_of(flow, state, task, facts.known, now, who) for task in mine}
    found[0] = interrupts_of(flow, state, facts.known, now, who)
    return found
