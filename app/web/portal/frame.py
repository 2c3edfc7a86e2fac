"""What every page of a portal has around it, and the answers to what goes wrong on one."""

from __future__ import annotations

from typing import Any

from flask import g, request

from app.web.desk.shell import THEME_COOKIE, THEMES, asset
from app.web.i18n import language


class Frame:
    """The frame of a page, asked by the templates."""

    @property
    def name(self) -> str:
        """The company's name."""
        tenant = g.tenant.active().catalog.tenant
        return str(tenant.label.pick(language()) or tenant.id)

    @property
    def title(self) -> str:
        """The portal's name."""
        return str(g.portal.label.pick(language()))

    @property
    def theme(self) -> str:
        """The colours a person chose, or "" to follow the system."""
        wish = request.cookies.get(THEME_COOKIE, "")
        return wish if wish in THEMES else ""

    @property
    def visitor(self) -> str:
        """The name of whoever is in."""
        return g.actor.name if g.actor is not None else ""


def context() -> dict[str, Any]:
    """Template names of every page."""
    return {"portal": Frame(), "asset": asset}
