"""Lists, exports and rights: nobody sees more than his roles show."""

from __future__ import annotations

import csv
import io
import re

import pytest

from forms.values import encode_id
from tests.web.house import House, token


@pytest.fixture(scope="module", autouse=True)
def claims(house: House) -> None:
    for number in range(60):
        house.create(
            "claim",
            {
                "client": house.saved["ada" if number % 3 else "ben"].id,
                "asked_at": f"2026-02-{number % 28 + 1:02d}T12:00:00Z",
                "state": "open" if number % 2 else "done",
                "lines": [
                    {
                        "item": f"item {number}",
                        "quantity": 1,
                        "price": f"{number}.25",
                        "fault": "broken",
                    }
                ],
            },
            login="own" if number < 5 else "boss",
        )


def numbers(page) -> list[str]:  # type: ignore[no-untyped-def]
    return re.findall(r'<td data-label="Number"><a[^>]*>([^<]+)</a>', page.text)


def test_pages_follow_each_other_without_gaps(house: House) -> None:
    clerk = house.client("clerk")
    page = clerk.get("/forms/claim/?sort=number")
    seen = numbers(page)
    assert len(seen) == 50
    link = re.search(r'href="([^"]+)" rel="next"', page.text)
    assert link is not None
    rest = numbers(clerk.get(link[1].replace("&amp;", "&")))
    assert len(rest) == 10
    assert seen + rest == sorted(seen + rest)
    assert len(set(seen + rest)) == 60


def test_sorting_turns_round(house: House) -> None:
    clerk = house.client("clerk")
    up = re.findall(r'"Total"[^>]*>([\d.,]+)', clerk.get("/forms/claim/?sort=total").text)
    down = re.findall(r'"Total"[^>]*>([\d.,]+)', clerk.get("/forms/claim/?sort=-total").text)
    assert float(up[0]) < float(up[-1])
    assert float(down[0]) > float(down[-1])


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("q=CL-2026-0007", 1),
        ("q=ben", 20),
        ("f.state=done", 30),
        ("f.client=ben", 20),
        ("f.asked_at.from=2026-02-27&f.asked_at.to=2026-02-28", 4),
        ("f.total.from=50&f.total.to=55", 5),
        ("f.state=open&f.client=ben", 10),
        ("f.urgent=true", 0),
        ("f.total.from=abc&f.state=done", 30),
        ("f.nothing=x&q=CL-2026-0007", 1),
    ],
)
def test_search_and_filters(house: House, query: str, count: int) -> None:
    page = house.client("clerk").get(f"/forms/claim/?{query}")
    assert page.status_code == 200
    assert len(numbers(page)) == count
    if "abc" in query:
        assert "Total: " in page.text
    if not count:
        assert "Nothing matches" in page.text


def test_the_csv_has_what_the_list_shows(house: House) -> None:
    clerk = house.client("clerk")
    answer = clerk.get("/forms/claim/export.csv?f.client=ben&sort=number")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0] == ["Number", "Client", "Asked at", "State", "Total", "Total: currency"]
    assert len(rows) == 21
    assert rows[1][1] == "'=Ben"
    assert rows[1][4:] == ["0.25", "CNY"]


def test_own_rows_only(house: House) -> None:
    own, boss = house.client("own"), house.client("boss")
    assert len(numbers(own.get("/forms/claim/"))) == 5
    assert ">5<" in own.get("/").text
    theirs = re.search(r'href="[^"]*(/forms/claim/[0-9a-z]{13})"', boss.get("/forms/claim/").text)
    assert theirs is not None
    for path in (theirs[1], f"{theirs[1]}/edit"):
        assert own.get(path).status_code in {403, 404}
    assert own.get("/forms/claim/export.csv").status_code == 403
    assert own.get("/forms/delivery/").status_code == 403
    assert own.get(f"/forms/delivery/{house.rid('d1')}").status_code in {403, 404}
    # A report counts only his own rows.
    table = own.get("/reports/per_client").text
    counts = re.findall(r'class="rf-number">(\d+)</td>', table)
    assert sum(int(one) for one in counts) == 5


def test_hidden_fields_are_nowhere(house: House) -> None:
    clerk, boss = house.client("clerk"), house.client("boss")
    for path in (
        f"/forms/client/{house.rid('ada')}",
        f"/forms/client/{house.rid('ada')}/edit",
        "/forms/client/",
        "/forms/client/?q=owes",
    ):
        page = clerk.get(path)
        assert "owes us" not in page.text
        assert "Inside note" not in page.text
    assert "owes us" in boss.get(f"/forms/client/{house.rid('ada')}").text


def test_nobody_sees_nothing(house: House) -> None:
    nobody, stranger = house.client("nobody"), house.client()
    assert "There is nothing here for you yet" in nobody.get("/").text
    for path in (
        "/forms/claim/",
        "/forms/claim/new",
        "/forms/claim/export.csv",
        f"/forms/client/{house.rid('ada')}",
        "/dashboards/overview",
        "/reports/per_month",
        "/reports/per_month.csv",
        "/dashboards/overview/tiles/months",
    ):
        assert nobody.get(path).status_code in {403, 404}, path
        assert stranger.get(path).status_code == 302, path


def test_unreadable_addresses_are_not_found(house: House) -> None:
    clerk = house.client("clerk")
    for path in (
        "/forms/nothing/",
        "/forms/claim/not-an-id",
        f"/forms/claim/{encode_id(5)}",
        "/dashboards/nothing",
        "/reports/nothing",
        "/forms/claim/new/nothing",
    ):
        assert clerk.get(path).status_code == 404, path


def test_languages_and_colours_are_kept(house: House) -> None:
    clerk = house.client("clerk")
    page = clerk.get("/")
    assert "Sign out" in page.text
    wish = {"csrf_token": token(page), "lang": "zh", "next": f"{clerk.root}/forms/claim/"}
    answer = clerk.post("/preferences", wish)
    assert answer.location == f"{clerk.root}/forms/claim/"
    clerk.post("/preferences", {"csrf_token": token(page), "theme": "dark"})
    page = clerk.get("/")
    assert "退出登录" in page.text
    assert 'data-bs-theme="dark"' in page.text


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/t/other/", "x", "/t/acme/\\evil"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(house: House, wanted: str) -> None:
    clerk = house.client("clerk")
    answer = clerk.get("/sign-in", query_string={"next": wanted})
    assert answer.status_code == 302
    assert answer.location == f"{clerk.root}/"
