"""Signing in, staying signed in, and what ends it."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from app.access import sessions, tokens, users
from app.access.clock import DAY, HOUR, MINUTE
from app.access.errors import AccessError
from app.access.passwords import needs_rehash
from app.access.signin import PER_ADDRESS, PER_LOGIN, confirm_password, sign_in
from app.access.sweep import sweep
from app.storage.databases import Installation, TenantDatabase

GOOD = "correct horse battery"
NOW = 1_790_000_000_000_000


@pytest.fixture
def mei(tenant_db: TenantDatabase) -> int:
    return users.create_user(tenant_db, "mei", "Mei", GOOD, roles=["desk"], now=NOW)


def enter(db: TenantDatabase, password: str = GOOD, *, login: str = "mei", **more: object):
    return sign_in(db, login, password, **{"ip": "192.0.2.7", "now": NOW, **more})


def test_a_session_is_a_random_value_of_which_only_the_hash_is_kept(
    tenant_db: TenantDatabase, mei: int
) -> None:
    first = enter(tenant_db, agent="Browser\x00/1")
    second = enter(tenant_db, login=" MEI ")
    assert first.cookie != second.cookie
    assert len(first.cookie) >= 43
    actor = sessions.actor_of_session(tenant_db, first.cookie, now=NOW)
    assert actor is not None
    assert (actor.user_id, actor.roles, actor.via, actor.scopes) == (mei, {"desk"}, "web", None)
    kept = str(tenant_db.query("SELECT * FROM rf_session"))
    assert first.cookie not in kept
    assert len(sessions.list_sessions(tenant_db, mei, now=NOW)) == 2


def test_signing_in_replaces_the_session_held_before(tenant_db: TenantDatabase, mei: int) -> None:
    before = enter(tenant_db)
    after = enter(tenant_db, replacing=before.cookie)
    assert sessions.actor_of_session(tenant_db, before.cookie, now=NOW) is None
    assert sessions.actor_of_session(tenant_db, after.cookie, now=NOW) is not None


def test_sessions_end_when_idle_and_after_their_time(tenant_db: TenantDatabase, mei: int) -> None:
    cookie = enter(tenant_db).cookie
    lifetime = sessions.LIFETIME
    assert sessions.actor_of_session(tenant_db, cookie, now=NOW + lifetime.idle + 1) is None
    at = NOW
    while at < NOW + lifetime.absolute - HOUR:
        at += HOUR
        assert sessions.actor_of_session(tenant_db, cookie, now=at) is not None
    assert sessions.actor_of_session(tenant_db, cookie, now=NOW + lifetime.absolute) is None
    sweep(tenant_db, now=NOW + lifetime.absolute)
    assert tenant_db.query("SELECT count(*) FROM rf_session")[0][0] == 0


def test_sessions_are_ended_one_by_one_and_all_at_once(tenant_db: TenantDatabase, mei: int) -> None:
    cookies = [enter(tenant_db).cookie for _ in range(4)]
    sessions.close_session(tenant_db, cookies[0])
    listed = sessions.list_sessions(tenant_db, mei, now=NOW)
    assert len(listed) == 3
    other = users.create_user(tenant_db, "wu", "Wu", GOOD)
    assert not sessions.revoke_session(tenant_db, other, listed[0].id)
    assert sessions.revoke_session(
        tenant_db, mei, sessions.session_id(tenant_db.tenant, cookies[1])
    )
    assert sessions.revoke_sessions(tenant_db, mei, keep=cookies[2]) == 1
    assert sessions.actor_of_session(tenant_db, cookies[2], now=NOW) is not None
    assert sessions.actor_of_session(tenant_db, cookies[3], now=NOW) is None
    fresh = sessions.rotate_session(tenant_db, cookies[2])
    assert sessions.actor_of_session(tenant_db, cookies[2], now=NOW) is None
    assert sessions.actor_of_session(tenant_db, fresh, now=NOW) is not None


def test_new_roles_a_new_password_and_a_closed_account_end_sessions(
    tenant_db: TenantDatabase, mei: int
) -> None:
    cookie = enter(tenant_db).cookie
    users.set_roles(tenant_db, mei, ["desk"])
    assert sessions.actor_of_session(tenant_db, cookie, now=NOW) is not None
    users.set_roles(tenant_db, mei, ["desk", "lead"])
    assert sessions.actor_of_session(tenant_db, cookie, now=NOW) is None

    cookie = enter(tenant_db).cookie
    users.set_password(tenant_db, mei, "another horse stable")
    assert sessions.actor_of_session(tenant_db, cookie, now=NOW) is None

    cookie = enter(tenant_db, "another horse stable").cookie
    _, token = tokens.issue_token(tenant_db, mei, "script", "*:read", now=NOW)
    users.change_user(
        tenant_db,
        mei,
        name="Mei",
        email="",
        department_id=None,
        manager_id=None,
        lang="zh",
        active=False,
    )
    assert sessions.actor_of_session(tenant_db, cookie, now=NOW) is None
    assert tokens.actor_of_token(tenant_db, token, now=NOW) is None
    with pytest.raises(AccessError, match="sign_in_failed"):
        enter(tenant_db, "another horse stable")


def test_a_session_of_one_tenant_is_nothing_in_another(
    installation: Installation, tenant_db: TenantDatabase, tenant_id: str, mei: int
) -> None:
    other = installation.create(f"{tenant_id}x")
    users.create_user(other, "mei", "Mei", GOOD, roles=["desk"])
    cookie = enter(tenant_db).cookie
    assert sessions.actor_of_session(other, cookie, now=NOW) is None
    row = tenant_db.query("SELECT id, user_id, created_at, seen_at, expires_at, ip, agent "
                          "FROM rf_session")[0]  # fmt: skip
    theirs = other.query("SELECT id FROM rf_user")[0][0]
    with other.write() as tx:  # even a row copied over opens nothing
        tx.execute(
            "INSERT INTO rf_session (id, user_id, created_at, seen_at, expires_at, ip, agent) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row[0], theirs, *row[2:]),
        )
    assert sessions.actor_of_session(other, cookie, now=NOW) is None


def test_the_same_answer_for_an_unknown_login_and_a_wrong_password(
    tenant_db: TenantDatabase, mei: int
) -> None:
    answers = set()
    for login, password in (("mei", "wrong password"), ("nobody", GOOD), ("no\x00body", GOOD)):
        with pytest.raises(AccessError) as refused:
            enter(tenant_db, password, login=login.replace("\x00", ""))
        answers.add((refused.value.code, refused.value.message, refused.value.field))
    assert len(answers) == 1


def test_an_unknown_login_takes_as_long_as_a_known_one(tenant_db: TenantDatabase, mei: int) -> None:
    def spent(login: str, run: int) -> float:
        began = time.process_time()
        with pytest.raises(AccessError):
            enter(tenant_db, "wrong password", login=login, ip=f"192.0.2.{run}")
        return time.process_time() - began

    spent("nobody", 0)
    known = statistics.median(spent("mei", run) for run in range(1, 8))
    unknown = statistics.median(spent(f"nobody{run}", run) for run in range(1, 8))
    assert 0.4 < known / unknown < 2.5


def test_too_many_attempts_on_a_login_are_refused_even_with_the_right_password(
    tenant_db: TenantDatabase, mei: int
) -> None:
    for login in ("mei", "nobody"):  # a login that does not exist is limited alike
        for run in range(PER_LOGIN.most):
            with pytest.raises(AccessError, match="sign_in_failed"):
                enter(tenant_db, "wrong password", login=login, ip=f"198.51.100.{run}")
        with pytest.raises(AccessError) as refused:
            enter(tenant_db, GOOD, login=login, ip="198.51.100.200")
        assert refused.value.code == "too_many_attempts"
        assert 0 < refused.value.retry_after <= PER_LOGIN.seconds
    later = NOW + 2 * PER_LOGIN.seconds * 1_000_000
    assert enter(tenant_db, now=later).user_id == mei


def test_too_many_attempts_from_an_address_are_refused(tenant_db: TenantDatabase, mei: int) -> None:
    with tenant_db.write() as tx:
        from app.access.attempts import bucket, count

        count(tx, bucket("address", "2001:db8::/64"), PER_ADDRESS, now=NOW, amount=PER_ADDRESS.most)
    with pytest.raises(AccessError, match="too_many_attempts"):
        enter(tenant_db, ip="2001:db8::1:2:3")
    assert enter(tenant_db, ip="2001:db8:1::1").user_id == mei


def test_attempts_at_once_are_counted_one_by_one(tenant_db: TenantDatabase, mei: int) -> None:
    def attempt(number: int) -> str:
        try:
            enter(tenant_db, "wrong password", ip=f"198.51.100.{number}")
        except AccessError as refused:
            return refused.code
        return "in"

    with ThreadPoolExecutor(8) as pool:
        codes = Counter(pool.map(attempt, range(24)))
    assert codes == {"sign_in_failed": PER_LOGIN.most, "too_many_attempts": 24 - PER_LOGIN.most}


def test_the_window_slides(tenant_db: TenantDatabase, mei: int) -> None:
    span = PER_LOGIN.seconds * 1_000_000
    edge = (NOW // span + 1) * span
    for run in range(PER_LOGIN.most):
        with pytest.raises(AccessError, match="sign_in_failed"):
            enter(tenant_db, "wrong password", now=edge - MINUTE, ip=f"198.51.100.{run}")
    with pytest.raises(AccessError, match="too_many_attempts"):
        enter(tenant_db, now=edge + MINUTE)


def test_a_success_clears_the_count(tenant_db: TenantDatabase, mei: int) -> None:
    for _ in range(3):
        for _ in range(PER_LOGIN.most - 1):
            with pytest.raises(AccessError, match="sign_in_failed"):
                enter(tenant_db, "wrong password")
        enter(tenant_db)
    sweep(tenant_db, now=NOW + DAY)
    assert tenant_db.query("SELECT count(*) FROM rf_attempt")[0][0] == 0


def test_an_old_hash_is_renewed_at_sign_in(tenant_db: TenantDatabase, mei: int) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    tenant_db.execute_now("UPDATE rf_user SET password = ? WHERE id = ?", (old, mei))
    enter(tenant_db)
    stored = tenant_db.query("SELECT password FROM rf_user")[0][0]
    assert stored != old
    assert not needs_rehash(stored)


def test_a_signed_in_person_is_asked_again(tenant_db: TenantDatabase, mei: int) -> None:
    confirm_password(tenant_db, mei, GOOD, now=NOW)
    for _ in range(PER_LOGIN.most):
        with pytest.raises(AccessError, match="sign_in_failed"):
            confirm_password(tenant_db, mei, "wrong password", now=NOW)
    with pytest.raises(AccessError, match="too_many_attempts"):
        confirm_password(tenant_db, mei, GOOD, now=NOW)


def test_tokens_are_shown_once_and_can_be_taken_back(tenant_db: TenantDatabase, mei: int) -> None:
    token_id, value = tokens.issue_token(
        tenant_db, mei, " nightly  export ", "order:read *:list", days=30, now=NOW
    )
    found = tokens.actor_of_token(tenant_db, value, now=NOW)
    assert found is not None
    actor, used = found
    assert used == token_id
    assert (actor.user_id, actor.via) == (mei, "api")
    assert actor.scopes == {"order:read", "*:list"}
    listed = tokens.list_tokens(tenant_db, mei)[0]
    assert value.startswith(listed.prefix)
    assert (listed.name, listed.last_used_at) == ("nightly export", NOW)
    assert value not in str(tenant_db.query("SELECT * FROM rf_token"))

    tokens.actor_of_token(tenant_db, value, now=NOW + MINUTE)  # written coarsely
    assert tokens.list_tokens(tenant_db)[0].last_used_at == NOW
    tokens.actor_of_token(tenant_db, value, now=NOW + HOUR)
    assert tokens.list_tokens(tenant_db)[0].last_used_at == NOW + HOUR

    assert tokens.actor_of_token(tenant_db, value, now=NOW + 31 * DAY) is None
    for wrong in (value[:-1], value + "x", "rfk_", "rfk_zz_x", "x", value.upper(), "rfk_é_é"):
        assert tokens.actor_of_token(tenant_db, wrong, now=NOW) is None
    assert not tokens.revoke_token(tenant_db, token_id, user_id=mei + 1)
    assert tokens.revoke_token(tenant_db, token_id, user_id=mei)
    assert not tokens.revoke_token(tenant_db, token_id)
    assert tokens.actor_of_token(tenant_db, value, now=NOW) is None


@pytest.mark.parametrize(
    ("scopes", "hint"),
    [
        ("order", "form:action"),
        ("", "at least one"),
        ("order:reed", "did you mean read"),
        ("ordr:read", "did you mean order"),
        ("order:*:x", "form:action"),
        (["order:read"] * 101, "at most"),
    ],
)
def test_scopes_that_make_no_sense_are_refused(
    tenant_db: TenantDatabase, mei: int, scopes: object, hint: str
) -> None:
    with pytest.raises(AccessError) as refused:
        tokens.issue_token(tenant_db, mei, "script", scopes, forms=["order", "customer"])
    assert refused.value.code == "bad_scope"
    assert hint in refused.value.message.en


def test_a_token_has_a_purpose_a_time_and_a_living_owner(
    tenant_db: TenantDatabase, mei: int
) -> None:
    for name, days, owner, code in (
        ("", 30, mei, "bad_name"),
        ("x", 0, mei, "bad_expiry"),
        ("x", 400, mei, "bad_expiry"),
        ("x", None, mei + 1, "unknown_user"),
    ):
        with pytest.raises(AccessError, match=code):
            tokens.issue_token(tenant_db, owner, name, "*:read", days=days)
