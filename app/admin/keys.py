"""API tokens and sessions: what lets programs and people in, and how it is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, g
from flask_admin.form import BaseForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.access import sessions, tokens, users
from app.access.rights import check_stand_in
from app.admin.rows import AdminRows, Query, page_of
from forms.values import decode_id, encode_id


class TokenForm(BaseForm):  # type: ignore[misc]
    """A new API token."""

    user_id = SelectField(_l("Owner"), [InputRequired()], choices=[])
    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    scopes = StringField(
        _l("Scopes"),
        [InputRequired(), Length(max=2000)],
        description=_l("form:action, with blanks between; * stands for all. Example: order:read"),
    )
    days = IntegerField(
        _l("Days it is valid"),
        [Optional(), NumberRange(min=1, max=tokens.LONGEST_DAYS)],
        default=90,
    )


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token without its secret, which nobody has."""

    id: int
    owner: str
    name: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None


class Tokens(AdminRows):
    """API tokens; removing one revokes it."""

    right = "tokens"
    can_create = can_delete = True
    moments = frozenset({"created_at", "expires_at", "last_used_at", "revoked_at"})
    column_list = (
        "owner",
        "name",
        "scopes",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    column_labels = {  # noqa: RUF012
        "owner": _l("Owner"),
        "name": _l("Name"),
        "scopes": _l("Scopes"),
        "created_at": _l("Created"),
        "expires_at": _l("Valid until"),
        "last_used_at": _l("Last used"),
        "revoked_at": _l("Revoked"),
    }
    form_class = TokenForm

    def find(self, query: Query) -> tuple[int, list[TokenRow]]:
        rows = self._rows()
        return len(rows), page_of(rows, query)

    def one(self, row_id: int) -> TokenRow | None:
        return next((row for row in self._rows() if row.id == row_id), None)

    def prepare(self, form: Any, row: Any) -> None:
        people = users.list_users(g.db, limit=1000)
        form.user_id.choices = [
            SelectChoice(encode_id(u.id), f"{u.name} ({u.login})") for u in people
        ]

    def add(self, form: Any) -> int:
        owner = decode_id(form.user_id.data)
        held = users.roles_of(g.db, owner)
        check_stand_in(g.tenant.active().catalog, g.actor, held, "user_id")
        made, secret = tokens.issue_token(
            g.db,
            owner,
            form.name.data,
            form.scopes.data,
            days=form.days.data,
            forms=g.tenant.active().catalog.forms,
        )
        flash(_("Copy this token now; it is not shown again:"), "warning")
        flash(secret, "new_value")  # the page gives it a box of its own
        return made

    def remove(self, row: TokenRow) -> None:
        tokens.revoke_token(g.db, row.id)

    def _rows(self) -> list[TokenRow]:
        found = tokens.list_tokens(g.db)
        names = users.user_names(g.db, [one.user_id for one in found])
        return [
            TokenRow(
                one.id,
                names.get(one.user_id, ""),
                one.name,
                tuple(sorted(one.scopes)),
                one.created_at,
                one.expires_at,
                one.last_used_at,
                one.revoked_at,
            )
            for one in found
        ]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A living session. `id` is its owner's id and a running number, never the hash."""

    id: int
    owner: str
    created_at: int
    seen_at: int
    ip: str
    agent: str
    user_id: int
    session: str


class Sessions(AdminRows):
    """Who is signed in, from where; ending a session signs that browser out."""

    right = "sessions"
    can_delete = True
    moments = frozenset({"created_at", "seen_at"})
    column_list = ("owner", "ip", "agent", "created_at", "seen_at")
    column_labels = {  # noqa: RUF012
        "owner": _l("Name"),
        "ip": _l("Address"),
        "agent": _l("Browser"),
        "created_at": _l("Signed in"),
        "seen_at": _l("Last seen"),
    }

    def find(self, query: Query) -> tuple[int, list[SessionRow]]:
        rows = self._rows()
        return len(rows), page_of(rows, query)

    def one(self, row_id: int) -> SessionRow | None:
        return next((row for row in self._rows() if row.id == row_id), None)

    def remove(self, row: SessionRow) -> None:
        sessions.revoke_session(g.db, row.user_id, row.session)

    def _rows(self) -> list[SessionRow]:
        owners = [row[0] for row in g.db.query("SELECT DISTINCT user_id FROM rf_session")]
        names = users.user_names(g.db, owners)
        found = [one for owner in owners for one in sessions.list_sessions(g.db, owner)]
        return [
            SessionRow(
                int(one.id[:15], 16),
                names.get(one.user_id, ""),
                one.created_at,
                one.seen_at,
                one.ip,
                one.agent,
                one.user_id,
                one.id,
            )
            for one in sorted(found, key=lambda one: -one.seen_at)
        ]
