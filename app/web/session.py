"""Who is asking: the session cookie or an API token, and Flask's small signed page cookie.

The session itself is a row in the tenant's database; its cookie holds a random value. The page
cookie carries what a page needs before anybody signed in (CSRF token, notices) and is signed for
one tenant. In a session the CSRF token is derived from the session cookie, so that a planted page
cookie is of no use.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Any

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from app.access.actor import Actor
from app.access.clock import SECOND
from app.access.sessions import Lifetime, actor_of_session, close_session, rotate_session
from app.access.signin import sign_in as check_and_open
from app.access.tokens import actor_of_token
from app.web.i18n import LANGUAGE_COOKIE, LOCALES
from app.web.tenancy import TENANT_KEY

API_PREFIX = "/api/"
BY_ITSELF = frozenset({"/messages/count"})
"""What pages ask without anybody doing something."""
_CSRF = "csrf_token"


class PageCookies(SecureCookieSessionInterface):
    """Flask's signed cookie, one for each tenant: name, path and signature are the tenant's."""

    def open_session(self, app: Flask, request: Request) -> Any:
        """None (nothing to keep) for calls with a token."""
        return None if _by_token(request) else super().open_session(app, request)

    def get_cookie_name(self, app: Flask) -> str:
        return cookie_name("rf_page")

    def get_cookie_path(self, app: Flask) -> str:
        return request.script_root or "/"

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        made: dict[str, URLSafeTimedSerializer] = app.extensions.setdefault("page_cookies", {})
        tenant = request.environ.get(TENANT_KEY, "")
        if tenant not in made:
            if len(made) > 1000:  # unknown names must not fill the memory
                made.clear()
            made[tenant] = URLSafeTimedSerializer(
                [str(app.secret_key)],
                salt=f"page-cookie\0{tenant}",
                serializer=self.serializer,
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )
        return made[tenant]


def cookie_name(word: str) -> str:
    """A cookie's name with the prefix that makes browsers insist on its attributes."""
    if not current_app.config["SESSION_COOKIE_SECURE"]:
        return word
    return f"__Secure-{word}" if request.script_root else f"__Host-{word}"


def identify(asked: Request, about: Any) -> None:
    """Find out who asks: sets `actor`, and `session_value` or `token_id`, on `about` (flask.g).

    On API paths a token comes first and then counts alone.
    """
    if _by_token(asked):
        scheme, _, value = asked.headers["Authorization"].partition(" ")
        found = actor_of_token(about.db, value.strip()) if scheme.lower() == "bearer" else None
        if found is not None:
            about.actor, about.token_id = found
        return
    value = asked.cookies.get(cookie_name("rf_session"), "")
    if not 0 < len(value) <= 100:
        return
    used = asked.path not in BY_ITSELF
    actor = actor_of_session(about.db, value, lifetime=_lifetime(), used=used)
    if actor is not None:
        lang = asked.cookies.get(LANGUAGE_COOKIE, "")  # what records tell is in the page's language
        if lang in LOCALES and lang != actor.lang:
            actor = replace(actor, lang=lang)
        about.actor, about.session_value = actor, value
        bind_csrf(value)


def _by_token(asked: Request) -> bool:
    return asked.path.startswith(API_PREFIX) and "Authorization" in asked.headers


def sign_in(login: str, password: str) -> Actor:
    """Sign a person in: a new session, a new cookie, a new CSRF token.

    Raises AccessError: sign_in_failed, too_many_attempts (with retry_after), busy.
    """
    held = request.cookies.get(cookie_name("rf_session"), "")
    opened = check_and_open(
        g.db,
        login,
        password,
        ip=request.remote_addr or "",
        agent=request.headers.get("User-Agent", ""),
        replacing=held[:100],
        lifetime=_lifetime(),
    )
    actor = actor_of_session(g.db, opened.cookie)
    if actor is None:
        raise RuntimeError("a session just opened is not there")
    _enter(opened.cookie)
    g.actor = actor
    return actor


def sign_out() -> None:
    """End the session; both cookies go."""
    if g.session_value:
        close_session(g.db, g.session_value)
    g.actor, g.session_value = None, ""
    session.clear()
    g.set_session_cookie = ""


def renew() -> None:
    """Give the own session another cookie value, after what a person may do has changed."""
    if g.session_value:
        _enter(rotate_session(g.db, g.session_value))


def write_cookie(response: Response) -> Response:
    """After the request: set or remove the session cookie where a view changed it."""
    value = g.get("set_session_cookie")
    if value is None:
        return response
    settings: dict[str, Any] = {
        "path": request.script_root or "/",
        "secure": current_app.config["SESSION_COOKIE_SECURE"],
        "httponly": True,
        "samesite": "Lax",
    }
    if value:
        response.set_cookie(
            cookie_name("rf_session"), value, max_age=_lifetime().absolute // SECOND, **settings
        )
    else:
        response.delete_cookie(cookie_name("rf_session"), **settings)
    return response


def _lifetime() -> Lifetime:
    lifetime: Lifetime = current_app.extensions["session_lifetime"]
    return lifetime


def _enter(value: str) -> None:
    session.clear()
    g.pop(_CSRF, None)
    g.session_value = g.set_session_cookie = value
    bind_csrf(value)


def bind_csrf(value: str) -> None:
    """Derive the CSRF token of this request from the value of its session's cookie."""
    key = str(current_app.secret_key).encode()
    bound = hmac.new(key, f"csrf\0{value}".encode(), hashlib.sha256).hexdigest()
    if session.get(_CSRF) != bound:
        session[_CSRF] = bound
