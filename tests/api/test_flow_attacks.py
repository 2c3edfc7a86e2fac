"""What people may try on records in a flow, by API: each is refused, and nothing changes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from tests.api.rules_house import Desk, desk, desks

__all__ = ["desk", "desks"]


def test_a_task_that_was_done_cannot_be_done_again(desk: Desk) -> None:
    made = desk.new("chief")
    task = made.task("dan")["id"]
    body = {"task": task, "comment": "once"}
    first = desk.call("dan", "POST", f"{made.path}/acts/approved", body, key="k-once")
    again = desk.call("dan", "POST", f"{made.path}/acts/approved", body, key="k-once")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json["replayed"] is True and again.json["version"] == first.json["version"]
    other = desk.call("dan", "POST", f"{made.path}/acts/approved", body, key="k-other")
    assert (other.status_code, other.json["error"]["code"]) == (409, "task_decided")
    reused = desk.call("dan", "POST", f"{made.path}/acts/rejected", body, key="k-once")
    assert (reused.status_code, reused.json["error"]["code"]) == (422, "key_reused")
    assert len(made.said("vote")) == 1


def test_a_task_of_another_record_is_no_task_of_this_one(desk: Desk) -> None:
    made, other = desk.new("chief"), desk.new("chief")
    strange = other.task("dan")["id"]
    assert made.refused("dan", "approved", task=strange) == (422, "unknown_act")
    assert made.at == ["agree"] and other.at == ["agree"]
    assert other.task("dan")["id"] == strange  # untouched
    elsewhere = desk.new("first").task("ann")["id"]
    assert made.refused("ann", "approved", task=elsewhere)[0] in (403, 404, 409, 422)


@pytest.mark.parametrize("values", [{"note": "forged"}, {"amount": 1}, {"secret": "x"}])
def test_fields_the_step_does_not_open_are_refused(desk: Desk, values: dict[str, Any]) -> None:
    made = desk.new("every", note="as asked", amount=7)
    assert made.refused("ann", "approved", values=values) == (422, "invalid")
    assert made.values()["note"] == "as asked" and made.values()["amount"] == 7
    answer = desk.call("ann", "PATCH", made.path, {"values": values, "version": 1})
    assert answer.status_code in (403, 422)


def test_hidden_fields_are_neither_read_nor_written(desk: Desk) -> None:
    made = desk.new("every", secret="the price we pay")
    for path in ("", "/why", "/flow", "/journal"):
        answer = desk.call("ann", "GET", f"{made.path}{path}")
        assert answer.status_code == 200
        assert "the price we pay" not in answer.text
    assert desk.call("dan", "GET", made.path).json["values"]["secret"] == "the price we pay"


def test_nobody_approves_what_they_asked_for(desk: Desk) -> None:
    made = desk.new("chief", login="dan")
    assert made.people() == ["Amy"]
    task = next(one["id"] for one in made.stand("dan")["tasks"])
    for name in ("approved", "rejected", "sent_back"):
        assert made.refused("dan", name, task=task)[0] == 403
    handed = desk.call(
        "dan", "POST", f"{made.path}/tasks/{task}/transfer", {"to": made.id_of("eve")}
    )
    assert handed.status_code == 403
    back = made.on_task("amy", "add_approver", user=made.id_of("dan"), how="before")
    assert back.json["error"]["code"] == "cannot_add"


def test_another_tenant_finds_nothing_of_this_one(desk: Desk) -> None:
    made = desk.new("chief")
    task = made.task("dan")["id"]
    for login in ("other/ann", "other/ask"):
        headers = desk.headers[login]
        for tail, body in (
            ("acts/approved", {"task": task}),
            ("acts/withdraw", {}),
            (f"tasks/{task}/claim", {}),
            (f"tasks/{task}/transfer", {"to": made.id_of("eve")}),
            ("comments", {"text": "hello"}),
        ):
            path = f"/api/v1{made.path}/{tail}"
            here = desk.client.post(f"{desk.root}{path}", json=body, headers=headers)
            assert here.status_code == 401  # a token of one tenant opens no other
            there = desk.client.post(f"{desk.elsewhere}{path}", json=body, headers=headers)
            assert there.status_code == 404, there.text
        bulk = desk.client.post(
            f"{desk.elsewhere}/api/v1/forms/chief/acts/approved",
            json={"records": [made.id]},
            headers=headers,
        )
        assert bulk.json["results"][0]["error"]["code"] == "not_found"
    assert made.at == ["agree"]


def test_files_of_others_cannot_be_attached_to_an_act(desk: Desk) -> None:
    made = desk.new("chief")
    sent = desk.client.post(
        f"{desk.root}/api/v1/forms/chief/attachments",
        data={"field": "@", "file": (BytesIO(b"mine"), "mine.txt")},
        headers=desk.headers["eve"],
    )
    assert sent.status_code == 201, sent.text
    file = sent.json["id"]
    assert made.refused("dan", "approved", attachments=[file]) == (422, "invalid")
    said = desk.call("eve", "POST", f"{made.path}/comments", {"text": "see", "attachments": [file]})
    assert said.status_code == 201, said.text
    got = desk.client.get(
        f"{desk.root}/api/v1{made.path}/attachments/{file}", headers=desk.headers["dan"]
    )
    assert (got.status_code, got.data) == (200, b"mine")


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("nothing_like_it", {}, "unknown_act"),
        ("late", {}, "unknown_act"),
        ("approved", {"task": "zzz"}, "bad_request"),
        ("approved", {"comment": 7}, "bad_request"),
        ("approved", {"attachments": ["zzz"]}, "bad_request"),
        ("approved", {"signature": {"name": "D", "passwort": "x"}}, "bad_request"),
        ("sent_back", {"to": "../../etc"}, "cannot_send_back"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    desk: Desk, name: str, body: dict[str, Any], code: str
) -> None:
    made = desk.new("chief")
    answer = made.act("dan", name, **body)
    assert answer.status_code in (400, 409, 422)
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["message"]
    assert made.at == ["agree"]


def test_a_token_of_another_scope_does_nothing(desk: Desk) -> None:
    from app.access import tokens

    made = desk.new("chief")
    _, value = tokens.issue_token(desk.tenant.db, desk.ids["dan"], "narrow", "every:*")
    headers = {"Authorization": f"Bearer {value}", "Accept-Language": "en"}
    path = f"{desk.root}/api/v1{made.path}"
    assert desk.client.get(f"{path}/flow", headers=headers).status_code == 404
    refused = desk.client.post(f"{path}/acts/approved", json={}, headers=headers)
    assert refused.status_code == 404
    assert made.id not in desk.client.get(f"{desk.root}/api/v1/tasks", headers=headers).text
    _, value = tokens.issue_token(desk.tenant.db, desk.ids["dan"], "reader", "chief:read")
    headers["Authorization"] = f"Bearer {value}"
    assert desk.client.get(f"{path}/flow", headers=headers).status_code == 200
    refused = desk.client.post(f"{path}/acts/approved", json={}, headers=headers)
    assert refused.status_code == 403
    assert made.at == ["agree"]
