"""Incidents: records that are stuck in a step, and effects that did not go out as they should.

What a person decides stands in the record's journal, with who and why, before or together with
what it does. An effect keeps its key whatever is done to it, so its receiver does nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import admin_rights
from app.records.errors import Refused, forbidden, not_found
from app.records.moving import FLOW, Said
from app.records.outbox import read_error
from app.records.readying import Prepared, ready
from app.records.signals import LASTING, answer, mend, system_context
from app.records.standing import stand
from app.records.transition import Lost
from app.records.use import run
from app.records.writing import Given, next_write
from app.storage.sqlgen import Statement
from flows.events import Answer, Mend
from flows.state import SYSTEM as NOBODY
from forms.values import Text, decode_id, encode_id

if TYPE_CHECKING:
    from app.records.tenant import Published, Tenant
    from app.storage.databases import Reader

RIGHT = "incidents"
STEP, EFFECT = "step", "effect"
FAILING_AFTER = 3
"""Attempts after which an effect that is still being tried is shown, too."""

_FAILING = f"status = 'ready' AND attempts >= {FAILING_AFTER}"
_TROUBLE = f"(status IN ('dead', 'unknown') OR ({_FAILING}))"
_STEP = (
    "SELECT 'step' AS kind, id, form, record_id, 'stuck' AS status, step, rule AS code,"
    " data AS said, opened_at AS since, 0 AS attempts, token FROM rf_due"
    " WHERE kind = 'incident' AND status = 'open'"
)
_EFFECT = (
    "SELECT 'effect' AS kind, id, form, record_id, status, topic AS step, '' AS code,"
    " last_error AS said, created_at AS since, attempts, 0 AS token FROM rf_outbox"
    f" WHERE {_TROUBLE}"
)
_ORDER = " ORDER BY since DESC, id DESC LIMIT ? OFFSET ?"


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing a person has to look at.

    `kind` "step": the token of a record cannot go on; "effect": something to be sent has failed
    for good (dead), may have happened (unknown) or keeps failing (ready). `code` of a step's
    incident. `since`: microseconds UTC. `payload`: an effect's content.
    """

    kind: str
    id: int
    form: str
    record: int
    status: str
    step: str
    code: str
    message: Text
    since: int
    attempts: int
    token: int
    topic: str = ""
    connection: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What addresses call it."""
        return f"{self.kind}-{encode_id(self.id)}"

    @property
    def is_call(self) -> bool:
        """Whether it is an action of a connector, whose outcome a record waits for."""
        return self.topic == "call"


def incidents(tenant: Tenant, *, limit: int = 50, offset: int = 0) -> list[Incident]:
    """What is open, the latest first."""
    rows = tenant.db.query(
        f"SELECT * FROM ({_STEP} UNION ALL {_EFFECT}) AS found{_ORDER}", (limit, offset)
    )
    return [_incident(row) for row in rows]


def incident(tenant: Tenant, name: str) -> Incident:
    """One by its name, with all that is known of it. Raises Refused not_found."""
    kind, _, text = name.partition("-")
    try:
        found_id = decode_id(text)
    except ValueError:
        raise not_found() from None
    sql = {STEP: f"{_STEP} AND id = ?", EFFECT: f"{_EFFECT} AND id = ?"}.get(kind)
    rows = tenant.db.query(sql, (found_id,)) if sql is not None else []
    if not rows:
        raise not_found()
    found = _incident(rows[0])
    if kind == STEP:
        return found
    topic, body, connection = tenant.db.query(
        "SELECT topic, payload, connection FROM rf_outbox WHERE id = ?", (found_id,)
    )[0]
    return replace(found, topic=topic, connection=connection or "", payload=json.loads(body))


def _incident(row: tuple[Any, ...]) -> Incident:
    kind, found_id, form, record, status, step, code, said, since, attempts, token = row
    message = read_error(said) if kind == EFFECT else Text()
    if kind == STEP:
        told = json.loads(said or "{}").get("message") or code
        message = Text.of(told) if isinstance(told, str | dict) else Text.of(code)
    return Incident(
        kind, found_id, form, record, status, step, code, message, since, attempts, token
    )


def retry(
    tenant: Tenant,
    actor: Actor,
    name: str,
    reason: str,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Have it tried again, with other `arguments` (plain values) where they are given.

    An attempt of a call that may have happened is asked about first; of a letter in doubt nobody
    can be asked, and who has looked decides. Raises Refused.
    """
    found = _demand(tenant, actor, name, reason)
    if found.kind == STEP:
        _mend(tenant, actor, found, "retry", reason, "")
        return
    body = dict(found.payload)
    if arguments is not None and found.is_call:
        body["arguments"] = dict(arguments)
    again: Statement = (
        "UPDATE rf_outbox SET status = 'ready', attempts = 0, due_at = ?, last_error = NULL,"
        " doubt = CASE WHEN topic = 'call' THEN doubt ELSE 0 END,"
        f" payload = ? WHERE id = ? AND {_TROUBLE} RETURNING id",
        (tenant.now_us(), json.dumps(body, ensure_ascii=False), found.id),
    )
    changed = (
        {} if arguments is None else {"arguments": [found.payload.get("arguments"), arguments]}
    )
    _note(tenant, actor, found, "retry", reason, changed, again)


