"""What a plugin may implement: every hook in one place, and how plugins are loaded.

A plugin is a module (or a folder with `__init__.py`) named in the setting `plugins`. It marks its
functions with `hookimpl` and gets plain values: no database handle, no definitions.

    from app.hooks import hookimpl

    @hookimpl
    def record_event(tenant, event):
        print(tenant, event["act"], event["form"], event["record"])
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping

import pluggy

PROJECT = "returnflow"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class PluginError(Exception):
    """A plugin named in the configuration cannot be loaded; the text says which and why."""


class Hooks:
    """The hooks. An implementation may leave out arguments it does not use."""

    @hookspec
    def record_event(self, tenant: str, event: Mapping[str, object]) -> None:
        """Called after a record was created, changed or deleted, outside any transaction.

        `tenant` is the tenant's id. `event` has `key` (str, the same on every attempt: use it to
        do nothing twice), `act` ("create", "update", "delete"), `form` (str), `record` (str, 13
        characters), `seq` (int, number of the journal entry), `release` (int) and `at` (int,
        microseconds UTC). An exception means "try again later", with growing pauses.
        """


def load_plugins(names: Iterable[str]) -> pluggy.PluginManager:
    """Import the named modules in order and register their hooks.

    Raises PluginError where a module cannot be imported or implements a hook wrongly.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    for name in names:
        try:
            manager.register(importlib.import_module(name), name=name)
        except ImportError as error:
            raise PluginError(
                f"plugin {name!r} cannot be imported ({error}); check the setting `plugins`"
            ) from error
        except pluggy.PluginValidationError as error:
            raise PluginError(f"plugin {name!r} implements a hook wrongly: {error}") from error
    return manager


def listeners(manager: pluggy.PluginManager, hook: str) -> Iterator[str]:
    """Names of the plugins that implement a hook, in the order they were registered."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        yield implementation.plugin_name


def call_one(
    manager: pluggy.PluginManager, plugin: str, hook: str, arguments: Mapping[str, object]
) -> None:
    """Call a hook of one plugin only; what it raises comes through."""
    others = [p for name, p in manager.list_name_plugin() if name != plugin and p is not None]
    manager.subset_hook_caller(hook, remove_plugins=others)(**arguments)
