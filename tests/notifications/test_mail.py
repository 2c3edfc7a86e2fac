"""Letters over a real SMTP server: what arrives, what never may, and a server that is away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from smtplib import SMTPAuthenticationError

import pytest

from app.jobs.notify import Post
from app.letters import Letter, MailSettings, NotAnAddress, compose, message_id, send
from tests.notifications.world import World, notification
from tests.support.mailbox import PASSWORD, USER, Mailbox, mail_server

NOW = datetime(2026, 11, 21, tzinfo=UTC)
WORDS = {"subject": {"zh": "已收到 {number}", "en": "Received {number}"}, "body": "{contact}"}


def test_customers_hear_by_mail(world: World, mailbox: Mailbox) -> None:
    to = [{"field": "buyer.email"}, {"field": "contact"}, {"field": "buyer"}]
    world.publish(notification("got", to=to, channels=["mail", "inbox"], text=WORDS))
    world.claim(contact="Other@Home.test")
    world.work()
    assert [one["Subject"] for one in mailbox.to("li@home.test")] == ["已收到 C0001"]
    assert len(mailbox.to("Other@Home.test")) == 1
    letter = mailbox.to("li@home.test")[0]
    assert letter.get_content().splitlines()[0] == "Other@Home.test"
    assert letter["Content-Language"] == "zh-CN" and letter["Auto-Submitted"] == "auto-generated"
    assert [
        len(world.told_to(who)) for who in (f"contact:buyer:{world.buyer}", "mail:other@home.test")
    ] == [1, 1]


def test_a_contact_hears_in_the_language_it_chose(world: World, mailbox: Mailbox) -> None:
    world.publish(notification("got", to=[{"field": "buyer"}], channels=["mail"], text=WORDS))
    world.tenant.db.execute_now(
        "INSERT INTO rf_contact (principal, lang, seen_at) VALUES (?, 'en', 0)",
        (f"contact:buyer:{world.buyer}",),
    )
    world.claim()
    world.work()
    assert mailbox.letters[0]["Subject"] == "Received C0001"


def test_a_server_that_is_away_is_tried_again_and_the_letter_comes_once(
    world: World, mailbox: Mailbox
) -> None:
    world.publish(notification("got", to=[{"user": "ann"}], channels=["mail"]))
    mailbox.refusals = 2
    world.claim()
    for _ in range(3):
        world.work()
        world.clock.pass_by(minutes=10)
    assert len(mailbox.letters) == 1
    assert "https://x.test/forms/claim/" in mailbox.letters[0].get_content()
    assert world.outbox("status, attempts") == [("done", 3)]


def test_quiet_hours_hold_letters_back(world: World, mailbox: Mailbox) -> None:
    world.publish(
        notification("got", to=[{"user": "ann"}], channels=["mail", "inbox"], quiet="19:00-08:00")
    )
    world.claim()  # 20:00 in Shanghai
    world.work()
    assert mailbox.letters == [] and len(world.told("ann")) == 1
    world.clock.pass_by(hours=11, minutes=59)
    world.work()
    assert mailbox.letters == []
    world.clock.pass_by(minutes=1)
    world.work()
    assert len(mailbox.letters) == 1


def test_nothing_typed_becomes_a_header(world: World, mailbox: Mailbox) -> None:
    world.publish(
        notification(
            "got",
            to=[{"field": "contact"}, {"user": "ann"}],
            channels=["mail"],
            text={"subject": "{contact}", "body": "{contact}"},
        )
    )
    world.tenant.db.execute_now(
        "UPDATE rf_user SET name = ? WHERE login = 'ann'", ('"Ann\r\nBcc: evil@x.test" <e@x.test>',)
    )
    bad = "x@y.test\r\nBcc: evil@x.test"
    send(Letter("k", "a@b.test", bad, bad, bad), mailbox.settings(), "t", NOW)
    with pytest.raises(NotAnAddress):
        compose(Letter("k", bad, "", "s", "b"), "r@x.test", "t", NOW)
    world.claim(contact="Ünicode@höme.test, evil@x.test")
    world.work()
    assert len(mailbox.letters) == 2, "an address list is no address"
    for letter, raw in zip(mailbox.letters, mailbox.raw, strict=True):
        head = raw.partition(b"\r\n\r\n")[0].lower()
        assert b"\r\nbcc:" not in head and letter["Bcc"] is None
        assert len(letter["To"].addresses) == 1
    assert not any("evil@x.test" in one for one in mailbox.recipients)


def test_the_same_message_has_the_same_id() -> None:
    assert message_id("k", "t", "R <r@x.test>") == message_id("k", "t", "R <r@x.test>")
    assert message_id("k", "t", "r@x.test") != message_id("k", "u", "r@x.test")
    assert message_id("k", "t", "R <r@x.test>").endswith("@x.test>")


def test_without_a_server_letters_are_kept_as_files(world: World, tmp_path: Path) -> None:
    world.post = Post(MailSettings(folder=tmp_path / "mail"), lambda tenant: "")
    world.publish(notification("got", to=[{"user": "ann"}], channels=["mail"]))
    world.claim()
    world.work()
    (file,) = (tmp_path / "mail").rglob("*.eml")
    assert b"ann@shop.test" in file.read_bytes() and file.stat().st_mode & 0o077 == 0


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_signing_in_to_the_server() -> None:
    with mail_server(auth_required=True, auth_require_tls=False) as box:
        letter = Letter("k", "a@b.test", "", "s", "b")
        send(letter, box.settings(user=USER, password=PASSWORD), "t", NOW)
        assert len(box.letters) == 1
        with pytest.raises(SMTPAuthenticationError):
            send(letter, box.settings(user=USER, password="wrong"), "t", NOW)
        with pytest.raises(OSError):
            send(letter, box.settings(tls="starttls"), "t", NOW)
