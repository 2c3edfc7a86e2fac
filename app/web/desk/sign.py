"""Signing in and out, and the two choices a person makes about the pages: language and colours.

A page that is sent after the session ran out is not lost: what was typed travels through the
sign-in page as one hidden field and is shown again afterwards, not saved.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.datastructures import MultiDict

from app.access.errors import AccessError
from app.access.users import set_language
from app.web import session
from app.web.desk.acts import again
from app.web.desk.formpage import show_again
from app.web.desk.shell import THEME_COOKIE, THEMES
from app.web.i18n import LANGUAGE_COOKIE, LOCALES, language

YEAR = 365 * 24 * 3600
_NOT_CARRIED = frozenset({"csrf_token", "_password"})


def add_routes(desk: Blueprint) -> None:
    """Sign-in, sign-out and preferences."""
    desk.add_url_rule("/sign-in", "sign_in", sign_in, methods=["GET", "POST"])
    desk.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    desk.add_url_rule("/preferences", "preferences", preferences, methods=["POST"])


def sign_in() -> Any:
    """The sign-in page; after it, the page somebody wanted, with what they had typed."""
    wanted = own_address(request.values.get("next", ""))
    if request.method == "GET":
        if g.actor is not None:
            return redirect(wanted)
        return _page(wanted)
    login, carried = request.form.get("login", ""), request.form.get("carried", "")
    try:
        session.sign_in(login, request.form.get("password", ""))
    except AccessError as refused:
        page = _page(wanted, login, carried, refused.message.pick(language()))
        page.status_code = 429 if refused.code == "too_many_attempts" else 401
        if refused.retry_after:
            page.headers["Retry-After"] = str(refused.retry_after)
        return page
    posted = _unpack(carried)
    if posted is None:
        return redirect(wanted)
    return _again(urlsplit(wanted).path, posted)


def _again(path: str, data: MultiDict[str, str]) -> Any:
    """The page at an address of ours, with what was typed there before signing in again."""
    adapter = current_app.url_map.bind_to_environ(request.environ)
    endpoint, args = adapter.match(path.removeprefix(request.script_root), method="POST")
    if endpoint in {"desk.act", "desk.comment"}:
        return again(args["form_id"], args["rid"], data)
    if endpoint in {"desk.create_record", "desk.update_record"}:
        return show_again(args["form_id"], args.get("rid", ""), data)
    return redirect(url_for("desk.home"))


def sign_out() -> Any:
    """End the session; back to the sign-in page."""
    session.sign_out()
    return redirect(url_for("desk.sign_in"))


def preferences() -> Any:
    """Keep the chosen language or colours for a year, and go back to the page."""
    response = make_response(redirect(own_address(request.form.get("next", ""))))
    settings: dict[str, Any] = {
        "max_age": YEAR,
        "path": request.script_root or "/",
        "samesite": "Lax",
        "secure": request.is_secure,
    }
    lang, theme = request.form.get("lang"), request.form.get("theme")
    if lang in LOCALES:
        response.set_cookie(LANGUAGE_COOKIE, lang, **settings)
        if g.actor is not None and g.actor.user_id is not None:
            set_language(g.db, g.actor.user_id, lang)
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, **settings)
    return response


def ask_to_sign_in() -> Any:
    """Before a page of the desk: whoever is not signed in is asked to, and keeps what they sent."""
    if g.actor is not None or request.endpoint in OPEN:
        return None
    if request.accept_mimetypes.best == "application/json" or "HX-Request" in request.headers:
        return make_response("", 401)
    here = request.script_root + request.full_path.rstrip("?")
    if request.method == "GET":
        return redirect(url_for("desk.sign_in", next=here))
    page = _page(here, carried=_pack(request.form))
    page.status_code = 401
    return page


OPEN = frozenset({"desk.sign_in", "desk.preferences"})
"""Pages of the desk that need no session."""


def own_address(wanted: str) -> str:
    """An address inside this tenant, or the home page: nobody is sent elsewhere from here."""
    parts = urlsplit(wanted)
    root = request.script_root + "/"
    if parts.scheme or parts.netloc or not wanted.startswith(root) or "\\" in wanted:
        return url_for("desk.home")
    if wanted.startswith("//") or any(ord(char) < 32 for char in wanted):
        return url_for("desk.home")
    return wanted


def _page(wanted: str, login: str = "", carried: str = "", error: str = "") -> Any:
    return make_response(
        render_template("desk/sign_in.html", next=wanted, login=login, carried=carried, error=error)
    )


def _pack(form: MultiDict[str, str]) -> str:
    pairs = [(k, v) for k, v in form.items(multi=True) if k not in _NOT_CARRIED]
    return json.dumps(pairs, ensure_ascii=False)


def _unpack(text: str) -> MultiDict[str, str] | None:
    """What `_pack` wrote; None where there is nothing or it was tampered with."""
    if not text:
        return None
    try:
        pairs = json.loads(text)
        return MultiDict([(str(name), str(value)) for name, value in pairs])
    except (ValueError, TypeError):
        return None
