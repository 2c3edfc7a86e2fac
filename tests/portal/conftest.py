"""One world for a module of portal tests, on SQLite; with the real post."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.storage.databases import StorageSettings
from tests.portal.world import World, open_world
from tests.support.mailbox import Mailbox, mail_server
from tests.web.conftest import front_end_files

__all__ = ["front_end_files"]


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def world(tmp_path: Path, mailbox: Mailbox) -> Iterator[World]:
    opened = open_world(
        StorageSettings(folder=tmp_path / "data"), tmp_path, ("acme", "other"), mailbox
    )
    for kept in (mailbox.letters, mailbox.raw, mailbox.recipients):
        kept.clear()
    yield opened
    opened.tenants.close()
