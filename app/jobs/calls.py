"""Run actions of connectors: once, whatever breaks in between.

Claimed under a lease; just before it leaves the lease is taken anew, so whoever was overtaken sends
nothing. Its outcome and the finishing of its row are one transaction. Where nobody knows whether an
attempt happened, the service is asked before anything else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from app import hooks
from app.access.actor import SYSTEM
from app.catalog.model import Connection
from app.failpoints import reach
from app.hooks import TryAgain, Unknown
from app.jobs.connect import NotServed, Outside, plugin_call, serving
from app.records import outbox
from app.records.errors import Refused, chain_too_long
from app.records.flowstate import read_top
from app.records.look import read
from app.records.outbox import Claimed
from app.records.outcome import Saved
from app.records.plain import plain, storable
from app.records.save import create
from app.records.signals import answer
from app.records.tenant import Tenant
from app.records.transition import Lost
from flows.events import Answer
from flows.state import Origin
from flows.views import first_act
from forms.values import Text, encode_id

log = structlog.get_logger(__name__)

DONE = "done"
FAILED = "failed."
SECOND = 1_000_000
_TAKEN = {
    "outcome": "failed.key_reused",
    "message": {
        "zh": "同一幂等键的单据由另一条记录等待",
        "en": "another record waits for the one that was made under this key",
    },
}
MOST_ABOVE = 20
"""So many records may stand above one that a record starts: flows that start each other end."""


def run_call(tenant: Tenant, one: Claimed, outside: Outside) -> None:
    """One attempt at an action; whatever comes of it is noted. Raises what the database raises."""
    call = json.loads(one.payload)
    limit = max(1, int(call.get("retries") or outbox.MAX_ATTEMPTS))
    if one.attempts > limit + outbox.MAX_ATTEMPTS:  # what only fails is not claimed so often
        said, zh = outbox.NOBODY_CAME_BACK
        _doubtful(tenant, one, Unknown(said, zh=zh), limit)
        return
    try:
        connection = _connection(tenant, one, call)
        given = plugin_call(outside, tenant.id, connection, one, call)
        if not outbox.begin(tenant.db, one, tenant.now_us(), connection.id):
            raise Lost
        reach("call.begun")
        found = _outcome(tenant, one, outside, connection, given)
        reach("call.returned")
        _settle(tenant, one, call, found)
        reach("call.settled")
    except Lost:
        log.info("effect taken over by another worker", tenant=tenant.id, once=one.once)
    except (NotServed, TryAgain) as error:
        if one.doubt and not isinstance(error, _Clear):
            _doubtful(tenant, one, error, limit)
        else:
            _failed(tenant, one, call, error, limit)
    except Exception as error:  # whatever a plugin raises: it may have happened
        _doubtful(tenant, one, error, limit)


class _Clear(TryAgain):
    """The service was asked: it has not happened. A new attempt may follow."""


def _connection(tenant: Tenant, one: Claimed, call: Mapping[str, Any]) -> Connection:
    """The connection it went out by before, if it may have gone out; else the one that serves."""
    catalog = tenant.active().catalog
    if one.doubt and one.connection is not None:
        found = catalog.connections.get(one.connection)
        if found is None:
            raise Unknown(
                f"the connection {one.connection} it went out by is gone",
                zh=f"当时使用的连接 {one.connection} 已不存在",
            )
        return found
    env = tenant.active().env(tenant.now(), None)
    form = tenant.active().tables.form_of(one.form)
    return serving(catalog, call, form.id if form is not None else one.form, env)


def _outcome(
    tenant: Tenant,
    one: Claimed,
    outside: Outside,
    connection: Connection,
    given: Mapping[str, Any],
) -> Mapping[str, Any]:
    """What the plugin says, asked first where in doubt."""
    if one.doubt and one.connection is not None:
        asker = outside.plugin(connection, "ask_action")
        if asker is None:
            raise Unknown(
                "nobody knows whether it happened, and the plugin cannot ask",
                zh="无法确定是否已执行，且插件不能查询",
            )
        known = _hook(outside, asker, "ask_action", tenant.id, given)
        if known is not None:
            return known
    runner = outside.plugin(connection, "run_action")
    if runner is None:
        raise NotServed(
            f"plugin {connection.plugin!r} is not loaded or runs no actions",
            zh=f"插件 {connection.plugin} 未加载，或不能执行动作",
        )
    try:
        found = _hook(outside, runner, "run_action", tenant.id, given)
    except TryAgain as error:
        raise _Clear(str(error), error.after, zh=error.zh) from error
    if found is None:
        raise Unknown(
            f"plugin {connection.plugin!r} gave nothing",
            zh=f"插件 {connection.plugin} 没有返回结果",
        )
    return found


def _hook(
    outside: Outside, plugin: str, hook: str, tenant: str, given: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    arguments = {"tenant": tenant, "call": given}
    found: Mapping[str, Any] | None = hooks.call_one(outside.plugins, plugin, hook, arguments)
    if found is None or "make" in found:
        return found
    outcome = str(found.get("outcome", ""))
    if outcome != DONE and not outcome.startswith(FAILED):
        raise Unknown(
            f"the plugin gave the outcome {outcome!r}; allowed: done, failed.<code>",
            zh=f"插件返回的结果“{outcome}”无效，应为 done 或 failed.<code>",
        )
    return found


def _settle(
    tenant: Tenant, one: Claimed, call: Mapping[str, Any], found: Mapping[str, Any]
) -> None:
    """Tell the record, and finish the row in the same transaction."""
    if "make" in found:
        wanted = found["make"]
        found = _made(tenant, one, call, wanted)
        if not found:  # its end is judged by what is wanted today
            kept = json.dumps({**call, "made": wanted}, ensure_ascii=False)
            outbox.park(tenant.db, one, tenant.now_us(), kept)
            return
    tell(tenant, one, call, found)


def tell(tenant: Tenant, one: Claimed, call: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Tell a record the outcome of its call while the row is ours. Raises Lost."""
    answer(
        tenant,
        one.form,
        one.record_id,
        answer_of(call, found),
        outbox.settling(one, tenant.now_us()),
    )


