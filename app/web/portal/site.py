"""Hangs the portal's pages into one blueprint below `/portal/<portal>/`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, redirect, request, url_for

from app.web import visitor
from app.web.portal import acts, door, formpage, home, recordpage
from app.web.portal.frame import context

OPEN = frozenset({"portal.home", "portal.ask_code", "portal.code", "portal.enter"}) | {
    "portal.preferences"
}
"""Pages for whoever comes by."""


def create_portal() -> Blueprint:
    """All pages of all portals."""
    portal = Blueprint("portal", "app.web.portal", url_prefix="/portal/<portal_id>")
    for part in (door, home, formpage, recordpage, acts):
        part.add_routes(portal)

    @portal.url_value_preprocessor
    def take(endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values is not None:
            values.pop("portal_id", None)

    @portal.url_defaults
    def give(endpoint: str, values: dict[str, Any]) -> None:
        if g.get("portal") is not None:
            values.setdefault("portal_id", g.portal.id)

    portal.before_request(let_by)
    portal.context_processor(context)
    return portal


def let_by() -> Any:
    """Nobody gets to a portal that is not there, nor past its door without having shown who they
    are. (Programs of the page are told so plainly, people are led to the door, and from there to
    where they wanted to go.)"""
    if g.portal is None:
        abort(404)
    if g.actor is not None or request.endpoint in OPEN:
        return None
    if request.accept_mimetypes.best == "application/json":
        return "", 401
    if request.method != "GET":
        return door.show_door(ended=True, status=401)
    wanted: dict[str, Any] = {"next": request.script_root + request.full_path.rstrip("?")}
    if visitor.was_inside(g.portal):
        wanted["ended"] = "1"
    return redirect(url_for("portal.home", **wanted), 303)
