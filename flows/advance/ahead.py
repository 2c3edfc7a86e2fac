"""Facts to fetch before a transition, in one batch: what the steps it may enter will look at."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from flows.advance.people import principals, users
from flows.advance.trouble import Missing
from flows.advance.work import Live, Work
from flows.events import Act, Begin, Changed, Event, Fire
from flows.model import Approve, Do, Flow, Step, Task, Wait, Who
from flows.state import SYSTEM, TOP, Facts, Need, State, Token
from forms.expr import EvalError, Expr


def ahead(flow: Flow, state: State, event: Event, facts: Facts, now: datetime) -> Need:
    """What `advance` will most likely ask for. Load it together with whatever else is loaded.

    It never decides anything: what is loaded too much does no harm, what is missed is asked for.
    """
    work = Work(flow, state, facts, now, getattr(event, "person", SYSTEM))
    facts.env.parent = None
    if flow.reading.shown:
        work.show_lines()
    if isinstance(event, Begin):
        work.live[TOP] = Live(Token(TOP, None, "", None, flow.top.entry, 0, now))
        entry = flow.top.steps[flow.top.entry]
        want(work, work.live[TOP], entry)
        if event.act is not None:
            _want_exits(work, work.live[TOP], entry, event.act)
    elif TOP in state.tokens:
        _want_next(work, event)
    return work.wants.need()


def _want_next(work: Work, event: Event) -> None:
    """The tokens an event may move, and where they may go."""
    name = ""
    tokens: list[Token] = []
    if isinstance(event, Act):
        task = work.state.tasks.get(event.task)
        tokens = [t for t in work.state.tokens.values() if task and t.id == task.token]
        name = event.name
    elif isinstance(event, Fire):
        timer = work.state.timers.get(event.timer)
        tokens = [t for t in work.state.tokens.values() if timer and t.id == timer.token]
    elif isinstance(event, Changed):
        for placed in work.flow.reading.formulas:
            placed.run(work.row, work.env, work.wants)
    else:
        wanted = getattr(event, "token", None)
        tokens = [t for t in work.state.tokens.values() if wanted in (None, t.id)]
    for token in tokens:
        if token.outcome is None:
            live = work.token(token.id)
            step = work.step_of(live)
            if isinstance(step.body, Approve | Do):
                want(work, live, step)
            _want_exits(work, live, step, name)
    if work.flow.reading.until:
        _want_untils(work)


def _want_exits(work: Work, live: Live, step: Step, name: str) -> None:
    exits = [step.exits[name]] if name in step.exits else list(step.exits.values())
    for one in exits:
        if one.when is not None:
            _probe(work, live, one.when)
        want(work, live, work.flow.scopes[live.scope].steps[one.to])


def _want_untils(work: Work) -> None:
    """Conditions that are looked at again after every event."""
    for token in work.state.tokens.values():
        step = work.step_of(token)
        if token.outcome is None and isinstance(step.body, Wait) and step.body.until is not None:
            for placed in work.flow.reading.ahead[step.path]:
                placed.run(work.row, work.env, work.wants)


def want(work: Work, live: Live, step: Step) -> None:
    """What entering a step, and those that follow at once, looks at."""
    for placed in work.flow.reading.ahead[step.path]:
        placed.run(work.row, work.env, work.wants)
    body = step.body
    if isinstance(body, Task):
        _try(principals, work, body.by, live)
    elif isinstance(body, Approve):
        for people in (body.exclude, *(level.by for level in body.levels.values())):
            _try(users, work, people, live)


def ask_ahead(work: Work) -> None:
    """Facts were missing on entering a step: ask for all that the step looks at along with them."""
    live = work.entering
    if live is not None:
        want(work, live, work.step_of(live))


def _try(
    ask: Callable[[Work, Collection[Who], Live], object],
    work: Work,
    people: Collection[Who],
    live: Live,
) -> None:
    """Ask about people; what is missing is noted, what cannot be computed is told later."""
    try:
        ask(work, people, live)
    except (Missing, EvalError):
        return


def _probe(work: Work, live: Live, expr: Expr) -> None:
    probe = work.flow.reading.probes.get(id(expr))
    if probe is not None:
        probe(work.seen_from(live), work.env, work.wants)
