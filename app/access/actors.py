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
    return _actor(db, "login", fold_login(login), login, via)


def actor_for_user(db: Database, user_id: int, *, via: str = "import") -> Actor:
    """The actor of an active user, by id. Raises AccessError unknown_user."""
    return _actor(db, "id", user_id, str(user_id), via)


def _actor(db: Database, column: str, value: object, called: str, via: str) -> Actor:
    rows = db.query(
        "SELECT u.id, u.name, u.login, u.lang, u.department_id, r.role FROM rf_user u "
        f"LEFT JOIN rf_user_role r ON r.user_id = u.id WHERE u.{column} = ? AND u.active = 1",
        (value,),
    )
    if not rows:
        raise AccessError(
            "unknown_user",
            Text(zh=f"没有用户 {called}。", en=f"There is no user {called}."),
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
