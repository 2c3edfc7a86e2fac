"""Users, their roles and passwords, and departments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import g
from flask_admin.form import BaseForm
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from app.access import departments, users
from app.access.errors import AccessError
from app.access.rights import check_stand_in
from app.admin.rows import AdminRows, Query, may, order_by, page_of
from app.web import session
from app.web.i18n import language
from forms.values import Text, decode_id, encode_id

LANGUAGES = [SelectChoice("zh", "中文"), SelectChoice("en", "English")]


class UserForm(BaseForm):  # type: ignore[misc]
    """A user, as the back office changes one."""

    login = StringField(_l("Sign-in name"), [InputRequired(), Length(max=120)])
    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    email = StringField(_l("E-mail"), [Optional(), Length(max=200)])
    password = PasswordField(
        _l("Password"), description=_l("Leave empty to keep the password as it is.")
    )
    roles = SelectMultipleField(_l("Roles"), choices=[])
    department_id = SelectField(_l("Department"), choices=[])
    manager_id = SelectField(_l("Manager"), choices=[])
    lang = SelectField(_l("Language"), choices=LANGUAGES)
    active = BooleanField(_l("May sign in"), default=True)


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user with what the list shows."""

    id: int
    login: str
    name: str
    email: str
    roles: tuple[str, ...]
    department: str
    lang: str
    active: bool
    updated_at: int
    department_id: str = ""
    manager_id: str = ""


class Users(AdminRows):
    """Users: nobody is removed, an account is closed."""

    right = "users"
    can_create = can_edit = True
    searchable = True
    sortable = ("login", "name", "updated_at")
    moments = frozenset({"updated_at"})
    column_list = ("login", "name", "roles", "department", "active", "updated_at")
    column_labels = {  # noqa: RUF012
        "login": _l("Sign-in name"),
        "name": _l("Name"),
        "roles": _l("Roles"),
        "department": _l("Department"),
        "active": _l("May sign in"),
        "updated_at": _l("Changed"),
    }
    column_formatters = {  # noqa: RUF012
        "roles": lambda view, context, row, name: _role_names(row.roles)
    }
    form_class = UserForm

    def find(self, query: Query) -> tuple[int, list[UserRow]]:
        where, params = "1 = 1", list[Any]()
        if query.search:
            where = "(lower(login) LIKE ? OR lower(name) LIKE ? OR lower(email) LIKE ?)"
            params = [f"%{query.search.lower()}%"] * 3
        sort = order_by(query, {one: one for one in self.sortable}, "login")
        count = g.db.query(f"SELECT COUNT(*) FROM rf_user WHERE {where}", params)[0][0]
        ids = g.db.query(
            f"SELECT id FROM rf_user WHERE {where} ORDER BY {sort} LIMIT ? OFFSET ?",
            [*params, query.limit, query.offset],
        )
        names = {one.id: one.name for one in departments.list_departments(g.db)}
        return count, [_user_row(row[0], names) for row in ids]

    def one(self, row_id: int) -> UserRow | None:
        names = {one.id: one.name for one in departments.list_departments(g.db)}
        return _user_row(row_id, names)

    def prepare(self, form: Any, row: Any) -> None:
        lang = language()
        roles = g.tenant.active().catalog.roles
        held = set(row.roles) if row is not None else set()
        named = [SelectChoice(r.id, r.label.pick(lang) or r.id) for r in roles.values()]
        gone = [SelectChoice(r, f"{r} ?") for r in sorted(held - roles.keys())]
        form.roles.choices = [*named, *gone]
        people = users.list_users(g.db, limit=1000)
        units = departments.list_departments(g.db)
        form.manager_id.choices = _choices((one.id, f"{one.name} ({one.login})") for one in people)
        form.department_id.choices = _choices((one.id, one.name) for one in units)
        if not may("roles"):
            del form.roles
        if row is None:
            form.password.description = ""
        else:
            form.login.render_kw = {"readonly": True}

    def add(self, form: Any) -> int:
        return users.create_user(
            g.db,
            form.login.data,
            form.name.data,
            form.password.data or "",
            email=form.email.data or "",
            roles=form.roles.data or () if "roles" in form else (),
            department_id=_id(form.department_id.data),
            manager_id=_id(form.manager_id.data),
            lang=form.lang.data,
        )

    def change(self, form: Any, row: UserRow) -> None:
        own = g.actor.user_id == row.id
        if own and not form.active.data:
            raise AccessError(
                "own_account",
                Text("不能停用自己的账号。", "You cannot close your own account."),
                field="active",
            )
        if form.password.data or bool(form.active.data) != row.active:
            field = "password" if form.password.data else "active"
            check_stand_in(g.tenant.active().catalog, g.actor, row.roles, field)
        users.change_user(
            g.db,
            row.id,
            name=form.name.data,
            email=form.email.data or "",
            department_id=_id(form.department_id.data),
            manager_id=_id(form.manager_id.data),
            lang=form.lang.data,
            active=bool(form.active.data),
        )
        kept = g.session_value if own else ""
        if form.password.data:
            users.set_password(g.db, row.id, form.password.data, keep=kept)
        if "roles" in form and set(form.roles.data or ()) != set(row.roles):
            users.set_roles(g.db, row.id, form.roles.data or (), keep=kept)
        if own:
            session.renew()


