"""E-mail as an action, over a real mail server: what arrives, what is refused, what comes later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pluggy
import pytest

from app.access.actor import SYSTEM
from app.hooks import TryAgain, Unknown, call_one, load_plugins
from app.jobs.connect import Outside
from app.jobs.notify import NOWHERE
from app.records.incidents import incidents, retry
from app.records.save import create
from app.storage.databases import Installation
from tests.jobs.world import World
from tests.support.mailbox import Mailbox, mail_server
from tests.support.sandboxes import Sandbox, allow

MAIL = "plugins.mail"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box
    load_plugins([])


def _settings(box: Mailbox) -> dict[str, object]:
    server = {"mail.host": box.host, "mail.port": box.port, "mail.tls": "none"}
    return allow({**server, "mail.from": "Shop <shop@shop.test>"})


@pytest.fixture
def plugins(mailbox: Mailbox) -> pluggy.PluginManager:
    return load_plugins([], _settings(mailbox))


def _run(
    plugins: pluggy.PluginManager, hook: str = "run_action", attempt: int = 1, **given: Any
) -> Any:
    arguments = {"to": "li@home.test", "subject": "退款", "body": "在路上", **given}
    call = {
        "key": "k1",
        "use": "mail.send",
        "arguments": arguments,
        "settings": {"reply_to": "desk@shop.test"},
        "secrets": {},
        "attempt": attempt,
    }
    return call_one(plugins, MAIL, hook, {"tenant": "acme", "call": call})


def test_a_letter_arrives_and_bears_the_same_id_on_every_attempt(
    plugins: pluggy.PluginManager, mailbox: Mailbox
) -> None:
    first, second = _run(plugins, name="李", lang="en"), _run(plugins)
    assert first["outcome"] == "done"
    assert first["data"]["message_id"] == second["data"]["message_id"]
    letter, again = mailbox.letters
    assert letter["Message-ID"] == again["Message-ID"] == first["data"]["message_id"]
    assert (letter["From"], letter["Reply-To"]) == ("Shop <shop@shop.test>", "desk@shop.test")
    assert (letter["Subject"], letter.get_content().strip()) == ("退款", "在路上")
    assert (letter["Content-Language"], again["Content-Language"]) == ("en", "zh-CN")


@pytest.mark.parametrize("to", ["", "nobody", "a@b.test, c@d.test", "a@b.test\r\nBcc: x@y.test"])
def test_what_is_no_address_is_a_failure_of_its_own(
    plugins: pluggy.PluginManager, mailbox: Mailbox, to: str
) -> None:
    assert _run(plugins, to=to)["outcome"] == "failed.bad_address"
    assert mailbox.letters == []


def test_nothing_typed_becomes_a_header(plugins: pluggy.PluginManager, mailbox: Mailbox) -> None:
    bad = "x\r\nBcc: evil@x.test"
    assert _run(plugins, subject=bad, name=bad, body=bad)["outcome"] == "done"
    assert mailbox.letters[0]["Bcc"] is None and mailbox.recipients == [["li@home.test"]]


def test_the_servers_answer_decides_what_follows(
    plugins: pluggy.PluginManager, mailbox: Mailbox
) -> None:
    mailbox.refusals = 1
    with pytest.raises(TryAgain, match="451: come back later"):
        _run(plugins)
    mailbox.refusals, mailbox.answer = 1, "554 no thanks"
    told = _run(plugins)
    assert told["outcome"] == "failed.refused" and "no thanks" in told["message"]
    mailbox.unknown = ("li@home.test",)
    assert _run(plugins)["outcome"] == "failed.refused"
    assert _run(plugins, to="wang@home.test")["outcome"] == "done"


def test_a_server_that_is_away_is_tried_again() -> None:
    with mail_server() as box:
        settings = _settings(box)
    plugins = load_plugins([], settings)
    with pytest.raises(TryAgain, match="cannot be used"):
        _run(plugins)
    load_plugins([])


def test_one_that_hangs_up_leaves_it_to_people(
    plugins: pluggy.PluginManager, mailbox: Mailbox
) -> None:
    mailbox.hangs_up = True
    with pytest.raises(Unknown, match="did not say whether it took"):
        _run(plugins)
    with pytest.raises(Unknown, match="look whether it arrived"):
        _run(plugins, "ask_action", attempt=2)
    assert _run(plugins, "ask_action", attempt=1) is None, "somebody looked, and has it sent again"


def test_a_letter_that_was_taken_is_taken_whatever_comes_after(
    plugins: pluggy.PluginManager, mailbox: Mailbox
) -> None:
    mailbox.rude = True
    assert _run(plugins)["outcome"] == "done"
    assert len(mailbox.letters) == 1


FLOW = """
flow: notice
stages: {open: {label: Open}, told: {label: Told}, failed: {label: Failed}}
steps:
  tell:
    stage: open
    do:
      tell:
        use: mail.send
        with: {to: email, subject: "concat('Hello ', name)", body: name, lang: "'en'"}
        save: {letter: message_id}
    next: {done: told, failed.bad_address: failed}
  told: {stage: told, end: told}
  failed: {stage: failed, end: failed}
