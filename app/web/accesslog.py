"""A log line for each request, and numbers for Prometheus. Never a body, a query or a cookie."""

from __future__ import annotations

import time

import structlog
from flask import Flask, Response
from flask.globals import app_ctx, request_ctx
from prometheus_client import CollectorRegistry, Counter, Histogram

from app.web.tenancy import TENANT_KEY

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
log = structlog.get_logger("returnflow.access")


class Numbers:
    """Counters of this process. Routes are labels, tenants and records never are."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "returnflow_requests_total",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "returnflow_request_seconds",
            "Time to answer a request",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )


def init_accesslog(app: Flask) -> None:
    """Time every request, log it and count it."""
    app.extensions["numbers"] = Numbers()
    app.after_request(_write)


def _write(response: Response) -> Response:
    asked, about = request_ctx.request, app_ctx.g
    ended = time.perf_counter()
    took = ended - about.get("began", ended)
    route = asked.url_rule.rule if asked.url_rule is not None else "(none)"
    method = asked.method if asked.method in _METHODS else "other"
    numbers: Numbers = app_ctx.app.extensions["numbers"]
    numbers.requests.labels(method, route, str(response.status_code)).inc()
    numbers.seconds.labels(route).observe(took)
    if asked.endpoint == "static":
        return response
    actor = about.get("actor")
    log.info(
        "request",
        method=asked.method,
        path=asked.path,
        status=response.status_code,
        ms=round(took * 1000, 1),
        tenant=asked.environ.get(TENANT_KEY, ""),
        user=None if actor is None else actor.user_id,
        via=None if actor is None else actor.via,
        request_id=about.get("request_id", ""),
    )
    return response
