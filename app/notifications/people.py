"""Who is told: users by role, department or field, and contacts outside, as they are right now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.catalog.model import Role
from app.letters import is_address
from app.storage.ports import Reader
from flows.model import Who
from forms.expr import Env, EvalError, Type
from forms.model import Form, Row

ASSIGNEE = "assignee"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person to be told. `principal`: "user:<id>", "contact:<form>:<id>" or "mail:<address>".
    `lang` "" where nothing is known of it."""

    principal: str
    name: str = ""
    address: str = ""
    lang: str = ""

    @property
    def outside(self) -> bool:
        """Whether this is nobody of the company."""
        return not self.principal.startswith("user:")


@dataclass(frozen=True, slots=True)
class Around:
    """What resolving looks at: the record, the release's forms and roles, whoever has the task."""

    db: Reader
    roles: Mapping[str, Role]
    forms: Mapping[str, Form]
    form: Form
    row: Row
    env: Env
    seats: Sequence[str] = ()
    form_key: str = ""


def recipients(to: Iterable[Who], around: Around) -> list[Recipient]:
    """Everybody, each once, in a stable order. Raises EvalError where an entry has no value."""
    found: dict[str, Recipient] = {}
    users: set[int] = set()
    for who in to:
        ids, others = _resolve(who, around)
        users |= ids
        for one in others:
            found.setdefault(one.principal, one)
    people = {one.principal: one for one in _users(around.db, users)}
    found = {**people, **found}
    outside = [one.principal for one in found.values() if one.outside]
    langs = _languages(around.db, outside)
    return [
        Recipient(one.principal, one.name, one.address, langs.get(one.principal, one.lang))
        for one in found.values()
    ]


def _resolve(who: Who, around: Around) -> tuple[set[int], list[Recipient]]:
    db = around.db
    match who.kind:
        case "role":
            return with_role(db, around.roles, who.value), []
        case "actor_of":
            return _actor_of(around, who.value), []
        case "user" if who.value == ASSIGNEE and who.expr is None:
            return _seats(around)[0], []
        case "field" if who.value == ASSIGNEE and who.expr is None:
            return _seats(around)
        case "manager_of":
            ids = _seats(around)[0] if who.value == ASSIGNEE else _user_ids(who, around)
            return _column(db, "rf_user", "manager_id", ids), []
        case "head_of":
            return _column(db, "rf_department", "head_id", _departments(who, around)), []
        case "department":
            return _members(db, _departments(who, around)), []
        case "user":
            return _user_ids(who, around), []
    return _field(who, around)


def with_role(db: Reader, roles: Mapping[str, Role], role: str) -> set[int]:
    """Active users who hold a role, or one that includes it."""
    granted = {role}
    while True:
        more = {name for name, one in roles.items() if not granted.isdisjoint(one.includes)}
        if more <= granted:
            break
        granted |= more
    rows = db.query(
        f"SELECT DISTINCT user_id FROM rf_user_role WHERE role IN ({_marks(granted)})",
        sorted(granted),
    )
    return {row[0] for row in rows}


def _actor_of(around: Around, step: str) -> set[int]:
    """Whoever acted last in a step."""
    rows = around.db.query(
        "SELECT by_user FROM rf_due WHERE form = ? AND record_id = ? AND by_user IS NOT NULL"
        " AND (step = ? OR step LIKE ?) ORDER BY done_at DESC LIMIT 1",
        (around.form_key, around.row["id"], step, f"%/{step}"),
    )
    return {row[0] for row in rows}


def _seats(around: Around) -> tuple[set[int], list[Recipient]]:
    users: set[int] = set()
    others: list[Recipient] = []
    for principal in around.seats:
        kind, _, value = principal.partition(":")
        if kind == "user" and value.isdigit():
            users.add(int(value))
        elif kind == "role":
            users |= with_role(around.db, around.roles, value)
        elif kind == "department" and value.isdigit():
            users |= _members(around.db, {int(value)})
        elif kind == "contact":
            form, _, record = value.partition(":")
            if record.isdigit():
                others += _contacts(around, form, {int(record)})
    return users, others


def _user_ids(who: Who, around: Around) -> set[int]:
    if who.expr is not None:
        return set(_whole(who.expr.evaluate(around.row, around.env)))
    rows = around.db.query("SELECT id FROM rf_user WHERE login = ?", (who.value.lower(),))
    return {row[0] for row in rows}


def _departments(who: Who, around: Around) -> set[int]:
    if who.expr is None:
        if who.value == ASSIGNEE:
            return _column(around.db, "rf_user", "department_id", _seats(around)[0])
        rows = around.db.query("SELECT id FROM rf_department WHERE code = ?", (who.value,))
        return {row[0] for row in rows}
    ids = set(_whole(who.expr.evaluate(around.row, around.env)))
    if _single(who.expr.type).kind == "user":
        return _column(around.db, "rf_user", "department_id", ids)
    return ids


