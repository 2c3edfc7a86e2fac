"""Deliver the outbox: claim, run the effect outside any transaction, finish under the fence.

An event is first split into one row a listener, so each plugin has its own attempts and one that
fails does not make the others hear the same event again.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pluggy
import structlog

from app import hooks
from app.jobs import notify, portal
from app.jobs.notify import NOWHERE, Post
from app.records import outbox
from app.records.tenant import Tenant
from forms.values import encode_id, new_id

log = structlog.get_logger(__name__)

EVENT = "record"
LISTENER = "record:"
"""Topics: what happened to a record, and the same for one plugin (`record:<plugin>`)."""


def deliver(
    tenant: Tenant,
    plugins: pluggy.PluginManager,
    stopping: Callable[[], bool] = lambda: False,
    post: Post = NOWHERE,
) -> int:
    """Deliver everything due for the tenant; how many effects were run or given up. `post` says
    how messages to people leave."""
    count = 0
    while not stopping():
        claimed = outbox.claim(tenant.db, tenant.now_us())
        if not claimed:
            return count
        for one in claimed:
            _deliver_one(tenant, plugins, one, post)
            count += 1
    return count


def _deliver_one(
    tenant: Tenant, plugins: pluggy.PluginManager, one: outbox.Claimed, post: Post
) -> None:
    try:
        if one.topic == EVENT:
            names = list(hooks.listeners(plugins, "record_event"))
            topics = [(LISTENER + name, new_id()) for name in names]
            told = notify.planned(tenant, one, post)
            outbox.fan_out(tenant.db, one, topics, tenant.now_us(), told)
            return
        if one.topic == notify.TOPIC:
            notify.deliver_message(tenant, one, post)
        elif one.topic == portal.TOPIC:
            portal.send_code(tenant, one, post.mail, post.secret)
        else:
            _run(tenant, plugins, one)
    except outbox.GiveUp as error:
        outbox.give_up(tenant.db, one, tenant.now_us(), str(error))
        log.warning("effect given up", tenant=tenant.id, once=one.once, error=str(error))
    except Exception as error:  # whatever a plugin raises, the row keeps it and is tried again
        status = outbox.fail(tenant.db, one, tenant.now_us(), f"{type(error).__name__}: {error}")
        log.warning(
            "effect failed",
            tenant=tenant.id,
            topic=one.topic,
            once=one.once,
            attempts=one.attempts,
            status=status,
            error=str(error),
        )
    else:
        outbox.finish(tenant.db, one, tenant.now_us())


def _run(tenant: Tenant, plugins: pluggy.PluginManager, one: outbox.Claimed) -> None:
    plugin = one.topic.removeprefix(LISTENER)
    if plugin == one.topic:
        raise LookupError(f"nobody delivers the topic {one.topic!r}")
    if plugin not in set(hooks.listeners(plugins, "record_event")):
        raise LookupError(f"plugin {plugin!r} is not loaded; check the setting `plugins`")
    event = {
        **json.loads(one.payload),
        "key": one.once,
        "form": one.form,
        "record": encode_id(one.record_id),
    }
    hooks.call_one(plugins, plugin, "record_event", {"tenant": tenant.id, "event": event})
