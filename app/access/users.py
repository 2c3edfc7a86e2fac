"""Users of a tenant and the roles granted to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.access.clock import moment
from app.access.database import Database, Tx
from app.access.errors import AccessError
from app.access.passwords import check_password, hash_password
from app.access.sessions import session_id
from forms.values import LANGUAGES, Text, new_id

_LOGIN = re.compile(r"[^\s\x00-\x1f\x7f\"'<>\\]{1,120}")
_COLUMNS = "id, login, name, email, department_id, manager_id, lang, active, created_at, updated_at"


@dataclass(frozen=True, slots=True)
class User:
    """A person who can sign in. The password is never part of it."""

    id: int
    login: str
    name: str
    email: str
    department_id: int | None
    manager_id: int | None
    lang: str
    active: bool
    created_at: int
    updated_at: int


def fold_login(login: str) -> str:
    """A login as stored and compared: without blanks around it, lower case."""
    return login.strip().lower()


def create_user(
    db: Database,
    login: str,
    name: str,
    password: str,
    *,
    email: str = "",
    roles: Iterable[str] = (),
    department_id: int | None = None,
    manager_id: int | None = None,
    lang: str = "zh",
    now: int | None = None,
) -> int:
    """Add a user with roles; gives the id.

    Raises AccessError: bad_login, login_taken, weak_password, unknown_department, unknown_user,
    bad_language.
    """
    login, name = fold_login(login), _name(name)
    if not _LOGIN.fullmatch(login):
        raise AccessError(
            "bad_login",
            Text(
                zh="登录名为 1 到 120 个字符,不含空格和引号。",
                en="A login has 1 to 120 characters without blanks or quotes.",
            ),
            field="login",
        )
    check_password(password, login=login, name=name)
    stored, at, user_id = hash_password(password), moment(now), new_id()
    with db.write() as tx:
        if tx.execute("SELECT 1 FROM rf_user WHERE login = ?", (login,)):
            raise AccessError(
                "login_taken",
                Text(zh=f"登录名 {login} 已被使用。", en=f"The login {login} is taken."),
                field="login",
            )
        _check_links(tx, department_id, manager_id, lang)
        tx.execute(
            "INSERT INTO rf_user (id, login, name, email, password, department_id, manager_id, "
            "lang, active, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
            (user_id, login, name, email.strip()[:200], stored, department_id, manager_id, lang,
             at, at),
        )  # fmt: skip
        _grant(tx, user_id, roles)
    return user_id


def change_user(
    db: Database,
    user_id: int,
    *,
    name: str,
    email: str,
    department_id: int | None,
    manager_id: int | None,
    lang: str,
    active: bool,
    now: int | None = None,
) -> None:
    """Write a user's data. Closing an account (`active` false) ends its sessions and tokens.

    Raises AccessError: unknown_user, unknown_department, bad_language, own_manager.
    """
    at = moment(now)
    with db.write() as tx:
        _known(tx, user_id)
        if manager_id == user_id:
            raise AccessError(
                "own_manager",
                Text(zh="不能是自己的上级。", en="Nobody is their own manager."),
                field="manager_id",
            )
        _check_links(tx, department_id, manager_id, lang)
        tx.execute(
            "UPDATE rf_user SET name = ?, email = ?, department_id = ?, manager_id = ?, lang = ?, "
            "active = ?, updated_at = ? WHERE id = ?",
            (_name(name), email.strip()[:200], department_id, manager_id, lang, int(active), at,
             user_id),
        )  # fmt: skip
        if not active:
            _end_sessions(tx, user_id)
            tx.execute(
                "UPDATE rf_token SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL",
                (at, user_id),
            )


def set_language(db: Database, user_id: int, lang: str) -> None:
    """Remember the language a user chose. Raises AccessError bad_language."""
    _check_language(lang)
    db.execute_now("UPDATE rf_user SET lang = ? WHERE id = ?", (lang, user_id))


def set_password(
    db: Database, user_id: int, password: str, *, keep: str = "", now: int | None = None
) -> None:
    """Set a password; the user's sessions end, but for the one with the cookie value `keep`.

    Raises AccessError: unknown_user, weak_password, busy.
    """
    user = get_user(db, user_id)
    check_password(password, login=user.login, name=user.name)
    stored, at = hash_password(password), moment(now)
    with db.write() as tx:
        tx.execute(
            "UPDATE rf_user SET password = ?, updated_at = ? WHERE id = ?", (stored, at, user_id)
        )
        _end_sessions(tx, user_id, session_id(db.tenant, keep) if keep else "")


def set_roles(db: Database, user_id: int, roles: Iterable[str], *, keep: str = "") -> None:
    """Grant exactly these roles. What the user may do changed, so their sessions end (but for the
    one with the cookie value `keep`, whose holder rotates it).

    Raises AccessError: unknown_user.
    """
    wanted = frozenset(roles)
    with db.write() as tx:
        _known(tx, user_id)
        held = {
            row[0] for row in tx.execute("SELECT role FROM rf_user_role WHERE user_id = ?",
                                         (user_id,))
        }  # fmt: skip
        if held == wanted:
            return
        tx.execute("DELETE FROM rf_user_role WHERE user_id = ?", (user_id,))
        _grant(tx, user_id, wanted)
        _end_sessions(tx, user_id, session_id(db.tenant, keep) if keep else "")


def get_user(db: Database, user_id: int) -> User:
    """One user. Raises AccessError unknown_user."""
    rows = db.query(f"SELECT {_COLUMNS} FROM rf_user WHERE id = ?", (user_id,))
    if not rows:
        raise _unknown()
    return _user(rows[0])


def find_user(db: Database, login: str) -> User | None:
    """The user with a login, if there is one."""
    rows = db.query(f"SELECT {_COLUMNS} FROM rf_user WHERE login = ?", (fold_login(login),))
    return _user(rows[0]) if rows else None


def list_users(db: Database, *, search: str = "", after: str = "", limit: int = 200) -> list[User]:
    """Users by login, from after a login on; `search` looks into login, name and e-mail."""
    where, params = "login > ?", [after]
    if search:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", search.lower()) + "%"
        where += (
            " AND (login LIKE ? ESCAPE '\\' OR lower(name) LIKE ? ESCAPE '\\'"
            " OR lower(email) LIKE ? ESCAPE '\\')"
        )
        params += [pattern] * 3
    rows = db.query(
        f"SELECT {_COLUMNS} FROM rf_user WHERE {where} ORDER BY login LIMIT ?", (*params, limit)
    )
    return [_user(row) for row in rows]


def user_names(db: Database, ids: Iterable[int]) -> dict[int, str]:
    """Names of users by id, for showing who did something."""
    wanted = sorted(set(ids))
    names: dict[int, str] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ", ".join("?" * len(part))
        names.update(db.query(f"SELECT id, name FROM rf_user WHERE id IN ({marks})", part))
    return names


def roles_of(db: Database, user_id: int) -> frozenset[str]:
    """The roles granted to a user (those they include are the catalog's business)."""
    rows = db.query("SELECT role FROM rf_user_role WHERE user_id = ?", (user_id,))
    return frozenset(row[0] for row in rows)


def _user(row: Sequence[Any]) -> User:
    values: list[Any] = list(row)
    values[7] = bool(values[7])
    return User(*values)


def _name(name: str) -> str:
    cleaned = " ".join(name.split())[:120]
    if not cleaned:
        raise AccessError("bad_name", Text(zh="请填写姓名。", en="A name is needed."), field="name")
    return cleaned


def _grant(tx: Tx, user_id: int, roles: Iterable[str]) -> None:
    for role in sorted(set(roles)):
        tx.execute("INSERT INTO rf_user_role (user_id, role) VALUES (?, ?)", (user_id, role))


def _end_sessions(tx: Tx, user_id: int, kept: str = "") -> None:
    tx.execute("DELETE FROM rf_session WHERE user_id = ? AND id <> ?", (user_id, kept))


def _known(tx: Tx, user_id: int) -> None:
    if not tx.execute("SELECT 1 FROM rf_user WHERE id = ?", (user_id,)):
        raise _unknown()


def _unknown(field: str = "") -> AccessError:
    return AccessError(
        "unknown_user", Text(zh="没有这个用户。", en="There is no such user."), field=field
    )


def _check_links(tx: Tx, department_id: int | None, manager_id: int | None, lang: str) -> None:
    _check_language(lang)
    if department_id is not None and not tx.execute(
        "SELECT 1 FROM rf_department WHERE id = ?", (department_id,)
    ):
        raise AccessError(
            "unknown_department",
            Text(zh="没有这个部门。", en="There is no such department."),
            field="department_id",
        )
    if manager_id is not None and not tx.execute(
        "SELECT 1 FROM rf_user WHERE id = ?", (manager_id,)
    ):
        raise _unknown("manager_id")


def _check_language(lang: str) -> None:
    if lang not in LANGUAGES:
        allowed = ", ".join(LANGUAGES)
        raise AccessError(
            "bad_language",
            Text(zh=f"语言可为:{allowed}。", en=f"Languages are {allowed}."),
            field="lang",
        )
