"""A tenant's people: added, put into departments, given roles and passwords, let go."""

from __future__ import annotations

import pytest

from app.access import departments, users
from app.access.actors import actor_for_login
from app.access.errors import AccessError
from app.access.passwords import hash_password, needs_rehash, verify_password
from app.storage.databases import TenantDatabase

GOOD = "correct horse battery"


def test_a_user_is_added_found_and_changed(tenant_db: TenantDatabase) -> None:
    mei = users.create_user(
        tenant_db, " Mei.Lin ", "林 梅", GOOD, email="mei@example.test", roles=["desk", "lead"]
    )
    found = users.find_user(tenant_db, "MEI.lin")
    assert found is not None
    assert (found.id, found.login, found.name, found.active) == (mei, "mei.lin", "林 梅", True)
    assert users.roles_of(tenant_db, mei) == {"desk", "lead"}
    stored = tenant_db.query("SELECT password FROM rf_user")[0][0]
    assert stored.startswith("$argon2id$")
    assert GOOD not in stored

    users.change_user(
        tenant_db,
        mei,
        name="林梅",
        email="",
        department_id=None,
        manager_id=None,
        lang="en",
        active=True,
    )
    assert users.get_user(tenant_db, mei).lang == "en"
    assert [user.name for user in users.list_users(tenant_db, search="林")] == ["林梅"]
    assert users.list_users(tenant_db, search="%") == []
    assert users.user_names(tenant_db, [mei, 5]) == {mei: "林梅"}


@pytest.mark.parametrize(
    ("login", "password", "code"),
    [
        ("mei", GOOD, "login_taken"),
        ("two words", GOOD, "bad_login"),
        ("", GOOD, "bad_login"),
        ("new", "short", "weak_password"),
        ("new", "password12345", "weak_password"),
        ("new", "aaaaaaaaaaaa", "weak_password"),
        ("new", "1234567890123", "weak_password"),
        ("longlogin", "longlogin123", "weak_password"),
        ("new", "x" * 201, "weak_password"),
    ],
)
def test_what_cannot_be_a_user_is_refused(
    tenant_db: TenantDatabase, login: str, password: str, code: str
) -> None:
    users.create_user(tenant_db, "mei", "Mei", GOOD)
    with pytest.raises(AccessError) as refused:
        users.create_user(tenant_db, login, "Somebody", password)
    assert refused.value.code == code
    assert refused.value.message.zh
    assert refused.value.message.en


def test_unknown_links_are_refused(tenant_db: TenantDatabase) -> None:
    for key, code in (("department_id", "unknown_department"), ("manager_id", "unknown_user")):
        with pytest.raises(AccessError) as refused:
            users.create_user(tenant_db, "mei", "Mei", GOOD, **{key: 77})
        assert refused.value.code == code
    with pytest.raises(AccessError) as refused:
        users.create_user(tenant_db, "mei", "Mei", GOOD, lang="fr")
    assert refused.value.code == "bad_language"
    assert tenant_db.query("SELECT count(*) FROM rf_user")[0][0] == 0


def test_departments_form_a_tree(tenant_db: TenantDatabase) -> None:
    top = departments.create_department(tenant_db, "HQ", "Head office")
    sales = departments.create_department(tenant_db, "SA", "Sales", parent_id=top)
    east = departments.create_department(tenant_db, "SA-E", "Sales east", parent_id=sales)
    assert departments.department_path(tenant_db, east) == (east, sales, top)
    mei = users.create_user(tenant_db, "mei", "Mei", GOOD, department_id=east, roles=["desk"])
    actor = actor_for_login(tenant_db, "mei")
    assert actor.departments == (east, sales, top)
    assert (actor.user_id, actor.roles, actor.via) == (mei, {"desk"}, "import")

    with pytest.raises(AccessError, match="department_cycle"):
        departments.change_department(
            tenant_db, top, code="HQ", name="Head office", parent_id=east, head_id=None
        )
    with pytest.raises(AccessError, match="code_taken"):
        departments.create_department(tenant_db, "SA", "Again")
    with pytest.raises(AccessError, match="department_in_use"):
        departments.remove_department(tenant_db, east)
    departments.change_department(
        tenant_db, east, code="E", name="East", parent_id=None, head_id=mei
    )
    listed = departments.list_departments(tenant_db)
    assert [(one.code, one.head_id) for one in listed] == [("E", mei), ("HQ", None), ("SA", None)]
    departments.remove_department(tenant_db, sales)
    departments.remove_department(tenant_db, top)


def test_passwords_verify_and_old_parameters_are_noticed() -> None:
    stored = hash_password(GOOD)
    assert verify_password(stored, GOOD)
    assert not verify_password(stored, GOOD + "!")
    assert not verify_password(None, GOOD)
    assert not verify_password("not a hash", GOOD)
    assert not needs_rehash(stored)
    assert needs_rehash(stored.replace("t=2", "t=1"))
