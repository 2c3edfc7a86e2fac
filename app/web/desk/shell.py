"""What every page of the desk has around it: names, menu, theme, addresses of our own files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from flask import current_app, g, request, url_for

from app.access.rights import admin_rights, forms_for
from app.notifications.messages import unread
from app.records import Counts, counts
from app.web.desk.boards import readable_dashboards
from app.web.desk.drawing import draw_field
from app.web.i18n import language

STATIC = Path(__file__).resolve().parents[1] / "static"
THEME_COOKIE = "rf_theme"
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu; `key` marks the page that is open."""

    key: str
    label: str
    url: str


class Shell:
    """The frame of a page, asked by the templates. Its parts are worked out when first read."""

    def __init__(self, here: str = "") -> None:
        self.here = here

    @property
    def name(self) -> str:
        """The name shown in the corner: the tenant's."""
        tenant = g.tenant.active().catalog.tenant
        return tenant.label.pick(language()) or tenant.id or "Returnflow"

    @property
    def theme(self) -> str:
        """The theme a person chose, or "" to follow the system."""
        wish = request.cookies.get(THEME_COOKIE, "")
        return wish if wish in THEMES else ""

    @property
    def user(self) -> str:
        """The name of the person signed in."""
        return g.actor.name if g.actor else ""

    @property
    def roles(self) -> str:
        """Their roles, in words."""
        if not g.actor:
            return ""
        roles = g.tenant.active().catalog.roles
        lang = language()
        names = (roles[r].label.pick(lang) if r in roles else r for r in sorted(g.actor.roles))
        return ("、" if lang == "zh" else ", ").join(names)

    @property
    def unread(self) -> int:
        """How many messages wait behind the bell."""
        if not g.actor or g.actor.user_id is None:
            return 0
        return unread(g.db, f"user:{g.actor.user_id}")

    @property
    def forms(self) -> list[MenuItem]:
        """The forms whose list one may open."""
        catalog, lang = g.tenant.active().catalog, language()
        return [
            MenuItem(
                f"form:{form_id}",
                catalog.forms[form_id].label.pick(lang),
                url_for("desk.records", form_id=form_id),
            )
            for form_id in forms_for(catalog, g.actor, "list")
        ]

    @property
    def has_flows(self) -> bool:
        """Whether there is an inbox: some form has a flow."""
        return bool(g.tenant.active().catalog.flows) and g.actor is not None

    @property
    def to_do(self) -> Counts:
        """How much is waiting for the person signed in."""
        return counts(g.tenant, g.actor)

    @property
    def dashboards(self) -> list[MenuItem]:
        """The dashboards of the release with at least one report one may read."""
        lang = language()
        return [
            MenuItem(
                f"dashboard:{d.id}", d.label.pick(lang), url_for("desk.dashboard", board_id=d.id)
            )
            for d in readable_dashboards(g.tenant.active().catalog, g.actor)
        ]

    @property
    def portals(self) -> list[MenuItem]:
        """The doors for people outside."""
        lang = language()
        return [
            MenuItem(one.id, one.label.pick(lang), url_for("portal.home", portal_id=one.id))
            for one in g.tenant.active().catalog.portals.values()
        ]

    @property
    def admin_url(self) -> str:
        """The back office, for those whose roles open some of it."""
        if "admin.index" not in current_app.view_functions:
            return ""
        rights = admin_rights(g.tenant.active().catalog, g.actor)
        return url_for("admin.index") if rights else ""


@cache
def _version(name: str) -> str:
    path = STATIC / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else "missing"


def asset(name: str) -> str:
    """The address of one of our static files; it changes with the content."""
    return _address(request.script_root, name)


@lru_cache(maxsize=4096)
def _address(root: str, name: str) -> str:
    return url_for("static", filename=name, v=_version(name))


def context() -> dict[str, Any]:
    """Template names every page has."""
    view = request.view_args or {}
    here = {"desk.home": "home", "desk.messages": "messages"}.get(request.endpoint or "", "")
    if "form_id" in view:
        here = f"form:{view['form_id']}"
    elif "board_id" in view:
        here = f"dashboard:{view['board_id']}"
    return {"desk": Shell(here), "asset": asset, "draw_field": draw_field}
