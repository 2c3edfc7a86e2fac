"""The Flask app: one for all tenants, with the desk, the back office and the API in it."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, abort, redirect, request
from flask.globals import app_ctx, request_ctx

from app.access.clock import HOUR, MINUTE
from app.access.sessions import Lifetime
from app.admin import init_admin
from app.api import create_api
from app.api.rate import Calls
from app.config import Config
from app.jobs.connect import Outside
from app.logs import init_logs
from app.records.tenant import Tenants
from app.storage.errors import UnknownTenant
from app.web import visitor
from app.web.accesslog import init_accesslog
from app.web.desk import create_desk
from app.web.errors import init_errors
from app.web.health import create_health
from app.web.i18n import init_languages
from app.web.portal import create_portal
from app.web.security import guard, init_security, name_request
from app.web.session import PageCookies, identify, write_cookie
from app.web.tenancy import TENANT_KEY, BelievedProxies, TenantRouting, hosts_of

MIB = 1024 * 1024
OPEN = frozenset({"static", "health.healthz", "health.readyz", "health.metrics"})
"""Endpoints that answer without a tenant; with one they answer only `static`."""


def create_app(config: Config, tenants: Tenants) -> Flask:
    """The app over an installation's tenants.

    `config.tenants` are those it serves; one that was never created in the installation is
    answered like one nobody has heard of.
    """
    app = Flask("app.web")
    _configure(app, config)
    app.extensions["tenants"] = tenants
    app.extensions["outside"] = Outside.of(config)
    app.session_interface = PageCookies()
    app.extensions["session_lifetime"] = Lifetime(
        config.number("session.idle_minutes") * MINUTE, config.number("session.hours") * HOUR
    )
    init_logs(config)
    init_languages(app)
    init_accesslog(app)
    _enter(app, config, tenants)
    init_security(app)
    app.after_request(write_cookie)
    init_errors(app)
    app.extensions["calls"] = Calls(config.number("api.calls"))
    app.register_blueprint(create_health(config, tenants))
    app.register_blueprint(create_api())
    app.register_blueprint(create_desk())
    app.register_blueprint(create_portal())
    init_admin(app)
    hosts = hosts_of(config)
    app.wsgi_app = TenantRouting(app.wsgi_app, hosts)  # type: ignore[method-assign]
    if config.names("web.proxies"):
        app.wsgi_app = BelievedProxies(  # type: ignore[method-assign]
            app.wsgi_app, config.names("web.proxies")
        )
    return app


def _configure(app: Flask, config: Config) -> None:
    hosts = [*config.names("web.hosts"), *hosts_of(config)]
    app.config.update(
        SECRET_KEY=config.secret_key(),
        SESSION_COOKIE_SECURE=config.flag("web.https"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PREFERRED_URL_SCHEME="https" if config.flag("web.https") else "http",
        MAX_CONTENT_LENGTH=(config.number("web.upload_mb") + 1) * MIB,
        MAX_FORM_MEMORY_SIZE=2 * MIB,
        MAX_FORM_PARTS=20_000,  # a grid of lines has a part for each of its cells
        TRUSTED_HOSTS=hosts if config.names("web.hosts") else None,
        SEND_FILE_MAX_AGE_DEFAULT=7 * 24 * 3600,
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]


def _enter(app: Flask, config: Config, tenants: Tenants) -> None:
    served = frozenset(config.tenants)

    @app.before_request
    def enter() -> Any:
        asked, about = request_ctx.request, app_ctx.g  # the proxies cost 0.3 µs at every touch
        about.began = time.perf_counter()
        name_request(asked, about)
        about.tenant = about.db = about.actor = about.token_id = None
        about.session_value = ""
        about.portal = about.visitor = None
        name = asked.environ.get(TENANT_KEY)
        if name is None:
            return _without_tenant(served)
        if asked.endpoint == "static":
            return None
        if name not in served or asked.endpoint in OPEN:
            abort(404)
        try:
            about.tenant = tenants.get(name)
        except UnknownTenant:
            abort(404)
        about.db = about.tenant.db
        if visitor.is_portal(asked.path):
            visitor.identify(asked, about)
        else:
            identify(asked, about)
        guard(asked, about)
        return None


def _without_tenant(served: frozenset[str]) -> Any:
    if request.path == "/" and len(served) == 1:
        return redirect(f"{request.script_root}/t/{next(iter(served))}/")
    if request.endpoint not in OPEN:
        abort(404)
    return None
