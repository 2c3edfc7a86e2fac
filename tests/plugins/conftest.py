"""Plugins as the worker loads them, and the sandboxes they talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pluggy
import pytest

from app.hooks import load_plugins
from tests.support.sandboxes import Sandbox, allow, running


@pytest.fixture
def plugins() -> Iterator[pluggy.PluginManager]:
    yield load_plugins([], allow())
    load_plugins([])


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running("payment_sandbox", tmp_path_factory.mktemp("bank") / "ledger.jsonl") as box:
        yield box


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running("carrier_sandbox", tmp_path_factory.mktemp("carrier") / "ledger.jsonl") as box:
        yield box
