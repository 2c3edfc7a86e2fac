"""Serve an action by making a record: stock as a ledger of records, a bank transfer as a task.

Settings of the connection: `form`; `values` (field → argument); `set` (field → constant); `wait`
(done only when the record's flow ends); `done` (ends that are a success, else every end is);
`give` (what the action gives → field of the record); `fails` (why a record is refused → code of the
failure: `{limit_reached: no_stock}`).

It has no database: it says which record is wanted, and the runtime makes it, once for a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.hooks import hookimpl


@hookimpl
def run_action(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask for a record of the form in the settings."""
    settings, arguments = call["settings"], call["arguments"]
    values = {
        field: arguments[name]
        for field, name in settings.get("values", {}).items()
        if arguments.get(name) is not None
    }
    return {
        "make": {
            "form": settings["form"],
            "values": {**values, **settings.get("set", {})},
            "wait": settings.get("wait", False) is True,
            "done": list(settings.get("done", ())),
            "give": dict(settings.get("give", {})),
            "fails": dict(settings.get("fails", {})),
        }
    }


@hookimpl
def ask_action(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record is made once for a key: asking for it again finds it."""
    return run_action(call)
