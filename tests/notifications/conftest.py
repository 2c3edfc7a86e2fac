"""A world to tell people things in, and a mail server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.jobs.notify import Post
from app.storage.databases import Installation
from tests.notifications.world import World, open_world
from tests.support.mailbox import Mailbox, mail_server


@pytest.fixture
def world(installation: Installation, tenant_id: str) -> World:
    return open_world(installation, tenant_id)


@pytest.fixture
def mailbox(world: World) -> Iterator[Mailbox]:
    with mail_server() as box:
        world.post = Post(box.settings(), lambda tenant: "https://x.test")
        yield box
