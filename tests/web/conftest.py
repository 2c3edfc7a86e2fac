"""The house the page tests share, on SQLite: pages know nothing of the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from werkzeug.serving import make_server

from app.storage.databases import StorageSettings
from app.web import assets
from tests.web.house import House, open_house


@pytest.fixture(scope="session", autouse=True)
def front_end_files() -> None:
    """Pages link to files that `python -m app.web.assets` puts in place."""
    assets.build()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for a module: its tests add records of their own and count on no others."""
    folder: Path = tmp_path_factory.mktemp("house")
    opened = open_house(StorageSettings(folder=folder / "data"), folder, "acme")
    yield opened
    opened.tenants.close()


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    """The house served on a free port of this machine: the tenant's address."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/t/{house.name}"
    server.shutdown()
    thread.join(5)
