"""Deliver the outbox: claim, run the effect outside any transaction, finish under the fence.

An event is first split into one row a listener, so each plugin has its own attempts and one that
fails does not make the others hear the same event again.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import structlog

from app import hooks
from app.failpoints import reach
from app.hooks import TryAgain
from app.jobs import notify, portal, reporting
from app.jobs.calls import run_call
from app.jobs.connect import Outside
from app.jobs.incoming import run_event
from app.jobs.messaging import deliver_message
from app.jobs.posting import Doubtful
from app.jobs.starts import run_ended, run_start
from app.records import incoming, outbox
from app.records.outbox import Claimed
from app.records.signals import changed
from app.records.tenant import Tenant
from app.records.transition import Lost
from app.records.waiting import watchers
from forms.values import encode_id, new_id

log = structlog.get_logger(__name__)

RECORD = "record"
LISTENER = "record:"
"""Topics: what happened to a record, and the same for one plugin (`record:<plugin>`)."""

PORTION = 500
"""Records told at a time that what they wait for has changed: other writers get in between."""

AT_ONCE = 8
"""Effects claimed at a time: others may take the rest meanwhile."""


def deliver(tenant: Tenant, outside: Outside, stopping: Callable[[], bool] = lambda: False) -> int:
    """Deliver what is due for the tenant until nothing is or `stopping` says so; how many effects
    were run or given up. What was claimed and not begun by then is free for others at once."""
    count = 0
    while not stopping():
        claimed = outbox.claim(tenant.db, tenant.now_us(), limit=AT_ONCE)
        if not claimed:
            return count
        reach("outbox.claimed")
        for number, one in enumerate(claimed):
            if number and stopping():
                outbox.give_back(tenant.db, claimed[number:])
                return count
            _deliver_one(tenant, outside, one)
            count += 1
    return count


def _deliver_one(tenant: Tenant, outside: Outside, one: Claimed) -> None:
    try:
        _run(tenant, outside, one)
    except Lost:
        log.info("effect taken over by another worker", tenant=tenant.id, once=one.once)
    except outbox.GiveUp as error:
        outbox.give_up(tenant.db, one, tenant.now_us(), outbox.words_of(error))
        log.warning("effect given up", tenant=tenant.id, once=one.once, error=str(error))
    except Doubtful as error:
        outbox.unknown(tenant.db, one, tenant.now_us(), outbox.words_of(error), limit=0)
        log.warning("letter in doubt", tenant=tenant.id, once=one.once, error=str(error))
    except Exception as error:  # whatever a plugin raises, the row keeps it and is tried again
        again = isinstance(error, TryAgain)
        after = error.after if isinstance(error, TryAgain) else None
        status = outbox.fail(
            tenant.db,
            one,
            tenant.now_us(),
            outbox.words_of(error) if again else outbox.unexpected(error),
            pause=None if after is None else int(after * 1_000_000),
        )
        log.warning(
            "effect failed",
            tenant=tenant.id,
            topic=one.topic,
            once=one.once,
            attempts=one.attempts,
            status=status,
            error=str(error),
        )


def _run(tenant: Tenant, outside: Outside, one: Claimed) -> None:
    """Run an effect; whoever runs it finishes its row."""
    if one.topic != "call" and one.attempts > outbox.MAX_ATTEMPTS:
        raise outbox.GiveUp(*outbox.NOBODY_CAME_BACK)
    match one.topic:
        case "call":
            run_call(tenant, one, outside)
        case "start":
            run_start(tenant, one)
        case "ended":
            run_ended(tenant, one)
        case incoming.TOPIC:
            run_event(tenant, one)
        case "changed":
            changed(tenant, one.form, one.record_id, outbox.settling(one, tenant.now_us()))
        case "record":
            _fan_out(tenant, outside, one)
        case notify.TOPIC:
            deliver_message(tenant, one, outside.post)
            reach("notify.sent")
            outbox.finish(tenant.db, one, tenant.now_us())
        case reporting.TOPIC:
            reporting.send_report(tenant, one, outside.post)
            outbox.finish(tenant.db, one, tenant.now_us())
        case portal.TOPIC:
            portal.send_code(tenant, one, outside.post.mail, outside.post.secret)
            outbox.finish(tenant.db, one, tenant.now_us())
        case _:
            _listen(tenant, outside, one)
            outbox.finish(tenant.db, one, tenant.now_us())


def _fan_out(tenant: Tenant, outside: Outside, one: Claimed) -> None:
    """A record's event: conditions that rest on it look again, listeners and people are told; each
    by a row of its own, so that one that fails holds up no other."""
    body = json.loads(one.payload)
    moved = [(what, key) for what, key in body.get("moved", ())] + [(one.form, one.record_id)]
    now = tenant.now_us()
    resting = [
        (
            outbox.INSERT_ONCE,
            (new_id(), f"{one.once}:changed:{key}:{rid}", "changed", key, rid, "{}", now, now),
        )
        for key, rid in watchers(tenant.db, moved)
        if (key, rid) != (one.form, one.record_id)
    ]
    names = hooks.listeners(outside.plugins, "record_event")
    topics = [(LISTENER + name, new_id()) for name in names]
    told = notify.planned(tenant, one, outside.post)
    while len(resting) > PORTION:  # who waits is found again should this be cut off: no harm
        with tenant.db.write() as tx:
            for sql, params in resting[:PORTION]:
                tx.queue(sql, params)
        del resting[:PORTION]
    outbox.fan_out(tenant.db, one, topics, now, [*resting, *told])
    reach("event.fanned")


def _listen(tenant: Tenant, outside: Outside, one: Claimed) -> None:
    plugin = one.topic.removeprefix(LISTENER)
    if plugin == one.topic:
        raise LookupError(f"nobody delivers the topic {one.topic!r}")
    if plugin not in set(hooks.listeners(outside.plugins, "record_event")):
        raise LookupError(f"plugin {plugin!r} is not loaded; check the setting `plugins`")
    event = {
        **json.loads(one.payload),
        "key": one.once,
        "form": one.form,
        "record": encode_id(one.record_id),
    }
    hooks.call_one(outside.plugins, plugin, "record_event", {"tenant": tenant.id, "event": event})
