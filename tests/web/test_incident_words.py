"""What is said of incidents is said in the reader's language, of older traces too."""

from __future__ import annotations

from app.records import outbox
from app.web.desk.sayings import SAID
from forms.values import Text, new_id
from tests.web.house import House


class _Flow:
    """What a teller knows, as far as an incident asks for it."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def step(self, path: object) -> str:
        return f"<{path}>"


def test_a_trace_tells_an_incident_in_both_languages(house: House) -> None:
    new = {"step": "pay", "message": {"zh": "没有人可以处理", "en": "There is nobody"}}
    old = {"step": "pay", "message": "There is nobody"}
    with house.app.test_request_context(headers={"Accept-Language": "en"}):
        for lang, one, said in (
            ("zh", new, "没有人可以处理"),
            ("en", new, "There is nobody"),
            ("zh", old, "There is nobody"),
            ("en", {"step": "pay", "code": "nobody"}, "nobody"),
        ):
            text, _facts = SAID["incident"](_Flow(lang), one)  # type: ignore[arg-type]
            assert said in text, (lang, one)


def test_the_back_office_tells_failures_in_the_readers_language(house: House) -> None:
    db, key = house.tenant.db, new_id()
    text = outbox.written(Text("支付服务繁忙（503）", "the service is busy (503)"))
    db.execute_now(
        "INSERT INTO rf_outbox (id, once, topic, form, record_id, payload, status, attempts,"
        " due_at, last_error, fence, created_at) VALUES (?, 'k', 'call', 'claim', 0,"
        """ '{"use": "payment.refund", "arguments": {}}', 'dead', 9, 1, ?, 0, 1)""",
        (key, text),
    )
    for lang, said, other in (
        ("zh", "支付服务繁忙", "the service is busy"),
        ("en", "the service is busy", "支付服务繁忙"),
    ):
        boss = house.client("boss", lang=lang)
        page = boss.get("/admin/incidents/").text
        assert said in page and other not in page
    assert outbox.read_error("plain words") == Text("plain words", "plain words")
    assert outbox.read_error(None) == Text("", "")
    both = outbox.read_error(outbox.written(Text("长" * 5000, "long" * 5000)))
    assert both.zh and both.en, "cut in both languages, and still readable"
