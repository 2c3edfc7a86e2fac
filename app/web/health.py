"""Is the process alive, can it work, how is it doing: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import os
import time
from threading import Lock

import structlog
from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.config import Config
from app.records.tenant import Tenants

log = structlog.get_logger("returnflow.web")

LOOKED_AT = 20
"""Tenants asked at the most: a probe must stay cheap with a thousand of them."""
KEPT_SECONDS = 2.0


class Readiness:
    """Whether the tenants' databases answer and have an active release; kept for two seconds."""

    def __init__(self, config: Config, tenants: Tenants) -> None:
        self._names = sorted(config.tenants)[:LOOKED_AT]
        self._tenants = tenants
        self._lock = Lock()
        self._seen = (float("-inf"), 0)

    def failing(self) -> int:
        """How many tenants cannot be served."""
        with self._lock:
            at, found = self._seen
            if time.monotonic() - at > KEPT_SECONDS:
                found = sum(not self._answers(name) for name in self._names)
                self._seen = (time.monotonic(), found)
            return found

    def _answers(self, name: str) -> bool:
        try:
            database = self._tenants.installation.open(name)
            rows = database.query("SELECT release_no FROM rf_state WHERE one = 1")
        except Exception as error:  # whatever it is, the answer is "not ready"; the log says why
            log.warning("not ready", tenant=name, error=repr(error))
            return False
        return bool(rows and rows[0][0])


def create_health(config: Config, tenants: Tenants) -> Blueprint:
    """The three addresses of the installation itself."""
    pages = Blueprint("health", __name__)
    readiness = Readiness(config, tenants)
    allowed = frozenset(config.names("metrics.allow"))
    believed = bool(config.names("web.proxies"))

    @pages.get("/healthz")
    def healthz() -> Response:
        return _text('{"status": "ok"}')

    @pages.get("/readyz")
    def readyz() -> Response:
        failing = readiness.failing()
        if failing:
            return _text(f'{{"status": "not_ready", "failing": {failing}}}', 503)
        return _text('{"status": "ready"}')

    @pages.get("/metrics")
    def metrics() -> Response:
        # An unknown proxy in front makes everybody look local: then nobody is.
        forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        if request.remote_addr not in allowed or (forwarded and not believed):
            abort(404)
        registry: CollectorRegistry = current_app.extensions["numbers"].registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # several web processes
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return pages


def _text(body: str, status: int = 200) -> Response:
    return Response(body, status=status, mimetype="application/json")
