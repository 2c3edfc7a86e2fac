"""How the worker's matters meet people and services: events over HTTP, incidents on pages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import load_config
from app.records.incidents import incidents
from app.records.tenant import Tenants
from app.storage.databases import Installation
from app.web.factory import create_app
from forms.values import encode_id
from plugins.signing import sign
from tests.jobs.crash.till import GOOD
from tests.jobs.world import CARRIER_KEY, World
from tests.web.house import Visitor, token


@pytest.fixture
def anybody(world: World, installation: Installation, tmp_path: Path) -> Iterator[Visitor]:
    """A client of the world's tenant, not signed in."""
    path = tmp_path / "config.yaml"
    path.write_text(
        "outgoing: {allow: [127.0.0.0/8]}\n"
        f"tenants: {{{world.tenant.id}: {{secrets: {{bank_key: b, carrier_key: {CARRIER_KEY}}}}}}}"
    )
    app = create_app(load_config(path, {}), Tenants(installation, clock=world.clock))
    client = Visitor(app.test_client(), f"/t/{world.tenant.id}")
    client.client.set_cookie("rf_lang", "en", path=client.root)
    yield client


def _send(visitor: Visitor, name: str = "carrier", *, key: str = CARRIER_KEY, **more: object):
    told = {"id": "e1", "event": "delivered", "tracking_no": "P1", "at": "2026-01-02T03:04:05Z"}
    body = json.dumps({"events": [{**told, **more}]}).encode()
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Returnflow-Signature"] = sign(key, body, time.time())
    return visitor.client.post(f"{visitor.root}/api/v1/events/{name}", data=body, headers=headers)


def test_a_signed_event_is_taken_and_moves_its_record(world: World, anybody: Visitor):
    rid = world.payout()
    world.work()
    for _ in range(3):
        answer = _send(anybody)
        assert (answer.status_code, answer.json) == (202, {"accepted": 1})
    world.work(2, hours=1)
    assert world.stage(rid) == "closed"
    assert [act for act, _, _ in world.acts(rid)].count("event") == 1


def test_whatever_is_not_accepted_is_answered_alike(world: World, anybody: Visitor):
    answers = [
        _send(anybody, key="wrong"),
        _send(anybody, key=""),
        _send(anybody, "bank"),
        _send(anybody, "nothing"),
        anybody.client.post(f"{anybody.root}/api/v1/events/carrier", data=b"x" * 1000),
    ]
    told = set()
    for answer in answers:
        assert answer.status_code == 401
        error = answer.json["error"]
        told.add((error["code"], error["message"], str(error["details"])))
    assert len(told) == 1
    rows = world.tenant.db.query("SELECT count(*) FROM rf_outbox WHERE topic = 'event'")
    assert rows == [(0,)]


def test_more_events_than_one_request_may_bring_are_told_so(world: World, anybody: Visitor):
    told = {"event": "delivered", "tracking_no": "P1", "at": "2026-01-02T03:04:05Z"}
    body = json.dumps({"events": [{**told, "id": f"e{n}"} for n in range(101)]}).encode()
    answer = anybody.client.post(
        f"{anybody.root}/api/v1/events/carrier",
        data=body,
        headers={"Returnflow-Signature": sign(CARRIER_KEY, body, time.time())},
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")


def test_what_is_signed_and_malformed_does_nothing(world: World, anybody: Visitor):
    body = b'{"events": [1, 2]}'
    answer = anybody.client.post(
        f"{anybody.root}/api/v1/events/carrier",
        data=body,
        headers={"Returnflow-Signature": sign(CARRIER_KEY, body, time.time())},
    )
    assert (answer.status_code, answer.json) == (202, {"accepted": 0})


def _signed_in(anybody: Visitor, login: str) -> Visitor:
    page = anybody.get("/sign-in")
    data = {"login": login, "password": GOOD, "csrf_token": token(page)}
    assert anybody.post("/sign-in", data).status_code == 302
    return anybody


def _dead(world: World) -> int:
    world.bank.tell(always="busy")
    rid = world.payout()
    world.work(6, minutes=5)
    world.bank.tell(always="")
    return rid


def test_incidents_are_listed_explained_and_tried_again_on_pages(world: World, anybody: Visitor):
    rid = _dead(world)
    boss = _signed_in(anybody, "boss")
    listed = boss.get("/admin/incidents/")
    assert listed.status_code == 200 and encode_id(rid) in listed.text
    name = incidents(world.tenant)[0].name
    page = boss.get(f"/admin/incidents/{name}/")
    assert page.status_code == 200
    for shown in ("payment.refund", "busy", "12.5", "given up", "approved"):
        assert shown in page.text, shown
    assert '<option value="done" selected>Done</option>' in page.text  # outcomes are offered
    edited = json.dumps({"amount": {"amount": "12.00", "currency": "CNY"}})
    data = {"csrf_token": token(page), "reason": "agreed", "arguments": edited}
    assert (
        boss.post(f"/admin/incidents/{name}/retry", {**data, "arguments": "{"}).status_code == 302
    )
    assert "no JSON object" in boss.get("/admin/incidents/").text
    assert boss.post(f"/admin/incidents/{name}/retry", {**data, "reason": ""}).status_code == 302
    assert incidents(world.tenant) != []
    assert boss.post(f"/admin/incidents/{name}/retry", data).status_code == 302
    world.work()
    assert world.booked(rid)[0]["amount"] == "12.00"
    assert world.stage(rid) == "waiting"
    assert "Nothing is stuck" in boss.get("/admin/incidents/").text
    assert boss.get(f"/admin/incidents/{name}/").status_code == 404


def test_or_gone_on_without(world: World, anybody: Visitor):
    rid = _dead(world)
    boss = _signed_in(anybody, "boss")
    name = incidents(world.tenant)[0].name
    page = boss.get(f"/admin/incidents/{name}/")
    data = {"csrf_token": token(page), "reason": "paid in cash", "outcome": "done"}
    given = {**data, "data": '{"reference": "CASH"}'}
    assert boss.post(f"/admin/incidents/{name}/settle", given).status_code == 302
    assert world.row(rid, "c_reference") == ("CASH",)


def test_in_chinese_too_and_for_those_with_the_right_only(world: World, anybody: Visitor):
    _dead(world)
    boss = _signed_in(anybody, "boss")
    boss.client.set_cookie("rf_lang", "zh", path=boss.root)
    assert "已放弃" in boss.get("/admin/incidents/").text
    boss.client.delete_cookie("rf_session", path=boss.root)
    clerk = _signed_in(boss, "clerk")
    assert clerk.get("/admin/incidents/").status_code == 403
