"""A log line for each request, and numbers for Prometheus. Never a body, a query or a cookie."""

from __future__ import annotations

import logging
import sys
import time

import structlog
from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram

from app.config import Config
from app.web.tenancy import TENANT_KEY

log = structlog.get_logger("returnflow.access")


def init_logs(config: Config) -> None:
    """Lines to the standard error stream: JSON objects, or key=value."""
    level = logging.getLevelNamesMapping().get(config.text("log.level").upper(), logging.INFO)
    shape = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if config.flag("log.json")
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


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


def start_clock() -> None:
    """Remember when the request began."""
    g.began = time.perf_counter()


def _write(response: Response) -> Response:
    took = time.perf_counter() - g.get("began", time.perf_counter())
    route = request.url_rule.rule if request.url_rule is not None else "(none)"
    numbers: Numbers = current_app.extensions["numbers"]
    numbers.requests.labels(request.method, route, str(response.status_code)).inc()
    numbers.seconds.labels(route).observe(took)
    if request.endpoint == "static":
        return response
    actor = g.get("actor")
    log.info(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        ms=round(took * 1000, 1),
        tenant=request.environ.get(TENANT_KEY, ""),
        user=None if actor is None else actor.user_id,
        via=None if actor is None else actor.via,
        request_id=g.get("request_id", ""),
    )
    return response
