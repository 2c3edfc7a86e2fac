"""docs/plugins.md names every hook with its arguments, and its example loads."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pluggy
import pytest

from app import capabilities
from app.hooks import BUILT_IN, Hooks, PluginError, hookimpl, load_plugins, plugin_named
from app.jobs.connect import Outside
from app.jobs.notify import NOWHERE

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")


def hooks() -> dict[str, tuple[str, ...]]:
    manager = pluggy.PluginManager("returnflow")
    manager.add_hookspecs(Hooks)
    names = [name for name in vars(Hooks) if not name.startswith("_")]
    return {name: getattr(manager.hook, name).spec.argnames for name in names}


def test_every_hook_is_on_the_page_with_its_arguments() -> None:
    for name, arguments in hooks().items():
        told = ", ".join(argument for argument in arguments if argument != "self")
        assert f"| `{name}({told})` |" in PAGE, name
        assert getattr(Hooks, name).__doc__, name


def test_every_built_in_plugin_is_on_the_page() -> None:
    for name in BUILT_IN:
        assert f"| `{name.rpartition('.')[2]}` |" in PAGE, name


def test_the_example_is_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    module = types.ModuleType("acme_warehouse")
    exec(text, module.__dict__)
    monkeypatch.setitem(sys.modules, "acme_warehouse", module)
    monkeypatch.setattr(capabilities, "_known", dict(capabilities.STANDARD))
    manager = load_plugins(["acme_warehouse"])
    assert plugin_named(manager, "acme_warehouse", "run_action") == "acme_warehouse"
    assert capabilities.known()["wms"].actions["book"].gives == {"place": "text"}


def test_a_bad_capability_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("acme_bad")
    module.capabilities = hookimpl(lambda: [capabilities.Capability("payment", {})])
    monkeypatch.setitem(sys.modules, "acme_bad", module)
    with pytest.raises(PluginError, match="already known"):
        load_plugins(["acme_bad"])


def test_no_plugin_is_behind_an_unknown_name() -> None:
    outside = Outside(load_plugins([]), lambda tenant: {}, NOWHERE)
    assert plugin_named(outside.plugins, "nobody", "run_action") is None
    assert plugin_named(outside.plugins, "records", "receive_event") is None
