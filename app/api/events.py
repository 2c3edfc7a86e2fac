"""Events in: services outside tell what happened, signed; nobody has to be signed in."""

from __future__ import annotations

import time
from typing import Any

import structlog
from flask import Blueprint, Response, abort, current_app, g, request

from app.api.entry import answer
from app.hooks import call_one
from app.jobs.connect import NotServed, Outside
from app.records import incoming

log = structlog.get_logger(__name__)

LARGEST = 256 * 1024
MOST = 100
"""Events in one request."""


def add_events(api: Blueprint) -> None:
    """`/events/<connection>`."""
    api.post("/events/<connection>")(receive)


def receive(connection: str) -> Response:
    """Keep events whose signature holds. An unknown connection and a wrong signature are answered
    alike, 401: the sender learns neither."""
    request.max_content_length = LARGEST
    events = _events(connection, request.get_data())
    if events is None:
        abort(401)
    if len(events) > MOST:
        abort(413)
    known = g.tenant.active().catalog.connections[connection]
    return answer({"accepted": incoming.keep(g.tenant, known, events)}, 202)


def _events(connection: str, body: bytes) -> Any:
    outside: Outside = current_app.extensions["outside"]
    found = g.tenant.active().catalog.connections.get(connection)
    reader = outside.plugin(found, "receive_event") if found is not None else None
    if found is None or reader is None:
        return None
    try:
        connected = outside.connected(g.tenant.id, found)
    except NotServed as error:
        log.warning("events cannot be judged", connection=connection, error=str(error))
        return None
    headers = {name.lower(): value for name, value in request.headers.items()}
    asked = {"headers": headers, "body": body, "at": time.time()}
    arguments = {"tenant": g.tenant.id, "connection": connected, "request": asked}
    try:
        return call_one(outside.plugins, reader, "receive_event", arguments)
    except Exception:
        log.exception("a plugin failed to read events", connection=connection)
        return None
