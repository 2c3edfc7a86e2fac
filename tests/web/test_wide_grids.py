"""Line grids at every width, in both colours: no column is hidden, nothing covers another."""

from __future__ import annotations

import pytest

from tests.web.conftest import Open
from tests.web.house import House

OVERLAPPING = """() => {
  const boxes = [...document.querySelectorAll('.rf-line-table tbody td')]
    .filter((one) => one.offsetParent && !one.matches('.rf-line-no'))
    .map((one) => [one.className, one.getBoundingClientRect()]);
  const found = [];
  for (const [a, p] of boxes) for (const [b, q] of boxes) {
    if (p === q) continue;
    const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (across > 1 && down > 1) found.push([a, b]);
  }
  return found;
}"""
OUTSIDE = """() => [...document.querySelectorAll('.rf-line-table tbody td')].filter((one) => {
  const box = one.getBoundingClientRect();
  const place = one.closest('.rf-lines-scroll').getBoundingClientRect();
  return one.offsetParent && (box.right > place.right + 2 || box.left < place.left - 2);
}).map((one) => one.className)"""


@pytest.mark.parametrize(
    ("width", "colours", "lang"),
    [(1280, "light", "zh"), (1280, "dark", "en"), (800, "light", "en"), (390, "dark", "zh")],
)
def test_no_column_of_a_grid_is_hidden_or_covered(
    house: House, open_page: Open, width: int, colours: str, lang: str
) -> None:
    page = open_page(
        "boss",
        lang=lang,
        viewport={"width": width, "height": 900},
        color_scheme=colours,
    )
    for where in (f"forms/delivery/{house.rid('d1')}/edit", "forms/request/new", "forms/claim/new"):
        page.goto(where)
        page.wait_for_selector(".rf-line-table", state="attached")
        add = page.locator("[data-rf-line=add]").first
        if not page.locator("tr[data-rf-row]").count():
            add.click()
        page.wait_for_selector("tr[data-rf-row]")
        assert page.evaluate(OUTSIDE) == [], where
        assert page.evaluate(OVERLAPPING) == [], where
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_cells_of_a_row_stand_in_a_row_where_there_is_room(house: House, open_page: Open) -> None:
    page = open_page("boss", viewport={"width": 1900, "height": 900})
    page.goto(f"forms/delivery/{house.rid('d1')}/edit")
    page.wait_for_selector("tr[data-rf-row]")
    tops = page.evaluate(
        "() => [...document.querySelectorAll('tr[data-rf-row]:first-child > td')]"
        ".map((one) => Math.round(one.getBoundingClientRect().top))"
    )
    assert len(set(tops)) == 1, tops
