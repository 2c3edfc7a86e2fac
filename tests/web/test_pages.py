"""The desk without scripts: every page works as plain HTML."""

from __future__ import annotations

from tests.web.house import House


def test_pages_open(house: House) -> None:
    boss = house.client("boss")
    for path in (
        "/",
        "/forms/claim/",
        "/forms/delivery/",
        "/forms/claim/new",
        f"/forms/delivery/{house.rid('d1')}",
        f"/forms/delivery/{house.rid('d1')}/edit",
        "/dashboards/overview",
        "/reports/per_month",
        "/reports/per_month.csv",
        "/forms/claim/export.csv",
    ):
        page = boss.get(path)
        assert page.status_code == 200, (path, page.text)
