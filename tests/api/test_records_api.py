"""Records over HTTP, as a program meets them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.records.tenant import Tenants
from app.storage.databases import Installation
from forms.values import encode_id, new_id
from tests.api.shop import PNG, Shop, config_of, open_shop


class Caller:
    """A program with a token."""

    def __init__(self, shop: Shop, login: str = "admin", scopes: str = "*:*") -> None:
        self.client: FlaskClient = shop.app.test_client()
        self.root = f"{shop.api()}/forms"
        self.headers = shop.token(login, scopes)

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> TestResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(
            f"{self.root}{path}", method=method, json=body, headers=self.headers | sent
        )

    def create(self, form: str, values: dict[str, object], **headers: str) -> TestResponse:
        return self("POST", f"/{form}/records", {"values": values}, **headers)


@pytest.fixture
def call(shop: Shop) -> Caller:
    return Caller(shop)


def code_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def test_a_record_s_life(call: Caller) -> None:
    made = call.create("customer", {"customer_no": "77", "name": "山海贸易"})
    assert made.status_code == 201
    assert made.headers["ETag"] == '"1"'
    assert (made.json["version"], made.json["replayed"], made.json["warnings"]) == (1, False, [])
    place = made.headers["Location"].partition("/forms")[2]
    found = call("GET", place)
    assert found.headers["ETag"] == '"1"'
    assert found.json["id"] == made.json["id"]
    assert found.json["values"]["name"] == "山海贸易"
    assert found.json["values"]["email"] is None
    assert found.json["title"] == "山海贸易"
    assert found.json["created_at"].endswith("Z")
    assert "update" in found.json["may"]

    assert code_of(call("PATCH", place, {"values": {"phone": "1"}})) == (
        428,
        "precondition_required",
    )
    changed = call("PATCH", place, {"values": {"name": "Shanhai"}}, If_Match='"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    late = call("PATCH", place, {"values": {"name": "Late"}, "version": 1})
    assert code_of(late) == (409, "stale")
    differs = call("PATCH", place, {"values": {}, "version": 1}, If_Match='"2"')
    assert code_of(differs) == (400, "bad_parameter")
    assert code_of(call("PATCH", place, {"values": {}}, If_Match="W/x")) == (400, "bad_parameter")
    assert call("GET", place).json["values"]["customer_no"] == "77"

    story = call("GET", f"{place}/journal").json["entries"]
    assert [entry["act"] for entry in story] == ["create", "update"]
    assert [entry["via"] for entry in story] == ["api", "api"]
    assert story[1]["changes"]["name"] == ["山海贸易", "Shanhai"]

    assert code_of(call("DELETE", place)) == (428, "precondition_required")
    assert call("DELETE", place, If_Match='"2"').status_code == 204
    assert code_of(call("GET", place)) == (404, "not_found")
    assert code_of(call("DELETE", place, If_Match='"3"')) == (404, "not_found")


def test_sending_again_creates_nothing_again(call: Caller) -> None:
    values = {"customer_no": "78", "name": "Once"}
    first = call.create("customer", values, Idempotency_Key="k-1")
    again = call.create("customer", values, Idempotency_Key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json | {"replayed": True}
    other = call.create("customer", {"name": "Other"}, Idempotency_Key="k-1")
    assert code_of(other) == (422, "key_reused")
    assert code_of(call.create("customer", values, Idempotency_Key="x" * 300))[0] == 400


def test_every_broken_rule_is_told_with_its_place(call: Caller, shop: Shop) -> None:
    answer = call.create(
        "return_request",
        {
            "customer": shop.ids["customer"],
            "chanel": "desk",
            "lines": [{"product": shop.ids["product"], "quantity": "none", "unit_price": "1"}],
        },
    )
    assert code_of(answer) == (422, "invalid")
    details = {tuple(one["path"]): one for one in answer.json["error"]["details"]}
    assert details["chanel",]["code"] == "unknown_field"
    assert "channel" in details["chanel",]["message"]
    assert ("lines", 0, "quantity") in details
    formula = call.create("customer", {"name": "x", "total": 5})
    assert code_of(formula) == (422, "invalid")


def test_limits_and_uniqueness_are_conflicts(call: Caller, shop: Shop) -> None:
    order = call("GET", f"/order/records/{shop.ids['order']}").json
    line = {"order_line": order["values"]["lines"][0]["id"], "reason": "other", "details": "x"}
    taken = {"customer": shop.ids["customer"], "lines": [line | {"quantity": "3"}]}
    assert call.create("return_request", taken).status_code == 201
    over = call.create("return_request", taken)
    assert code_of(over) == (409, "limit_reached")
    assert "in other returns already" in over.json["error"]["message"]
    assert code_of(call.create("product", {"sku": "LAMPE-GEHEIM"})) == (409, "not_unique")


@pytest.mark.parametrize(
    ("raw", "kind", "expected"),
    [
        (b'{"values": {"name": "a", "name": "b"}}', "application/json", (400, "bad_json")),
        (b'{"values": {"name": NaN}}', "application/json", (400, "bad_json")),
        (b"name=a", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        (b"{}", "text/plain", (415, "unsupported_media_type")),
        (b"{}", "application/json", (400, "bad_request")),
        (b'{"values": []}', "application/json", (400, "bad_request")),
        (b'{"values": {}, "vales": 1}', "application/json", (400, "bad_request")),
        (b'{"values": {"name": "\\u0000"}}', "application/json", (400, "bad_json")),
        (b" " * 2_200_000 + b"{}", "application/json", (413, "too_large")),
    ],
)
def test_bodies_are_read_strictly(
    call: Caller, raw: bytes, kind: str, expected: tuple[int, str]
) -> None:
    answer = call.client.post(
        f"{call.root}/customer/records", data=raw, content_type=kind, headers=call.headers
    )
    assert code_of(answer) == expected


def test_lists_filter_sort_search_and_page(call: Caller) -> None:
    for number in range(25):
        country = "CN" if number % 2 else "DE"
        values = {"customer_no": f"P{number:02}", "name": f"Page {number % 5}", "country": country}
        assert call.create("customer", values).status_code == 201
    seen: list[str] = []
    cursor = ""
    while True:
        page = call(
            "GET",
            "/customer/records?filter[country]=CN&sort=name,-customer_no&limit=5"
            f"&fields=customer_no,name&cursor={cursor}",
        ).json
        seen += [one["values"]["customer_no"] for one in page["records"]]
        assert all(set(one["values"]) == {"customer_no", "name"} for one in page["records"])
        cursor = page["next"]
        if cursor is None:
            break
    expected = sorted(
        (f"P{n:02}" for n in range(1, 25, 2)), key=lambda no: (int(no[1:]) % 5, -int(no[1:]))
    )
    assert seen == expected

    def found(query: str) -> set[str]:
        answer = call("GET", f"/customer/records?limit=200&{query}")
        assert answer.status_code == 200, answer.text
        return {one["values"]["customer_no"] for one in answer.json["records"]}

    assert found("q=P07") == {"P07"}
    assert found("filter[customer_no][in]=P01,P02") == {"P01", "P02"}
    assert found("filter[customer_no][starts]=P0") == {f"P0{n}" for n in range(10)}
    assert found("filter[customer_no][ge]=P20") == {f"P{n}" for n in range(20, 25)}
    assert "1" in found("filter[country][empty]=true")
    assert found("filter[name][contains]=age 3&filter[country][ne]=CN") == {"P08", "P18"}
    for query in (
        "cursor=x",
        "sort=nothing",
        "filter[nothing]=1",
        "fields=nothing",
        "filter[country][almost]=1",
        "filter[version][contains]=1",
        "filter[version][ge]=99999999999999999999999",
        "filter[version]=1_0",
        "filter[created_at][ge]=2020",
        "limit=1000",
        "page=2",
    ):
        answer = call("GET", f"/customer/records?{query}")
        assert answer.status_code == 400, query
        assert answer.json["error"]["code"] in ("bad_parameter", "bad_cursor"), query
    wanted = "filter[order_no]=SO-GEHEIM-1&filter[total][ge]=500"
    orders = call("GET", f"/order/records?{wanted}&filter[placed_at][le]=2099-01-01T00:00:00Z")
    assert len(orders.json["records"]) == 1
    assert orders.json["records"][0]["values"]["total"]["amount"] == "597.00"


def test_many_at_once_each_with_its_own_answer(call: Caller, shop: Shop) -> None:
    operations: list[object] = [
        {"do": "create", "values": {"sku": "B-1"}, "key": "b-1"},
        {"do": "create", "values": {"sku": "LAMPE-GEHEIM"}},
        {"do": "create", "values": {}},
        {"do": "update", "id": shop.ids["product"], "version": 1, "values": {"name": "New"}},
        {"do": "update", "id": shop.ids["product"], "version": 1, "values": {"name": "Late"}},
        {"do": "delete", "id": encode_id(new_id()), "version": 1},
        {"do": "delete", "id": shop.ids["product"]},
        {"do": "burn"},
        "x",
    ]
    answer = call("POST", "/product/bulk", {"operations": operations})
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [one["status"] for one in results] == [201, 409, 422, 200, 409, 404, 428, 400, 400]
    assert results[2]["error"]["details"][0]["path"] == ["sku"]
    again = call("POST", "/product/bulk", {"operations": operations[:1]})
    assert again.json["results"][0]["replayed"] is True
    for bad in ([], [{}] * 101):
        answer = call("POST", "/product/bulk", {"operations": bad})
        assert code_of(answer) == (400, "bad_request")
    keeper = Caller(shop, "keeper")
    stopped = keeper("POST", "/product/bulk", {"operations": [operations[6]]})
    assert stopped.json["results"][0]["status"] == 403


def test_trying_writes_nothing(call: Caller, shop: Shop) -> None:
    before = call("GET", "/return_request/records").json
    order = call("GET", f"/order/records/{shop.ids['order']}").json
    line = order["values"]["lines"][0]["id"]
    values = {"customer": shop.ids["customer"], "lines": [{"order_line": line, "quantity": "2"}]}
    answer = call("POST", "/return_request/preview", {"values": values})
    assert answer.status_code == 200
    assert answer.json["values"]["total"] == {"amount": "398.00", "currency": "CNY"}
    assert ["lines", 0, "reason"] in [error["path"] for error in answer.json["errors"]]
    assert call("GET", "/return_request/records").json == before

    choices = call("GET", "/return_request/choices/customer?q=Zauber").json["choices"]
    assert [one["id"] for one in choices] == [shop.ids["customer"]]
    lines = call(
        "POST",
        "/return_request/choices/lines.order_line",
        {"values": {"customer": shop.ids["customer"], "lines": [{}]}, "row": 0},
    )
    assert [one["id"] for one in lines.json["choices"]] == [line]
    for path in ("/return_request/choices/note", "/return_request/choices/none"):
        assert code_of(call("GET", path)) == (404, "not_found")


def test_files_go_in_before_and_come_out_through_the_record(call: Caller, shop: Shop) -> None:
    def send(content: bytes, name: str, field: str = "lines.photos") -> TestResponse:
        return call.client.post(
            f"{call.root}/return_request/attachments",
            data={"field": field, "file": (io.BytesIO(content), name)},
            headers=call.headers,
        )

    kept = send(PNG, '下载 "photo".png')
    assert kept.status_code == 201
    assert kept.json["size"] == len(PNG)
    line = {
        "product": shop.ids["product"],
        "quantity": "1",
        "unit_price": "1",
        "reason": "other",
        "details": "x",
        "photos": [kept.json["id"]],
    }
    made = call.create("return_request", {"customer": shop.ids["customer"], "lines": [line]})
    assert made.status_code == 201, made.text
    place = f"/return_request/records/{made.json['id']}/attachments/{kept.json['id']}"
    got = call("GET", place)
    assert got.data == PNG
    assert got.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "%E4%B8%8B" in got.headers["Content-Disposition"]
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]
    elsewhere = f"/return_request/records/{shop.ids['return_request']}"
    other = call("GET", f"{elsewhere}/attachments/{kept.json['id']}")
    assert code_of(other) == (404, "not_found")
    assert code_of(send(PNG, "x.png", "nowhere")) == (404, "not_found")
    assert code_of(send(b"<svg onload='x'>", "x.svg")) == (422, "invalid")
    assert code_of(call("POST", "/return_request/attachments", {})) == (
        415,
        "unsupported_media_type",
    )


def test_what_is_not_served_is_said(call: Caller) -> None:
    answer = call("PUT", "/customer/records", {})
    assert code_of(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]
    assert code_of(call("GET", "/customer", Accept="text/html")) == (406, "not_acceptable")
    assert call("GET", "/customer", Accept="*/*").status_code == 200
    assert code_of(call("GET", "/nowhere")) == (404, "not_found")
    assert code_of(call("GET", "/customer/records/xyz")) == (404, "not_found")


def test_roles_and_scopes_decide(shop: Shop) -> None:
    clerk, narrow = Caller(shop, "clerk"), Caller(shop, scopes="customer:read")
    place = f"/customer/records/{shop.ids['customer']}"
    assert code_of(clerk("DELETE", place, If_Match='"1"')) == (403, "forbidden")
    assert code_of(clerk.create("order", {})) == (403, "forbidden")
    assert narrow("GET", place).status_code == 200
    assert narrow("GET", place).json["may"] == ["list", "read"]
    assert code_of(narrow("PATCH", place, {"values": {}}, If_Match='"1"')) == (403, "forbidden")
    assert code_of(narrow("GET", "/order/records")) == (404, "not_found")


def test_calls_are_limited(installation: Installation, tenant_id: str, tmp_path: Path) -> None:

    names = (tenant_id, f"{tenant_id}b")
    tenants = Tenants(installation)
    shop = open_shop(config_of(tmp_path, names, "api: {calls: 40}"), tenants, names)
    call = Caller(shop)
    answers = [call("GET", "/customer") for _ in range(90)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused  # a minute may turn over in between
    assert code_of(refused[0]) == (429, "rate_limited")
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
    assert Caller(shop)("GET", "/customer").status_code == 200
