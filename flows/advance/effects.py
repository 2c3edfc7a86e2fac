"""Actions of connectors: called one after the other, answered, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from flows.advance.ids import effect_key
from flows.advance.moves import FAILED, exit_for, leave
from flows.advance.trouble import Trouble, unable
from flows.advance.work import Live, Work
from flows.calendars import add
from flows.events import Answer
from flows.messages import INCIDENTS, say
from flows.model import Action, Do, Step
from flows.plain import plain
from flows.state import TOP, Call
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
    _note_call(work, live, step, action, key)
    work.say(
        "call",
        live,
        step.path,
        action=action.id,
        use=action.use,
        key=key,
        arguments={name: _short(value) for name, value in arguments.items()},
    )


def _short(value: Any) -> Any:
    """An argument for the trace; of rows their number."""
    rows = isinstance(value, list) and value and isinstance(value[0], Mapping)
    return len(value) if rows else plain(value)


def key_of(work: Work, live: Live, step: Step, action: Action, row: Mapping[str, Any]) -> str:
    """The key of an action here and now."""
    tries = tries_of(work, live.row, step, action.id)
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
        count_try(work, live.row, step, action.id)
        _forget(work, answer.key)
        failed(work, live, step, answer.outcome, answer.message)
        return
    live.at["ran"] = {**live.at.get("ran", {}), answer.key: action.id}
    _answered(work, answer)
    save(work, live, action.save, answer.data)
    call_from(work, live, step, live.at["todo"] + 1)


def failed(
    work: Work, live: Live, step: Step, outcome: str, message: str | Mapping[str, str]
) -> None:
    """A failure: an exit if the step names it, else an incident in place."""
    if exit_for(step, outcome) is not None:
        leave(work, live, outcome)
        return
    reason = Text.of(message or outcome.removeprefix(FAILED))
    known = INCIDENTS.get(outcome) or INCIDENTS["failed"]
    raise Trouble(outcome, say(known, what=reason), outcome)


def tries_of(work: Work, row: int | None, step: Step, action: str) -> int:
    """How often an effect failed for good, or was taken back."""
    found: int = work.top.data.get("tries", {}).get(_try_name(row, step, action), 0)
    return found


def count_try(work: Work, row: int | None, step: Step, action: str) -> None:
    """The next attempt is another effect. Kept in the top token: scopes come and go."""
    tries: Mapping[str, int] = work.top.data.get("tries", {})
    name = _try_name(row, step, action)
    work.top.data["tries"] = {**tries, name: tries.get(name, 0) + 1}


def _try_name(row: int | None, step: Step, action: str) -> str:
    return f"{step.path}:{action}" if row is None else f"{step.path}:{action}:{row}"


def save(
    work: Work, live: Live, fields: Mapping[tuple[str, ...], str], data: Mapping[str, Any]
) -> None:
    """Keep what a connector answered; its values are read as the fields read input."""
    given = {path: data[name] for path, name in fields.items() if name in data}
    keep(work, live, given)


def keep(
    work: Work,
    live: Live | None,
    given: Mapping[tuple[str, ...], Any],
    rows: frozenset[int] = frozenset(),
) -> None:
    """Write values from outside into fields; those of lines into the token's row, else into those
    of `rows` that are among them, else into all."""
    for path, raw in given.items():
        field = work.flow.shape.field_at(".".join(path))
        if field is None or field.type == "lines" or (field.type in FILES and isinstance(raw, str)):
            continue  # a file is kept by its attachment's id, not by its content
        try:
            value = field.kind.parse(raw, field)
            if len(path) == 1:
                work.write(path, value)
                continue
            own = work.row_of(live, path[0]) if live is not None else None
            lines = work.lines(path[0])
            known = {line["id"] for line in lines}
            chosen = (known & rows or known) if own is None else {own}
            for line in lines:
                if line["id"] in chosen:
                    work.write(path, value, line)
        except Invalid as wrong:
            raise unable(work.called(path), wrong) from None
    if given:
        work.compute()


# --- taking back --------------------------------------------------------------------------------


def _note_call(work: Work, live: Live, step: Step, action: Action, key: str) -> None:
    """Remember what an interrupt would have to take back, from the moment it may happen."""
    if work.flow.interrupts:
        one: dict[str, Any] = {"step": step.path, "action": action.id}
        if live.row is not None:
            one["row"] = live.row
        work.top.data["ran"] = {**work.top.data.get("ran", {}), key: one}


def _answered(work: Work, answer: Answer) -> None:
    ran: Mapping[str, Any] = work.top.data.get("ran", {})
    if answer.key in ran:
        one = {**ran[answer.key], "answered": True}
        gave = _gave(work, one, answer) if _action(work, one).undo else {}
        work.top.data["ran"] = {**ran, answer.key: {**one, "gave": gave} if gave else one}


def _forget(work: Work, key: str) -> None:
    ran: Mapping[str, Any] = work.top.data.get("ran", {})
    if key in ran:
        work.top.data["ran"] = {name: one for name, one in ran.items() if name != key}


def irreversible(work: Work) -> bool:
    """Whether an action has run that names no `undo`."""
    return any(not _action(work, one).undo for one in work.top.data.get("ran", {}).values())


def _action(work: Work, one: Mapping[str, Any]) -> Action:
    body: Do = work.flow.steps[one["step"]].body  # type: ignore[assignment]
    return body.actions[one["action"]]


def undo_all(work: Work) -> None:
    """Take back everything that ran and can be, the last first. What has not been answered yet is
    taken back once it has; called again before that, it is another effect. What cannot be taken
    back is kept: nobody withdraws after it."""
    ran: Mapping[str, Mapping[str, Any]] = work.top.data.pop("ran", {})
    later: dict[str, Mapping[str, Any]] = {}
    for key, one in reversed(list(ran.items())):
        action = _action(work, one)
        if not action.undo:
            continue
        if one.get("answered"):
            _undo(work, one, key)
        else:
            later[key] = one
            count_try(work, one.get("row"), work.flow.steps[one["step"]], action.id)
    if later:
        work.top.data["undo"] = {**work.top.data.get("undo", {}), **later}
    lasting = {key: one for key, one in ran.items() if not _action(work, one).undo}
    if lasting:
        work.top.data["ran"] = lasting


def _undo(work: Work, one: Mapping[str, Any], key: str) -> None:
    step = work.flow.steps[one["step"]]
    undo(work, step, _action(work, one), key, one.get("row"), one.get("gave", {}))


def take_back(work: Work, step: Step, action: Action, key: str, row: int | None) -> None:
    """Call the action that takes another one back, once: no interrupt does it again."""
    gave = work.top.data.get("ran", {}).get(key, {}).get("gave", {})
    _forget(work, key)
    undo(work, step, action, key, row, gave)


def undo(
    work: Work,
    step: Step,
    action: Action,
    key: str,
    row_id: int | None,
    gave: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Call the action that takes another one back, with its arguments and what it answered: `gave`,
    else as saved. The next attempt at the action is a new effect."""
    seen: Mapping[str, Any] = work.row
    around = work.flow.reading.rows.get(step.path.rpartition("/")[0], ())
    if row_id is not None and around:
        seen = {**work.row, around[-1][0]: row_id}
    arguments = {name: work.value(expr, seen) for name, expr in action.arguments.items()}
    for path, name in action.save.items():
        if len(path) == 1:
            arguments[name] = work.row.get(path[0])
    arguments.update(gave)
    count_try(work, row_id, step, action.id)
    work.effects.append(
        Call(
            f"{key}{UNDO}",
            action.undo,
            arguments,
            TOP,
            step.id,
            0,
            action.id,
            action.retries,
            undo_of=key,
        )
    )
    work.say("call", None, step.path, action=action.id, use=action.undo, undo_of=key)


