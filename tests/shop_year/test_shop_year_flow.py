"""The beginning of a real shop's year through its flow, on both databases, to the cent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.storage.databases import Installation, StorageSettings
from tests.shop_year.connectors import Outsiders, Services
from tests.shop_year.expected import SHOP_DATA, Slice
from tests.shop_year.judge_lived import judge_lived
from tests.shop_year.lived import Lived
from tests.shop_year.living import OVERLAY, live
from tests.shop_year.slices import cut
from tests.support.sandboxes import running

ROOT = Path(__file__).resolve().parents[2]
ORDERS = 60

pytestmark = [
    pytest.mark.shop,
    pytest.mark.skipif(not SHOP_DATA.is_dir(), reason=f"the shop's files are not at {SHOP_DATA}"),
]


def test_the_years_first_returns_go_their_way_to_the_end(
    installation: Installation, tenant_id: str, tmp_path: Path
) -> None:
    files = cut(tmp_path / "files", ORDERS)
    expected, services = Lived(Slice(ORDERS)), Services()
    journey = live(
        installation, tenant_id, ROOT / "definitions", files, tmp_path, expected, services
    )
    found = judge_lived(journey, expected, services)
    assert found["outcomes"]["completed"] >= 10
    assert found["traces"]["return_request"]["records"] == len(journey.requests)
    journey.close()
    services.close()
    expected.close()


FEW = 30
GATEWAY = """connection: gateway
extends: returns
settings: {url: '%s'}
secrets: {key: payment_key}
"""


def test_refunds_go_to_a_payment_service_of_its_own_once(tmp_path: Path) -> None:
    definitions = shutil.copytree(ROOT / "definitions", tmp_path / "definitions")
    files = cut(tmp_path / "files", FEW)
    expected = Lived(Slice(FEW))
    installation = Installation(StorageSettings(tmp_path / "data"))
    with running("payment_sandbox", tmp_path / "ledger.jsonl") as sandbox:
        home = definitions / "tenants" / OVERLAY / "connections"
        home.mkdir()
        (home / "gateway.yaml").write_text(GATEWAY % sandbox.url)
        services = Outsiders(sandbox)
        journey = live(installation, "own", definitions, files, tmp_path, expected, services)
        judge_lived(journey, expected, services)
        assert len(services.paid()) >= 5
    journey.close()
    services.close()
    expected.close()