"""
FORM = """
form: notice
label: Notice
title: "{name}"
fields:
  name: {type: text, required: true}
  email: {type: text, required: true}
  letter: {type: text}
"""


@pytest.fixture
def noticing(installation: Installation, tenant_id: str, bank: Sandbox, mailbox: Mailbox) -> World:
    """A tenant whose flow writes letters over the mail server."""
    pack = "packs/till"
    more = {
        f"{pack}/forms/notice.yaml": FORM,
        f"{pack}/flows/notice.yaml": FLOW,
        f"{pack}/connections/post.yaml": (
            "connection: post\nlabel: Post\nplugin: mail\nserves: {mail: true}\n"
        ),
    }
    world = World.of(installation, tenant_id, bank, more)
    world.outside = Outside(load_plugins([], _settings(mailbox)), lambda tenant: {}, NOWHERE)
    return world


def test_a_flow_writes_to_somebody_and_goes_on_by_what_came_of_it(
    noticing: World, mailbox: Mailbox
) -> None:
    world = noticing
    mailbox.refusals = 1
    good = create(world.tenant, SYSTEM, "notice", {"name": "Li", "email": "li@home.test"}).id
    bad = create(world.tenant, SYSTEM, "notice", {"name": "Li", "email": "nobody"}).id
    world.work()
    assert world.row(bad, "stage", "notice") == ("failed",)
    assert world.row(good, "stage", "notice") == ("open",)
    world.work(2, minutes=1)
    (letter,) = mailbox.letters
    assert letter["Subject"] == "Hello Li"
    assert world.row(good, "stage, c_letter", "notice") == ("told", letter["Message-ID"])


def test_a_letter_of_a_flow_in_doubt_waits_for_a_person(noticing: World, mailbox: Mailbox) -> None:
    world = noticing
    mailbox.hangs_up = mailbox.keeps = True
    rid = create(world.tenant, SYSTEM, "notice", {"name": "Li", "email": "li@home.test"}).id
    world.work(4, minutes=10)
    assert len(mailbox.letters) == 1, "it may have arrived: nobody sends it again by himself"
    assert world.row(rid, "stage", "notice") == ("open",)
    (found,) = incidents(world.tenant)
    assert found.status == "unknown" and "look whether it arrived" in found.message.en
    assert "是否已送达" in found.message.zh
    mailbox.hangs_up = False
    retry(world.tenant, SYSTEM, found.name, "it has not arrived")
    world.work(2, minutes=1)
    assert world.row(rid, "stage", "notice") == ("told",)
    first, second = mailbox.letters
    assert first["Message-ID"] == second["Message-ID"]
