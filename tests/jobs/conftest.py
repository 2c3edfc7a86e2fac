"""The shop of the use cases, for the jobs too."""

from __future__ import annotations

from tests.records.conftest import shop

__all__ = ["shop"]
