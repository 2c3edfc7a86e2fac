"""Values that a change of type would lose are told by the commands, which ask before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.access.actor import SYSTEM
from app.cli import main
from app.config import load_config
from app.records import create
from app.records.tenant import Tenants

FORM = """form: part
label: Part
number: {{pattern: "P{{seq:3}}", at: create}}
fields:
  size: {{type: {kind}}}
"""
Run = Callable[..., Result]


@pytest.fixture
def house(tmp_path: Path) -> tuple[Run, Callable[[str], None]]:
    """The command of a company with four parts, and how the type of their size is changed."""
    definitions = tmp_path / "definitions"
    config = tmp_path / "config.yaml"
    config.write_text(
        f"definitions: {definitions}\ndata_dir: {tmp_path / 'var'}\ntenants: {{t: {{}}}}\n"
    )
    (definitions / "packs/p/forms").mkdir(parents=True)
    (definitions / "packs/p/pack.yaml").write_text("pack: p\nlabel: P\nversion: '1'\n")
    (definitions / "tenants/t").mkdir(parents=True)
    heading = "tenant: t\nlabel: T\npacks: [p]\nzone: UTC\ncurrency: CNY\n"
    (definitions / "tenants/t/tenant.yaml").write_text(heading)

    def retype(kind: str) -> None:
        (definitions / "packs/p/forms/part.yaml").write_text(FORM.format(kind=kind))

    def run(*words: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(main, ["--config", str(config), *words], input=answer)

    retype("text")
    assert run("publish", "t").exit_code == 0
    tenants = Tenants.of(load_config(config, {}))
    for size in ("12", "[b]wide", "x" * 60, "13"):
        create(tenants.get("t"), SYSTEM, "part", {"size": size})
    tenants.close()
    retype("integer")
    return run, retype


def test_the_plan_counts_them_and_names_some(house: tuple[Run, Callable[[str], None]]) -> None:
    run, retype = house
    told = run("plan", "t").output
    assert "✗ part.size (text → integer): 2 of 4 values would be lost" in told
    assert "P002: [b]wide" in told and f"P003: {'x' * 39}…" in told
    retype("choice, options: ['12', wide, '13', " + "x" * 60 + "]")
    assert "1 of 4 values would be lost" in run("plan", "t").output


def test_publishing_and_going_back_ask_first(house: tuple[Run, Callable[[str], None]]) -> None:
    run, _ = house
    for answer in (None, "n\n"):
        refused = run("publish", "t", answer=answer)
        assert refused.exit_code == 1
        assert "2 of 4 values would be lost" in refused.output
        assert "Publish all the same?" in refused.output and "--yes" in refused.output
    assert "│ 2  │" not in run("releases", "t").output
    agreed = run("publish", "t", answer="y\n")
    assert agreed.exit_code == 0 and "Release 2" in agreed.output
    assert run("rollback", "t", "1").exit_code == 0, "the records show what they were given"
    assert run("publish", "t").exit_code == 1
    quiet = run("publish", "t", "--yes")
    assert quiet.exit_code == 0 and "all the same" not in quiet.output


def test_going_back_asks_where_what_was_made_since_does_not_fit(
    house: tuple[Run, Callable[[str], None]], tmp_path: Path
) -> None:
    run, retype = house
    assert run("publish", "t", "--yes").exit_code == 0
    retype("text")
    assert run("publish", "t").exit_code == 0
    tenants = Tenants.of(load_config(tmp_path / "config.yaml", {}))
    create(tenants.get("t"), SYSTEM, "part", {"size": "broad"})
    tenants.close()
    refused = run("rollback", "t", "2")
    assert refused.exit_code == 1
    assert "would be lost" in refused.output and "P005: broad" in refused.output
    assert "Go back all the same?" in refused.output
    assert run("rollback", "t", "2", "--yes").exit_code == 0
    assert "there is no release 9" in run("rollback", "t", "9").output.lower()
