"""Imports on both databases: the same rules as every other way in, safe to run again."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.actor import Actor
from app.importers.errors import ImportStopped
from app.importers.run import Job, run_import
from app.records.errors import Refused
from app.records.proof import verify_aggregates, verify_journal
from app.records.tenant import Tenant, Tenants
from app.storage.databases import Installation, StorageSettings
from tests.importers.trade import import_file, publish_trade, write_deals, write_wares

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def trade(installation: Installation, tenant_id: str) -> Iterator[Tenant]:
    installation.create(tenant_id)
    tenants = Tenants(installation)
    yield tenants.get(tenant_id)
    tenants.close()


def count(tenant: Tenant, form: str) -> int:
    table = tenant.active().tables.forms[form].table
    ((number,),) = tenant.db.query(f"SELECT count(*) FROM {table} WHERE deleted = 0")
    return int(number)


def rejected(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def outcome(progress: object) -> tuple[int, int, int]:
    return progress.accepted, progress.rejected, progress.skipped  # type: ignore[attr-defined]


def test_rows_that_break_a_rule_are_refused_with_line_field_and_reason(
    trade: Tenant, tmp_path: Path
) -> None:
    publish_trade(trade)
    write_wares(tmp_path, ["A,apple,5", "B,=cmd,x", "C,,-1", "A,again,1", ",nameless,1"])
    assert outcome(import_file(trade, "wares", tmp_path)) == (1, 3, 1)
    found = rejected(tmp_path / "wares_rejected.csv")
    assert [(r["reject_line"], r["reject_field"], r["reject_code"]) for r in found] == [
        ("3", "", "wrong_cell"),
        ("4", "stock", "too_small"),
        ("6", "code", "required"),
    ]
    assert found[0]["reject_reason"].startswith("column stock: a number is expected")
    assert found[0]["name"] == "'=cmd", "a spreadsheet must not run it"

    deals = {"D1": [("A", "3")], "D2": [("A", "3")], "D3": [("Z", "1")], "D4": [("A", "2")]}
    write_deals(tmp_path, deals)
    assert outcome(import_file(trade, "deals", tmp_path)) == (2, 2, 0)
    found = rejected(tmp_path / "deals_rejected.csv")
    assert [(r["reject_line"], r["reject_item_line"], r["reject_code"]) for r in found] == [
        ("3", "3", "limit_reached"),
        ("4", "4", "nothing_found"),
    ]
    assert "Only 2 left" in found[0]["reject_reason"]
    assert verify_aggregates(trade) == []


def test_a_row_of_another_length_is_refused_on_its_own(trade: Tenant, tmp_path: Path) -> None:
    publish_trade(trade)
    write_wares(tmp_path, ["A,apple,5", "B,pear", "C,fig,1,more", "D,plum,2"])
    assert outcome(import_file(trade, "wares", tmp_path)) == (2, 2, 0)
    found = rejected(tmp_path / "wares_rejected.csv")
    assert [(r["reject_line"], r["reject_code"]) for r in found] == [
        ("3", "row_length"),
        ("4", "row_length"),
    ]
    assert found[0]["reject_reason"] == "3 columns are expected, 2 are there"


def test_a_second_run_makes_nothing_and_tries_the_refused_again(
    trade: Tenant, tmp_path: Path
) -> None:
    publish_trade(trade)
    write_wares(tmp_path, ["A,apple,5", "B,pear,x"])
    assert outcome(import_file(trade, "wares", tmp_path)) == (1, 1, 0)
    assert outcome(import_file(trade, "wares", tmp_path)) == (0, 1, 1)
    write_wares(tmp_path, ["A,apple,5", "B,pear,2"])
    assert outcome(import_file(trade, "wares", tmp_path)) == (1, 0, 1)
    assert not (tmp_path / "wares_rejected.csv").exists(), "nothing is refused any more"


@pytest.mark.parametrize(
    ("mode", "expected", "names"),
    [
        ("insert", (1, 0, 1), {"A": "apple", "B": "pear"}),
        ("update", (1, 0, 1), {"A": "renamed"}),
        ("upsert", (2, 0, 0), {"A": "renamed", "B": "pear"}),
    ],
)
def test_modes(
    trade: Tenant,
    tmp_path: Path,
    mode: str,
    expected: tuple[int, int, int],
    names: dict[str, str],
) -> None:
    publish_trade(trade)
    write_wares(tmp_path / "first", ["A,apple,5"])
    import_file(trade, "wares", tmp_path / "first")
    if mode != "insert":
        publish_trade(trade, mode)
    write_wares(tmp_path / "then", ["A,renamed,5", "B,pear,2"])
    assert outcome(import_file(trade, "wares", tmp_path / "then")) == expected
    tables = trade.active().tables.forms["ware"]
    code, name = tables.columns["code"].name, tables.columns["name"].name
    assert dict(trade.db.query(f"SELECT {code}, {name} FROM {tables.table}")) == names


def test_a_dry_run_tells_the_same_and_writes_nothing(trade: Tenant, tmp_path: Path) -> None:
    publish_trade(trade)
    write_wares(tmp_path, ["A,apple,5", "B,pear,x", "C,fig,-1"])
    assert outcome(import_file(trade, "wares", tmp_path, dry_run=True)) == (1, 2, 0)
    assert len(rejected(tmp_path / "wares_rejected.csv")) == 2
    assert count(trade, "ware") == 0
    assert trade.db.query("SELECT count(*) FROM rf_import")[0][0] == 0


def test_a_file_that_cannot_be_read_stops_before_anything_is_written(
    trade: Tenant, tmp_path: Path
) -> None:
    publish_trade(trade)
    with pytest.raises(ImportStopped, match="no such file"):
        import_file(trade, "wares", tmp_path)
    (tmp_path / "wares.csv").write_text("code;name;stock\nA;apple;1\n")
    with pytest.raises(ImportStopped, match=r"set file.delimiter to ';'"):
        import_file(trade, "wares", tmp_path)
    (tmp_path / "wares.csv").write_text("code,nom,stock\nA,apple,1\n")
    with pytest.raises(ImportStopped, match=r"column 'name' is missing.*has code, nom, stock"):
        import_file(trade, "wares", tmp_path)
    write_wares(tmp_path, ["A,apple,9"])
    import_file(trade, "wares", tmp_path)
    write_deals(tmp_path, {"D1": [("A", "1")]})
    with (tmp_path / "deal_lines.csv").open("a") as lines:
        lines.write("D9,A,1\n")
    with pytest.raises(ImportStopped, match="D9 belong to no record"):
        import_file(trade, "deals", tmp_path)


def test_where_reading_stops_what_was_read_before_is_seen_to(trade: Tenant, tmp_path: Path) -> None:
    publish_trade(trade)
    (tmp_path / "wares.csv").write_bytes(
        b"code,name,stock\nA,apple,9\nB,pear,x\nC,\xff,1\nD,plum,1\n"
    )
    told = []
    with pytest.raises(ImportStopped, match=r"wares\.csv:4: not utf-8"):
        import_file(trade, "wares", tmp_path, watch=lambda p, _: told.append(outcome(p)))
    assert told == [(1, 1, 0)]
    assert count(trade, "ware") == 1
    assert [r["reject_line"] for r in rejected(tmp_path / "wares_rejected.csv")] == ["3"]
    write_deals(tmp_path, {"D1": [("A", "1")], "D2": [("NO", "1")]})
    with (tmp_path / "deal_lines.csv").open("a") as lines:
        lines.write("D9,A,1\n")
    with pytest.raises(ImportStopped, match=r"D9 belong to no record .* all records were seen to"):
        import_file(trade, "deals", tmp_path)
    assert count(trade, "deal") == 1
    assert len(rejected(tmp_path / "deals_rejected.csv")) == 1


@pytest.mark.parametrize("dry_run", [False, True])
def test_who_may_not_import_or_not_create_imports_nothing(
    trade: Tenant, tmp_path: Path, dry_run: bool
) -> None:
    publish_trade(trade)
    write_wares(tmp_path, ["A,apple,5"])
    definition = trade.active().catalog.imports["wares"]

    def load(*roles: str) -> None:
        actor = Actor(7, "Somebody", frozenset(roles), via="import")
        rejects = tmp_path / "r.csv"
        run_import(Job(trade, actor, definition, {}, tmp_path, rejects, dry_run))

    for roles in ((), ("keeper",)):  # to create one by one is not to import
        with pytest.raises(Refused) as caught:
            load(*roles)
        assert caught.value.code == "forbidden"
    assert count(trade, "ware") == 0
    load("loader")
    assert count(trade, "ware") == (0 if dry_run else 1)


IMPORTING = """
import sys
from pathlib import Path
from app.records.tenant import Tenants
from app.storage.databases import Installation, StorageSettings
from tests.importers.trade import import_file
folder, url, tenant, files = sys.argv[1:]
tenants = Tenants(Installation(StorageSettings(Path(folder), url=url)))
import_file(tenants.get(tenant), "deals", Path(files))
"""


def test_killed_at_any_moment_it_goes_on_and_ends_exact(
    trade: Tenant, storage_settings: StorageSettings, tmp_path: Path
) -> None:
    publish_trade(trade)
    total = 700
    write_wares(tmp_path, [f"W{n},ware,100000" for n in range(20)])
    import_file(trade, "wares", tmp_path)
    deals = {
        f"D{n}": [(f"W{(n + i) % 20}", str(1 + n % 3)) for i in range(3)] for n in range(total)
    }
    deals["D450"] = [("W1", "1"), ("nothing", "1"), ("W2", "1")]
    write_deals(tmp_path, deals)
    command = [sys.executable, "-c", IMPORTING, str(storage_settings.folder), storage_settings.url]
    for stop_at in (60, 330, 560):
        process = subprocess.Popen([*command, trade.id, str(tmp_path)], cwd=ROOT)
        deadline = time.monotonic() + 60
        while count(trade, "deal") < stop_at and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        half = count(trade, "deal")
        lines = trade.active().tables.forms["deal"].children["lines"].table
        assert trade.db.query(f"SELECT count(*) FROM {lines}")[0][0] == 3 * half
        assert verify_aggregates(trade) == []
    progress = import_file(trade, "deals", tmp_path)
    assert progress.resumed
    assert outcome(progress) == (total - 1, 1, 0), "each record is counted once, as what it became"
    assert count(trade, "deal") == total - 1
    assert [r["reject_line"] for r in rejected(tmp_path / "deals_rejected.csv")] == ["452"]
    assert verify_aggregates(trade) == []
    assert verify_journal(trade, None).findings == ()
