"""Who stands in for whom, for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import g
from flask_admin.form import BaseForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import DateInput

from app import records
from app.access import users
from app.access.errors import AccessError
from app.admin.rows import AdminRows, Query
from app.records import Delegation, Refused
from app.web.delegating import (
    BadDay,
    days_of,
    first_moment,
    moment_after,
    no_day,
    person_typed,
    scope_words,
)
from app.web.i18n import language
from forms.values import encode_id


class DelegationForm(BaseForm):  # type: ignore[misc]
    """A delegation, as the back office makes and changes one."""

    user = SelectField(_l("For"), [InputRequired()], choices=[])
    to_user = SelectField(_l("Stands in"), [InputRequired()], choices=[])
    form = SelectField(_l("Approvals of"), choices=[])
    starts_at = StringField(_l("First day"), [Optional()], widget=DateInput())
    ends_at = StringField(_l("Last day"), [Optional()], widget=DateInput())


@dataclass(frozen=True, slots=True)
class DelegationRow:
    """A delegation with what the list and the form show."""

    id: int
    person: str
    deputy: str
    scope: str
    starts_at: str
    ends_at: str
    state: str
    user: str
    to_user: str
    form: str


class Delegations(AdminRows):
    """Delegations: none is removed, it is ended."""

    right = "users"
    can_create = can_edit = can_delete = True
    column_list = ("person", "deputy", "scope", "starts_at", "ends_at", "state")
    column_labels = {  # noqa: RUF012
        "person": _l("For"),
        "deputy": _l("Stands in"),
        "scope": _l("Approvals of"),
        "starts_at": _l("First day"),
        "ends_at": _l("Last day"),
        "state": _l("Status"),
    }
    remove_word = _l("End it")
    form_class = DelegationForm

    def find(self, query: Query) -> tuple[int, list[DelegationRow]]:
        count, found = records.every_delegation(
            g.tenant, g.actor, limit=query.limit, offset=query.offset
        )
        return count, _rows(found)

    def one(self, row_id: int) -> DelegationRow | None:
        try:
            return _rows([records.delegation(g.tenant, g.actor, row_id)])[0]
        except Refused:
            return None

    def prepare(self, form: Any, row: Any) -> None:
        lang, forms = language(), g.tenant.active().catalog.forms
        people = [
            SelectChoice(encode_id(one.id), f"{one.name} ({one.login})")
            for one in users.list_users(g.db, limit=1000)
            if one.active
        ]
        people.insert(0, SelectChoice("", "–"))
        form.to_user.choices = people
        named = [
            SelectChoice(one, forms[one].label.pick(lang) or one)
            for one in records.delegable(g.tenant)
        ]
        form.form.choices = [SelectChoice("", _("all forms")), *named]
        if row is None:
            form.user.choices = people
        else:
            del form.user

    def add(self, form: Any) -> int:
        made, _replayed = _asked(
            lambda: records.delegate(
                g.tenant,
                g.actor,
                person_typed(form.to_user.data),
                user=person_typed(form.user.data),
                **_rest(form),
            )
        )
        return int(made)

    def change(self, form: Any, row: DelegationRow) -> None:
        to = person_typed(form.to_user.data)
        _asked(lambda: records.change_delegation(g.tenant, g.actor, row.id, to, **_rest(form)))

    def remove(self, row: DelegationRow) -> None:
        _asked(lambda: records.end_delegation(g.tenant, g.actor, row.id))


def _rest(form: Any) -> dict[str, Any]:
    zone = g.tenant.active().zone
    return {
        "form": form.form.data or None,
        "starts_at": first_moment(form.starts_at.data or "", "starts_at", zone),
        "ends_at": moment_after(form.ends_at.data or "", "ends_at", zone),
    }


def _asked(work: Callable[[], Any]) -> Any:
    """Do it; what is refused goes to its input."""
    try:
        return work()
    except BadDay as wrong:
        raise AccessError("bad_day", no_day(), field=wrong.field) from None
    except Refused as refused:
        field = str(refused.details[0].path[0]) if refused.details else ""
        raise AccessError(refused.code, refused.message, field=field) from None


def _rows(found: list[Delegation]) -> list[DelegationRow]:
    lang, now, zone = language(), g.tenant.now(), g.tenant.active().zone
    names = users.user_names(g.db, {person for one in found for person in (one.user, one.to_user)})
    states = {"active": _("now"), "planned": _("later"), "over": _("over")}
    rows = []
    for one in found:
        first, last = days_of(one, zone)
        rows.append(
            DelegationRow(
                one.id,
                names.get(one.user, "–"),
                names.get(one.to_user, "–"),
                scope_words(one, lang),
                first,
                last,
                states[one.state(now)],
                encode_id(one.user),
                encode_id(one.to_user),
                one.form or "",
            )
        )
    return rows
