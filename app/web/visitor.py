"""Who visits a portal: a session of its own, apart from staff, for one portal of one tenant.

On a portal's pages a staff session counts for nothing, and nowhere else does a visitor's.
"""

from __future__ import annotations

from typing import Any

from flask import Request, Response, current_app, g, request, session

from app.access import portal as access
from app.access.actor import Actor
from app.access.clock import SECOND
from app.catalog.portals import Portal
from app.web.i18n import LANGUAGE_COOKIE, LOCALES
from app.web.session import bind_csrf, cookie_name

PREFIX = "/portal/"
ASK_SECONDS = 15 * 60


def is_portal(path: str) -> bool:
    """Whether an address belongs to a portal."""
    return path.startswith(PREFIX)


def identify(asked: Request, about: Any) -> None:
    """Find out which portal is meant and who asks: sets `portal`, `visitor` and `actor`."""
    about.portal = about.visitor = None
    portal_id = asked.path.removeprefix(PREFIX).partition("/")[0]
    portal = about.tenant.active().catalog.portals.get(portal_id)
    if portal is None:
        return
    about.portal = portal
    value = asked.cookies.get(_cookie(portal, "visit"), "")
    if not 0 < len(value) <= 100:
        return
    found = access.visitor(about.db, portal.id, value, now=about.tenant.now_us())
    actor = _actor(about, portal, found, asked) if found is not None else None
    if actor is not None:
        about.visitor, about.actor = found, actor
        bind_csrf(value)


def _actor(about: Any, portal: Portal, found: access.Visitor, asked: Request) -> Actor | None:
    """The visitor as use cases know them; None where the record they are is no more."""
    form = portal.identify.contact
    table = about.tenant.active().tables.forms[form].table
    rows = about.db.query(
        f"SELECT title FROM {table} WHERE id = ? AND deleted = 0", (found.contact,)
    )
    if not rows:
        return None
    return Actor(
        None,
        rows[0][0] or "",
        frozenset({portal.role}),
        via="portal",
        lang=preferred(asked),
        contact=f"contact:{form}:{found.contact}",
    )


def preferred(asked: Request) -> str:
    """The language a visitor reads: the one chosen, the browser's, the company's first."""
    wish = asked.cookies.get(LANGUAGE_COOKIE, "")
    if wish not in LOCALES:
        wish = asked.accept_languages.best_match(LOCALES) or ""
    return wish or str(g.tenant.active().catalog.tenant.languages[0])


def asked_token(portal: Portal) -> str:
    """What this browser got when it asked for a code; "" where it did not."""
    value = request.cookies.get(_cookie(portal, "ask"), "")
    return value if len(value) <= 100 else ""


def remember_ask(response: Response, portal: Portal, token: str) -> None:
    """Let the browser keep what belongs to the code that was asked for."""
    response.set_cookie(_cookie(portal, "ask"), token, max_age=ASK_SECONDS, **_settings())


def was_inside(portal: Portal) -> bool:
    """Whether this browser still holds a visit, over or not."""
    return bool(request.cookies.get(_cookie(portal, "visit")))


def let_in(response: Response, portal: Portal, value: str) -> None:
    """Start the visit in this browser; the page cookie of before is worth nothing."""
    session.clear()
    response.set_cookie(
        _cookie(portal, "visit"), value, max_age=access.ABSOLUTE // SECOND, **_settings()
    )
    response.delete_cookie(_cookie(portal, "ask"), **_settings())
    bind_csrf(value)


def let_out(response: Response, portal: Portal) -> None:
    """End the visit in the database and in this browser."""
    value = request.cookies.get(_cookie(portal, "visit"), "")
    if value:
        access.leave(g.db, portal.id, value[:100])
    session.clear()
    response.delete_cookie(_cookie(portal, "visit"), **_settings())


def _cookie(portal: Portal, word: str) -> str:
    return cookie_name(f"rf_{word}_{portal.id}")


def _settings() -> dict[str, Any]:
    return {
        "path": request.script_root or "/",
        "secure": current_app.config["SESSION_COOKIE_SECURE"],
        "httponly": True,
        "samesite": "Lax",
    }
