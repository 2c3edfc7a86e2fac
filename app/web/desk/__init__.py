"""The staff desk: sign-in, lists, generated forms, records, dashboards."""

from __future__ import annotations

from app.web.desk.site import create_desk

__all__ = ["create_desk"]
