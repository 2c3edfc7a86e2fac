"""Moving a token: into a step, out of it by an outcome, to the end of its scope, or to a stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.advance.closing import cancel_tasks, close, end_below, stopped
from flows.advance.ids import made_id
from flows.advance.trouble import Trouble, trouble, unable
from flows.advance.work import MOST_STEPS, Live, Work
from flows.model import Exit, Scope, Setting, Step
from flows.plain import plain
from flows.state import CANCELLED, TOP, Origin, TellOrigin, Token
from forms.expr import EvalError
from forms.types import Invalid

LATE = "late"
FAILED = "failed."
DONE_OUTCOME = "done"

Enter = Callable[[Work, Live, Step], None]


def run(work: Work, kinds: Mapping[str, Enter]) -> None:
    """Enter steps until every token waits. Raises Missing."""
    while work.ready:
        token, step = work.ready.pop(0)
        live = work.token(token)
        if live.outcome is not None:
            continue
        work.entering = live
        try:
            enter(work, live, step, kinds)
        except Trouble as wrong:
            incident(work, live, wrong)
        except (EvalError, Invalid) as wrong:
            incident(work, live, unable(None, wrong))
    work.entering = None


def guarded(work: Work, live: Live, do: Callable[[], None]) -> None:
    """Do something that belongs to a token; what goes wrong becomes an incident of it."""
    work.entering = live
    try:
        do()
    except Trouble as wrong:
        incident(work, live, wrong)
    except (EvalError, Invalid) as wrong:
        incident(work, live, unable(None, wrong))


def incident(work: Work, live: Live, wrong: Trouble) -> None:
    """Stop a token: somebody has to mend what is wrong."""
    step = work.step_of(live)
    message = {"zh": wrong.message.zh, "en": wrong.message.en}
    live.data["incident"] = {
        "code": wrong.code,
        "step": step.path,
        "message": message,
        "at": work.now.isoformat(),
        "outcome": wrong.outcome,
    }
    work.say("incident", live, step.path, code=wrong.code, message=message)
    work.tell("incident", step=step.path, code=wrong.code, token=live.id)


def enter(work: Work, live: Live, step_id: str, kinds: Mapping[str, Enter]) -> None:
    """Put a token into a step and do what the step does."""
    step = work.flow.scopes[live.scope].steps[step_id]
    visits = live.data.get("visits") or {}
    live.step, live.visit = step_id, visits.get(step_id, 0) + 1
    live.data["visits"] = {**visits, step_id: live.visit}
    live.entered_at = work.now
    live.at = {}
    live.data.pop("incident", None)
    entered = work.entered.get(live.id, 0) + 1
    if entered > MOST_STEPS:
        raise trouble("too_many_steps")
    work.entered[live.id] = entered
    work.say("enter", live, step.path, visit=live.visit)
    begin(work, live, step, kinds)


def begin(work: Work, live: Live, step: Step, kinds: Mapping[str, Enter]) -> None:
    """What a step does on entry, and again when an incident is tried once more."""
    if step.stage:
        set_stage(work, step.stage)
    if step.sets:
        _set(work, live, step)
    kinds[step.kind](work, live, step)


def set_stage(work: Work, stage: str) -> None:
    """The record comes to a stage."""
    if work.row.get("stage") != stage:
        work.writable()["stage"] = stage
        work.touched = True
        work.passed.add(stage)
        work.tell(f"stage.{stage}")


def _set(work: Work, live: Live, step: Step) -> None:
    written = {".".join(setting.path): _write(work, live, setting) for setting in step.sets}
    work.compute()
    work.say("set", live, step.path, fields=written)


def _write(work: Work, live: Live, setting: Setting) -> Any:
    """Write one field, of the record, of the row at hand or of every row; gives what was written,
    as JSON."""
    if len(setting.path) == 1:
        value = work.value(setting.value, work.seen_from(live))
        work.write(setting.path, value)
        return plain(value)
    rows = work.lines(setting.path[0])
    if setting.current:
        own, seen = work.row_of(live, setting.path[0]), work.seen_from(live)
        value = work.value(setting.value, seen)
        for line in rows:
            if line["id"] == own:
                work.write(setting.path, value, line)
        return plain(value)
    before, work.env.parent = work.env.parent, work.row
    try:
        values = [work.value(setting.value, line) for line in rows]
    finally:
        work.env.parent = before
    for line, value in zip(rows, values, strict=True):
        work.write(setting.path, value, line)
    return plain(values)


# --- out of a step ------------------------------------------------------------------------------


def exit_for(step: Step, outcome: str) -> Exit | None:
    """The exit an outcome takes; a lone `next` is taken by every outcome but lateness, failure."""
    found = step.exits.get(outcome)
    if found is None and outcome != LATE and not outcome.startswith(FAILED):
        found = step.exits.get("*")
    return found


def used_up(live: Live | Token, exit_: Exit) -> bool:
    """Whether an exit was taken as often as it may be."""
    return bool(exit_.max) and live.counts.get(f"{live.step}>{exit_.outcome}", 0) >= exit_.max


def offered(work: Work, live: Live, exit_: Exit) -> bool:
    """Whether an exit's own condition holds; one that cannot be computed does not."""
    try:
        return exit_.when is None or work.value(exit_.when, work.seen_from(live)) is True
    except EvalError:
        return False


