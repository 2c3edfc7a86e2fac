"""The door: an order number and a contact, a code by mail, and in. And the way out."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _

from app.access import portal as access
from app.access.errors import AccessError
from app.catalog.portals import Portal
from app.records import outbox
from app.web import visitor
from app.web.desk.shell import THEME_COOKIE, THEMES
from app.web.i18n import LANGUAGE_COOKIE, LOCALES, language
from flows.policy import public_text
from forms.model import Field
from forms.values import new_id

YEAR = 365 * 24 * 3600
MOST = 200
"""Characters of what a person types to show who they are."""
TOPIC, FORM = "portal_code", "@portal"
AHEAD = 24 * 3600 * 1_000_000
"""Microseconds by which a code goes before what else waits: somebody sits there for it."""


def add_routes(portal: Blueprint) -> None:
    """Asking for a code, entering it, leaving, language and colours."""
    portal.add_url_rule("/code", "ask_code", ask_code, methods=["POST"])
    portal.add_url_rule("/code", "code", show_code, methods=["GET"])
    portal.add_url_rule("/enter", "enter", enter, methods=["POST"])
    portal.add_url_rule("/leave", "leave", leave, methods=["POST"])
    portal.add_url_rule("/preferences", "preferences", preferences, methods=["POST"])


def ask_code() -> Any:
    """Write down what was typed and let the worker see to it. The answer says nothing of whether
    there is such a person."""
    portal: Portal = g.portal
    given = {path: request.form.get(f"by.{n}", "") for n, path in enumerate(portal.identify.by)}
    typed = {path: " ".join(text.split())[:MOST] for path, text in given.items()}
    missing = [_label(path) for path, text in typed.items() if not text]
    if missing:
        return show_door(typed, _("Please fill in: %(what)s", what=", ".join(missing)), 422)
    now = g.tenant.now_us()
    once = f"portal:{new_id()}"
    also = (
        outbox.INSERT_ONCE,
        (new_id(), once, TOPIC, FORM, 0, access.ASK, now - AHEAD, now),
    )
    try:
        token = access.ask(
            g.db,
            portal.id,
            typed,
            typed[portal.identify.by[0]],
            language(),
            ip=request.remote_addr or "",
            now=now,
            also=also,
        )
    except AccessError as refused:
        return _refused(show_door, typed, refused)
    if g.tenant.wake is not None:
        g.tenant.wake(g.tenant.id)
    session[_TYPED] = list(typed.values())
    response = make_response(redirect(url_for("portal.code", **_wanted()), 303))
    visitor.remember_ask(response, portal, token)
    return response


def show_door(
    typed: dict[str, str] | None = None, error: str = "", status: int = 200, *, ended: bool = False
) -> Any:
    """The page for whoever comes by: who are you, and the policies in words."""
    portal: Portal = g.portal
    lang = language()
    if typed is None and request.args.get("again") == "1":
        typed = _typed()
    fields = [
        {
            "name": f"by.{n}",
            "label": _label(path),
            "help": found.help.pick(lang) if found and n == 0 else "",
            "type": "text",
            "complete": _COMPLETE.get(found.format, "off") if found else "off",
            "mode": _MODE.get(found.format, "text") if found else "text",
            "value": (typed or {}).get(path, ""),
            "wrong": bool(error) and not (typed or {}).get(path),
        }
        for n, path in enumerate(portal.identify.by)
        for found in [_field(path)]
    ]
    page = make_response(
        render_template(
            "portal/door.html",
            fields=fields,
            help=portal.help.pick(lang),
            error=error,
            ended=ended or request.args.get("ended") == "1",
            next=_wanted().get("next", ""),
            policies=policies_in_words(),
        )
    )
    page.status_code = status
    return page


_COMPLETE = {"email": "email", "phone": "tel"}
_MODE = {"email": "email", "phone": "tel"}


_TYPED = "portal_typed"


def _typed() -> dict[str, str]:
    """What was typed at the door, kept in the person's own browser until they are in."""
    held = session.get(_TYPED)
    paths = g.portal.identify.by
    if not isinstance(held, list) or len(held) != len(paths):
        return {}
    return dict(zip(paths, map(str, held), strict=True))