def undone(work: Work, answer: Answer) -> None:
    """An undo was answered. One that failed is told; the flow has gone on long ago."""
    if answer.outcome == "done":
        work.used = False
        return
    work.say("incident", None, answer.step, code="undo_failed", key=answer.key)
    work.tell("incident", step=answer.step, code="undo_failed", key=answer.key)


def answered_late(work: Work, answer: Answer) -> bool:
    """The answer to an action whose path was left meanwhile: what happened is taken back now."""
    waiting: Mapping[str, Mapping[str, Any]] = work.top.data.get("undo", {})
    one = waiting.get(answer.key)
    if one is None:
        return False
    work.top.data["undo"] = {key: other for key, other in waiting.items() if key != answer.key}
    if answer.outcome == "done":
        _undo(work, {**one, "gave": _gave(work, one, answer)}, answer.key)
    return True


def left_behind(work: Work, answer: Answer) -> None:
    """The answer to an action of a scope that was cancelled, or of a step that was left: nobody
    waits for it, and it did happen. It is remembered for an interrupt to take back."""
    one = work.top.data.get("ran", {}).get(answer.key)
    if one is None or one.get("answered"):
        work.used = False
        return
    work.used = True
    work.say(
        "answer",
        None,
        one["step"],
        action=answer.action,
        key=answer.key,
        outcome=answer.outcome,
        data=plain(answer.data),
        left=True,
    )
    if answer.outcome != "done":
        count_try(work, one.get("row"), work.flow.steps[one["step"]], one["action"])
        _forget(work, answer.key)
        return
    _answered(work, answer)


def _gave(work: Work, one: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """What an action answered of that which it would have saved."""
    wanted = _action(work, one).save.values()
    return {name: plain(answer.data[name]) for name in wanted if name in answer.data}
