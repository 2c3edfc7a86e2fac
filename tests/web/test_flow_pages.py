"""The flow of a form, before there is any record."""

from __future__ import annotations

from tests.web.house import House


def test_the_flow_page_shows_picture_steps_and_people(house: House) -> None:
    page = house.client("clerk").get("/forms/request/flow")
    assert page.status_code == 200
    assert '<svg class="rf-flow" role="img"' in page.text
    for words in (
        "Head: Lead (the first one decides)", "Finance: Finance (all must agree)",
        "the person who started it", "within 1 day", "Sent back · at most 3×", "For each line",
    ):  # fmt: skip
        assert words in page.text, words
    chinese = house.client("clerk", "zh").get("/forms/request/flow").text
    assert "主管与财务审批" in chinese and "逐行处理" in chinese and "最多 3 次" in chinese


def test_forms_without_a_flow_or_without_rights_have_no_flow_page(house: House) -> None:
    assert house.client("clerk").get("/forms/client/flow").status_code == 404
    assert house.client("nobody").get("/forms/request/flow").status_code == 404
    assert house.client("clerk").get("/forms/none/flow").status_code == 404
