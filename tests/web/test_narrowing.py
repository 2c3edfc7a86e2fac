"""Filters of reports and dashboards without scripts: shareable, for all tiles, files and eyes."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import pytest

from tests.web.house import House


@pytest.fixture(scope="module")
def claims(house: House) -> House:
    for client, item, quantity, asked in (
        ("ada", "bowl", 2, "2026-01-31T23:30"),
        ("ada", "cup", 3, "2026-02-10T08:00"),
        ("ben", "lid", 5, "2026-02-10T09:00"),
    ):
        house.create(
            "claim",
            {
                "client": house.saved[client].id,
                "asked_at": asked,
                "lines": [{"item": item, "quantity": quantity, "price": 10, "fault": "broken"}],
            },
        )
    return house


def _cells(text: str) -> list[list[str]]:
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    strip = re.compile(r"<[^>]+>")
    return [
        [unescape(strip.sub("", one)).strip() for one in re.findall(r"<td.*?</td>", row, re.DOTALL)]
        for row in rows
    ]


def test_an_address_narrows_the_report_and_its_file_alike(claims: House) -> None:
    boss = claims.client("boss")
    address = "/reports/per_item?f.asked.from=2026-02-01&f.asked.to=2026-02-10"
    page = boss.get(address)
    assert {row[0]: row[1] for row in _cells(page.text)} == {"cup": "3", "lid": "5"}
    assert 'value="2026-02-01"' in page.text and 'value="2026-02-10"' in page.text
    (link,) = set(re.findall(r'href="([^"]+\.csv[^"]*)"', page.text))
    file = boss.get(unescape(link))
    rows = list(csv.reader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert sorted(row[0] for row in rows[1:]) == ["cup", "lid"]


def test_a_dashboard_hands_its_filters_to_tiles_and_their_reports(claims: House) -> None:
    boss = claims.client("boss")
    ada = claims.rid("ada")
    page = boss.get(f"/dashboards/overview?f.client={ada}&f.asked.from=&f.asked.to=")
    assert "bowl" in page.text and "lid" not in page.text
    reports = re.findall(r'href="([^"]+/reports/per_item\?[^"]*)"', page.text)
    assert reports and all(f"f.client={ada}" in unescape(one) for one in reports)
    assert "f.asked" not in reports[0]
    assert page.text.count("Not narrowed by: Client") == 1, "the tile by client has no such filter"
    tile = boss.get(f"/dashboards/overview/tiles/items?f.client={ada}")
    assert "bowl" in tile.text and "lid" not in tile.text


def test_what_is_wrong_is_said_and_nothing_is_counted(claims: House) -> None:
    boss = claims.client("boss")
    page = boss.get("/reports/per_item?f.asked.from=soon&f.itm=cup")
    assert page.status_code == 200
    assert "“soon” is no date" in page.text and "did you mean item?" in page.text
    assert "rf-tile" not in page.text
    file = boss.get("/reports/per_item.csv?f.asked.from=soon")
    assert file.status_code == 400 and "“soon” is no date" in file.text
    tile = boss.get("/dashboards/overview/tiles/items?f.client=nobody")
    assert tile.status_code == 400 and "not yours to see" in tile.text
    chinese = claims.client("boss", lang="zh").get("/dashboards/overview?f.asked.from=soon")
    assert "不是日期" in chinese.text and "rf-tile-" not in chinese.text
    assert "各客户" not in chinese.text


def test_a_typed_name_is_understood(claims: House) -> None:
    page = claims.client("boss").get("/reports/per_item?f.client%40text=ada")
    assert {row[0] for row in _cells(page.text)} == {"bowl", "cup"}
    assert f'name="f.client" value="{claims.rid("ada")}"' in page.text


def test_links_offer_only_what_the_reader_may_see(claims: House) -> None:
    boss, own = claims.client("boss"), claims.client("own")
    offered = boss.get("/reports/per_item/choices/client?f.client@text=ad")
    assert "Ada" in offered.text and "Ben" not in offered.text
    assert "Ada" in own.get("/reports/per_item/choices/client").text
    assert boss.get("/reports/per_item/choices/item").status_code == 404
    assert claims.client("nobody").get("/reports/per_item/choices/client").status_code == 403
    assert claims.client("nobody").get("/dashboards/overview/choices/client").status_code == 403


def test_links_hide_what_the_reader_may_not_see(house: House) -> None:
    """Whoever may list claims, but reads no clients but his own, is offered no others."""
    from app.records import publish
    from tests.web.pack import sources

    role = (
        "role: own\nlabel: Own\ncan:\n  client: {actions: [list, read], rows: created_by == me}\n"
        "  claim: {actions: [list, read, create]}\n"
    )
    publish(
        house.tenant, house.actor("boss"), sources().replaced("packs/claims/roles/own.yaml", role)
    )
    house.tenant.refresh()
    try:
        own = house.client("own")
        offered = own.get("/reports/per_item/choices/client")
        assert "Ada" not in offered.text and "Nothing found" in offered.text
        page = own.get(f"/reports/per_item?f.client={house.rid('ada')}")
        assert "not yours to see" in page.text
        page = own.get("/reports/per_item?f.client@text=Ada")
        assert "nothing matches “Ada”" in page.text
    finally:
        publish(house.tenant, house.actor("boss"), sources())
        house.tenant.refresh()


def test_the_address_is_tidied_where_only_numbers_were_asked_for(claims: House) -> None:
    answer = claims.client("boss").get(
        "/reports/per_month?f.state=&f.state=open&f.client=&f.asked.from=",
        headers={"HX-Request": "true"},
    )
    assert answer.headers["HX-Push-Url"].endswith("/reports/per_month?f.state=open")
