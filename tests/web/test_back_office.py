"""The back office: only for those whose roles open it, CSRF on, nothing inline."""

from __future__ import annotations

import re

import pytest
from werkzeug.test import TestResponse

from app.access.actor import SYSTEM
from app.access.users import create_user, find_user, roles_of
from app.records.releases import publish
from app.records.verdict import Verdict
from tests.web.house import PASSWORD, House, token
from tests.web.pack import sources

PARTS = (
    "users",
    "departments",
    "delegations",
    "tokens",
    "sessions",
    "journal",
    "outbox",
    "releases",
)


@pytest.mark.parametrize("part", ["", *(f"{part}/" for part in PARTS)])
def test_only_admin_roles_come_in(house: House, part: str) -> None:
    boss, clerk, stranger = house.client("boss"), house.client("clerk"), house.client()
    page = boss.get(f"/admin/{part}")
    assert page.status_code == 200, page.text
    assert clerk.get(f"/admin/{part}").status_code == 403
    answer = stranger.get(f"/admin/{part}")
    assert answer.status_code == 302
    assert "/sign-in" in answer.location
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|style=|javascript:", page.text)


def test_a_user_is_made_changed_and_closed(house: House) -> None:
    boss = house.client("boss")
    page = boss.get("/admin/users/new/")
    data = {
        "csrf_token": token(page),
        "login": "ines",
        "name": "Ines",
        "password": PASSWORD,
        "roles": ["own"],
        "lang": "en",
        "active": "y",
        "department_id": "",
        "manager_id": "",
    }
    weak = boss.post("/admin/users/new/", {**data, "password": "short"})
    assert weak.status_code == 200
    assert find_user(house.tenant.db, "ines") is None
    assert re.search(r'id="password-error">[^<]+<', weak.text)

    assert boss.post("/admin/users/new/", data).status_code == 302
    user = find_user(house.tenant.db, "ines")
    assert user is not None
    assert roles_of(house.tenant.db, user.id) == {"own"}
    ines = house.client("ines")
    assert ines.get("/forms/claim/").status_code == 200

    page = boss.get("/admin/users/")
    edit = re.search(r'href="([^"]*/admin/users/edit/\?id=[^"]*)"[^>]*>Edit<[^>]*> ines', page.text)
    assert edit is not None
    path = edit[1].replace("&amp;", "&")
    closing = {**data, "csrf_token": token(boss.get(path)), "password": "", "roles": ["clerk"]}
    del closing["active"]
    assert boss.post(path, closing).status_code == 302
    user = find_user(house.tenant.db, "ines")
    assert user is not None
    assert not user.active
    assert roles_of(house.tenant.db, user.id) == {"clerk"}
    assert ines.get("/forms/claim/").status_code == 302  # signed out


def test_nobody_shuts_himself_out(house: House) -> None:
    boss = house.client("boss")
    page = boss.get("/admin/users/?search=boss")
    path = re.search(r'href="([^"]*/admin/users/edit/[^"]*)"', page.text)
    assert path is not None
    where = path[1].replace("&amp;", "&")
    form = boss.get(where)
    answer = boss.post(
        where,
        {
            "csrf_token": token(form),
            "login": "boss",
            "name": "Boss",
            "roles": ["boss"],
            "lang": "en",
            "department_id": "",
            "manager_id": "",
        },
    )
    assert "You cannot close your own account" in answer.text


def test_nobody_takes_over_an_account_with_more_roles(house: House) -> None:
    desk = (
        "role: helpdesk\nlabel: Desk\nincludes: [own]\nadmin: [users, tokens]\n"
        "can:\n  client: {actions: [list]}\n"
    )
    publish(house.tenant, SYSTEM, sources().replaced("packs/claims/roles/helpdesk.yaml", desk))
    create_user(house.tenant.db, "desk", "Desk", PASSWORD, roles=["helpdesk"], lang="en")
    create_user(house.tenant.db, "till", "Till", PASSWORD, roles=["own"], lang="en")
    house.tenant.refresh()
    desk_page = house.client("desk")
    page = desk_page.get("/admin/users/")

    def change(login: str, **values: str) -> TestResponse:
        found = re.search(
            rf'href="([^"]*/admin/users/edit/\?id=[^"]*)"[^>]*>Edit<[^>]*> {login}', page.text
        )
        assert found is not None
        where = found[1].replace("&amp;", "&")
        data = {"csrf_token": token(desk_page.get(where)), "login": login, "name": login}
        data |= {"lang": "en", "active": "y", "department_id": "", "manager_id": "", **values}
        return desk_page.post(where, data)

    assert "roles you do not have" in change("boss", password="another horse 42 x").text
    assert "roles you do not have" in change("boss", active="").text
    assert change("boss").status_code == 302  # a name may be mended
    assert change("till", password="another horse 42 x").status_code == 302
    house.client("boss")  # still signs in with the password they had

    page = desk_page.get("/admin/tokens/new/")
    for name, status in (("boss", 200), ("till", 302)):
        owner = re.search(rf'<option[^>]*value="([^"]+)"[^>]*>{name} \(', page.text, re.IGNORECASE)
        assert owner is not None
        data = {"csrf_token": token(page), "user_id": owner[1], "name": "till", "days": "7"}
        answer = desk_page.post("/admin/tokens/new/", {**data, "scopes": "*:*"})
        assert answer.status_code == status


