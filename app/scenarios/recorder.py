"""A connector that only writes down what it was asked: nothing a scenario does leaves the house."""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pluggy

from app.capabilities import action, known
from app.catalog.model import Catalog
from app.hooks import BUILT_IN, PROJECT, Hooks, hookimpl
from app.jobs.connect import Outside
from app.jobs.notify import Post
from app.letters import MailSettings

DONE = "done"
NAMES = "recorded"
REAL = "records"
"""The one plugin that reaches nothing outside: it makes records."""


@dataclass(slots=True)
class Recorder:
    """Stands for every plugin that reaches outside. `answers`: action → what its next calls come
    to, `done` where nothing is said."""

    now: Callable[[], datetime]
    answers: dict[str, deque[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    given: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def expect(self, use: str, outcomes: list[str]) -> None:
        """What the next calls of an action come to."""
        self.answers.setdefault(use, deque()).extend(outcomes)

    def run_action(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write the call down and answer; the same key gets the same answer."""
        before = self.given.get(call["key"])
        if before is not None:
            return before
        use = str(call["use"])
        self.calls.append(use)
        waiting = self.answers.get(use)
        outcome = waiting.popleft() if waiting else DONE
        data = self._data(use) if outcome == DONE else {}
        self.given[call["key"]] = {"outcome": outcome, "data": data}
        return self.given[call["key"]]

    def ask_action(self, call: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What was answered before."""
        return self.given.get(call["key"])

    def _data(self, use: str) -> dict[str, Any]:
        spec = action(known(), use)
        made = len(self.calls)
        values: dict[str, Any] = {}
        for name, kind in (spec.gives if spec is not None else {}).items():
            values[name] = self.now().isoformat() if kind == "datetime" else f"{name}-{made}"
        return values


def nowhere(recorder: Recorder, catalog: Catalog, folder: Path) -> Outside:
    """How effects of a played tenant leave: records are made for real, letters are kept in a folder
    that goes with the tenant, everything else is written down."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    real = {REAL: next(name for name in BUILT_IN if name.endswith(f".{REAL}"))}
    for name in real.values():
        manager.register(importlib.import_module(name), name=name)
    names = {one.plugin for one in catalog.connections.values()} - {*real, ""}
    for name in sorted(names):
        manager.register(_Door(recorder), name=f"{NAMES}.{name}")
    secrets = {
        secret: secret for one in catalog.connections.values() for secret in one.secrets.values()
    }
    post = Post(MailSettings(folder=folder), lambda tenant: f"https://{tenant}.example")
    return Outside(manager, lambda tenant: secrets, post)


class _Door:
    """One plugin's name for the recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    @hookimpl
    def run_action(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """As the recorder."""
        return self._recorder.run_action(call)

    @hookimpl
    def ask_action(self, call: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """As the recorder."""
        return self._recorder.ask_action(call)
