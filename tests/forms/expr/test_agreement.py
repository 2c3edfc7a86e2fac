"""Closures, the reference, SQLite and PostgreSQL agree about random expressions and rows."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from .agreement import agree
from .generated import expressions
from .world import World, worlds

SEEDS = (1, 2)
DIALECTS = ("sqlite", "postgres")
# RETURNFLOW_LONG=1 makes a long run of it.
EXAMPLES = 5_000 if os.environ.get("RETURNFLOW_LONG") else 300


@pytest.fixture(scope="module")
def made(postgres_url: str) -> Iterator[dict[int, World]]:
    with worlds(SEEDS, postgres_url) as found:
        yield found


@pytest.mark.parametrize("seed", SEEDS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(source=expressions())
def test_random_expressions_agree(made: dict[int, World], seed: int, source: str) -> None:
    agree(source, made[seed], DIALECTS)