def test_posts_without_a_token_are_refused(house: House) -> None:
    boss = house.client("boss")
    before = house.tenant.db.query("SELECT COUNT(*) FROM rf_department")
    answer = boss.post("/admin/departments/new/", {"code": "X", "name": "X"})
    assert answer.status_code == 400
    assert house.tenant.db.query("SELECT COUNT(*) FROM rf_department") == before


def test_a_token_is_shown_once_and_revoked(house: House) -> None:
    boss = house.client("boss")
    page = boss.get("/admin/tokens/new/")
    owner = re.search(r'<option[^>]*value="([^"]+)"[^>]*>Clerk', page.text)
    assert owner is not None
    answer = boss.post(
        "/admin/tokens/new/",
        {
            "csrf_token": token(page),
            "user_id": owner[1],
            "name": "till",
            "scopes": "claim:read",
            "days": "7",
        },
        follow_redirects=True,
    )
    value = re.search(r'class="rf-token[^"]*">([^<]+)<', answer.text)
    assert value is not None
    api = f"/t/{house.name}/api/v1/forms/claim/records"
    headers = {"Authorization": f"Bearer {value[1]}"}
    plain = house.app.test_client()
    seen = plain.get(api, headers=headers).status_code
    assert seen != 401
    page = boss.get("/admin/tokens/")
    assert value[1] not in page.text
    row = re.search(r'name="id" value="([^"]+)"', page.text)
    assert row is not None
    boss.post("/admin/tokens/delete/", {"csrf_token": token(page), "id": row[1], "url": "/"})
    assert plain.get(api, headers=headers).status_code == 401


def test_a_session_is_ended(house: House) -> None:
    boss, own = house.client("boss"), house.client("own")
    page = boss.get("/admin/sessions/")
    rows = re.findall(
        r'<td data-label="Name">([^<]+)</td>.*?name="id" value="([^"]+)"', page.text, re.S
    )
    for name, row in rows:
        if name == "Own":
            boss.post("/admin/sessions/delete/", {"csrf_token": token(page), "id": row, "url": "/"})
    assert own.get("/").status_code == 302
    assert boss.get("/").status_code == 200


def test_departments_and_their_csv(house: House) -> None:
    boss = house.client("boss")
    page = boss.get("/admin/departments/new/")
    data = {"csrf_token": token(page), "code": "=cmd", "name": "Returns"}
    data |= {"parent_id": "", "head_id": ""}
    assert boss.post("/admin/departments/new/", data).status_code == 302
    again = boss.post("/admin/departments/new/", data)
    assert again.status_code == 200
    file = boss.get("/admin/departments/export/csv/")
    assert "'=cmd" in file.text


def test_the_journal_is_searched_and_looked_at(house: House) -> None:
    boss = house.client("boss")
    page = boss.get(f"/admin/journal/?search={house.rid('d1')}")
    look = re.search(r'href="([^"]*/admin/journal/details/[^"]*)"', page.text)
    assert look is not None
    assert "create" in page.text
    shown = boss.get(look[1].replace("&amp;", "&"))
    assert shown.status_code == 200
    assert "D1" in shown.text
    assert f'href="/t/acme/forms/delivery/{house.rid("d1")}">D1' in page.text
    assert boss.get("/admin/journal/edit/?id=x").status_code == 302


def test_releases_are_compared_and_put_back(house: House) -> None:
    boss = house.client("boss")
    path = "packs/claims/forms/client.yaml"
    text = sources().files[path]
    changed = sources().replaced(path, text.replace("en: Name}", "en: Full name}"))
    second = publish(house.tenant, house.actor("boss"), changed, "renamed")
    page = boss.get(f"/admin/releases/{second}/")
    assert "renamed" in page.text
    assert "in force" in page.text
    assert "Full name" in boss.get("/forms/client/new").text
    first = boss.get("/admin/releases/1/")
    answer = boss.post("/admin/releases/1/activate", {"csrf_token": token(first), "note": "back"})
    assert answer.status_code == 302
    assert "Full name" not in boss.get("/forms/client/new").text


def test_a_release_published_in_spite_of_scenarios_says_why(house: House) -> None:
    boss = house.client("boss")
    assert "Scenarios failed" not in boss.get("/admin/releases/").text
    path = "packs/claims/forms/client.yaml"
    later = sources().replaced(path, sources().files[path].replace("en: Name}", "en: Full name}"))
    verdict = Verdict(later.hash, ("one", "two"), "<b>the carrier</b> is away")
    second = publish(house.tenant, house.actor("boss"), later, verdict=verdict)
    for page in ("", f"{second}/"):
        text = re.sub(r"<[^>]+>", "", boss.get(f"/admin/releases/{page}").text)
        assert "Scenarios failed: one, two" in text
        assert "Published all the same: &lt;b&gt;the carrier&lt;/b&gt; is away" in text


def test_going_back_says_what_it_would_lose(house: House) -> None:
    boss = house.client("boss")
    path = "packs/claims/forms/client.yaml"
    text = sources().files[path]
    other, wider = (
        sources().replaced(path, text.replace("\nlist:", f"\n  size: {{type: {kind}}}\nlist:"))
        for kind in ("integer", "text")
    )
    no = publish(house.tenant, house.actor("boss"), other)
    publish(house.tenant, house.actor("boss"), wider)
    assert "would lose" not in boss.get(f"/admin/releases/{no}/").text
    house.create("client", {"name": "Cleo", "size": "<b>wide</b>"})
    page = boss.get(f"/admin/releases/{no}/").text
    assert "client.size (text → integer): 1 of 1 values would be lost" in page
    assert "Cleo: &lt;b&gt;wide&lt;/b&gt;" in page
