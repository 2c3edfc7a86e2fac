"""The webhook: signed, at least once, to nobody inside."""

from __future__ import annotations

import json
import time

import pluggy
import pytest

from app.hooks import TryAgain, call_one, load_plugins
from plugins.signing import HEADER, holds
from tests.plugins.conftest import Receiver


def _send(plugins: pluggy.PluginManager, url: str):
    call = {
        "key": "k1",
        "use": "webhook.send",
        "arguments": {"what": "退货"},
        "settings": {"url": url},
        "secrets": {"key": "s3cret"},
        "form": "claim",
        "record": "0000000000001",
    }
    return call_one(plugins, "plugins.webhook", "run_action", {"tenant": "acme", "call": call})


def test_a_webhook_is_signed_and_bears_its_key(
    plugins: pluggy.PluginManager, receiver: Receiver
) -> None:
    assert _send(plugins, receiver.url) == {"outcome": "done", "data": {"status": 204}}
    ((headers, body),) = receiver.got
    assert holds("s3cret", headers[HEADER], body, time.time())
    assert not holds("s3cret", headers[HEADER], body + b" ", time.time())
    assert headers["idempotency-key"] == "k1"
    assert json.loads(body) == {
        "tenant": "acme",
        "form": "claim",
        "record": "0000000000001",
        "data": {"what": "退货"},
    }


def test_what_the_receiver_says_decides_what_follows(
    plugins: pluggy.PluginManager, receiver: Receiver
) -> None:
    for status in (500, 503, 429):
        receiver.status = status
        with pytest.raises(TryAgain):
            _send(plugins, receiver.url)
    receiver.status = 410
    assert _send(plugins, receiver.url)["outcome"] == "failed.refused"


def test_an_author_cannot_have_it_reach_inside(receiver: Receiver) -> None:
    closed = load_plugins([])
    told = _send(closed, receiver.url)
    assert told["outcome"] == "failed.refused" and "outgoing.allow" in told["message"]
    assert receiver.got == []