def _members(db: Reader, departments: set[int]) -> set[int]:
    """Everybody in these departments and in those below: a task of theirs is everybody's, too."""
    if not departments:
        return set()
    rows = db.query(
        "WITH RECURSIVE below(id) AS ("
        f"SELECT id FROM rf_department WHERE id IN ({_marks(departments)})"
        " UNION SELECT d.id FROM rf_department AS d JOIN below ON d.parent_id = below.id)"
        " SELECT id FROM rf_user WHERE department_id IN (SELECT id FROM below)",
        sorted(departments),
    )
    return {row[0] for row in rows}


def _column(db: Reader, table: str, column: str, ids: set[int]) -> set[int]:
    if not ids:
        return set()
    rows = db.query(
        f"SELECT {column} FROM {table} WHERE id IN ({_marks(ids)}) AND {column} IS NOT NULL",
        sorted(ids),
    )
    return {row[0] for row in rows}


def _field(who: Who, around: Around) -> tuple[set[int], list[Recipient]]:
    """Users, departments, addresses and contacts a field leads to."""
    if who.expr is None:
        head, _, name = who.value.partition(".")
        inner = around.form.fields[head].fields[name]  # type: ignore[attr-defined]
        kind, to = _single(inner.kind.expr_type(inner)).kind, inner.to
        values = [line.get(name) for line in around.row.get(head) or ()]
    else:
        one = _single(who.expr.type)
        kind, to = one.kind, one.target or ""
        values = [who.expr.evaluate(around.row, around.env)]
    if kind == "text":
        contact = _through_link(who, around)
        return set(), [
            Recipient(contact or f"mail:{text.lower()}", address=text)
            for text in _texts(values)
            if is_address(text)
        ]
    ids = {one for value in values for one in _whole(value)}
    if kind == "department":
        return _members(around.db, ids), []
    if kind == "link":
        return set(), _contacts(around, to, ids)
    return ids, []


def _through_link(who: Who, around: Around) -> str:
    """`customer.email` is the address of the contact `customer` leads to."""
    head, _, rest = who.value.partition(".")
    field = around.form.fields.get(head)
    to = getattr(field, "to", "")
    value = around.row.get(head)
    if rest and "." not in rest and to and isinstance(value, int):
        return f"contact:{to}:{value}"
    return ""


def _contacts(around: Around, target: str, ids: set[int]) -> list[Recipient]:
    """Contacts by their records: the address is the first e-mail field of their form."""
    form = around.forms.get(target)
    field = address_field(form) if form is not None else ""
    known = around.env.links.get(target, {})
    found = []
    for one in sorted(ids):
        given = str(known.get(one, {}).get(field) or "") if field else ""
        address = given.strip()
        found.append(
            Recipient(
                f"contact:{target}:{one}",
                str(known.get(one, {}).get("title") or ""),
                address if is_address(address) else "",
            )
        )
    return found


def address_field(form: Form) -> str:
    """The field of a form that holds a person's address: the first e-mail field, or ""."""
    return next((one.id for one in form.fields.values() if one.format == "email"), "")


def contact_links(to: Iterable[Who], around: Around) -> dict[str, set[int]]:
    """Target → ids of contacts whose records have to be read before `recipients`."""
    found: dict[str, set[int]] = {}
    for who in to:
        if who.expr is not None and who.kind == "field":
            one = _single(who.expr.type)
            if one.kind == "link" and one.target:
                try:
                    value = who.expr.evaluate(around.row, around.env)
                except EvalError:
                    continue
                found.setdefault(one.target, set()).update(_whole(value))
        elif who.value == ASSIGNEE:
            for principal in around.seats:
                kind, _, value = principal.partition(":")
                form, _, record = value.partition(":")
                if kind == "contact" and record.isdigit():
                    found.setdefault(form, set()).add(int(record))
    return found


def _users(db: Reader, ids: set[int]) -> list[Recipient]:
    if not ids:
        return []
    rows = db.query(
        "SELECT id, name, COALESCE(email, ''), COALESCE(lang, '') FROM rf_user"
        f" WHERE active = 1 AND id IN ({_marks(ids)}) ORDER BY id",
        sorted(ids),
    )
    return [
        Recipient(f"user:{one}", name, email if is_address(email) else "", lang)
        for one, name, email, lang in rows
    ]


def _languages(db: Reader, principals: Sequence[str]) -> dict[str, str]:
    if not principals:
        return {}
    rows = db.query(
        f"SELECT principal, lang FROM rf_contact WHERE principal IN ({_marks(principals)})",
        principals,
    )
    return dict(rows)


def _single(kind: Type) -> Type:
    return kind.item if kind.kind == "list" and kind.item else kind


def _whole(value: Any) -> Iterable[int]:
    values = value if isinstance(value, list | tuple) else (value,)
    return (one for one in values if isinstance(one, int) and not isinstance(one, bool))


def _texts(values: Iterable[Any]) -> list[str]:
    found: list[str] = []
    for value in values:
        parts = value if isinstance(value, list | tuple) else (value,)
        found += [one.strip() for one in parts if isinstance(one, str)]
    return found


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
