"""Actions of connectors: called one after the other, answered, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flows.advance.ids import effect_key
from flows.advance.moves import FAILED, exit_for, leave
from flows.advance.trouble import Trouble, unable
from flows.advance.work import Live, Work
from flows.calendars import add
from flows.messages import INCIDENTS, say
from flows.model import Action, Do, Step
from flows.plain import plain
from flows.state import Answer, Call
from forms.types import Invalid
from forms.values import Text

UNDO = "!undo"
FILES = ("file", "image")


def enter(work: Work, live: Live, step: Step) -> None:
    """Call the first action that applies."""
    call_from(work, live, step, 0)


def call_from(work: Work, live: Live, step: Step, first: int) -> None:
    """Call the next action that applies; behind the last one the step is done."""
    body: Do = step.body  # type: ignore[assignment]
    for index, action in enumerate(body.actions.values()):
        if index < first:
            continue
        row = work.seen_from(live)
        if action.when is not None and not work.holds(action.when, row):
            work.say("call", live, step.path, action=action.id, applies=False)
            continue
        _call(work, live, step, action, row, index)
        return
    leave(work, live, "done")


def _call(
    work: Work, live: Live, step: Step, action: Action, row: Mapping[str, Any], index: int
) -> None:
    arguments = {name: work.value(expr, row) for name, expr in action.arguments.items()}
    key = key_of(work, live, step, action, row)
    pause: float | None = None
    if action.every is not None:
        pause = (add(work.now, action.every, None) - work.now) / timedelta(seconds=1)
    live.at.update(todo=index, key=key, action=action.id)
    work.effects.append(
        Call(
            key,
            action.use,
            arguments,
            live.id,
            step.id,
            live.visit,
            action.id,
            action.retries,
            pause,
        )
    )
    work.say("call", live, step.path, action=action.id, use=action.use, key=key)


def key_of(work: Work, live: Live, step: Step, action: Action, row: Mapping[str, Any]) -> str:
    """The key of an action here and now."""
    tries: int = live.data.get("tries", {}).get(f"{step.id}:{action.id}", 0)
    if action.key is not None:
        own = str(work.value(action.key, row))
        return f"{own}#{tries}" if tries else own
    return effect_key(work.record, live.row, step.path, action.id, tries)


def answered(work: Work, live: Live, step: Step, answer: Answer) -> None:
    """What came of an action: go on, or leave by the failure, or stop."""
    body: Do = step.body  # type: ignore[assignment]
    if live.at.get("key") != answer.key or answer.action not in body.actions:
        work.used = False
        return
    action = body.actions[answer.action]
    live.at.pop("key")
    work.say(
        "answer",
        live,
        step.path,
        action=action.id,
        key=answer.key,
        outcome=answer.outcome,
        data=plain(answer.data),
        **({"message": answer.message} if answer.message else {}),
    )
    if answer.outcome != "done":
        count_try(live, step, action)
        failed(work, live, step, answer.outcome, answer.message)
        return
    _ran(work, live, step, action, answer.key)
    save(work, live, action.save, answer.data)
    call_from(work, live, step, live.at["todo"] + 1)


def failed(work: Work, live: Live, step: Step, outcome: str, message: str) -> None:
    """A failure: an exit if the step names it, else an incident in place."""
    if exit_for(step, outcome) is not None:
        leave(work, live, outcome)
        return
    reason = message or outcome.removeprefix(FAILED)
    raise Trouble(outcome, say(INCIDENTS["failed"], what=Text(reason, reason)), outcome)


def count_try(live: Live, step: Step, action: Action) -> None:
    """The next attempt is another effect."""
    tries: Mapping[str, int] = live.data.get("tries", {})
    name = f"{step.id}:{action.id}"
    live.data["tries"] = {**tries, name: tries.get(name, 0) + 1}


def save(
    work: Work, live: Live, fields: Mapping[tuple[str, ...], str], data: Mapping[str, Any]
) -> None:
    """Keep what a connector answered; its values are read as the fields read input."""
    given = {path: data[name] for path, name in fields.items() if name in data}
    keep(work, live, given)


def keep(work: Work, live: Live | None, given: Mapping[tuple[str, ...], Any]) -> None:
    """Write values from outside into fields; those of lines into the token's row."""
    for path, raw in given.items():
        field = work.flow.shape.field_at(".".join(path))
        if field is None or (field.type in FILES and isinstance(raw, str)):
            continue  # a file is kept by its attachment's id, not by its content
        try:
            value = field.kind.parse(raw, field)
            if len(path) == 1:
                work.write(path, value)
                continue
            for line in work.lines(path[0]):
                if live is not None and live.row in (None, line["id"]):
                    work.write(path, value, line)
        except Invalid as wrong:
            raise unable(".".join(path), wrong) from None
    if given:
        work.compute()


# --- taking back --------------------------------------------------------------------------------


def _ran(work: Work, live: Live, step: Step, action: Action, key: str) -> None:
    """Remember what an interrupt, or mending this step, would have to take back."""
    live.at["ran"] = {**live.at.get("ran", {}), key: action.id}
    if work.flow.interrupts:
        data = work.top.data
        one: dict[str, Any] = {"step": step.path, "action": action.id}
        if live.row is not None:
            one["row"] = live.row
        data["ran"] = {**data.get("ran", {}), key: one}


def irreversible(work: Work) -> bool:
    """Whether an action has run that names no `undo`."""
    return any(not _action(work, one).undo for one in work.top.data.get("ran", {}).values())


def _action(work: Work, one: Mapping[str, Any]) -> Action:
    body: Do = work.flow.steps[one["step"]].body  # type: ignore[assignment]
    return body.actions[one["action"]]


def undo_all(work: Work) -> None:
    """Take back everything that ran and can be, the last first."""
    top = work.top
    for key, one in reversed(list(top.data.get("ran", {}).items())):
        action, step = _action(work, one), work.flow.steps[one["step"]]
        if action.undo:
            undo(work, top, step, action, key, one.get("row"))
    top.data.pop("ran", None)


def undo(work: Work, live: Live, step: Step, action: Action, key: str, row_id: int | None) -> None:
    """Call the action that takes another one back, with the arguments of the first and what it
    answered where that was saved. The next attempt at the action is a new effect."""
    seen: Mapping[str, Any] = work.row
    around = work.flow.reading.rows.get(step.path.rpartition("/")[0], ())
    if row_id is not None and around:
        seen = {**work.row, around[-1][0]: row_id}
    arguments = {name: work.value(expr, seen) for name, expr in action.arguments.items()}
    for path, name in action.save.items():
        if len(path) == 1:
            arguments[name] = work.row.get(path[0])
    count_try(live, step, action)
    work.effects.append(
        Call(
            f"{key}{UNDO}",
            action.undo,
            arguments,
            live.id,
            step.id,
            live.visit,
            action.id,
            action.retries,
            undo_of=key,
        )
    )
    work.say("call", live, step.path, action=action.id, use=action.undo, undo_of=key)


def undone(work: Work, answer: Answer) -> None:
    """An undo was answered. One that failed is told; the flow has gone on long ago."""
    if answer.outcome == "done":
        work.used = False
        return
    work.say("incident", None, answer.step, code="undo_failed", key=answer.key)
    work.tell("incident", step=answer.step, code="undo_failed", key=answer.key)
