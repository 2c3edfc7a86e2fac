"""No file that leaves holds a cell a spreadsheet runs, and no import writes what is closed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.actor import SYSTEM, Actor
from app.access.users import create_user
from app.importers.run import Job, run_import
from app.records import Tenant, publish
from app.storage.databases import StorageSettings
from tests.importers.test_run import rejected, trade
from tests.importers.trade import import_file, publish_trade, sources
from tests.web.house import PASSWORD, House, open_house

__all__ = ["trade"]

EVIL = [
    '=HYPERLINK("http://evil.test")',
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "  =1+1",
    "＝1+1",
]


@pytest.fixture
def house(storage_settings: StorageSettings, tmp_path: Path, tenant_id: str) -> Iterator[House]:
    opened = open_house(storage_settings, tmp_path, tenant_id)
    yield opened
    opened.tenants.close()


def cells(text: str) -> list[str]:
    """Every cell of a CSV file."""
    return [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) for cell in row]


def harmless(found: list[str], name: str) -> None:
    """The name is there, and no cell begins with it or with another formula."""
    assert any(name in cell for cell in found)
    texts = [cell for cell in found if not cell.lstrip("+-").replace(".", "").isdigit()]
    assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "＝")) for cell in texts)


@pytest.mark.parametrize("name", EVIL)
def test_lists_reports_and_the_back_office_send_no_formulas(house: House, name: str) -> None:
    house.create("client", {"name": name, "email": "e@example.com"})
    boss = house.client("boss")
    harmless(cells(boss.get("/forms/client/export.csv").text), name.strip())
    create_user(house.tenant.db, "evil", name, PASSWORD, roles=["nobody"], lang="en")
    users = boss.get("/admin/users/export/csv/")
    assert users.status_code == 200
    harmless(cells(users.text), name.strip())
    for report in house.tenant.active().catalog.reports:
        answer = boss.get(f"/reports/{report}.csv")
        assert answer.status_code in (200, 403)
        if answer.status_code == 200:
            texts = cells(answer.text)
            assert not any(cell.startswith(("=", "@", "＝")) for cell in texts)


def test_what_an_import_rejects_is_no_formula_either(trade: Tenant, tmp_path: Path) -> None:
    publish_trade(trade)
    with (tmp_path / "wares.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["code", "name", "stock"])
        writer.writerows([f"W{n}", name, "no number"] for n, name in enumerate(EVIL))
    import_file(trade, "wares", tmp_path)
    assert [row["name"] for row in rejected(tmp_path / "wares_rejected.csv")] == [
        f"'{name}" for name in EVIL
    ]


@pytest.mark.parametrize("closed", ["hide", "readonly"])
def test_an_import_writes_only_what_its_sender_may(
    trade: Tenant, tmp_path: Path, closed: str
) -> None:
    given = sources()
    role = (
        "role: loader\nlabel: Loader\ncan: {ware: {actions: [list, read, create, import],"
        f" {closed}: [stock]}}}}\n"
    )
    publish(trade, SYSTEM, given.replaced("packs/trade/roles/loader.yaml", role))
    (tmp_path / "wares.csv").write_text("code,name,stock\nA,apple,5000\n")
    definition = trade.active().catalog.imports["wares"]
    actor = Actor(7, "Somebody", frozenset({"loader"}), via="import")
    rejects = tmp_path / "r.csv"
    run_import(Job(trade, actor, definition, {}, tmp_path, rejects))
    tables = trade.active().tables.forms["ware"]
    assert trade.db.query(f"SELECT count(*) FROM {tables.table}") == [(0,)]
    (row,) = rejected(rejects)
    assert row["reject_field"] == "stock" and row["reject_reason"]
