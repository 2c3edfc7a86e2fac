"""`check`: errors stop, warnings are told."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from app.cli import main

FORM = "form: order\nfields: {amount: {type: decimal, required: true}}\n"
FLOW = """flow: order
stages: {open: {label: Open}STAGES}
steps:
  ask: {stage: open, task: {by: [{user: created_by}], edit: all}, next: {ok: fin}}
  fin: {end: done}
"""


def run(tmp_path: Path, flow: str, *words: str) -> tuple[int, str]:
    """The exit code and output of `check` on a pack with one form and its flow."""
    pack = tmp_path / "definitions" / "packs" / "shop"
    files = {"pack.yaml": "pack: shop\nlabel: Shop\n", "forms/order.yaml": FORM}
    for name, text in {**files, "flows/order.yaml": flow}.items():
        path = pack / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    config = tmp_path / "config.yaml"
    config.write_text("definitions: definitions\ntenants: {}\n", encoding="utf-8")
    done = CliRunner().invoke(
        main, ["--config", str(config), "check", str(pack.parents[1]), *words]
    )
    return done.exit_code, done.output


def test_a_warning_is_printed_and_does_not_fail(tmp_path: Path) -> None:
    code, output = run(tmp_path, FLOW.replace("STAGES", ", late: {label: Late}"))
    assert code == 0
    assert "packs/shop/flows/order.yaml:2:31 warning stages.late: no step enters" in output
    assert "no problems, 1 warning(s)" in output


def test_an_error_fails_and_warnings_are_not_counted(tmp_path: Path) -> None:
    flow = FLOW.replace("STAGES", ", late: {label: Late}").replace("ok: fin", "ok: ask")
    code, output = run(tmp_path, flow)
    assert code == 1
    assert "warning stages.late" in output
    assert "steps.ask.next.ok: ask (ok) → ask goes round for ever" in output
    assert "3 problem(s) in 1 file(s)" in output


def test_every_problem_ends_with_its_code(tmp_path: Path) -> None:
    flow = FLOW.replace("STAGES", ", late: {label: Late}").replace("ok: fin", "ok: ask")
    lines = [one for one in run(tmp_path, flow)[1].splitlines() if one.startswith("packs/")]
    codes = {line.rpartition("[")[2].rstrip("]") for line in lines}
    assert "stage_never" in codes and "endless_cycle" in codes
    page = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text("utf-8")
    assert all(f"| `{code}` |" in page for code in codes)


def test_programs_get_the_parts_by_name(tmp_path: Path) -> None:
    code, output = run(tmp_path, FLOW.replace("STAGES", ", late: {label: Late}"), "--json")
    told = json.loads(output)
    assert code == 0
    assert (told["errors"], told["warnings"]) == (0, 1)
    (problem,) = told["problems"]
    assert problem | {"message": ""} == {
        "file": "packs/shop/flows/order.yaml",
        "line": 2,
        "column": 31,
        "path": "stages.late",
        "code": "stage_never",
        "severity": "warning",
        "message": "",
        "allowed": problem["allowed"],
        "suggestion": "",
    }
    code, output = run(tmp_path, FLOW.replace("STAGES", "").replace("by:", "buy:"), "--json")
    found = json.loads(output)
    assert code == 1 and found["errors"] == len(found["problems"]) > 0
    assert "by" in {one["suggestion"] for one in found["problems"]}


def test_nothing_to_tell(tmp_path: Path) -> None:
    code, output = run(tmp_path, FLOW.replace("STAGES", ""))
    assert (code, output.strip().endswith("no problems")) == (0, True)
