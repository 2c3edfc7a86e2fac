"""Reports by API: the same numbers, rows and rights as the pages, on both databases."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from app.access.actor import SYSTEM
from app.records import save
from app.records.reporting import run_report
from tests.api.shop import Shop

DAYS = ("2026-01-10", "2026-02-03", "2026-02-20", "2026-03-05")


def get(shop: Shop, path: str, login: str = "admin", scopes: str = "*:*", **query: str) -> Any:
    return shop.app.test_client().get(
        f"{shop.api()}{path}", headers=shop.token(login, scopes), query_string=query
    )


def wrong(answer: Any) -> tuple[int, str, list[tuple[str, list[str | int]]]]:
    error = answer.json["error"]
    return (
        answer.status_code,
        error["code"],
        [(one["code"], one["path"]) for one in error["details"]],
    )


@pytest.fixture
def orders(shop: Shop) -> Shop:
    """Orders of three months, once for the module."""
    known = get(shop, "/reports/orders_per_month/result").json["rows"]
    if "2026-02-01" not in {row["month"] for row in known}:
        for number, day in enumerate(DAYS):
            lines = [
                {"product": shop.ids["product"], "quantity": "1", "unit_price": f"{number + 1}.50"}
            ]
            values = {
                "order_no": f"SO-REPORT-{number}",
                "customer": shop.ids["customer"],
                "placed_at": f"{day}T04:00:00Z",
                "lines": lines,
            }
            save.create(shop.tenant(), SYSTEM, "order", values)
    return shop


def test_the_reports_one_may_read_and_what_each_can_be_asked(shop: Shop) -> None:
    listed = get(shop, "/reports").json["reports"]
    known = {one["id"]: one for one in listed}
    assert set(known) == set(shop.tenant().active().catalog.reports)
    one = known["returns_per_month"]
    assert one == get(shop, "/reports/returns_per_month").json
    assert one["label"] == "Returns per month"
    assert one["groups"] == [{"id": "month", "label": "Month", "type": "datetime", "unit": "month"}]
    filters = {each["id"]: each for each in one["filters"]}
    assert filters["period"]["operators"] == ["eq", "ge", "le"]
    assert filters["customer"] == {"id": "customer", "label": "Customer", "type": "link",
                                   "operators": ["eq", "in"], "to": "customer"}  # fmt: skip
    assert {"value": "settling", "label": "Settling"}.keys() == filters["stage"]["options"][
        0
    ].keys()
    assert (one["compare"], one["lists_records"], one["has_rows"]) == (
        "previous_period",
        False,
        True,
    )


def test_a_result_is_what_the_page_counts(orders: Shop) -> None:
    told = get(orders, "/reports/orders_per_month/result").json
    assert [c["id"] for c in told["columns"]][:4] == [
        *("month", "orders", "orders.before", "orders.change"),
    ]
    tenant = orders.tenant()
    result = run_report(tenant, SYSTEM, tenant.active().catalog.reports["orders_per_month"])
    assert [row["month"] for row in told["rows"]] == [row[0].isoformat() for row in result.rows]
    rows = {row["month"]: row for row in told["rows"]}
    assert rows["2026-02-01"]["orders"] == 2
    assert rows["2026-02-01"]["orders.before"] == 1
    assert rows["2026-02-01"]["orders.change"] == "1"
    assert rows["2026-02-01"]["amount"] == {"amount": "6.00", "currency": "CNY"}
    assert (told["cut"], told["next"]) == (False, None)


def test_filters_narrow_it(orders: Shop) -> None:
    def months(**query: str) -> list[tuple[str, int]]:
        found = get(orders, "/reports/orders_per_month/result", **query)
        assert found.status_code == 200, found.text
        return [(row["month"], row["orders"]) for row in found.json["rows"] if row["orders"]]

    ge, le = "filter[period][ge]", "filter[period][le]"
    assert months(**{ge: "2026-02-04", le: "2026-03-31"}) == [("2026-02-01", 1), ("2026-03-01", 1)]
    assert months(**{"filter[period]": "2026-02-03"}) == [("2026-02-01", 1)]
    customer = orders.ids["customer"]
    assert months(**{ge: "2026-01-01", le: "2026-03-31", "filter[customer]": customer}) == [
        *(("2026-01-01", 1), ("2026-02-01", 2), ("2026-03-01", 1)),
    ]
    stages = {"filter[stage][in]": "applied,settling"}
    assert get(orders, "/reports/returns_per_month/result", **stages).status_code == 200


def test_pages_add_up_to_the_whole(orders: Shop) -> None:
    path = "/reports/orders_per_month/result"
    whole = get(orders, path).json["rows"]
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(orders, path, limit="2", **cursor).json
        found += page["rows"]
        if page["next"] is None:
            break
        assert len(page["rows"]) == 2
        cursor = {"cursor": page["next"]}
    assert found == whole
    first = get(orders, path, limit="2").json["next"]
    other = {"filter[period][ge]": "2026-01-01", "cursor": first}
    assert wrong(get(orders, path, **other))[:2] == (400, "bad_cursor")
    assert wrong(get(orders, "/reports/returns_per_month/result", cursor=first))[1] == "bad_cursor"
    made_up = base64.urlsafe_b64encode(json.dumps(["x", -1]).encode()).decode()
    for bad in ("!", "x" * 500, made_up):
        assert wrong(get(orders, path, cursor=bad))[:2] == (400, "bad_cursor")


def test_the_file_is_the_page_s(orders: Shop) -> None:
    path = "/reports/orders_per_month"
    file = get(orders, f"{path}/result.csv", **{"filter[period][ge]": "2026-01-01"})
    assert file.mimetype == "text/csv"
    assert "orders_per_month.csv" in file.headers["Content-Disposition"]
    browser = orders.session("admin")
    page = browser.get(f"/t/{orders.names[0]}{path}.csv?f.period.from=2026-01-01")
    assert page.status_code == 200
    assert page.data == file.data
    rows = list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert rows[0][0] == "Month" and len(rows) > 3


def test_the_rows_behind_a_number(orders: Shop) -> None:
    path = "/reports/orders_per_month/rows"
    spot = {"group[month]": "2026-02-01", "measure": "orders"}
    told = get(orders, path, **spot).json
    assert len(told["rows"]) == 2
    column = next(c["id"] for c in told["columns"] if c["id"] == "placed_at")
    assert {row["values"][column][:10] for row in told["rows"]} == {"2026-02-03", "2026-02-20"}
    customer = orders.ids["customer"]
    assert told["rows"][0]["values"]["customer"] == customer
    assert told["names"]["customer"] == {customer: "Zauberberg GmbH"}
    before = get(orders, path, **spot, before="true").json
    assert [row["values"][column][:10] for row in before["rows"]] == ["2026-01-10"]
    first = get(orders, path, **spot, limit="1").json
    rest = get(orders, path, **spot, limit="1", cursor=first["next"]).json
    assert [*first["rows"], *rest["rows"]] == told["rows"] and rest["next"] is None
    file = get(orders, f"{path}.csv", **spot)
    assert len(list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))) == 3
    record = get(orders, f"/forms/order/records/{told['rows'][0]['record']}")
    assert record.json["values"]["placed_at"][:10] == told["rows"][0]["values"][column][:10]


@pytest.mark.parametrize(
    ("tail", "query", "code", "path"),
    [
        ("result", {"filter[perid]": "2026-01-01"}, "unknown_filter", "filter[perid][eq]"),
        ("result", {"filter[period][in]": "x"}, "unknown_operator", "filter[period][in]"),
        ("result", {"filter[period][ge]": "soon"}, "bad_value", "filter[period]"),
        ("result", {"filter[customer]": "0000000000001"}, "bad_value", "filter[customer]"),
        ("result", {"filter[period][like]": "x"}, "unknown_operator", "filter[period][like]"),
        ("result", {"sort": "month"}, "unknown_parameter", "sort"),
        ("result", {"limit": "0"}, "bad_limit", "limit"),
        ("result.csv", {"limit": "3"}, "unknown_parameter", "limit"),
        ("rows", {"group[moth]": "2026-01-01"}, "bad_value", "group[moth]"),
        ("rows", {"group[month]": "January"}, "bad_value", "group[month]"),
        ("rows", {"measure": "ordres"}, "bad_value", "measure"),
        ("rows", {"before": "yes"}, "bad_value", "before"),
        ("rows", {"page": "2"}, "unknown_parameter", "page"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(
    shop: Shop, tail: str, query: dict[str, str], code: str, path: str
) -> None:
    answer = get(shop, f"/reports/orders_per_month/{tail}", **query)
    assert wrong(answer) == (400, "bad_parameter", [(code, [path])])
    message = answer.json["error"]["details"][0]["message"]
    if code.startswith("unknown_"):
        assert "known: " in message
    if "perid" in path:
        assert "did you mean period" in message


def test_both_ends_of_eq_stand_alone(shop: Shop) -> None:
    query = {"filter[period]": "2026-01-01", "filter[period][ge]": "2026-01-01"}
    assert wrong(get(shop, "/reports/orders_per_month/result", **query))[:2] == (
        400,
        "bad_parameter",
    )


def test_nobody_reads_more_than_on_the_page(shop: Shop) -> None:
    catalog = shop.tenant().active().catalog
    for login in ("nobody", "keeper", "seller", "clerk"):
        browser = shop.session(login)
        readable = {one["id"] for one in get(shop, "/reports", login).json["reports"]}
        for report in catalog.reports.values():
            page = browser.get(f"/t/{shop.names[0]}/reports/{report.id}").status_code
            mine = get(shop, f"/reports/{report.id}/result", login).status_code
            assert (page, mine) in ((200, 200), (403, 404)), (login, report.id)
            assert (report.id in readable) == (mine == 200)
            page = browser.get(f"/t/{shop.names[0]}/reports/{report.id}.csv").status_code
            mine = get(shop, f"/reports/{report.id}/result.csv", login).status_code
            assert (page, mine) in ((200, 200), (403, 404), (403, 403)), (login, report.id)
            page = browser.get(f"/t/{shop.names[0]}/reports/{report.id}/rows.csv").status_code
            mine = get(shop, f"/reports/{report.id}/rows.csv", login).status_code
            assert (page, mine) in ((200, 200), (403, 404), (403, 403)), (login, report.id)
    assert get(shop, "/reports", "nobody").json == {"reports": []}
    keeper = {one["id"] for one in get(shop, "/reports", "keeper").json["reports"]}
    assert "returns_per_month" not in keeper  # it adds up amounts that the warehouse never sees
    assert "Zauberberg" not in get(shop, "/reports/top_returned_products/result", "seller").text
    assert get(shop, "/reports/none/result").status_code == 404


def test_rows_and_fields_are_those_of_the_reader(shop: Shop) -> None:
    report = "/reports/top_returned_products"
    admin = get(shop, f"{report}/rows").json
    assert admin["rows"]
    assert get(shop, f"{report}/result", "seller").json["rows"] == []
    assert get(shop, f"{report}/rows", "seller").json["rows"] == []
    keeper = get(shop, f"{report}/rows", "keeper").json
    assert "total" not in {one["id"] for one in keeper["columns"]}


def test_a_token_of_narrow_scope_reads_no_other_form_s_reports(shop: Shop) -> None:
    narrow = get(shop, "/reports", scopes="order:read").json["reports"]
    assert {one["source"].partition(".")[0] for one in narrow} == {"order"}
    assert get(shop, "/reports/returns_per_month/result", scopes="order:read").status_code == 404
    listing = [one["id"] for one in narrow if one["lists_records"]]
    assert not any(one["may_export"] for one in narrow if one["id"] in listing)
    rows = get(shop, "/reports/orders_per_month/rows.csv", scopes="order:read")
    assert wrong(rows)[:2] == (403, "forbidden")


def test_choices_of_a_filter(shop: Shop) -> None:
    path = "/reports/orders_per_month/choices/customer"
    found = get(shop, path, q="zauber").json["choices"]
    assert found == [{"id": shop.ids["customer"], "title": "Zauberberg GmbH"}]
    assert get(shop, "/reports/orders_per_month/choices/period").status_code == 404
    refused = get(shop, path, sort="x")
    assert wrong(refused)[2] == [("unknown_parameter", ["sort"])]
    assert "Zauberberg" not in get(shop, path, "seller").text


def test_answers_are_as_their_schemas_say(orders: Shop) -> None:
    described = get(orders, "/openapi.json").json
    registry = Registry().with_resource("urn:api", Resource.from_contents(described | {
        "$schema": "https://json-schema.org/draft/2020-12/schema"}))  # fmt: skip

    def hold(name: str, answer: Any) -> None:
        assert answer.status_code == 200, answer.text
        reference = {"$ref": f"urn:api#/components/schemas/{name}"}
        Draft202012Validator(reference, registry=registry).validate(answer.json)

    for report in orders.tenant().active().catalog.reports.values():
        hold(f"report-result.{report.id}", get(orders, f"/reports/{report.id}/result"))
        if report.drill:
            hold(f"report-rows.{report.id}", get(orders, f"/reports/{report.id}/rows"))
    hold("reports", get(orders, "/reports"))
    hold("delegations", get(orders, "/delegations"))
    hold("delegation.choices", get(orders, "/delegations/choices"))
    keeper = get(orders, "/openapi.json", "keeper").text
    assert "/reports/returns_per_month" not in keeper


def test_ids_are_those_of_records(orders: Shop) -> None:
    told = get(orders, "/reports/top_returned_products/result").json
    product = orders.ids["product"]
    assert told["rows"][0]["product"] == product
    assert told["names"]["product"] == {product: "LAMPE-GEHEIM Zauberberg lamp"}
