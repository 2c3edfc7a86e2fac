"""Who is asked: roles, departments, managers, heads and those who stand in for them.

Each question is one SELECT of the union that fetches facts. Delegations are few, so whoever asks
about people learns all that hold now: nobody needs a second round to ask who stands in for whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.access.rights import effective_roles
from app.access.users import fold_login
from flows.state import Asked

_ROW = "SELECT {part}, u.id, 1, '[]', CAST(NULL AS TEXT) FROM rf_user AS u WHERE u.active = 1 AND "
_WHERE = {
    "manager_of": "u.id = (SELECT m.manager_id FROM rf_user AS m WHERE m.id = ?)",
    "head_of": "u.id = (SELECT d.head_id FROM rf_department AS d WHERE d.id = ?)",
    "department": (
        "u.department_id IN (WITH RECURSIVE below(id) AS ("
        "SELECT CAST(? AS BIGINT) UNION SELECT d.id FROM rf_department AS d"
        " JOIN below ON d.parent_id = below.id) SELECT id FROM below)"
    ),
    "login": "u.login = ?",
}
_DELEGATIONS = (
    "SELECT {part}, g.user_id, 1, CAST({json}(g.to_user) AS TEXT), CAST(NULL AS TEXT)"
    " FROM rf_delegation AS g JOIN rf_user AS u ON u.id = g.to_user AND u.active = 1"
    " WHERE g.ended_at IS NULL AND (g.form IS NULL OR g.form = ?)"
    " AND (g.starts_at IS NULL OR g.starts_at <= ?) AND (g.ends_at IS NULL OR g.ends_at > ?)"
)
DELEGATE = "delegate_of"


def question_sql(catalog: Any, part: int, asked: Asked) -> tuple[str, list[Any]]:
    """The SELECT that answers a question with the ids of active users."""
    row = _ROW.format(part=part)
    if asked.kind == "role":
        holding = [role for role in catalog.roles if asked.of in effective_roles(catalog, [role])]
        marks = ", ".join("?" * len(holding)) or "NULL"
        chosen = f"u.id IN (SELECT r.user_id FROM rf_user_role AS r WHERE r.role IN ({marks}))"
        return row + chosen, holding
    of = fold_login(str(asked.of)) if asked.kind == "login" else asked.of
    return row + _WHERE[asked.kind], [of]


def delegations_sql(part: int, json: str, form: str, at: int) -> tuple[str, list[Any]]:
    """The SELECT of (user, [who stands in]) for all delegations that hold on a form now."""
    return _DELEGATIONS.format(part=part, json=json), [form, at, at]


def answers(
    asked: Iterable[Asked], found: Mapping[Asked, set[int]], stand_ins: Mapping[int, set[int]]
) -> dict[Asked, tuple[int, ...]]:
    """What was asked with its answers, and for everybody named, who stands in for them."""
    known: dict[Asked, tuple[int, ...]] = {}
    for one in asked:
        if one.kind == DELEGATE:
            known[one] = tuple(sorted(stand_ins.get(int(one.of), ())))
            continue
        known[one] = tuple(sorted(found.get(one, ())))
        for user in known[one]:
            known[Asked(DELEGATE, user)] = tuple(sorted(stand_ins.get(user, ())))
    return known
