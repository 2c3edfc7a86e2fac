"""The shop that most tests of the API work in: one for a module on each database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.records.tenant import Tenants
from app.storage.databases import Installation, StorageSettings
from tests.api.shop import Shop, config_of, open_shop

OpenShop = Callable[[StorageSettings, Path, str], Shop]


@pytest.fixture(scope="module")
def shops() -> Iterator[dict[str, Shop]]:
    """The shops of a module's tests, by the name of the database."""
    opened: dict[str, Shop] = {}
    yield opened
    for shop in opened.values():
        shop.tenants.close()


@pytest.fixture
def shop(
    backend: str,
    shops: dict[str, Shop],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Shop:
    """Two tenants with the pack `returns`, people, and records in the first.

    The tests of a module share it: they add records of their own and count on no others.
    """
    if backend not in shops:
        folder = tmp_path_factory.mktemp("shop")
        url = "sqlite" if backend == "sqlite" else request.getfixturevalue("postgres_url")
        name = f"s{os.getpid()}_{request.module.__name__.rpartition('test_')[2]}"
        names = (f"{name}_one", f"{name}_two")
        tenants = Tenants(Installation(StorageSettings(folder=folder, url=url)))
        shops[backend] = open_shop(config_of(folder, names, "data_dir: data"), tenants, names)
    return shops[backend]
