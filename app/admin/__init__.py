"""The back office: flask-admin over our own functions, built once for all tenants."""

from __future__ import annotations

from app.admin.site import init_admin

__all__ = ["init_admin"]
