"""Ways round "nobody approves what they asked for", and names and keys of other people."""

from __future__ import annotations

import pytest

from app.access import tokens
from app.access.actors import actor_for_login
from app.records import delegate
from app.records.errors import Refused
from tests.api.rules_house import Desk, Record, desk, desks

__all__ = ["desk", "desks"]


def record_task(made: Record, login: str) -> str:
    """The task of somebody, as anybody may read it."""
    return str(made.task(login)["id"])


def test_a_delegate_who_asked_decides_nothing(desk: Desk) -> None:
    ann = actor_for_login(desk.tenant.db, "ann", via="web")
    delegate(desk.tenant, ann, desk.ids["ask"], form="hand")
    made = desk.new("hand")
    assert "Ask" not in made.people()
    for name in ("approved", "rejected"):
        assert made.refused("ask", name)[0] in (403, 409, 422)
    assert made.at == ["agree"]


def test_nobody_names_a_delegate_for_somebody_else(desk: Desk) -> None:
    asker = actor_for_login(desk.tenant.db, "ask", via="web")
    with pytest.raises(Refused) as refused:
        delegate(desk.tenant, asker, desk.ids["ask"], user=desk.ids["dan"])
    assert refused.value.code == "forbidden"
    with pytest.raises(Refused) as refused:
        delegate(desk.tenant, asker, desk.ids["ask"])
    assert refused.value.code == "invalid"


def test_a_vote_reaches_whoever_asked_by_no_handing_on(desk: Desk) -> None:
    made = desk.new("hand")
    me = made.id_of("ask")
    assert made.on_task("ben", "transfer", to=me).json["error"]["code"] == "cannot_transfer"
    for how in ("before", "after", "parallel"):
        answer = made.on_task("ben", "add_approver", user=me, how=how)
        assert answer.json["error"]["code"] == "cannot_add"
    task = record_task(made, "ben")
    for verb, body in (
        ("claim", {}),
        ("transfer", {"to": me}),
        ("add_approver", {"user": me, "how": "before"}),
        ("give_back", {}),
    ):
        answer = desk.call("ask", "POST", f"{made.path}/tasks/{task}/{verb}", body)
        assert answer.status_code in (403, 409, 422), answer.text
    for login in ("ben", "cat"):
        itself = made.on_task(login, "transfer", to=made.id_of(login))
        assert itself.json["error"]["code"] == "cannot_transfer"
        again = made.on_task(login, "add_approver", user=made.id_of(login), how="parallel")
        assert again.json["error"]["code"] == "cannot_add"
    assert made.at == ["agree"]


def test_a_token_is_its_owner_and_no_second_person(desk: Desk) -> None:
    made = desk.new("chief", login="dan")
    _, value = tokens.issue_token(desk.tenant.db, desk.ids["dan"], "second", "*:*")
    headers = {"Authorization": f"Bearer {value}", "Accept-Language": "en"}
    task = made.stand("dan")["tasks"][0]["id"]
    answer = desk.client.post(
        f"{desk.root}/api/v1{made.path}/acts/approved", json={"task": task}, headers=headers
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "not_yours")
    many = desk.client.post(
        f"{desk.root}/api/v1/forms/chief/acts/approved",
        json={"records": [made.id]},
        headers=headers,
    )
    assert many.json["results"][0]["status"] in (403, 409)
    assert made.at == ["agree"]


def test_the_key_of_another_person_gives_no_answer_of_theirs(desk: Desk) -> None:
    made = desk.new("first")
    first = desk.call("ann", "POST", f"{made.path}/acts/approved", {"comment": "mine"}, key="k1")
    assert first.status_code == 200
    other = desk.call("ben", "POST", f"{made.path}/acts/approved", {"comment": "mine"}, key="k1")
    assert (other.status_code, other.json["error"]["code"]) == (409, "task_decided")
    assert len(made.said("vote")) == 1
    asked = {"values": {"note": "n"}}
    one = desk.call("ask", "POST", "/forms/chief/records", asked, key="k2").json
    two = desk.call("dan", "POST", "/forms/chief/records", asked, key="k2").json
    assert one["id"] != two["id"] and not two["replayed"]


def test_acts_on_very_many_are_refused_as_a_whole(desk: Desk) -> None:
    made = desk.new("chief")
    for records in ([made.id] * 101, [made.id] * 5_000, []):
        answer = desk.call("dan", "POST", "/forms/chief/acts/approved", {"records": records})
        assert (answer.status_code, answer.json["error"]["code"]) == (400, "bad_request")
        assert "100" in answer.text
    assert made.at == ["agree"]
    strange = desk.call(
        "dan", "POST", "/forms/chief/acts/approved", {"records": [made.id, made.id, "zzz"]}
    )
    assert strange.status_code in (200, 400)
    assert len(made.said("vote")) <= 1
