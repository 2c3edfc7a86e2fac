"""Who stands in for whom: one's own page, the inbox of who stands in, and the back office."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

from werkzeug.test import TestResponse

from app.records import act, delegations
from forms.values import encode_id
from tests.web.house import House, Visitor, token
from tests.web.test_acting import asked


def day(house: House, days: int) -> str:
    zone = house.tenant.active().zone
    return (house.tenant.now().astimezone(zone).date() + timedelta(days=days)).isoformat()


def key(house: House, login: str) -> str:
    return encode_id(house.actor(login).user_id or 0)


def send(who: Visitor, house: House, to: str, **values: str) -> TestResponse:
    data = {
        "csrf_token": token(who.get("/delegations")),
        "to_user": key(house, to) if to else "",
        "starts_at": day(house, 0),
        "ends_at": day(house, 3),
        "form": "",
        **values,
    }
    return who.post("/delegations", data)


def end_all(house: House, login: str) -> None:
    who = house.client(login)
    page = who.get("/delegations")
    for one in re.findall(r'name="delegation" value="([^"]+)"', page.text):
        assert who.post("/delegations/end", {"csrf_token": token(page), "delegation": one})


def error(page: TestResponse, field: str) -> str:
    assert page.status_code == 422
    found = re.search(rf'id="{field}-error">([^<]+)<', page.text)
    assert found is not None, page.text
    return unescape(found[1])


def test_approvals_go_to_who_stands_in_and_say_for_whom(house: House) -> None:
    lena = house.client("lena")
    assert "/delegations" in lena.get("/").text
    assert "/delegations" in lena.get("/account").text
    assert send(lena, house, "fay", form="request").status_code == 302
    page = lena.get("/delegations").text
    assert re.search(r"Fay.*now.*" + day(house, 3) + r" · Purchase", page, re.DOTALL)
    fay = house.client("fay")
    assert "Lena" in fay.get("/delegations").text
    saved = asked(house, "Standing in")
    assert saved.title not in unescape(lena.get("/inbox").text)
    box = unescape(fay.get("/inbox").text)
    assert saved.title in box
    assert "for Lena" in box
    record = fay.get(f"/forms/request/{encode_id(saved.id)}").text
    assert "You decide for Lena." in record
    act(house.tenant, house.actor("fay"), "request", saved.id, "approved")
    end_all(house, "lena")
    assert "End it" not in lena.get("/delegations").text
    assert "Lena" not in fay.get("/delegations").text.partition("standing-title")[2]
    later = asked(house, "Mine again")
    assert later.title in unescape(lena.get("/inbox").text)


def test_what_cannot_be_is_said_at_its_input_and_nothing_typed_is_lost(house: House) -> None:
    finn = house.client("finn")
    assert "somebody else" in error(send(finn, house, "finn"), "to_user")
    assert "no such active user" in error(send(finn, house, ""), "to_user")
    past = send(finn, house, "fay", starts_at=day(house, -9), ends_at=day(house, -1))
    assert "over already" in error(past, "ends_at")
    assert f'value="{day(house, -9)}"' in past.text
    assert f'<option value="{key(house, "fay")}" selected' in past.text
    turned = send(finn, house, "fay", starts_at=day(house, 5), ends_at=day(house, 4))
    assert "end after it begins" in error(turned, "ends_at")
    for odd in ("soon", "2026-02-30", "9999-12-31"):
        answer = send(finn, house, "fay", ends_at=odd)
        assert "no day" in error(answer, "ends_at"), odd
    assert "no such form" in error(send(finn, house, "fay", form="nothing"), "form")
    assert "stand in" in error(send(finn, house, "fay", form="claim"), "form")
    house.tenant.db.execute_now("UPDATE rf_user SET active = 0 WHERE login = 'own'")
    gone = encode_id(house.tenant.db.query("SELECT id FROM rf_user WHERE login = 'own'")[0][0])
    assert "no such active user" in error(send(finn, house, "", to_user=gone), "to_user")
    assert delegations(house.tenant, house.actor("finn")) == []
    chinese = house.client("finn", lang="zh")
    assert "请选择另一位同事" in error(send(chinese, house, "finn"), "to_user")


def test_one_deputy_at_a_time_and_no_circle(house: House) -> None:
    finn, fay = house.client("finn"), house.client("fay")
    assert send(finn, house, "lena", form="request").status_code == 302
    assert "already" in error(send(finn, house, "fay"), "ends_at")
    assert "already" in error(send(finn, house, "fay", form="request", ends_at=""), "ends_at")
    after = {"starts_at": day(house, 4), "ends_at": day(house, 5)}
    assert send(finn, house, "fay", **after).status_code == 302
    # Fay is asked for Finn then; he cannot be asked for her at the same time, but can before.
    assert "other way round" in error(send(fay, house, "finn", **after), "to_user")
    assert "other way round" in error(send(fay, house, "finn", ends_at=""), "to_user")
    assert send(fay, house, "finn").status_code == 302
    for login in ("finn", "fay"):
        end_all(house, login)
    assert send(finn, house, "fay").status_code == 302
    end_all(house, "finn")


def test_only_those_near_are_offered_and_taken(house: House) -> None:
    def offered(login: str) -> set[str]:
        page = house.client(login).get("/delegations").text
        return set(re.findall(r"<option[^>]*>\w+ \((\w+)\)</option>", page))

    assert offered("nobody") == set()
    assert offered("lena") == {"boss", "finn", "fay"}  # they decide in the same flow
    assert offered("boss") >= {"bob", "clerk", "nobody", "lena"}  # may see all users
    lena = house.client("lena")
    assert "no such active user" in error(send(lena, house, "bob"), "to_user")
    assert "Bob" not in lena.get("/delegations").text


def test_nobody_ends_what_is_not_his(house: House) -> None:
    lena, finn = house.client("lena"), house.client("finn")
    send(lena, house, "fay")
    (one, *_) = delegations(house.tenant, house.actor("lena"))
    data = {"csrf_token": token(finn.get("/delegations")), "delegation": encode_id(one.id)}
    assert finn.post("/delegations/end", data).status_code == 404
    assert finn.post("/delegations/end", {**data, "delegation": "?"}).status_code == 404
    assert not delegations(house.tenant, house.actor("lena"))[0].ended
    end_all(house, "lena")


def test_the_back_office_sees_makes_changes_and_ends_all(house: House) -> None:
    boss = house.client("boss")

    def edit(**values: Any) -> TestResponse:
        data = {"csrf_token": token(boss.get("/admin/delegations/")), "form": "", **values}
        return boss.post(data.pop("to", "/admin/delegations/new/"), data)

    made = {"user": key(house, "finn"), "to_user": key(house, "bob"), "ends_at": day(house, 9)}
    assert "somebody else" in edit(**{**made, "to_user": made["user"]}).text
    assert "no day" in edit(**{**made, "ends_at": "tomorrow"}).text
    assert edit(**made).status_code == 302
    page = boss.get("/admin/delegations/").text
    assert re.search(r"Finn.*Bob.*" + day(house, 9), page, re.DOTALL)
    (one,) = [d for d in delegations(house.tenant, house.actor("finn")) if not d.ended]
    where = f"/admin/delegations/edit/?id={encode_id(one.id)}"
    assert f'value="{day(house, 9)}"' in boss.get(where).text
    assert edit(to=where, to_user=key(house, "lena"), ends_at=day(house, 1)).status_code == 302
    changed = delegations(house.tenant, house.actor("finn"))[0]
    assert changed.to_user == house.actor("lena").user_id
    assert "over already" in edit(to=where, to_user=key(house, "lena"), ends_at=day(house, -1)).text
    assert edit(to="/admin/delegations/delete/", id=encode_id(one.id)).status_code == 302
    assert delegations(house.tenant, house.actor("finn"))[0].ended
    assert "make a new one" in edit(to=where, to_user=key(house, "bob")).text
    assert house.client("clerk").get("/admin/delegations/").status_code == 403
