"""Scenarios are held to what they tell, and nothing leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.catalog.settings import overlaid, write
from app.catalog.sources import Sources
from app.cli import main
from app.scenarios import Report, run_pack, run_tenant
from tests.scenarios.parcels import GOOD, company, sources, story, written


def told(report: Report) -> list[str]:
    return [str(failure) for one in report.outcomes for failure in one.failures]


def test_what_is_told_comes_out_and_is_counted() -> None:
    report = run_pack(sources(light=GOOD), "p")
    assert told(report) == []
    assert report.outcomes[0].seconds < 1
    assert set(report.steps["parcel"].missed) == {"ask", "ask_again", "kept"}
    assert report.rules["weighing"].missed == ()


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ('"rule(weighing)": light', '"rule(weighing)": else', "expected else, found light"),
        ("worth: 12.5, paper", "worth: 13, paper", "worth: expected 13, found 12.5 CNY"),
        ("calls: [carrier.create_label]", "calls: []", "calls: expected nothing, found carrier."),
        ("step: look/see", "step: weigh", "step: expected weigh, found look/see"),
        ("2026-03-07T10:00", "2026-03-07T11:00", "sla.send.due_at: expected 2026-03-07T11:00"),
    ],
)
def test_what_is_not_as_told_is_found_with_its_place(old: str, new: str, finding: str) -> None:
    (found,) = told(run_pack(sources(light=GOOD.replace(old, new, 1)), "p"))
    assert found.startswith("packs/p/scenarios/light.yaml:6 ")
    assert finding in found


def test_an_event_about_a_row_moves_that_row() -> None:
    flow = "packs/p/flows/parcel.yaml"
    files = dict(sources(light=_ROWS).files)
    see = "see: {task: {by: [{role: boss}], edit: [lines.fine]}, next: {seen: ok}}"
    comes = (
        "wait: {for: [carrier.delivered]}, due: {in: 30d}, next: {carrier.delivered: ok, late: ok}"
    )
    assert see in files[flow]
    files[flow] = files[flow].replace(see, f"see: {{{comes}}}")
    assert told(run_pack(Sources(files), "p")) == []


_ROWS = """
scenario: rows
label: Each row has its own parcel
people: {ann: {roles: [clerk]}, bob: {roles: [boss]}}
now: 2026-03-02T10:00
steps:
  - create: parcel
    as: p
    by: ann
    with: {weight: 3, worth: 12.50, paper: [a.png], owner: bob, lines: [{what: x}, {what: y}]}
  - {send: carrier.delivered, to: p, key: e1, row: "lines[1]", set: {"lines[1].fine": true},
     expect: {step: look/see, "lines[1].fine": true}}
  - {send: carrier.delivered, to: p, key: e2, row: "lines[0]", expect: {step: on_its_way}}
""".lstrip()


def test_a_refusal_nobody_told_ends_the_story() -> None:
    text = GOOD.replace("weight: 3, ", "")
    (found,) = told(run_pack(sources(light=text), "p"))
    assert "light.yaml:6 create parcel: expected done, found refused, invalid" in found
    missing = GOOD.replace("refused: true", "refused: not_found")
    assert "refused with not_found" in told(run_pack(sources(light=missing), "p"))[0]


def test_time_passes_and_timers_go_off_at_their_own_time() -> None:
    text = story("heavy")
    assert told(run_pack(sources(light=text), "p")) == []


def test_answers_say_what_comes_of_calls() -> None:
    text = story("failing")
    assert told(run_pack(sources(light=text), "p")) == []
    unlisted = text.replace("[failed.bad_address]", "[failed.unavailable]")
    found = told(run_pack(sources(light=unlisted), "p"))
    assert any("effects" in one for one in found)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, "动作失败：unavailable"),
        (
            {"LC_ALL": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"},
            "The action failed: unavailable",
        ),
        (
            {"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""},
            "The action failed: unavailable",
        ),
    ],
)
def test_why_something_is_stuck_is_told_in_the_caller_s_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], says: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    unlisted = story("failing").replace("[failed.bad_address]", "[failed.unavailable]")
    folder = written(sources(light=unlisted), tmp_path / "definitions")
    config = tmp_path / "config.yaml"
    config.write_text(f"definitions: {folder}\ntenants: {{}}\n")
    output = CliRunner().invoke(main, ["--config", str(config), "test"]).output
    (line,) = [one for one in output.splitlines() if "effects" in one]
    assert line.endswith(f"found label: {says}")
    assert "{" not in line and '"zh"' not in line


def test_settings_change_what_holds() -> None:
    text = story("otherwise")
    assert told(run_pack(sources(light=text, other=GOOD), "p")) == []
    unread = text.replace("most: 50", "mast: 50")
    assert "found else" in told(run_pack(sources(light=unread), "p"))[0]
    broken = text.replace("most: 50", "most: some")
    assert "settings" in told(run_pack(sources(light=broken), "p"))[0]


def test_overlays_lie_over_what_a_tenant_has() -> None:
    files = dict(sources().files) | {
        "tenants/t/tenant.yaml": "tenant: t\nlabel: T\npacks: [p]\n",
        "tenants/t/policies/weighing.yaml": "policy: weighing\nextends: p\nparams: {most: 20}\n",
    }
    over = overlaid(Sources(files, "t"), {"policy": {"weighing": {"branch": "class"}}})
    text = over.files["tenants/t/policies/weighing.yaml"]
    assert "most: 20" in text
    assert "branch: class" in text
    assert write({"form": "x", "at": "2026-03-01"}) == "form: x\nat: '2026-03-01'\n"


def test_the_command_prints_what_came_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    written(sources(light=GOOD, other=GOOD.replace("weight: 3,", "weight: 33,")), folder)
    config = tmp_path / "config.yaml"
    config.write_text(f"definitions: {folder}\ntenants: {{}}\n")
    run = CliRunner().invoke
    whole = run(main, ["--config", str(config), "test"])
    assert whole.exit_code == 1
    assert "other.yaml:6 step: expected look/see, found ask" in whole.output
    assert "1 of 2 come out as told" in whole.output
    assert "not seen: ask_again" in whole.output
    one = run(
        main, ["--config", str(config), "test", str(folder / "packs/p"), "--scenario", "light"]
    )
    assert one.exit_code == 0, one.output
    none = run(main, ["--config", str(config), "test", "--scenario", "lihgt"])
    assert none.exit_code == 1
    assert "no scenario lihgt there" in none.output


def test_those_of_a_tenant_are_played_on_the_tenant() -> None:
    assert [one.id for one in run_tenant(company(mine=GOOD), "t").outcomes] == ["mine"]
