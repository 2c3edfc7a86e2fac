"""Delegations by API: the rules of the page, through HTTP, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app.access import tokens
from forms.values import encode_id
from tests.api.rules_house import Desk, desk, desks

__all__ = ["desk", "desks"]


@pytest.fixture(autouse=True)
def nobody_away(desk: Desk) -> None:
    """The people of this module's tests are the same; nobody is away when one begins."""
    desk.tenant.db.execute_now("DELETE FROM rf_delegation")


def person(desk: Desk, login: str) -> str:
    return encode_id(desk.ids[login])


def moment(desk: Desk, **span: float) -> str:
    return (desk.now[0] + timedelta(**span)).isoformat().replace("+00:00", "Z")


def delegate(desk: Desk, login: str, to: str, key: str = "", **more: Any) -> Any:
    body = {"to_user": person(desk, to), "form": "hand", **more}
    return desk.call(login, "POST", "/delegations", body, key)


def wrong(answer: Any) -> tuple[int, str, list[list[str | int]]]:
    error = answer.json["error"]
    return answer.status_code, error["code"], [one["path"] for one in error["details"]]


def test_who_stands_in_is_set_seen_by_both_and_ended(desk: Desk) -> None:
    until = moment(desk, days=2)
    made = delegate(desk, "ann", "amy", ends_at=until)
    assert made.status_code == 201, made.text
    told = made.json
    assert told["user_name"] == "Ann" and told["to_user_name"] == "Amy"
    assert (told["form"], told["state"], told["replayed"]) == ("hand", "active", False)
    assert told["starts_at"] is None
    assert made.headers["Location"].endswith(f"/delegations/{told['id']}")
    one = desk.call("ann", "GET", f"/delegations/{told['id']}").json
    assert one == {key: value for key, value in told.items() if key != "replayed"}
    assert desk.call("ann", "GET", "/delegations").json == {"delegations": [one], "next": None}
    assert desk.call("ann", "GET", "/delegations?side=others").json["delegations"] == []
    assert desk.call("amy", "GET", "/delegations?side=others").json["delegations"] == [one]
    record = desk.new("hand")
    assert record.people() == ["Amy", "Ben", "Cat"]
    ended = desk.call("ann", "POST", f"/delegations/{told['id']}/end")
    assert (ended.status_code, ended.json["state"]) == (200, "over")
    again = desk.call("ann", "POST", f"/delegations/{told['id']}/end")
    assert (again.status_code, again.json) == (200, ended.json)
    assert desk.call("amy", "GET", "/delegations?side=others").json["delegations"] == []
    assert desk.new("hand").people() == ["Ann", "Ben", "Cat"]


def test_the_same_key_makes_one(desk: Desk) -> None:
    until = moment(desk, days=1)
    send = partial(delegate, desk, "cat", "ben", key="away-1", ends_at=until)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(), range(4)))
    assert {one.status_code for one in answers} == {201}, [one.text for one in answers]
    assert len({one.json["id"] for one in answers}) == 1
    assert sum(not one.json["replayed"] for one in answers) == 1
    other = delegate(desk, "cat", "ann", key="away-1", ends_at=until)
    assert wrong(other)[:2] == (422, "key_reused")
    desk.now[0] += timedelta(days=3)
    late = send()
    assert (late.status_code, late.json["replayed"], late.json["state"]) == (201, True, "over")


def test_what_cannot_be_is_said_where_it_stands(desk: Desk) -> None:
    late = {"starts_at": moment(desk, days=3), "ends_at": moment(desk, days=2)}
    cases: list[tuple[dict[str, Any], tuple[int, str, list[list[str]]]]] = [
        ({"to_user": person(desk, "ann")}, (422, "invalid", [["to_user"]])),
        ({"to_user": "nobody"}, (422, "invalid", [["to_user"]])),
        ({"to_user": "0000000000001"}, (422, "invalid", [["to_user"]])),
        ({"to_user": None}, (400, "bad_request", [["to_user"]])),
        ({"deputy": "x"}, (400, "bad_request", [["deputy"]])),
        ({"form": "every"}, (422, "invalid", [["form"]])),
        ({"form": "none"}, (422, "invalid", [["form"]])),
        (late, (422, "invalid", [["ends_at"]])),
        ({"ends_at": moment(desk, days=-1)}, (422, "invalid", [["ends_at"]])),
        ({"ends_at": "tomorrow"}, (422, "invalid", [["ends_at"]])),
        ({"ends_at": "2026-03-09"}, (422, "invalid", [["ends_at"]])),
        ({"starts_at": 3}, (400, "bad_request", [["starts_at"]])),
    ]
    for more, expected in cases:
        assert wrong(delegate(desk, "ann", "ben", **more)) == expected, more
    assert desk.call("ann", "GET", "/delegations").json["delegations"] == []