def leave(work: Work, live: Live, outcome: str, *, anyway: bool = False, to: str = "") -> None:
    """Leave the current step by an outcome. `anyway`: an exit that is used up is taken all the
    same; `to`: a step instead of the exit's. Raises Trouble where there is no way."""
    step = work.step_of(live)
    exit_ = exit_for(step, outcome)
    if exit_ is None:
        raise trouble("no_exit", outcome, outcome)
    if not anyway and used_up(live, exit_):
        raise trouble("exit_used_up", outcome, outcome)
    if exit_.max:
        key = f"{live.step}>{exit_.outcome}"
        live.counts = {**live.counts, key: live.counts.get(key, 0) + 1}
    close(work, live)
    live.data.pop("incident", None)
    work.say("leave", live, step.path, outcome=outcome)
    work.ready.append((live.id, to or exit_.to))


def spawn(work: Work, live: Live, scope: Scope, row: int | None) -> None:
    """Start a scope below a token."""
    token_id = made_id(f"{work.record}|{scope.path}|{row}|{live.id}|{live.visit}")
    token = Token(token_id, live.id, scope.path, row, scope.entry, 0, work.now)
    work.live[token_id] = Live(token)
    live.children += 1
    work.ready.append((token_id, scope.entry))


# --- ends ---------------------------------------------------------------------------------------


def end(work: Work, live: Live, outcome: str) -> None:
    """A scope has come to its end."""
    step = work.step_of(live)
    work.say("end", live, step.path, outcome=outcome)
    live.outcome = outcome
    if live.id == TOP:
        _end_record(work, live, outcome)
        return
    parent = work.token(live.parent or TOP)
    parent.children -= 1
    guarded(work, parent, lambda: child_ended(work, parent, outcome))


def child_ended(work: Work, parent: Live, outcome: str) -> None:
    """What the end of a scope means for the step that started it."""
    if outcome != DONE_OUTCOME:
        end_below(work, parent)
        leave(work, parent, outcome)
        return
    done = parent.at["done"] = parent.at.get("done", 0) + 1
    join = parent.at.get("join", 0)
    if parent.children <= 0 or (join and done >= join):
        leave(work, parent, DONE_OUTCOME)


def _end_record(work: Work, live: Live, outcome: str) -> None:
    cancel_tasks(work, TOP)
    for timer in work.open_timers(TOP):
        if timer.step:  # those of promises are stopped by how the promise came out
            work.timers[timer.id] = stopped(timer, CANCELLED)
    if live.children:
        end_below(work, live)
    work.ended = outcome
    work.tell(f"ended.{outcome}")
    origin = live.data.get("origin")
    if origin is not None:
        told = Origin(**origin)
        if told.wait:
            work.effects.append(TellOrigin(told, outcome))
