"""What is defined, what was brought in, what comes by itself: each open to its own right."""

from __future__ import annotations

from html import unescape

import pytest

from app.access.users import create_user, find_user
from app.importers.state import begin, save
from forms.values import encode_id
from tests.web.house import PASSWORD, House
from tests.web.test_acting import asked

OPEN, CLOSED = ("definitions", "imports"), ("jobs", "journal", "outbox", "releases", "users")


@pytest.fixture
def keeper(house: House) -> str:
    if find_user(house.tenant.db, "kim") is None:
        create_user(house.tenant.db, "kim", "Kim", PASSWORD, roles=("keeper",), lang="en")
    return "kim"


def test_each_part_opens_to_its_own_right_only(house: House, keeper: str) -> None:
    kim = house.client(keeper)
    assert {part: kim.get(f"/admin/{part}/").status_code for part in (*OPEN, *CLOSED)} == {
        **dict.fromkeys(OPEN, 200),
        **dict.fromkeys(CLOSED, 403),
    }
    home = kim.get("/admin/").text
    assert "/admin/definitions/" in home and "/admin/jobs/" not in home
    assert house.client("boss").get("/admin/jobs/").status_code == 200
    assert house.client("clerk").get("/admin/definitions/").status_code == 403


def test_definitions_are_shown_as_they_are_written(house: House, keeper: str) -> None:
    kim = house.client(keeper)
    page = unescape(kim.get("/admin/definitions/?search=total%20%3E%20100").text)
    assert "Purchase" in page and "packs/claims/flows/request.yaml" in page
    assert "packs/claims/roles/clerk.yaml" not in page
    file = unescape(kim.get("/admin/definitions/file?path=packs/claims/flows/request.yaml").text)
    assert "switch: total > 100" in file
    chinese = unescape(house.client(keeper, "zh").get("/admin/definitions/").text)
    assert "采购流程" in chinese and "流程" in chinese


@pytest.mark.parametrize(
    "path", ["../config.yaml", "/etc/passwd", "packs/claims/flows/nothing.yaml", ""]
)
def test_only_files_of_the_release_are_shown(house: House, keeper: str, path: str) -> None:
    assert house.client(keeper).get(f"/admin/definitions/file?path={path}").status_code == 404
    assert house.client("clerk").get("/admin/definitions/file?path=x").status_code == 403


def test_imports_tell_what_was_taken_in_and_turned_away(house: House, keeper: str) -> None:
    progress = begin(house.tenant, "old_orders", "cafe" * 16)
    progress.accepted, progress.rejected, progress.skipped = 40, 3, 1
    progress.codes = {"required": 1, "not_a_number": 2}
    save(house.tenant, progress, "done")
    for lang, said in (("en", ("finished", "Turned away")), ("zh", ("已结束", "已拒绝"))):
        page = unescape(house.client(keeper, lang).get("/admin/imports/").text)
        assert "old_orders" in page and "not_a_number × 2, required × 1" in page
        assert "cafecafecafe" in page and all(word in page for word in said)


def test_jobs_tell_what_will_happen_by_itself(house: House) -> None:
    saved = asked(house, "Timed")
    boss = house.client("boss")
    page = unescape(boss.get(f"/admin/jobs/?search={encode_id(saved.id)}").text)
    assert "Purchase request" in page and "Approval" in page
    for said in ("a reminder", "it is late, or goes to others", "promised time “Answer”"):
        assert said in page, page
    chinese = unescape(
        house.client("boss", "zh").get(f"/admin/jobs/?search={encode_id(saved.id)}").text
    )
    assert "主管与财务审批" in chinese and "提醒" in chinese
    assert "a reminder" not in unescape(boss.get("/admin/jobs/?search=nothing").text)
