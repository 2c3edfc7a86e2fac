"""One's own account: the password, and where one is signed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access.clock import SECOND
from app.access.errors import AccessError
from app.access.sessions import list_sessions, revoke_session, revoke_sessions, session_id
from app.access.signin import confirm_password
from app.access.users import get_user, set_password
from app.web import session
from app.web.desk.values import moment_shown
from app.web.i18n import language

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def add_routes(desk: Blueprint) -> None:
    """The page and its three acts."""
    desk.add_url_rule("/account", "account", account, methods=["GET"])
    desk.add_url_rule("/account/password", "change_password", change_password, methods=["POST"])
    desk.add_url_rule("/account/sessions", "end_session", end_session, methods=["POST"])


def account() -> Any:
    """Who one is, a form for another password, the sessions."""
    return _page()


def change_password() -> Any:
    """Set another password after the old one was given; every other session ends."""
    user, new = g.actor.user_id, request.form.get("new", "")
    try:
        if new != request.form.get("again", ""):
            return _page({"again": _("The two are not the same.")})
        confirm_password(g.db, user, request.form.get("old", ""))
        set_password(g.db, user, new, keep=g.session_value)
    except AccessError as refused:
        field = "old" if refused.code in ("sign_in_failed", "too_many_attempts") else "new"
        return _page({field: refused.message.pick(language())})
    session.renew()
    flash(_("Your password has been changed; you were signed out everywhere else."), "success")
    return redirect(url_for("desk.account"))


def end_session() -> Any:
    """End one of the other sessions, or all of them."""
    user, asked = g.actor.user_id, request.form.get("session", "")
    if asked:
        ended = int(revoke_session(g.db, user, asked))
    else:
        ended = revoke_sessions(g.db, user, keep=g.session_value)
    if ended:
        flash(_("Signed out there."), "success")
    return redirect(url_for("desk.account"))


def _page(errors: dict[str, str] | None = None) -> Any:
    user = get_user(g.db, g.actor.user_id)
    zone = g.tenant.active().zone
    own = session_id(g.db.tenant, g.session_value)
    sessions = [
        {
            "id": one.id,
            "own": one.id == own,
            "agent": one.agent or _("Unknown browser"),
            "ip": one.ip,
            "seen": moment_shown(_EPOCH + timedelta(seconds=one.seen_at / SECOND), zone),
        }
        for one in list_sessions(g.db, user.id)
    ]
    page = render_template("desk/account.html", user=user, sessions=sessions, errors=errors or {})
    return make_response(page, 422 if errors else 200)
