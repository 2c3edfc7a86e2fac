"""Actors made without a session or token: command line, timers, imports."""

from __future__ import annotations

from app.access.actor import Actor
from app.access.database import Database
from app.access.departments import department_path
from app.access.errors import AccessError
from app.access.users import fold_login
from forms.values import Text


def actor_for_login(db: Database, login: str, *, via: str = "import") -> Actor:
    """The actor of an active user, by login. Raises AccessError unknown_user."""
    rows = db.query(
        "SELECT u.id, u.name, u.login, u.lang, u.department_id, r.role FROM rf_user u "
        "LEFT JOIN rf_user_role r ON r.user_id = u.id WHERE u.login = ? AND u.active = 1",
        (fold_login(login),),
    )
    if not rows:
        raise AccessError(
            "unknown_user",
            Text(zh=f"没有用户 {login}。", en=f"There is no user {login}."),
            field="login",
        )
    user_id, name, found, lang, department_id, _ = rows[0]
    return Actor(
        user_id=user_id,
        name=name,
        login=found,
        roles=frozenset(row[5] for row in rows if row[5] is not None),
        departments=department_path(db, department_id),
        via=via,
        lang=lang,
    )
