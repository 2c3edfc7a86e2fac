"""Rename every id of the pack by script: check, publish, import and demo do not notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.actor import SYSTEM
from app.catalog.check import check
from app.catalog.sources import read_tenant
from app.importers.run import Job, run_import
from app.records import publish
from app.records.proof import verify_aggregates
from app.records.tenant import Tenant, Tenants
from app.scenarios import untold
from app.storage.databases import Installation
from tests.pack.naming import Named, original, renamed
from tests.shop_year.expected import SHOP_DATA, Expected, Slice
from tests.shop_year.slices import cut
from tests.shop_year.year import STEPS
from tests.support.rename import words_left

ORDERS = 60


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Named:
    return renamed(tmp_path_factory.mktemp("renamed") / "definitions")


@pytest.fixture
def tenant(installation: Installation, tenant_id: str) -> Iterator[Tenant]:
    installation.create(tenant_id)
    tenants = Tenants(installation)
    yield tenants.get(tenant_id)
    tenants.close()


def test_nothing_of_the_old_names_is_left_and_check_finds_no_problem(other: Named) -> None:
    ids = ["return_request", "disposition", "wish", "restock", "transit"]
    assert words_left(original().folder, ids) == set(ids)
    assert words_left(other.folder, ids) == set()
    assert [str(one) for one in check(other.folder) if one.stands_in_the_way] == []


@pytest.mark.shop
@pytest.mark.skipif(not SHOP_DATA.is_dir(), reason=f"the shop's files are not at {SHOP_DATA}")
def test_the_renamed_pack_publishes_and_imports_as_before(
    other: Named, tenant: Tenant, tmp_path: Path
) -> None:
    sources, problems = read_tenant(other.folder, "shop")
    assert problems == []
    publish(tenant, SYSTEM, untold(sources))
    files = cut(tmp_path / "files", ORDERS)
    refused = 0
    for number, (name, others) in enumerate(STEPS):
        definition = tenant.active().catalog.imports[name]
        chosen = {own: files / f"{file}.gz" for own, file in others.items()}
        job = Job(tenant, SYSTEM, definition, chosen, files, tmp_path / f"{number}.csv")
        refused = run_import(job).rejected
    expected = Expected(Slice(ORDERS))
    verdicts = list(expected.verdicts().values())
    expected.close()
    assert refused == len(verdicts) - verdicts.count("accepted")
    tables = tenant.active().tables.forms
    for form, count in (("order", ORDERS), ("return_request", verdicts.count("accepted"))):
        table = tables[other.name(form)].table
        assert tenant.db.query(f"SELECT count(*) FROM {table}") == [(count,)]
    assert verify_aggregates(tenant) == []