def _wanted() -> dict[str, Any]:
    """The page somebody was on the way to, where it is one of this portal's."""
    wanted = _own(request.values.get("next", ""))
    return {} if wanted == url_for("portal.home") else {"next": wanted}


def _field(path: str) -> Field | None:
    forms = g.tenant.active().catalog.forms
    head, _dot, rest = path.partition(".")
    found: Field | None = forms[g.portal.identify.form].fields.get(head)
    if rest and found is not None and found.to in forms:
        found = forms[found.to].fields.get(rest)
    return found


def _label(path: str) -> str:
    found = _field(path)
    return (found.label.pick(language()) or found.id) if found is not None else path


def policies_in_words() -> list[dict[str, Any]]:
    """What the company says of its policies: a heading and lines for each."""
    catalog, lang = g.tenant.active().catalog, language()
    found = []
    for name in g.portal.policies:
        policy = catalog.policies.get(name)
        if policy is not None:
            text = public_text(policy, lang)
            found.append({"label": policy.label.pick(lang) or name, "lines": text.splitlines()})
    return found


def show_code() -> Any:
    """The page to enter the code on."""
    if g.actor is not None:
        return redirect(url_for("portal.home"))
    if not visitor.asked_token(g.portal):
        return redirect(url_for("portal.home"))
    return _code_page()


def _code_page(typed: Any = None, error: str = "", status: int = 200) -> Any:
    minutes = access.CODE_LIFE // 60_000_000
    asked = [(f"by.{n}", _label(path), text) for n, (path, text) in enumerate(_typed().items())]
    page = make_response(
        render_template(
            "portal/code.html",
            error=error,
            minutes=minutes,
            asked=asked,
            next=_wanted().get("next", ""),
        )
    )
    page.status_code = status
    return page


def enter() -> Any:
    """Check the code; in, or told that it is none."""
    portal: Portal = g.portal
    token = visitor.asked_token(portal)
    if not token:
        flash(_("Ask for a new code, please."), "warning")
        return redirect(url_for("portal.home", **_wanted()), 303)
    code = request.form.get("code", "")[:20]
    if sum(char.isdigit() for char in code) != access.DIGITS:  # a slip, and no guess
        return _code_page(error=_("Enter the six digits from the letter."), status=422)
    try:
        value = access.enter(
            g.db,
            str(current_app.secret_key),
            portal.id,
            token,
            code,
            ip=request.remote_addr or "",
            now=g.tenant.now_us(),
        )
    except AccessError as refused:
        return _refused(_code_page, None, refused)
    found = access.visitor(g.db, portal.id, value, now=g.tenant.now_us())
    if found is not None:
        who = f"contact:{portal.identify.contact}:{found.contact}"
        access.remember_language(g.db, who, language(), g.tenant.now_us())
    response = make_response(redirect(_own(request.form.get("next", "")), 303))
    visitor.let_in(response, portal, value)
    return response


def leave() -> Any:
    """End the visit."""
    response = make_response(redirect(url_for("portal.home"), 303))
    visitor.let_out(response, g.portal)
    return response


def preferences() -> Any:
    """Keep the chosen language or colours, and go back to the page."""
    response = make_response(redirect(_own(request.form.get("next", "")), 303))
    settings: dict[str, Any] = {
        "max_age": YEAR,
        "path": request.script_root or "/",
        "samesite": "Lax",
        "secure": request.is_secure,
    }
    lang, theme = request.form.get("lang"), request.form.get("theme")
    if lang in LOCALES:
        response.set_cookie(LANGUAGE_COOKIE, lang, **settings)
        if g.actor is not None:
            access.remember_language(g.db, g.actor.contact, lang, g.tenant.now_us())
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, **settings)
    return response


def _own(wanted: str) -> str:
    """An address of this portal, or its first page."""
    home: str = url_for("portal.home")
    plain = all(32 < ord(char) < 127 for char in wanted) and "\\" not in wanted
    return wanted if plain and wanted.startswith(home) and "//" not in wanted else home


def _refused(show: Any, typed: Any, refused: AccessError) -> Any:
    status = 429 if refused.code == "too_many_attempts" else 422
    page = show(typed, refused.message.pick(language()), status)
    if refused.retry_after:
        page.headers["Retry-After"] = str(refused.retry_after)
    return page
