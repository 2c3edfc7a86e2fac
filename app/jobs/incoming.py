"""Bring an event from outside to its record."""

from __future__ import annotations

import json

import structlog

from app.failpoints import reach
from app.hooks import TryAgain
from app.records import outbox
from app.records.incoming import find
from app.records.outbox import Claimed
from app.records.signals import arrive
from app.records.tenant import Tenant
from flows.events import Arrived

log = structlog.get_logger(__name__)

QUICK_ATTEMPTS = 5
QUICK_PAUSE = 1.0
"""The record an event names is usually saved within seconds: first looks follow closely."""


def run_event(tenant: Tenant, one: Claimed) -> None:
    """Find the record and tell it. Raises TryAgain where no record holds the key yet."""
    body = json.loads(one.payload)
    connection = tenant.active().catalog.connections.get(body["connection"])
    known = connection.events.get(body["event"]) if connection is not None else None
    settle = outbox.settling(one, tenant.now_us())
    if known is None:
        log.info("event nobody asked for", tenant=tenant.id, event_name=body["event"])
        outbox.finish(tenant.db, one, tenant.now_us())
        return
    found = find(tenant, known.form, known.field, body["key"])
    if found is None:
        pause = QUICK_PAUSE if one.attempts <= QUICK_ATTEMPTS else None
        raise TryAgain(
            f"no {known.form} holds {body['key']!r} in {known.field}",
            pause,
            zh=f"没有单据（{known.form}）的 {known.field} 为“{body['key']}”",
        )
    save = {
        tuple(field.split(".")): body["data"][part]
        for field, part in known.save.items()
        if part in body["data"]
    }
    reach("incoming.matched")
    name = f"{body['connection']}:{body['id']}"
    told = Arrived(body["event"], name, save, body["data"], found.rows)
    status = arrive(tenant, found.form, found.record, told, settle)
    log.info("event", tenant=tenant.id, event_name=body["event"], status=status)