class DepartmentForm(BaseForm):  # type: ignore[misc]
    """A department."""

    code = StringField(_l("Code"), [InputRequired(), Length(max=60)])
    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    parent_id = SelectField(_l("Part of"), choices=[])
    head_id = SelectField(_l("Head"), choices=[])


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    """A department with the names of what it hangs on."""

    id: int
    code: str
    name: str
    parent: str
    head: str
    parent_id: str = ""
    head_id: str = ""


class Departments(AdminRows):
    """Departments, as a tree by `parent`."""

    right = "departments"
    can_create = can_edit = can_delete = True
    sortable = ("code", "name")
    column_list = ("code", "name", "parent", "head")
    column_labels = {  # noqa: RUF012
        "code": _l("Code"),
        "name": _l("Name"),
        "parent": _l("Part of"),
        "head": _l("Head"),
    }
    form_class = DepartmentForm

    def find(self, query: Query) -> tuple[int, list[DepartmentRow]]:
        rows = self._rows()
        if query.sort:
            rows.sort(key=lambda row: getattr(row, query.sort), reverse=query.descending)
        return len(rows), page_of(rows, query)

    def one(self, row_id: int) -> DepartmentRow | None:
        return next((row for row in self._rows() if row.id == row_id), None)

    def prepare(self, form: Any, row: Any) -> None:
        people = users.list_users(g.db, limit=1000)
        form.head_id.choices = _choices((one.id, one.name) for one in people)
        own = row.id if row is not None else None
        form.parent_id.choices = _choices(
            (one.id, one.name) for one in departments.list_departments(g.db) if one.id != own
        )

    def add(self, form: Any) -> int:
        return departments.create_department(
            g.db,
            form.code.data,
            form.name.data,
            parent_id=_id(form.parent_id.data),
            head_id=_id(form.head_id.data),
        )

    def change(self, form: Any, row: DepartmentRow) -> None:
        departments.change_department(
            g.db,
            row.id,
            code=form.code.data,
            name=form.name.data,
            parent_id=_id(form.parent_id.data),
            head_id=_id(form.head_id.data),
        )

    def remove(self, row: DepartmentRow) -> None:
        departments.remove_department(g.db, row.id)

    def _rows(self) -> list[DepartmentRow]:
        found = departments.list_departments(g.db)
        names = {one.id: one.name for one in found}
        heads = users.user_names(g.db, [one.head_id for one in found if one.head_id])
        return [
            DepartmentRow(
                one.id,
                one.code,
                one.name,
                names.get(one.parent_id or 0, ""),
                heads.get(one.head_id or 0, ""),
                _key(one.parent_id),
                _key(one.head_id),
            )
            for one in found
        ]


def _user_row(user_id: int, names: dict[int, str]) -> UserRow:
    user = users.get_user(g.db, user_id)
    return UserRow(
        id=user.id,
        login=user.login,
        name=user.name,
        email=user.email,
        roles=tuple(sorted(users.roles_of(g.db, user.id))),
        department=names.get(user.department_id or 0, ""),
        lang=user.lang,
        active=user.active,
        updated_at=user.updated_at,
        department_id=_key(user.department_id),
        manager_id=_key(user.manager_id),
    )


def _role_names(ids: Iterable[str]) -> str:
    """Roles by their labels; one that is no more by its id."""
    roles, lang = g.tenant.active().catalog.roles, language()
    names = (roles[one].label.pick(lang) or one if one in roles else one for one in ids)
    return ("、" if lang == "zh" else ", ").join(names)


def _choices(pairs: Any) -> list[SelectChoice]:
    return [SelectChoice("", "–"), *(SelectChoice(encode_id(one), name) for one, name in pairs)]


def _key(value: int | None) -> str:
    return "" if value is None else encode_id(value)


def _id(text: str | None) -> int | None:
    return decode_id(text) if text else None