def settle(
    tenant: Tenant,
    actor: Actor,
    name: str,
    outcome: str,
    reason: str,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Say what came of it instead of the service: "done" (with what it gives in `data`) or
    "failed.<code>"; the record goes on by that. A step's incident leaves by `outcome`.

    What is no call is not sent any more. Raises Refused.
    """
    found = _demand(tenant, actor, name, reason)
    if found.kind == STEP:
        _mend(tenant, actor, found, "skip", reason, outcome)
        return
    if not found.is_call:
        _note(tenant, actor, found, "skip", reason, {}, _closing(tenant, found, "cancelled"))
        return
    _answer(tenant, actor, found, "skip", outcome, reason, data)


def compensate(tenant: Tenant, actor: Actor, name: str, outcome: str, reason: str) -> None:
    """Take back what the step did before, then leave it by `outcome`. Raises Refused."""
    found = _demand(tenant, actor, name, reason)
    if found.kind == EFFECT:
        if not found.is_call:
            raise not_found()
        _answer(tenant, actor, found, "compensate", "failed.unavailable", reason, None)
        token = int(found.payload["token"])
        rows = tenant.db.query(
            f"{_STEP} AND form = ? AND record_id = ? AND token = ?",
            (found.form, found.record, token),
        )
        if not rows:  # the flow knows what to do when the service is unavailable
            return
        found = _incident(rows[0])
    _mend(tenant, actor, found, "compensate", reason, outcome)


def _demand(tenant: Tenant, actor: Actor, name: str, reason: str) -> Incident:
    catalog = tenant.active().catalog
    if not actor.unrestricted and RIGHT not in admin_rights(catalog, actor):
        raise forbidden(Text("处理异常", "resolve incidents"))
    found = incident(tenant, name)
    if not reason.strip():
        raise Refused("ask_missing", Text("请说明原因。", "Say why."))
    return found


def _mend(
    tenant: Tenant, actor: Actor, found: Incident, how: str, reason: str, outcome: str
) -> None:
    form = tenant.active().tables.form_of(found.form)
    event = Mend(NOBODY, found.token, how, reason, outcome)  # nobody: replaced by the actor
    mend(
        tenant,
        actor,
        form.id if form is not None else f"{LASTING}{found.form}",
        found.record,
        event,
    )


def _answer(
    tenant: Tenant,
    actor: Actor,
    found: Incident,
    how: str,
    outcome: str,
    reason: str,
    data: Mapping[str, Any] | None,
) -> None:
    """Let the record go on by what a person says came of it, and write down who said so: both or,
    where somebody else was first, neither. A record that waits for it no more only gets the note.
    """
    body = found.payload
    more = {"outcome": outcome, "data": dict(data or {})}
    entry = _entry(found, how, reason, more)
    said = Said("mend", entry.pop("event"), {"step": body["step"], **entry})
    told = Answer(
        body["key"],
        body["token"],
        body["step"],
        body["visit"],
        body["action"],
        outcome,
        dict(data or {}),
        reason,
    )
    closing = _closing(tenant, found, "done")
    try:
        used = answer(tenant, found.form, found.record, told, closing, (actor, said))
    except Lost:
        raise not_found() from None
    if used:
        return
    try:
        _note(tenant, actor, found, how, reason, more)
    except Refused as gone:
        if gone.code != "not_found":  # else the record was deleted: there is nothing to note it in
            raise


def _entry(found: Incident, how: str, reason: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "event": f"incident.{how}",
        "comment": reason,
        "effect": {"topic": found.topic, "key": found.payload.get("key", ""), **more},
    }


def _closing(tenant: Tenant, found: Incident, status: str) -> Statement:
    now = tenant.now_us()
    return (
        f"UPDATE rf_outbox SET status = ?, done_at = ?, due_at = ?, doubt = 0 WHERE id = ?"
        f" AND {_TROUBLE} RETURNING id",
        (status, now, now, found.id),
    )


def _note(
    tenant: Tenant,
    actor: Actor,
    found: Incident,
    how: str,
    reason: str,
    more: Mapping[str, Any],
    guard: Statement | None = None,
) -> None:
    """Write into the record's journal what somebody decided about an effect of it, and do it.

    What belongs to no record yet (an event from outside) is only done. Raises Refused.
    """
    if not found.record:
        if guard is not None and not tenant.db.execute_now(*guard):
            raise not_found()
        return
    entry = _entry(found, how, reason, more)

    def prepare(published: Published, reader: Reader | None) -> Prepared:
        ctx = system_context(tenant, published, found.form, reader)
        ctx, standing = stand(ctx, found.record)
        record = standing.record
        write = next_write(ctx, record, Given(dict(record.row), record.head.currency), None, "save")
        write.act, write.actor, write.guard = "mend", actor, guard
        write.changes[FLOW] = entry
        return ctx.plan, ready(ctx, write)

    try:
        run(tenant, None, prepare, lock=found.form, rid=found.record)
    except Lost:
        raise not_found() from None
    tenant.woken()


__all__ = ["Incident", "compensate", "incident", "incidents", "retry", "settle"]
