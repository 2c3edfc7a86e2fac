"""The beginning of a real shop's year, on both databases, agreeing with plain SQL to the digit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.records.tenant import Tenant, Tenants
from app.storage.databases import Installation
from tests.shop_year.expected import SHOP_DATA, Expected, Slice
from tests.shop_year.judge import judge, report, stock
from tests.shop_year.slices import cut
from tests.shop_year.year import run_year

ROOT = Path(__file__).resolve().parents[2]
ORDERS = 400

pytestmark = [
    pytest.mark.shop,
    pytest.mark.skipif(not SHOP_DATA.is_dir(), reason=f"the shop's files are not at {SHOP_DATA}"),
]


@pytest.fixture
def shop(installation: Installation, tenant_id: str) -> Iterator[Tenant]:
    installation.create(tenant_id)
    tenants = Tenants(installation)
    yield tenants.get(tenant_id)
    tenants.close()


def test_the_years_beginning_comes_out_to_the_last_digit(shop: Tenant, tmp_path: Path) -> None:
    files = cut(tmp_path / "files", ORDERS)
    year = run_year(shop, ROOT / "definitions", files, tmp_path)
    expected = Expected(Slice(ORDERS))
    classes = judge(year, expected)
    assert {verdict for _, verdict in classes} >= {"accepted", "over"}

    again = run_year(shop, ROOT / "definitions", files, tmp_path)
    assert again.accepted == 0, "a second run makes nothing"
    assert again.refused_returns() == year.refused_returns()
    assert stock(shop) == expected.stock()
    assert report(shop, "orders_per_month").rows
    expected.close()
