"""A log line for each request, and numbers for Prometheus. Never a body, a query or a cookie."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Flask, Response
from flask.globals import app_ctx, request_ctx
from prometheus_client import CollectorRegistry, Counter, Histogram

from app.config import Config
from app.web.tenancy import TENANT_KEY

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PLAIN = re.compile(r"[^\s\x00-\x1f\x7f\"=]*")
log = structlog.get_logger("returnflow.access")


def init_logs(config: Config) -> None:
    """Lines to the standard error stream: JSON objects, or key=value."""
    level = logging.getLevelNamesMapping().get(config.text("log.level").upper(), logging.INFO)
    shape = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if config.flag("log.json") else _line
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
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=True,
    )


class _Stderr:
    """Writes to what is the standard error stream at that moment."""

    def msg(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = exception = log = msg


def _line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """key=value pairs on one line; a value with anything unusual in it is quoted."""
    order = ("timestamp", "level", "event")
    first = [(key, event.pop(key)) for key in order if key in event]
    return " ".join(f"{key}={_word(value)}" for key, value in (*first, *event.items()))


def _word(value: Any) -> str:
    if value is None or type(value) is int or type(value) is float:
        return "" if value is None else repr(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=True)


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
