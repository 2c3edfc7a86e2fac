"""The same key with another request: never the answer to something that was not asked."""

from __future__ import annotations

from typing import Any

import pytest

from app.records.save import create
from app.storage.databases import Installation
from tests.records.flowshop import FLOWS, FlowShop, actor, open_flow_shop
from tests.records.shop import refused

FLOW = FLOWS["packs/shop/flows/claim.yaml"].replace(
    "next: {submit: judge,", "next: {submit: judge, drop: withdrawn,"
)


@pytest.fixture
def house(installation: Installation, tenant_id: str) -> FlowShop:
    return open_flow_shop(installation, tenant_id, **{"flows/claim": FLOW})


@pytest.mark.parametrize(
    "other", [{"act": "drop"}, {"comment": "and this"}, {"signature": "Chen"}, {"attachments": [5]}]
)
def test_a_record_begun_otherwise_is_another_request(
    house: FlowShop, other: dict[str, Any]
) -> None:
    clerk, values = actor("clerk"), house.values("1")
    first = create(house.tenant, clerk, "claim", values, key="k", act="submit")
    again = create(house.tenant, clerk, "claim", values, key="k", act="submit")
    assert (again.id, again.replayed) == (first.id, True)
    given = {"act": "submit", **other}
    refused("key_reused", create, house.tenant, clerk, "claim", values, key="k", **given)
