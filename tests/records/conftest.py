"""A shop on each database."""

from __future__ import annotations

import pytest

from app.storage.databases import Installation
from tests.records.shop import Shop, open_shop


@pytest.fixture
def shop(installation: Installation, tenant_id: str) -> Shop:
    """A tenant with a purchase of 5, 3 and 2 pieces to claim from."""
    return open_shop(installation, tenant_id)
