"""The portal: people outside show who they are, apply, follow their records and act on them."""

from __future__ import annotations

from app.web.portal.site import create_portal

__all__ = ["create_portal"]
