"""The shop of the use cases, and the till with its bank, for the jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.storage.databases import Installation
from tests.jobs.world import World
from tests.records.conftest import shop
from tests.support.sandboxes import Sandbox, running

__all__ = ["shop"]


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running("payment_sandbox", tmp_path_factory.mktemp("bank") / "ledger.jsonl") as box:
        yield box


@pytest.fixture
def world(installation: Installation, tenant_id: str, bank: Sandbox) -> Iterator[World]:
    yield World.of(installation, tenant_id, bank)
    bank.tell(always="")
