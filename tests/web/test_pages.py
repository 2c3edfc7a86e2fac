"""The desk without scripts: every page works as plain HTML."""

from __future__ import annotations

from app.records import publish
from tests.web.house import House
from tests.web.pack import sources


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


def test_a_report_that_lists_records_is_a_file_only_for_those_who_may_export(house: House) -> None:
    report = "report: papers\nlabel: Papers\nsource: claim\ncolumns: [number, note]\n"
    later = sources().replaced("packs/claims/reports/papers.yaml", report)
    publish(house.tenant, house.actor("boss"), later)
    house.tenant.refresh()
    try:
        clerk, own = house.client("clerk"), house.client("own")
        assert "/reports/papers.csv" in clerk.get("/reports/papers").text
        assert clerk.get("/reports/papers.csv").status_code == 200
        page = own.get("/reports/papers")
        assert page.status_code == 200 and "papers.csv" not in page.text
        assert own.get("/reports/papers.csv").status_code == 403
        assert own.get("/reports/per_month.csv").status_code == 200
    finally:
        publish(house.tenant, house.actor("boss"), sources())
