"""Departments: a tree, each with a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.access.database import Database, Tx
from app.access.errors import AccessError
from forms.values import Text, new_id

DEEPEST = 20
_COLUMNS = "id, code, name, parent_id, head_id"


@dataclass(frozen=True, slots=True)
class Department:
    """One department; `parent_id` is None at the top."""

    id: int
    code: str
    name: str
    parent_id: int | None
    head_id: int | None


def create_department(
    db: Database,
    code: str,
    name: str,
    *,
    parent_id: int | None = None,
    head_id: int | None = None,
) -> int:
    """Add a department; gives its id. Raises AccessError: code_taken, unknown_department …"""
    department_id = new_id()
    with db.write() as tx:
        code, name = _words(tx, code, name, 0)
        _check_place(tx, department_id, parent_id, head_id)
        tx.execute(
            f"INSERT INTO rf_department ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
            (department_id, code, name, parent_id, head_id),
        )
    return department_id


def change_department(
    db: Database,
    department_id: int,
    *,
    code: str,
    name: str,
    parent_id: int | None,
    head_id: int | None,
) -> None:
    """Rename, move or re-head a department. Raises AccessError: department_cycle …"""
    with db.write() as tx:
        if not tx.execute("SELECT 1 FROM rf_department WHERE id = ?", (department_id,)):
            raise _unknown("")
        code, name = _words(tx, code, name, department_id)
        _check_place(tx, department_id, parent_id, head_id)
        tx.execute(
            "UPDATE rf_department SET code = ?, name = ?, parent_id = ?, head_id = ? WHERE id = ?",
            (code, name, parent_id, head_id, department_id),
        )


def remove_department(db: Database, department_id: int) -> None:
    """Remove a department nobody is in and none is under. Raises AccessError department_in_use."""
    with db.write() as tx:
        used = tx.execute(
            "SELECT 1 FROM rf_user WHERE department_id = ? UNION ALL "
            "SELECT 1 FROM rf_department WHERE parent_id = ?",
            (department_id, department_id),
        )
        if used:
            raise AccessError(
                "department_in_use",
                Text(
                    zh="部门下还有人员或下级部门,请先移走。",
                    en="The department still has people or departments: move them first.",
                ),
            )
        tx.execute("DELETE FROM rf_department WHERE id = ?", (department_id,))


def list_departments(db: Database) -> list[Department]:
    """All departments by code."""
    rows = db.query(f"SELECT {_COLUMNS} FROM rf_department ORDER BY code")
    return [_department(row) for row in rows]


def department_path(db: Database, department_id: int | None) -> tuple[int, ...]:
    """A department and those above it, nearest first; empty for None."""
    if department_id is None:
        return ()
    rows = db.query(
        "WITH RECURSIVE up (id, parent_id, level) AS ("
        "SELECT id, parent_id, 0 FROM rf_department WHERE id = ? UNION ALL "
        "SELECT d.id, d.parent_id, up.level + 1 FROM rf_department d "
        "JOIN up ON d.id = up.parent_id WHERE up.level < ?) SELECT id FROM up ORDER BY level",
        (department_id, DEEPEST),
    )
    return tuple(row[0] for row in rows)


def _department(row: Sequence[Any]) -> Department:
    return Department(*row)


def _words(tx: Tx, code: str, name: str, own_id: int) -> tuple[str, str]:
    code, name = code.strip()[:60], " ".join(name.split())[:120]
    if not code or not name:
        raise AccessError(
            "bad_name", Text(zh="请填写编号和名称。", en="A code and a name are needed.")
        )
    if tx.execute("SELECT 1 FROM rf_department WHERE code = ? AND id <> ?", (code, own_id)):
        raise AccessError(
            "code_taken",
            Text(zh=f"部门编号 {code} 已被使用。", en=f"The code {code} is taken."),
            field="code",
        )
    return code, name


def _check_place(tx: Tx, department_id: int, parent_id: int | None, head_id: int | None) -> None:
    if head_id is not None and not tx.execute("SELECT 1 FROM rf_user WHERE id = ?", (head_id,)):
        raise AccessError(
            "unknown_user", Text(zh="没有这个用户。", en="There is no such user."), field="head_id"
        )
    above, level = parent_id, 1
    while above is not None:
        if above == department_id or level >= DEEPEST:
            raise AccessError(
                "department_cycle",
                Text(
                    zh=f"上级部门不能是自己或下级,最多 {DEEPEST} 层。",
                    en=f"A department cannot stand under itself; {DEEPEST} levels at the most.",
                ),
                field="parent_id",
            )
        rows = tx.execute("SELECT parent_id FROM rf_department WHERE id = ?", (above,))
        if not rows:
            raise _unknown("parent_id")
        above, level = rows[0][0], level + 1


def _unknown(field: str) -> AccessError:
    return AccessError(
        "unknown_department",
        Text(zh="没有这个部门。", en="There is no such department."),
        field=field,
    )
