"""Log lines to the standard error stream, the same for every process: web, worker, command line."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from app.config import Config

_PLAIN = re.compile(r"[^\s\x00-\x1f\x7f\"=]*")

_processors: list[Any] = []
"""One list for the life of the process: loggers that were used before keep it."""


def init_logs(config: Config) -> None:
    """JSON objects, or key=value. Of a failure the trace alone is written, never the values of its
    variables: they may be passwords."""
    level = logging.getLevelNamesMapping().get(config.text("log.level").upper(), logging.INFO)
    shape = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if config.flag("log.json") else _line
    )
    _processors[:] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        shape,
    ]
    structlog.configure(
        processors=_processors,
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
