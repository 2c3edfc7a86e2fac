"""A letter that may have left is not sent again by itself, over a real mail server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.access.actor import SYSTEM
from app.jobs import posting
from app.jobs.notify import Post
from app.letters import InDoubt, Letter, MailSettings, send
from app.records import outbox
from app.records.incidents import incidents, retry, settle
from tests.notifications.world import World, notification
from tests.support.mailbox import Mailbox

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LETTER = Letter("once", "li@home.test", "", "Hello", "There")


class Died(BaseException):
    """The worker ends here, as a killed one does: nothing after it runs."""


def dies_at(world: World, point: str) -> None:
    """The worker works and ends when it comes there; its lease runs out, and two more work."""

    def reach(name: str) -> None:
        if name == point:
            raise Died

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.jobs.deliver.reach", reach)
        with pytest.raises(Died):
            world.work()
    world.clock.pass_by(minutes=5)
    world.work()
    world.work()


def told(world: World) -> None:
    world.publish(notification("got", to=[{"user": "ann"}], channels=["mail"]))


@pytest.mark.parametrize("keeps", [True, False])
def test_a_server_that_hangs_up_in_a_letter_leaves_it_in_doubt(
    world: World, mailbox: Mailbox, keeps: bool
) -> None:
    told(world)
    mailbox.hangs_up, mailbox.keeps = True, keeps
    world.claim()
    for _ in range(3):
        world.work()
        world.clock.pass_by(minutes=10)
    assert len(mailbox.letters) == keeps
    assert world.outbox("status, attempts") == [("unknown", 1)]
    (found,) = incidents(world.tenant)
    assert "did not say whether it took the letter" in found.message.en
    assert "未答复是否已接收" in found.message.zh
    mailbox.hangs_up = False
    retry(world.tenant, SYSTEM, found.name, "it never came")
    world.work()
    assert world.outbox("status") == [("done",)]
    assert len({one["Message-ID"] for one in mailbox.letters}) == 1
    assert len(mailbox.letters) == keeps + 1


def test_somebody_who_has_seen_it_arrive_leaves_it(world: World, mailbox: Mailbox) -> None:
    told(world)
    mailbox.hangs_up = mailbox.keeps = True
    world.claim()
    world.work()
    (found,) = incidents(world.tenant)
    settle(world.tenant, SYSTEM, found.name, "done", "Ann has it")
    world.work()
    assert incidents(world.tenant) == []
    assert len(mailbox.letters) == 1


def test_a_worker_that_dies_after_the_server_took_it_leaves_it_in_doubt(
    world: World, mailbox: Mailbox
) -> None:
    told(world)
    world.claim()
    dies_at(world, "notify.sent")
    assert len(mailbox.letters) == 1
    assert world.outbox("status") == [("unknown",)]
    assert "the worker ended while the letter left" in incidents(world.tenant)[0].message.en


def test_a_worker_that_dies_before_it_left_sends_it_later(world: World, mailbox: Mailbox) -> None:
    told(world)
    world.claim()
    dies_at(world, "outbox.claimed")
    assert len(mailbox.letters) == 1
    assert world.outbox("status") == [("done",)]


def test_who_was_overtaken_sends_nothing(world: World, mailbox: Mailbox) -> None:
    told(world)
    world.claim()
    mailbox.refusals = 1
    world.work()
    world.clock.pass_by(minutes=10)
    (slow,) = outbox.claim(world.tenant.db, world.tenant.now_us())
    world.clock.pass_by(minutes=5)
    world.work()
    assert len(mailbox.letters) == 1
    letter = Letter(slow.once, "ann@home.test", "", "Late", "")
    with pytest.raises(posting.Lost):
        posting.post_letter(world.tenant, slow, letter, world.post.mail)
    assert len(mailbox.letters) == 1


def test_a_digest_in_doubt_is_one_letter_with_all_of_it(world: World, mailbox: Mailbox) -> None:
    world.publish(notification("daily", to=[{"user": "ann"}], channels=["mail"], digest="day"))
    for _ in range(3):
        world.claim()
    world.work()
    world.clock.pass_by(hours=30)
    dies_at(world, "notify.sent")
    (letter,) = mailbox.letters
    assert sorted(row[0] for row in world.outbox("status")) == ["done", "done", "unknown"]
    (found,) = incidents(world.tenant)
    retry(world.tenant, SYSTEM, found.name, "it never came")
    world.work()
    again = mailbox.letters[1]
    assert again.get_content() == letter.get_content()
    assert again["Message-ID"] == letter["Message-ID"]
    assert len(mailbox.letters) == 2 and incidents(world.tenant) == []


def test_what_is_certain_is_no_doubt(mailbox: Mailbox) -> None:
    settings = mailbox.settings()
    mailbox.rude = True
    send(LETTER, settings, "t", NOW)
    assert len(mailbox.letters) == 1
    left: list[str] = []
    mailbox.unknown = ("li@home.test",)
    with pytest.raises(OSError, match="no such mailbox"):
        send(LETTER, settings, "t", NOW, leaving=lambda: left.append("x"))
    assert left == [], "the server would not have it: it has not left"
    mailbox.unknown, mailbox.refusals = (), 1
    with pytest.raises(OSError, match="come back later"):
        send(LETTER, settings, "t", NOW, leaving=lambda: left.append("x"))
    assert left == ["x"]
    mailbox.hangs_up = True
    with pytest.raises(InDoubt):
        send(LETTER, settings, "t", NOW)
    with pytest.raises(OSError, match=r"refused|Connection"):
        send(LETTER, MailSettings(host="127.0.0.1", port=1, tls="none"), "t", NOW)


def test_a_letter_kept_as_a_file_can_be_looked_for(world: World, tmp_path: Path) -> None:
    world.post = Post(MailSettings(folder=tmp_path), lambda tenant: "")
    told(world)
    world.claim()
    dies_at(world, "notify.sent")
    assert world.outbox("status") == [("done",)]
    assert len(list(tmp_path.rglob("*.eml"))) == 1