def answer_of(call: Mapping[str, Any], found: Mapping[str, Any]) -> Answer:
    """An outcome as the flow is told it."""
    return Answer(
        call["key"],
        call["token"],
        call["step"],
        call["visit"],
        call["action"],
        storable(str(found["outcome"])),
        storable(dict(found.get("data") or {})),
        storable(_said(found.get("message"))),
    )


def _said(message: object) -> str | dict[str, str]:
    """What a plugin said of its answer: a text, or one in Chinese and English."""
    if isinstance(message, Mapping):
        text = Text.of(message)
        return {"zh": text.zh, "en": text.en}
    return str(message or "")


def _made(
    tenant: Tenant, one: Claimed, call: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Make the record a plugin asks for, once for the key; nothing where its end is awaited."""
    origin = Origin(
        one.form,
        one.record_id,
        one.once,
        call["token"],
        call["step"],
        call["visit"],
        wait=wanted.get("wait") is True,
    )
    try:
        saved = begin_record(tenant, wanted["form"], wanted["values"], call["key"], origin)
    except Refused as refused:
        if refused.status == 503:
            raise TryAgain(refused.message.en, zh=refused.message.zh) from refused
        code = wanted.get("fails", {}).get(refused.code, refused.code)
        return {"outcome": FAILED + code, "message": in_words(refused)}
    if origin.wait:
        return {} if _waits_for(tenant, wanted["form"], saved, origin) else _TAKEN
    data = given_by(tenant, wanted, saved.id) | {"record": encode_id(saved.id)}
    return {"outcome": DONE, "data": data}


def _waits_for(tenant: Tenant, form: str, saved: Saved, origin: Origin) -> bool:
    """Whether a record tells this call of its end: one that was made before under the same key
    tells whoever asked first."""
    if not saved.replayed:
        return True
    home = tenant.current().tables.forms[form]
    ((flow,),) = tenant.db.query(f"SELECT flow FROM {home.table} WHERE id = ?", (saved.id,))
    told = None if flow is None else read_top(flow).data.get("origin")
    return told is not None and told["key"] == origin.key


def begin_record(
    tenant: Tenant, form: str, values: Mapping[str, Any], key: str, origin: Origin
) -> Saved:
    """Make a record for another, once for the key. It stays in its first step where that is
    somebody's task. Raises Refused, chain_too_long where records start records without end."""
    origin = replace(origin, depth=_depth(tenant, origin) + 1)
    if origin.depth > MOST_ABOVE:
        raise chain_too_long(MOST_ABOVE)
    flow = tenant.active().catalog.flows.get(form)
    moment = "submit" if flow is None or first_act(flow) is None else "save"
    return create(tenant, SYSTEM, form, values, key=key, moment=moment, origin=origin)


def _depth(tenant: Tenant, origin: Origin) -> int:
    """How many records stand above the one that starts another."""
    home = tenant.current().tables.form_of(origin.form)
    if home is None:
        return 0
    rows = tenant.db.query(f"SELECT flow FROM {home.table} WHERE id = ?", (origin.record,))
    if not rows or rows[0][0] is None:
        return 0
    above = read_top(rows[0][0]).data.get("origin")
    return 0 if above is None else Origin(**above).depth


def in_words(refused: Refused) -> dict[str, str]:
    """Why a record was refused, with the fields it was refused for, as JSON in both languages."""

    def said(lang: str, gap: str) -> str:
        parts = [f"{'.'.join(map(str, d.path))}: {d.message.pick(lang)}" for d in refused.details]
        return gap.join((refused.message.pick(lang), *parts))

    return {"zh": said("zh", "；"), "en": said("en", "; ")}


def given_by(tenant: Tenant, wanted: Mapping[str, Any], rid: int) -> dict[str, Any]:
    """What an action gives, read from the record made for it; nothing of one deleted meanwhile."""
    give = wanted.get("give") or {}
    if not give:
        return {}
    try:
        row = read(tenant, SYSTEM, wanted["form"], rid).row
    except Refused as refused:
        if refused.code != "not_found":
            raise
        return {}
    kinds = tenant.active().catalog.library.fields_of(wanted["form"]) or {}
    return {name: plain(row.get(field), kinds.get(field)) for name, field in give.items()}


def _failed(
    tenant: Tenant, one: Claimed, call: Mapping[str, Any], error: Exception, limit: int
) -> None:
    """It did not happen: try again later, at the service's own pace or the definition's."""
    pause = getattr(error, "after", None) or call.get("pause")
    status = outbox.fail(
        tenant.db,
        one,
        tenant.now_us(),
        outbox.words_of(error),
        limit=limit,
        pause=None if pause is None else int(float(pause) * SECOND),
    )
    _warn("effect failed", tenant, one, status, error)


def _doubtful(tenant: Tenant, one: Claimed, error: Exception, limit: int) -> None:
    told = isinstance(error, Unknown | TryAgain | NotServed)
    text = outbox.words_of(error) if told else outbox.unexpected(error)
    outbox.unknown(tenant.db, one, tenant.now_us(), text, limit=limit)
    _warn("effect unknown", tenant, one, "unknown", error)


def _warn(what: str, tenant: Tenant, one: Claimed, status: str, error: Exception) -> None:
    log.warning(
        what,
        tenant=tenant.id,
        once=one.once,
        attempts=one.attempts,
        status=status,
        error=str(error),
    )
