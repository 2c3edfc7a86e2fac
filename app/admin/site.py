"""Hangs the back office into the app, at `/admin/` of each tenant."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, g
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.theme import Bootstrap4Theme
from flask_babel import lazy_gettext as _l

from app.access.rights import admin_rights
from app.admin.background import Imports, Jobs
from app.admin.definitions import Definitions
from app.admin.delegations import Delegations
from app.admin.incidents import Incidents
from app.admin.keys import Sessions, Tokens
from app.admin.ledger import Journal, Outbox
from app.admin.people import Departments, Users
from app.admin.releases import Releases


class Home(AdminIndexView):  # type: ignore[misc]
    """The back office's first page: what one may look after."""

    def is_accessible(self) -> bool:
        """Anybody with some administrative right."""
        if g.get("actor") is None or g.get("tenant") is None:
            return False
        return bool(admin_rights(g.tenant.active().catalog, g.actor))

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """401 leads to the sign-in page, 403 says no."""
        abort(401 if g.actor is None else 403)

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> Any:
        """The parts of the back office."""
        return self.render("back_office/index.html")


class _Row:
    """flask-admin wants a model class; ours are plain rows."""


def init_admin(app: Flask) -> Admin:
    """Build the back office. Publishing a release changes nothing here."""
    admin = Admin(
        app,
        name="Returnflow",
        index_view=Home(name=_l("Back office"), url="/admin"),
        theme=Bootstrap4Theme(base_template="back_office/base.html"),
    )
    for view, name, endpoint in (
        (Users, _l("Users"), "users"),
        (Departments, _l("Departments"), "departments"),
        (Delegations, _l("Standing in"), "delegations"),
        (Tokens, _l("API tokens"), "tokens"),
        (Sessions, _l("Sessions"), "sessions"),
        (Journal, _l("Journal"), "journal"),
        (Outbox, _l("Outbox"), "outbox"),
        (Jobs, _l("What comes by itself"), "jobs"),
        (Imports, _l("Imports"), "imports"),
    ):
        admin.add_view(
            view(_Row, name=name, endpoint=f"admin_{endpoint}", url=f"/admin/{endpoint}")
        )
    admin.add_view(
        Incidents(name=_l("Incidents"), endpoint="admin_incidents", url="/admin/incidents")
    )
    admin.add_view(
        Definitions(name=_l("Definitions"), endpoint="admin_definitions", url="/admin/definitions")
    )
    admin.add_view(Releases(name=_l("Releases"), endpoint="admin_releases", url="/admin/releases"))
    for item in admin.menu():  # else the first tenant's addresses would stand in everybody's menu
        item._cache = False
    return admin
