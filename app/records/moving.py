"""What a flow's transition writes besides the record: tokens, tasks, timers, effects, its trace."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from app.records.flowstate import Rows, watch_rule, write_top
from app.records.openrows import OpenRow, stable_id
from app.records.outbox import SHARED
from app.records.plain import plain
from app.records.prepare import Context
from app.records.standing import Standing
from app.records.transition import Effect, Write
from app.storage.manifest import lasting
from app.storage.sqlgen import Statement
from flows.model import Do, Flow, Start
from flows.state import (
    DONE,
    OPEN,
    TOP,
    WAITING,
    Call,
    Done,
    Happening,
    StartRecord,
    State,
    Task,
    TellOrigin,
    Token,
)
from forms.expr import Type
from forms.values import encode_id

FLOW = "@"
"""Key under which a journal entry keeps what the flow has to say: no field can be called so."""

_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
).encode
_BELOW = """
UPDATE rf_due SET status = 'cancelled', done_at = ? WHERE record_id = ? AND form = ?
 AND status IN ('open', 'waiting') AND kind <> 'keep'
 AND CASE WHEN kind = 'token' THEN id ELSE token END IN (
  WITH RECURSIVE below(id) AS (
   SELECT t.id FROM rf_due AS t WHERE t.record_id = ? AND t.kind = 'token' AND t.token IN ({marks})
   UNION SELECT t.id FROM rf_due AS t JOIN below ON t.token = below.id AND t.kind = 'token')
  SELECT below.id FROM below)
