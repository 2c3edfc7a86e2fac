"""Response headers, CSRF, and what is refused before any view is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, abort
from flask_wtf.csrf import CSRFProtect

from app.web.session import API_PREFIX
from forms.values import encode_id, new_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ANONYMOUS_BODY = 2 * 1024 * 1024
"""Bytes a request may carry before anybody has signed in."""

PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HTTPS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
REQUEST_ID = "returnflow.request_id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

csrf = CSRFProtect()
"""Checked on every POST, PUT, PATCH and DELETE but those that come with an API token."""


def init_security(app: Flask) -> None:
    """CSRF over the whole app, and headers on every answer."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # called below, once the actor is known
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a long form lives as long as its session
    csrf.init_app(app)
    app.wsgi_app = SafeHeaders(  # type: ignore[method-assign]
        app.wsgi_app, https=app.config["SESSION_COOKIE_SECURE"]
    )


class SafeHeaders:
    """WSGI: headers after OWASP ASVS on every answer, stricter for data than for pages.

    What a view has set itself stays. (Here and not in `after_request`: the header object of a
    response costs more than all that is decided here.)
    """

    def __init__(self, app: WSGIApplication, *, https: bool) -> None:
        self.app = app
        always = [*_HEADERS.items(), *(_HTTPS.items() if https else ())]
        self._page = [*always, ("Content-Security-Policy", PAGE_POLICY)]
        self._data = [*always, ("Content-Security-Policy", DATA_POLICY)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        static = environ.get("PATH_INFO", "").startswith("/static/")

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            given = {name.lower(): value for name, value in headers}
            page = given.get("content-type", "").startswith("text/html")
            wanted = self._page if page else self._data
            headers += [pair for pair in wanted if pair[0].lower() not in given]
            if not static and "cache-control" not in given:
                headers.append(("Cache-Control", "no-store"))
            if REQUEST_ID in environ:
                headers.append(("X-Request-Id", environ[REQUEST_ID]))
            return start_response(status, headers, *more)

        return self.app(environ, start)


def name_request(asked: Request, about: Any) -> None:
    """Give the request an id: the caller's, where it is a plain word, else a new one."""
    given = asked.headers.get("X-Request-Id", "")
    about.request_id = given if _REQUEST_ID.fullmatch(given) else encode_id(new_id())
    asked.environ[REQUEST_ID] = about.request_id


def guard(asked: Request, about: Any) -> None:
    """Refuse what no view should have to think about."""
    if "\0" in asked.path or "%00" in asked.environ.get("QUERY_STRING", ""):
        abort(400)
    if about.token_id is not None:
        return
    if about.actor is None:
        asked.max_content_length = ANONYMOUS_BODY
        if asked.path.startswith(API_PREFIX):  # the API answers 401 by itself
            return
    csrf.protect(apply_exemptions=True)
