"""No way puts definitions into force whose scenarios fail, unless it is told why."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.access.actor import SYSTEM
from app.cli import main
from app.records import Refused, releases, rollback
from app.records import publish as publish_records
from app.records.releases import JOURNAL_FORM, ReleaseInfo, finish_interrupted
from app.records.tenant import Tenant, Tenants
from app.records.verdict import Verdict
from app.scenarios import Outcome, ScenariosFail, publish, untold
from app.storage import publish as storage
from app.storage.databases import Installation
from app.storage.ports import TenantDatabase
from tests.scenarios.parcels import BAD, GOOD, company, written

ROOT = Path(__file__).resolve().parents[2]
WHY = "the carrier is away"


@pytest.fixture
def tenant(installation: Installation, tenant_id: str) -> Iterator[Tenant]:
    installation.create(tenant_id)
    tenants = Tenants(installation)
    yield tenants.get(tenant_id)
    tenants.close()


def newest(tenant: Tenant) -> ReleaseInfo:
    return releases(tenant)[0]


def journaled(tenant: Tenant, no: int) -> list[dict[str, object]]:
    rows = tenant.db.query(
        "SELECT changes FROM rf_journal WHERE form = ? AND record_id = ? ORDER BY seq",
        (JOURNAL_FORM, no),
    )
    return [json.loads(row[0]) for row in rows]


def test_a_failing_scenario_keeps_the_release_out_unless_told_why(tenant: Tenant) -> None:
    with pytest.raises(ScenariosFail, match="light"):
        publish(tenant, SYSTEM, company(BAD), "first")
    with pytest.raises(ScenariosFail, match="light"):
        publish(tenant, SYSTEM, company(BAD), "first", despite="  ")
    assert tenant.refresh().no == 0
    assert releases(tenant) == []
    assert publish(tenant, SYSTEM, company(BAD), "first", despite=f" {WHY} ") == 1
    info = newest(tenant)
    assert (info.note, info.failing, info.despite) == ("first", ("light",), WHY)
    (entry,) = journaled(tenant, 1)
    assert (entry["note"], entry["failing"], entry["despite"]) == ("first", ["light"], WHY)


def test_what_came_out_as_told_needs_no_reason_and_keeps_none(tenant: Tenant) -> None:
    assert publish(tenant, SYSTEM, company(mine=GOOD), despite=WHY) == 1
    assert (newest(tenant).failing, newest(tenant).despite) == ((), "")
    assert "despite" not in journaled(tenant, 1)[0]
    with pytest.raises(ScenariosFail, match="mine"):
        publish(tenant, SYSTEM, company(mine=BAD))


def test_packs_in_force_are_judged_again_only_while_something_failed(tenant: Tenant) -> None:
    played: list[str] = []

    def watch(outcome: Outcome) -> None:
        played.append(outcome.id)

    publish(tenant, SYSTEM, company(), watch=watch)
    publish(tenant, SYSTEM, company(label="U"), watch=watch)
    assert played == ["light"], "the packs are the same, and nothing failed"
    publish(tenant, SYSTEM, company(BAD), despite=WHY)
    with pytest.raises(ScenariosFail, match="light"):
        publish(tenant, SYSTEM, company(BAD, label="V"))
    assert publish(tenant, SYSTEM, company(BAD)) == 3, "it is in force: nothing comes into force"


def test_the_use_case_itself_lets_nothing_pass_that_was_not_judged(tenant: Tenant) -> None:
    good, bad = company(), company(BAD)
    for given, verdict, says in (
        (good, None, "have not been run"),
        (good, Verdict(company(label="U").hash), "have not been run"),
        (bad, Verdict(bad.hash, ("light",)), "light"),
        (bad, Verdict(bad.hash, ("light",), " "), "light"),
    ):
        with pytest.raises(Refused, match=says) as caught:
            publish_records(tenant, SYSTEM, given, verdict=verdict)
        assert caught.value.code == "invalid"
        assert says in caught.value.message.en or "light" in caught.value.message.zh
    assert tenant.refresh().no == 0
    assert publish_records(tenant, SYSTEM, untold(bad)) == 1, "without scenarios nothing can fail"
    assert newest(tenant).failing is None
    assert publish_records(tenant, SYSTEM, good, verdict=Verdict(good.hash)) == 2


def test_what_returns_by_publishing_is_judged_as_what_is_new(tenant: Tenant) -> None:
    publish(tenant, SYSTEM, company(BAD), despite="first reason")
    publish(tenant, SYSTEM, company())
    with pytest.raises(ScenariosFail):
        publish(tenant, SYSTEM, company(BAD))
    assert tenant.refresh().no == 2
    assert publish(tenant, SYSTEM, company(BAD), despite="second reason") == 1
    assert {one.no: one.despite for one in releases(tenant)} == {1: "second reason", 2: ""}
    assert [one.get("despite") for one in journaled(tenant, 1)] == ["first reason", "second reason"]


def test_going_back_runs_nothing_and_keeps_the_verdict(tenant: Tenant) -> None:
    """It got its verdict when it was published, and whoever goes back has no time."""
    publish(tenant, SYSTEM, company(BAD), despite=WHY)
    publish(tenant, SYSTEM, company())
    assert rollback(tenant, SYSTEM, 1, "back") == 1
    found = {one.no: (one.active, one.failing, one.despite) for one in releases(tenant)}
    assert found == {1: (True, ("light",), WHY), 2: (False, (), "")}


@pytest.mark.parametrize("finish", ["worker", "publish"])
def test_what_was_cut_off_comes_into_force_with_the_verdict_it_began_with(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, finish: str
) -> None:
    whole = storage._PHASES["activate"]

    def killed(db: TenantDatabase, *rest: Any) -> Any:
        if db.tenant == tenant.id:  # the stage of the scenarios is another one
            raise KeyboardInterrupt
        return whole(db, *rest)

    with monkeypatch.context() as patched:
        patched.setitem(storage._PHASES, "activate", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(tenant, SYSTEM, company(BAD), despite=WHY)
    assert tenant.refresh().no == 0
    if finish == "worker":
        assert finish_interrupted(tenant) == 1  # what the worker does when it starts
    else:
        assert publish(tenant, SYSTEM, company()) == 2
        assert rollback(tenant, SYSTEM, 1) == 1
    assert tenant.refresh().no == 1
    info = next(one for one in releases(tenant) if one.no == 1)
    assert (info.failing, info.despite) == (("light",), WHY)


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., Result]:
    """The command line of a company whose scenario fails."""
    folder = written(company(BAD), tmp_path / "definitions")
    config = tmp_path / "config.yaml"
    config.write_text(
        f"definitions: {folder}\ndata_dir: {tmp_path / 'var'}\ntenants: {{t: {{}}}}\n"
    )
    return lambda *words: CliRunner().invoke(main, ["--config", str(config), *words])


def test_the_command_tells_the_reason_wherever_releases_are_told(
    house: Callable[..., Result], tmp_path: Path
) -> None:
    refused = house("publish", "t")
    assert refused.exit_code == 1
    assert "light.yaml:1" in refused.output and 'publish t --despite "…"' in refused.output
    assert house("publish", "t", "--despite", WHY, "--note", "[b]n").exit_code == 0
    told = house("releases", "t").output
    assert "1 failed" in told and f"1: scenarios failed (light): {WHY}" in told and "[b]n" in told
    written(company(), tmp_path / "definitions")
    assert house("publish", "t").exit_code == 0
    assert "passed" in house("releases", "t").output
    back = house("rollback", "t", "1")
    assert back.exit_code == 0
    assert f"although scenarios failed (light): {WHY}" in back.output


def test_a_release_without_scenarios_has_not_passed_any(
    house: Callable[..., Result], tmp_path: Path
) -> None:
    written(company(), tmp_path / "definitions")
    assert house("publish", "t").exit_code == 0
    (tmp_path / "definitions" / "packs/p/scenarios/light.yaml").unlink()
    assert house("publish", "t").exit_code == 0
    newer, older = [one for one in house("releases", "t").output.splitlines() if "│" in one]
    assert "none" in newer and "passed" not in newer
    assert "passed" in older


@pytest.mark.parametrize("words", [("demo", "t"), ("run", "--demo")])
def test_a_demo_is_kept_out_too(
    house: Callable[..., Result], tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "definitions/tenants/t/demo.yaml").write_text("demo: t\nusers: {}\nrecords: {}\n")
    refused = house(*words)
    assert refused.exit_code == 1
    assert "1 scenario(s) fail" in refused.output
    assert "│ 1  │" not in house("releases", "t").output


def imported(path: Path) -> set[tuple[str, str]]:
    """(module, name) of everything a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
    return found


def test_there_is_no_other_way() -> None:
    """Whoever adds one must come by the gate, and be added to these tests."""
    ways: dict[str, set[str]] = {"records": set(), "storage": set()}
    for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        name = path.relative_to(ROOT).as_posix()
        taken = imported(path)
        if taken & {("app.records", "publish"), ("app.records.releases", "publish")}:
            ways["records"].add(name)
        acting = ("publish", "activate", "resume")
        if taken & {("app.storage", "publish"), ("app.storage.publish", "")} or taken & {
            ("app.storage.publish", name) for name in acting
        }:
            ways["storage"].add(name)
    assert ways == {
        "records": {"app/records/__init__.py", "app/scenarios/gate.py", "app/scenarios/stage.py"},
        "storage": {"app/records/releases.py"},
    }