def test_a_moment_without_a_zone_is_the_tenant_s(desk: Desk) -> None:
    told = delegate(desk, "ann", "ben", starts_at="2026-04-01T00:00", ends_at="2026-04-08T00:00")
    zone = desk.tenant.active().zone
    assert told.json["state"] == "planned"
    begins = desk.tenant.now().fromisoformat(told.json["starts_at"])
    assert begins.astimezone(zone).isoformat().startswith("2026-04-01T00:00:00")


def test_one_deputy_at_a_time_and_none_for_each_other(desk: Desk) -> None:
    until = moment(desk, days=2)
    assert delegate(desk, "ann", "ben", ends_at=until).status_code == 201
    assert wrong(delegate(desk, "ann", "cat", ends_at=until)) == (422, "invalid", [["ends_at"]])
    assert wrong(delegate(desk, "ben", "ann", ends_at=until)) == (422, "invalid", [["to_user"]])


def test_of_several_at_once_one_holds(desk: Desk) -> None:
    until = moment(desk, days=2)
    with ThreadPoolExecutor(4) as pool:
        to = ["ben", "cat", "amy", "ben"]
        answers = list(pool.map(lambda one: delegate(desk, "ann", one, ends_at=until), to))
    assert sorted(one.status_code for one in answers) == [201, 422, 422, 422]


def test_nobody_sees_or_ends_another_s(desk: Desk) -> None:
    made = delegate(desk, "ann", "ben", ends_at=moment(desk, days=2)).json["id"]
    for login in ("ben", "cat", "amy"):
        assert desk.call(login, "GET", f"/delegations/{made}").status_code == 404
        assert desk.call(login, "POST", f"/delegations/{made}/end").status_code == 404
    for bad in ("0000000000001", "x"):
        assert desk.call("ann", "GET", f"/delegations/{bad}").status_code == 404
    assert desk.call("ann", "GET", f"/delegations/{made}").json["state"] == "active"


def test_who_and_what_can_be_chosen(desk: Desk) -> None:
    found = desk.call("ann", "GET", "/delegations/choices").json
    assert found["forms"] == [{"id": "hand", "label": "Request hand"}]
    logins = {one["login"] for one in found["people"]}
    assert {"ben", "cat"} <= logins and not {"ann", "wil", "wes"} & logins
    some = desk.call("ann", "GET", "/delegations/choices?q=BE").json["people"]
    assert [one["login"] for one in some] == ["ben"]
    refused = wrong(delegate(desk, "ann", "wil", ends_at=moment(desk, days=1)))
    assert refused == (422, "invalid", [["to_user"]])


def test_pages_of_them(desk: Desk) -> None:
    for number in range(3):
        ends = moment(desk, days=number, hours=2)
        start = moment(desk, days=number, hours=1)
        assert delegate(desk, "ann", "ben", starts_at=start, ends_at=ends).status_code == 201
    first = desk.call("ann", "GET", "/delegations?limit=2").json
    rest = desk.call("ann", "GET", f"/delegations?limit=2&cursor={first['next']}").json
    every = desk.call("ann", "GET", "/delegations").json["delegations"]
    assert [*first["delegations"], *rest["delegations"]] == every
    assert len(every) == 3 and rest["next"] is None
    for query, code in (
        ("side=theirs", "bad_parameter"),
        ("limit=0", "bad_parameter"),
        ("q=x", "bad_parameter"),
        ("filter[form]=hand", "bad_parameter"),
        ("cursor=%21", "bad_cursor"),
    ):
        answer = desk.call("ann", "GET", f"/delegations?{query}")
        assert wrong(answer)[:2] == (400, code), query


def test_a_token_s_scopes_narrow_what_it_sees_and_sets(desk: Desk) -> None:
    made = delegate(desk, "ann", "ben", ends_at=moment(desk, days=2)).json["id"]
    everywhere = {"to_user": person(desk, "cat"), "form": None, "starts_at": moment(desk, days=5)}

    def with_scope(scopes: str, method: str, path: str, body: Any = None) -> Any:
        _, value = tokens.issue_token(desk.tenant.db, desk.ids["ann"], "narrow", scopes)
        headers = {"Authorization": f"Bearer {value}", "Accept-Language": "en"}
        address = f"{desk.root}/api/v1{path}"
        return desk.client.open(address, method=method, headers=headers, json=body)

    for scopes, seen in (("hand:read", 1), ("every:read", 0), ("*:read", 1), ("every:*", 0)):
        listed = with_scope(scopes, "GET", "/delegations").json["delegations"]
        assert len(listed) == seen, scopes
        status = with_scope(scopes, "GET", f"/delegations/{made}").status_code
        assert status == (200 if seen else 404), scopes
        assert with_scope(scopes, "POST", "/delegations", everywhere).status_code == 403
    ended = with_scope("hand:read", "POST", f"/delegations/{made}/end")
    assert wrong(ended)[:2] == (403, "forbidden")
    assert (
        with_scope("hand:read hand:update", "POST", f"/delegations/{made}/end").status_code == 200
    )
    made_everywhere = with_scope("*:read *:update", "POST", "/delegations", everywhere)
    assert made_everywhere.status_code == 201
    assert with_scope("hand:read", "GET", "/delegations").json["delegations"][0]["id"] == made
