"""One's own account: another password, and an end to sessions elsewhere."""

from __future__ import annotations

import re

from app.access.users import create_user
from tests.web.house import PASSWORD, House, Visitor, token

NEW = "seven brave hedgehogs swim"


def person(house: House, login: str) -> Visitor:
    create_user(house.tenant.db, login, login.title(), PASSWORD, roles=["clerk"], lang="en")
    return house.client(login)


def send(who: Visitor, where: str, **values: str):
    return who.post(where, {"csrf_token": token(who.get("/account")), **values})


def test_a_person_changes_the_password_and_is_signed_out_elsewhere(house: House) -> None:
    here, there = person(house, "anna"), house.client("anna")
    answer = send(here, "/account/password", old=PASSWORD, new=NEW, again=NEW)
    assert answer.status_code == 302
    assert "has been changed" in here.get("/account").text
    assert there.get("/account").status_code == 302, "the other session is over"
    assert send(here, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code == 422


def test_what_is_wrong_with_a_password_is_said_at_its_field(house: House) -> None:
    ben = person(house, "ben")
    wrong = send(ben, "/account/password", old="no", new=NEW, again=NEW)
    assert wrong.status_code == 422
    assert re.search(r'id="old-error">Wrong password', wrong.text)
    differ = send(ben, "/account/password", old=PASSWORD, new=NEW, again=NEW + "!")
    assert re.search(r'id="again-error">The two are not the same', differ.text)
    weak = send(ben, "/account/password", old=PASSWORD, new="ben", again="ben")
    assert 'id="new-error"' in weak.text
    assert ben.get("/account").status_code == 200


def test_guessing_the_old_password_is_slowed_down(house: House) -> None:
    carl = person(house, "carl")
    for _ in range(30):
        answer = send(carl, "/account/password", old="no", new=NEW, again=NEW)
    assert "minute" in answer.text


def test_sessions_are_ended_one_by_one_and_all_at_once(house: House) -> None:
    here, second, third = person(house, "dora"), house.client("dora"), house.client("dora")
    page = here.get("/account").text
    assert page.count("Sign out there") == 2
    assert page.count("this browser") == 1
    other = re.search(r'name="session" value="([0-9a-f]{64})"', page)
    assert other is not None
    assert send(here, "/account/sessions", session=other[1]).status_code == 302
    assert here.get("/account").text.count("Sign out there") == 1
    send(here, "/account/sessions")
    assert second.get("/account").status_code == third.get("/account").status_code == 302
    assert here.get("/account").status_code == 200


def test_nobody_ends_the_session_of_another(house: House) -> None:
    emma, fred = person(house, "emma"), person(house, "fred")
    house.client("emma")
    other = re.search(r'name="session" value="([0-9a-f]{64})"', emma.get("/account").text)
    assert other is not None
    send(fred, "/account/sessions", session=other[1])
    assert other[1] in emma.get("/account").text
