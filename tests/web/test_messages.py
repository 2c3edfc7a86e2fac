"""The bell and the page behind it."""

from __future__ import annotations

import re

from app.notifications import messages
from forms.values import encode_id, new_id
from tests.web.house import House, token


def tell(house: House, login: str, subject: str, record: int, form: str = "claim") -> int:
    message = new_id()
    who = f"user:{house.actor(login).user_id}"
    house.tenant.db.execute_now(
        messages.INSERT,
        (message, f"k{message}", who, "told", form, record, subject, "<b>body</b>", 1_000_000),
    )
    return message


def test_the_bell_counts_and_messages_lead_to_their_records(house: House) -> None:
    record = house.saved["d1"].id
    first = tell(house, "clerk", "<script>one</script>", record, "delivery")
    tell(house, "clerk", "two", record, "delivery")
    other = tell(house, "boss", "not for the clerk", record, "delivery")
    clerk = house.client("clerk")
    page = clerk.get("/")
    assert "2 new messages" in page.text
    page = clerk.get("/messages")
    assert "&lt;script&gt;one" in page.text and "&lt;b&gt;body" in page.text
    assert "not for the clerk" not in page.text
    assert page.text.index("two") < page.text.index("one&lt;")

    answer = clerk.get(f"/messages/{encode_id(first)}")
    assert answer.location.endswith(f"/forms/delivery/{house.rid('d1')}")
    assert "1 new message<" in clerk.get("/messages/count").text
    assert clerk.get(f"/messages/{encode_id(other)}").status_code == 404
    assert clerk.get("/messages/nonsense!").status_code == 404

    data = {"csrf_token": token(page), "message": encode_id(other)}
    assert clerk.post("/messages/read", data).status_code == 302
    assert "1 new message<" in house.client("boss").get("/messages/count").text
    clerk.post("/messages/read", {"csrf_token": token(page)})
    assert "new message" not in clerk.get("/").text


def test_the_bell_alone_keeps_nobody_signed_in(house: House) -> None:
    boss = house.client("boss")
    seen = "UPDATE rf_session SET seen_at = seen_at - 120000000"
    last = "SELECT MAX(seen_at) FROM rf_session"
    house.tenant.db.execute_now(seen)
    before = house.tenant.db.query(last)
    assert boss.get("/messages/count").status_code == 200
    assert house.tenant.db.query(last) == before
    boss.get("/messages")
    assert house.tenant.db.query(last) > before


def test_a_message_about_what_one_may_not_see_stays_on_its_page(house: House) -> None:
    message = tell(house, "nobody", "secret record", house.saved["d1"].id, "delivery")
    nobody = house.client("nobody", lang="zh")
    answer = nobody.get(f"/messages/{encode_id(message)}")
    assert "/messages#m-" in answer.location
    page = nobody.get("/messages")
    assert re.search(r"<h1>消息</h1>", page.text)


def test_many_messages_go_by_pages(house: House) -> None:
    for number in range(messages.PAGE + 3):
        tell(house, "own", f"no {number}", house.saved["d1"].id)
    own = house.client("own")
    page = own.get("/messages")
    assert page.text.count("rf-message-subject") == messages.PAGE
    older = re.search(r'href="([^"]*before=[^"]*)"', page.text)
    assert older is not None
    assert own.get(older[1]).text.count("rf-message-subject") == 3
