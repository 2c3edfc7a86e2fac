"""A part of the crash matrix in every run; `make crash-matrix` runs all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.failpoints import NAMES
from tests.jobs.crash.faults import FAST, FAULTS
from tests.jobs.crash.matrix import run_cell, valkey
from tests.support.sandboxes import Sandbox, running

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running("payment_sandbox", tmp_path_factory.mktemp("bank") / "ledger.jsonl") as box:
        yield box


@pytest.mark.parametrize("fault", [one for one in FAULTS if one.id in FAST], ids=lambda f: f.id)
def test_one_refund_one_decision_nothing_lost(
    fault, backend: str, bank: Sandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = "sqlite" if backend == "sqlite" else request.getfixturevalue("postgres_url")
    assert run_cell(fault, tmp_path, bank, database, "sqlite") == []


def test_with_valkey_too(bank: Sandbox, tmp_path: Path) -> None:
    (fault,) = (one for one in FAULTS if one.id == "queue.lost")
    with valkey() as address:
        assert run_cell(fault, tmp_path, bank, "sqlite", address) == []


def test_every_fail_point_is_somewhere_and_every_one_is_tried() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "app").rglob("*.py"))
    tried = (Path(__file__).parent / "faults.py").read_text("utf-8")
    for name in NAMES:
        assert f'reach("{name}")' in code, name
        assert f'"{name}"' in tried, name
