"""Records that records start, and the word of their end: by internal effects, never nested."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.failpoints import reach
from app.hooks import TryAgain
from app.jobs.calls import DONE, FAILED, answer_of, begin_record, given_by, in_words
from app.records import outbox
from app.records.closed import names_between, renamed
from app.records.errors import Refused
from app.records.outbox import Claimed
from app.records.signals import answer, child_ended
from app.records.tenant import Tenant
from flows.events import GONE, Answer
from flows.state import Origin

_CALL = (
    "SELECT id, once, topic, form, record_id, payload, attempts, fence, doubt, connection, status"
    " FROM rf_outbox WHERE once = ? AND topic = 'call'"
)
_ARRIVED = (
    "UPDATE rf_outbox SET status = 'done', done_at = ? WHERE id = ? AND status = 'waiting'"
    " RETURNING id"
)


def run_start(tenant: Tenant, one: Claimed) -> None:
    """Make the record a step starts, once for its key, and tell the step. Raises to be tried
    again."""
    body = json.loads(one.payload)
    origin = Origin(
        one.form,
        one.record_id,
        body["key"],
        body["token"],
        body["step"],
        body["visit"],
        body["wait"],
    )
    outcome, data = DONE, dict[str, Any]()
    said: str | dict[str, str] = ""
    try:
        form, values = _as_called_now(tenant, body)
        saved = begin_record(tenant, form, values, body["key"], origin)
        data = {"record": saved.id}
    except Refused as refused:
        if refused.status == 503:
            raise TryAgain(refused.message.en, zh=refused.message.zh) from refused
        outcome, said = FAILED + refused.code, in_words(refused)
    reach("start.made")
    told = Answer(body["key"], body["token"], body["step"], body["visit"], "", outcome, data, said)
    answer(tenant, one.form, one.record_id, told, outbox.settling(one, tenant.now_us()))


def _as_called_now(tenant: Tenant, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The form of a record to make, and its values, by the names of the release in force: the flow
    that asks for it knows those of its own."""
    published = tenant.active()
    if body["release"] == published.no:
        return body["form"], body["values"]
    then = tenant.release(body["release"]).tables.forms[body["form"]]
    now = published.tables.form_of(then.key)
    names = None if now is None else names_between(then, now)
    if now is None or names is None:
        return body["form"] if now is None else now.id, body["values"]
    return now.id, renamed(body["values"], names)


def run_ended(tenant: Tenant, one: Claimed) -> None:
    """Tell whoever started a record how it ended: a step, or an action that waits for it."""
    body = json.loads(one.payload)
    origin = Origin(**body["origin"])
    rows = tenant.db.query(_CALL, (origin.key,))
    if not rows:
        settle = outbox.settling(one, tenant.now_us())
        child_ended(tenant, origin, one.record_id, body["outcome"], settle)
        reach("ended.told")
        return
    *values, status = rows[0]
    call = Claimed(*values)
    if status in ("ready", "running", "unknown"):  # its worker has not noted yet that it waits
        raise TryAgain(
            "the action that waits for this record is still under way",
            zh="等待此单据的动作仍在进行",
        )
    if status == "waiting":
        now = tenant.now_us()
        asked = json.loads(call.payload)
        told = answer_of(asked, _found(tenant, one, asked["made"], body["outcome"]))
        answer(tenant, call.form, call.record_id, told, (_ARRIVED, (now, call.id)))
    outbox.finish(tenant.db, one, tenant.now_us())


def _found(
    tenant: Tenant, ended: Claimed, wanted: Mapping[str, Any], outcome: str
) -> dict[str, Any]:
    """What the end of a record means for the action it was made for, by what its plugin `wanted`
    then: the connection may be another by now. A code of its own may stand for its deletion."""
    if outcome == GONE:
        code = outcome.removeprefix(FAILED)
        return {"outcome": FAILED + wanted.get("fails", {}).get(code, code)}
    good = wanted.get("done") or [outcome]
    if outcome not in good:
        return {"outcome": FAILED + outcome}
    return {"outcome": DONE, "data": given_by(tenant, wanted, ended.record_id)}