"""
NOTHING = State({}, {}, {})


@dataclass(frozen=True, slots=True)
class Said:
    """What happened, for the journal: `act` is the entry's, `name` what was done (an act, a timer's
    rule, an event), `more` whatever was said with it, as JSON values."""

    act: str
    name: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


def moved(
    ctx: Context, write: Write, flow: Flow, before: Standing | None, done: Done, said: Said
) -> Write:
    """The write of a record, with everything its flow adds to it."""
    head, key = write.head, write.plan.key
    state = NOTHING if before is None else before.state
    rows = Rows(key, head.id, head.stage)
    top = next((token for token in done.tokens if token.id == TOP), None)
    if top is not None:
        write.head = head._replace(flow=write_top(top))
    _tokens(ctx, rows, done.tokens)
    tokens = {**state.tokens, **{token.id: token for token in done.tokens}}
    for task in done.tasks:
        rows.task(task, state.tasks.get(task.id), tokens.get(task.token))
    for timer in done.timers:
        rows.timer(timer)
    _watches(ctx, rows, done, before)
    _incidents(ctx, rows, done.tokens, before)
    write.due += rows.rows
    if done.cancel_below:
        write.before.append(_cancel(write, done.cancel_below))
    write.revokes = done.revoke
    write.listens = tuple(sorted({name for _, names in done.opened for name in names}))
    write.effects += _effects(ctx, write, flow, done, tokens)
    write.act = said.act
    write.changes[FLOW] = _journaled(done, said)
    told = [_told(one) for one in done.happenings if not _over(one, done)]
    if told:
        write.told["happenings"] = told
    return write


def _over(one: Happening, done: Done) -> bool:
    """Whether somebody would be told of a task that was decided in the very same transition."""
    if one.name != "task.assigned":
        return False
    still = {task.id for task in done.tasks if task.status in (OPEN, WAITING)}
    return one.data.get("task") not in still


def _tokens(ctx: Context, rows: Rows, tokens: Iterable[Token]) -> None:
    for token in tokens:
        if token.id != TOP:
            rows.token(token, ctx.now)


def _watches(ctx: Context, rows: Rows, done: Done, before: Standing | None) -> None:
    """Replace what the tokens watch; a token that went on watches nothing any more. What is watched
    may be renamed before it changes: it is kept under its lasting name."""
    forms = ctx.release.tables.forms
    now = {
        token: dict.fromkeys((lasting(forms, what), one) for what, one in watched)
        for token, watched in done.watches
    }
    tokens = {token.id: token for token in done.tokens}
    for row in () if before is None else before.rows:
        if row.kind != "watch":
            continue
        token = tokens.get(row.token)
        gone = token is not None and (token.step, token.visit) != (row.step, row.visit)
        wanted = {watch_rule(*one) for one in now.get(row.token, ())}
        if (row.token in now and row.rule not in wanted) or (row.token not in now and gone):
            rows.add(row._replace(status=DONE))
    for token_id, watched in now.items():
        token = tokens.get(token_id) or (before.state.tokens.get(token_id) if before else None)
        if token is not None:
            for what, one in watched:
                rows.watch(token, what, one)


def _incidents(ctx: Context, rows: Rows, tokens: Iterable[Token], before: Standing | None) -> None:
    """A row for each token that is stuck, so that they are found without looking at all records."""
    known = {} if before is None else {r.token: r for r in before.rows if r.kind == "incident"}
    for token in tokens:
        incident = token.data.get("incident")
        old = known.get(token.id)
        if incident is None:
            if old is not None:
                rows.add(old._replace(status=DONE, done_at=ctx.at))
            continue
        rows.add(
            OpenRow(
                stable_id(rows.record_id, token.id, "incident"),
                rows.form,
                rows.record_id,
                "incident",
                OPEN,
                token.id,
                token.step,
                token.visit,
                str(incident.get("code", "")),
                stage=rows.stage,
                opened_at=ctx.at,
                data=_encode(plain({**incident, "scope": token.scope, "row": token.row})),
            )
        )


def _cancel(write: Write, above: tuple[int, ...]) -> Statement:
    head = write.head
    marks = ", ".join("?" * len(above))
    params = (write.at, head.id, write.plan.key, head.id, *above)
    return _BELOW.format(marks=marks), params


def _effects(
    ctx: Context, write: Write, flow: Flow, done: Done, tokens: Mapping[int, Token]
) -> list[Effect]:
    found: dict[str, Effect] = {}
    for one in done.effects:
        match one:
            case Call():
                token = tokens.get(one.token)
                once = _once(write.head.id, None if token is None else token.row, one.key)
                effect = Effect("call", once, _encode(_call(flow, one)))
            case StartRecord():
                body = {
                    "key": one.key,
                    "form": one.form,
                    "release": ctx.release.no,
                    "values": _started(flow, one),
                    "token": one.token,
                    "step": one.step,
                    "visit": one.visit,
                    "wait": one.wait,
                }
                effect = Effect("start", one.key, _encode(body))
            case TellOrigin():
                body = {"origin": asdict(one.origin), "outcome": one.outcome}
                once = f"ended:{write.head.id}:{write.head.journal_seq}"
                effect = Effect("ended", once, _encode(body))
        found[effect.once] = effect
    return list(found.values())


def _once(record: int, row: int | None, key: str) -> str:
    """What makes a call one and the same here. A key of the definition's own may be another's, too:
    its service books it once, and each who asked for it is told."""
    name = encode_id(record)
    if key.startswith(f"{name}:"):
        return key
    return f"{key}{SHARED}{name}" if row is None else f"{key}{SHARED}{name}:{encode_id(row)}"


def _call(flow: Flow, call: Call) -> dict[str, Any]:
    """A call as the outbox keeps it; what its arguments are is known from the definition."""
    kinds: Mapping[str, Type] = {}
    for step in flow.steps.values():
        if isinstance(step.body, Do) and step.id == call.step and call.action in step.body.actions:
            action = step.body.actions[call.action]
            kinds = {name: expr.type for name, expr in action.arguments.items()}
            break
    return {
        "key": call.key,
        "use": call.use,
        "arguments": {name: plain(one, kinds.get(name)) for name, one in call.arguments.items()},
        "token": call.token,
        "step": call.step,
        "visit": call.visit,
        "action": call.action,
        "retries": call.retries,
        "pause": call.pause,
        "undo_of": call.undo_of,
    }


def _started(flow: Flow, one: StartRecord) -> dict[str, Any]:
    """The values of a record to make, as its form takes them; links are told by their type."""
    kinds: dict[str, Type] = {}
    inner: dict[str, dict[str, Type]] = {}
    for step in flow.steps.values():
        if isinstance(step.body, Start) and step.id == one.step and step.body.form == one.form:
            kinds = {name: expr.type for name, expr in step.body.values.items()}
            inner = {
                lines: {name: expr.type for name, expr in rows.values.items()}
                for lines, rows in step.body.rows.items()
            }
            break
    found: dict[str, Any] = {}
    for name, value in one.values.items():
        if name in inner and isinstance(value, list | tuple):
            columns = inner[name]
            found[name] = [
                {key: plain(each, columns.get(key)) for key, each in row.items()} for row in value
            ]
        else:
            found[name] = plain(value, kinds.get(name))
    return found


def _journaled(done: Done, said: Said) -> dict[str, Any]:
    made: dict[str, Any] = {"event": said.name, **said.more}
    if done.trace:
        made["trace"] = [plain(one) for one in done.trace]
    if done.tasks:
        made["tasks"] = [_task(one) for one in done.tasks]
    if done.ended is not None:
        made["ended"] = done.ended
    return made


def _task(task: Task) -> dict[str, Any]:
    held: dict[str, Any] = {
        "level": task.level,
        "by": task.by,
        "outcome": task.outcome,
        "claimed": task.claimed,
        "instead_of": task.instead_of,
        "origin": task.origin,
    }
    return {
        "id": encode_id(task.id),
        "step": task.step,
        "status": task.status,
        "seats": list(task.seats),
    } | {name: value for name, value in held.items() if value}


def _told(one: Happening) -> dict[str, Any]:
    return {"name": one.name, "data": plain(one.data)} if one.data else {"name": one.name}
