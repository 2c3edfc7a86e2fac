"""What a plugin may implement: every hook in one place, and how plugins are loaded.

A plugin is a module (or a folder with `__init__.py`) named in the setting `plugins`. It marks its
functions with `hookimpl` and gets plain values: no database handle, no definitions. In definitions
a plugin goes by the last part of its module's name: `plugins.webhook` is `plugin: webhook`.

    from app.hooks import hookimpl

    @hookimpl
    def record_event(tenant, event):
        print(tenant, event["act"], event["form"], event["record"])
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pluggy

from app.capabilities import Capability, offer

PROJECT = "returnflow"

BUILT_IN = (
    "plugins.records",
    "plugins.mail",
    "plugins.webhook",
    "plugins.payment_sandbox",
    "plugins.carrier_sandbox",
)
"""Plugins that are always there; a tenant uses one by a connection that names it."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class PluginError(Exception):
    """A plugin named in the configuration cannot be loaded; the text says which and why."""


class TryAgain(Exception):
    """It certainly did not happen, and may work later: nobody answers, the service is busy.

    `after`: seconds to wait, where the service says so. `zh`: the same in Chinese.
    """

    def __init__(self, message: str, after: float | None = None, *, zh: str = "") -> None:
        super().__init__(message)
        self.after = after
        self.zh = zh


class Unknown(Exception):
    """Nobody knows whether it happened: the answer did not come. It is asked about
    (`ask_action`) before anything else is done, and never sent again blindly. `zh`: the same in
    Chinese."""

    def __init__(self, message: str, *, zh: str = "") -> None:
        super().__init__(message)
        self.zh = zh


class Hooks:
    """The hooks. An implementation may leave out arguments it does not use."""

    @hookspec
    def configure(self, settings: Mapping[str, object]) -> None:
        """Called once in each process, before any other hook.

        `settings` are the operator's, by dotted name: `data_dir` (str), `outgoing.allow` (tuple of
        what connectors may reach although it is not public), `sandbox.payment`,
        `sandbox.carrier` (addresses of the sandboxes, "" for none), `sandbox.key` (str), and
        `mail.host`, `mail.port`, `mail.user`, `mail.password`, `mail.tls`, `mail.from`.
        """

    @hookspec
    def capabilities(self) -> Sequence[Capability]:  # type: ignore[empty-body]
        """Give the capabilities this plugin adds to the standard ones (`app.capabilities`)."""

    @hookspec
    def run_action(self, tenant: str, call: Mapping[str, Any]) -> Mapping[str, Any]:  # type: ignore[empty-body]
        """Run an action for a connection that names this plugin. Called outside any transaction.

        `call` has `key` (str, the same on every attempt: give it to the service as its idempotency
        key), `use` ("payment.refund"), `arguments` (plain values, see `app.capabilities.TYPES`),
        `connection` (its id), `settings`, `secrets` (name → value), `form` (str), `record` (str,
        13 characters), `attempt` (int, from 1; from 1 anew when a person has it tried again),
        `undo_of` (the key it takes back, or ""), `events_url` (where events of this connection are
        posted to).

        Give {"outcome": "done", "data": {…}} or {"outcome": "failed.<code>", "data": {…},
        "message": str}; or {"make": {"form", "values", "wait", "outcomes"}} to have a record made
        (see plugins/records). Raise TryAgain where it certainly did not happen, Unknown where
        nobody knows. Any other exception counts as Unknown.
        """

    @hookspec
    def ask_action(self, tenant: str, call: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Find out by `call["key"]` what became of an attempt nobody knows about.

        Give what `run_action` would have given; None where it certainly did not happen, so that it
        is run again. Raise Unknown or TryAgain where the service cannot say now. A plugin without
        this hook leaves such calls to people.
        """

    @hookspec
    def receive_event(
        self, tenant: str, connection: Mapping[str, Any], request: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]] | None:
        """Judge and read what came in at `/api/v1/events/<connection>`.

        `connection` has `id`, `settings`, `secrets`; `request` has `headers` (lower-case names →
        text), `body` (bytes), `at` (float, seconds since 1970). Give None where the signature is
        missing, wrong or too old: the sender learns nothing. Else a list of events, each with `id`
        (str, the same when it is sent again), `event` ("carrier.delivered"), `key` (str or int:
        what the record's field holds) and `data` (parts of the event).
        """

    @hookspec
    def record_event(self, tenant: str, event: Mapping[str, object]) -> None:
        """Called after a record was created, changed or deleted, outside any transaction.

        `tenant` is the tenant's id. `event` has `key` (str, the same on every attempt: use it to
        do nothing twice), `act` ("create", "update", "delete"), `form` (str), `record` (str, 13
        characters), `seq` (int, number of the journal entry), `release` (int) and `at` (int,
        microseconds UTC). An exception means "try again later", with growing pauses.
        """


def load_plugins(
    names: Iterable[str], settings: Mapping[str, object] | None = None
) -> pluggy.PluginManager:
    """Import the built-in and the named modules in order, register their hooks, configure them.

    Raises PluginError where a module cannot be imported, implements a hook wrongly or offers a
    malformed capability.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    for name in dict.fromkeys((*BUILT_IN, *names)):
        try:
            manager.register(importlib.import_module(name), name=name)
        except ImportError as error:
            raise PluginError(
                f"plugin {name!r} cannot be imported ({error}); check the setting `plugins`"
            ) from error
        except pluggy.PluginValidationError as error:
            raise PluginError(f"plugin {name!r} implements a hook wrongly: {error}") from error
    manager.hook.configure(settings=dict(settings or {}))
    for found in manager.hook.capabilities():
        try:
            offer(found)
        except ValueError as error:
            raise PluginError(f"a plugin's capability: {error}") from error
    return manager


def listeners(manager: pluggy.PluginManager, hook: str) -> Iterator[str]:
    """Names of the plugins that implement a hook, in the order they were registered."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        yield implementation.plugin_name


def plugin_named(manager: pluggy.PluginManager, short: str, hook: str) -> str | None:
    """The full name of the plugin a definition calls `short`, if it implements the hook."""
    for name in listeners(manager, hook):
        if name.rpartition(".")[2] == short:
            return name
    return None


def call_one(
    manager: pluggy.PluginManager, plugin: str, hook: str, arguments: Mapping[str, object]
) -> Any:
    """Call a hook of one plugin only; gives what it gives (None for nothing), raises what it
    raises."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin_name == plugin:
            wanted = {name: arguments[name] for name in implementation.argnames}
            return implementation.function(**wanted)
    raise LookupError(f"plugin {plugin!r} has no hook {hook}")
