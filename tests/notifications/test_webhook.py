"""A notification's webhook, from the record to the receiver: signed, checked, tried again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import load_config
from app.hooks import load_plugins
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from forms.values import encode_id
from plugins.signing import HEADER, holds
from tests.notifications.world import World, notification
from tests.plugins.conftest import Receiver, receiver

__all__ = ["receiver"]

SECRET = "hook key of the test"
INSIDE = "outgoing: {allow: [127.0.0.0/8]}\n"


def _publish(world: World, url: str) -> None:
    connection = {
        "packs/shop/connections/hook.yaml": (
            "connection: hook\nlabel: Hook\nplugin: webhook\n"
            f'settings: {{url: "{url}", timeout: 2}}\nsecrets: {{key: hook_key}}\n'
            "serves: {webhook: true}\n"
        )
    }
    text = {"subject": {"zh": "已收到 {number}", "en": "Received {number}"}, "body": "{contact}"}
    to = [{"user": "ann"}, {"user": "wang"}]
    told = notification("got", channels=["hook"], to=to, text=text)
    world.publish(connection, told)


def _work(world: World, folder: Path, text: str, minutes: float = 0) -> None:
    """What the worker does, configured by a real file."""
    world.clock.pass_by(minutes=minutes)
    path = folder / "config.yaml"
    secrets = f"tenants: {{{world.tenant.id}: {{secrets: {{hook_key: {SECRET}}}}}}}\n"
    path.write_text(text + secrets)
    deliver(world.tenant, Outside.of(load_config(path, {})))


@pytest.fixture(autouse=True)
def _plain_plugins() -> Iterator[None]:
    yield
    load_plugins([])


def test_it_arrives_signed_with_its_key_once_for_the_event(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    _publish(world, receiver.url)
    rid = world.claim(contact="Li")
    _work(world, tmp_path, INSIDE)
    ((headers, body),) = receiver.got
    assert holds(SECRET, headers[HEADER], body, time.time())
    assert not holds("another key", headers[HEADER], body, time.time())
    told = json.loads(body)
    assert told["data"] == {
        "key": headers["idempotency-key"],
        "tenant": world.tenant.id,
        "form": "claim",
        "record": encode_id(rid),
        "notification": "got",
        "lang": "zh",
        "subject": "已收到 C0001",
        "body": "Li",
        "link": "",
    }
    assert world.outbox("status") == [("done",)]
    _work(world, tmp_path, INSIDE, minutes=10)
    assert len(receiver.got) == 1


def test_a_receiver_that_fails_is_told_again_under_the_same_key(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    _publish(world, receiver.url)
    world.claim()
    receiver.status = 503
    for _ in range(2):
        _work(world, tmp_path, INSIDE, minutes=10)
    assert world.outbox("status, attempts") == [("ready", 2)]
    receiver.status = 204
    _work(world, tmp_path, INSIDE, minutes=30)
    assert world.outbox("status, attempts") == [("done", 3)]
    assert len({headers["idempotency-key"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1


def test_an_address_inside_gets_nothing_and_the_operator_is_told_why(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    _publish(world, receiver.url)
    world.claim()
    _work(world, tmp_path, "")
    assert receiver.got == []
    ((status, why),) = world.outbox()
    assert status == "dead" and "outgoing.allow" in why


def test_a_receiver_that_refuses_for_good_is_told_once(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    _publish(world, receiver.url)
    world.claim()
    receiver.status = 410
    for _ in range(3):
        _work(world, tmp_path, INSIDE, minutes=60)
    assert len(receiver.got) == 1
    ((status, why),) = world.outbox()
    assert status == "dead" and why.startswith("410")
