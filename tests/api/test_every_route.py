"""Every route of the app, walked by people who must see nothing there.

A route that is added is walked, too: a parameter this test has no value for makes it fail.
"""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from forms.values import encode_id
from tests.api.shop import NUMBER, SECRETS, Secret, Shop, told

OPEN = {"/healthz", "/readyz", "/metrics", "/static/<path:filename>"}
"""Rules of the installation: without a tenant, and without a secret."""
SIGNED = "POST /api/v1/events/<connection>"
"""Whoever calls it signs what it sends: to everybody else it is 401."""
WRITING = {"POST", "PUT", "PATCH", "DELETE"}
BODIES: dict[str, dict[str, object]] = {
    "api.comment": {"text": "x"},
    "api.transfer": {"to": "0000000000001"},
    "api.add_approver": {"user": "0000000000001", "how": "before"},
    "api.delegate": {"to_user": "0000000000001"},
}
"""What calls carry that take no values."""


def addresses(shop: Shop, rule: Rule, form: str) -> str:
    """The rule's address with ids of the first tenant."""
    record = shop.ids[form]
    samples: dict[str, object] = {
        **dict.fromkeys(("form_id", "form", "target"), form),
        **dict.fromkeys(("record", "rid", "record_id", "id"), record),
        **dict.fromkeys(("attachment", "file_id"), shop.photo),
        **dict.fromkeys(("field", "path", "filter_id"), "customer"),
        **dict.fromkeys(("filename", "url", "name"), "none.js"),
        **dict.fromkeys(("report", "report_id", "tile_id"), "returns_per_month"),
        **dict.fromkeys(("dashboard", "board_id"), "returns"),
        **dict.fromkeys(("view_id", "token_id", "user_id", "session_id", "message_id"), record),
        **dict.fromkeys(("release", "no"), "1"),
        "act": "approved",
        "seq": 1,
        "task": record,
        "portal_id": "shop",
        "export_type": "csv",
        "connection": "carrier",
        "incident_id": f"step-{record}",
        "delegation": record,
    }
    unknown = rule.arguments - set(samples)
    assert not unknown, f"{rule}: give this test a sample for {sorted(unknown)}"
    adapter = shop.app.url_map.bind("localhost")
    values = {name: samples[name] for name in rule.arguments}
    for name, converter in rule._converters.items():
        if type(converter).__name__ == "IntegerConverter":
            values[name] = 1
    address = adapter.build(rule.endpoint, values, method=next(iter(rule.methods or ())))
    person = encode_id(shop.users[f"{shop.names[0]}/geheimrat"])
    return f"{address}?id={person}" if address.startswith("/admin/") else address


def walk(shop: Shop) -> list[tuple[str, str, Rule]]:
    """(method, address below the tenant, rule) of everything there is."""
    found = []
    for rule in shop.app.url_map.iter_rules():
        if rule.rule in OPEN or rule.endpoint == "desk.sign_out":  # it would end the walk
            continue
        forms = shop.ids if rule.arguments & {"form_id", "form"} else {"customer": ""}
        methods = sorted((rule.methods or set()) - {"OPTIONS", "HEAD"})
        found += [(m, addresses(shop, rule, form), rule) for form in forms for m in methods]
    return found


def call(
    client: FlaskClient,
    root: str,
    method: str,
    address: str,
    headers: dict[str, str],
    endpoint: str = "",
):
    kwargs: dict[str, object] = {"headers": headers}
    if method in WRITING:
        if address.startswith("/api/"):
            kwargs["json"] = BODIES.get(endpoint, {"values": {"name": "x"}})
            kwargs["headers"] = {**headers, "If-Match": '"1"'}
        else:
            id_ = address.partition("?id=")[2]
            kwargs["data"] = {"name": "x", "login": "x", "password": "x", "id": id_, "rowid": id_}
    return client.open(f"{root}{address}", method=method, **kwargs)


def contents(shop: Shop) -> list[object]:
    """All business rows, people and tokens of the first tenant: nothing of it may change."""
    db = shop.tenant().db
    tables = {f"f_{form}": "id, version, deleted, title" for form in shop.ids} | {
        "rf_user": "id, login, name, active, password",
        "rf_user_role": "user_id, role",
        "rf_department": "id, code",
        "rf_release": "no, hash",
        "rf_attachment": "id",
        "rf_journal": "form, record_id, seq",
    }
    return [sorted(db.query(f"SELECT {columns} FROM {name}")) for name, columns in tables.items()]


def refuse(
    shop: Shop,
    client: FlaskClient,
    root: str,
    headers: dict[str, str] | None = None,
    *,
    secrets: tuple[Secret, ...] = SECRETS,
    writes: bool = False,
) -> dict[str, set[int]]:
    """Walk everything; nothing secret may be in an answer, nothing crash, nothing change (but by
    `writes`, who may create records of their own).

    Gives the statuses of API routes by rule.
    """
    before = contents(shop)
    statuses: dict[str, set[int]] = {}
    if shop.names[0] not in root:
        secrets = (*secrets, shop.names[0])
    for method, address, rule in walk(shop):
        answer = call(client, root, method, address, headers or {}, rule.endpoint)
        text = f"{answer.headers}{answer.get_data(as_text=True)}"
        for secret in secrets:
            assert not told(secret, text), f"{method} {address}: {secret}"
        assert answer.status_code != 500, f"{method} {address}"
        if f"{method} {rule.rule}" == SIGNED:
            assert answer.status_code in (400, 401), address  # 400: a session without its token
        elif rule.rule.startswith("/api/"):
            statuses.setdefault(f"{method} {rule.rule}", set()).add(answer.status_code)
            if answer.status_code >= 400:
                assert set(answer.json["error"]) == {"code", "message", "details", "request_id"}
    assert writes or contents(shop) == before
    if statuses.get("GET /api/v1/me") == {200}:
        again = client.get(f"{root}/api/v1/me", headers=headers or {})
        assert again.status_code == 200, "the walk ended the session"
    return statuses


def root_of(shop: Shop, number: int = 0) -> str:
    return f"/t/{shop.names[number]}"


def test_numbers_are_known_and_not_mistaken_for_random_keys(shop: Shop) -> None:
    api, headers = shop.api(), shop.token("admin")
    for form in ("return_request", "stock_move"):
        address = f"{api}/forms/{form}/records/{shop.ids[form]}"
        record = shop.app.test_client().get(address, headers=headers)
        assert told(NUMBER, record.get_data(as_text=True)), form
    assert not told(NUMBER, "xSM-k2RMA-_90SM-2026")


def test_nobody_sees_anything_without_signing_in(shop: Shop) -> None:
    client = shop.app.test_client()
    statuses = refuse(shop, client, root_of(shop), {"Accept-Language": "en"})
    assert set().union(*statuses.values()) == {401}


def test_no_page_answers_without_a_tenant(shop: Shop) -> None:
    client = shop.app.test_client()
    for method, address, _ in walk(shop):
        assert call(client, "", method, address, {}).status_code == 404, address


def test_a_person_without_rights_sees_nothing(shop: Shop) -> None:
    client = shop.session("nobody")
    statuses = refuse(shop, client, root_of(shop))
    own = "me forms openapi.json tasks tasks/count reports delegations delegations/choices"
    expected = {f"GET /api/v1/{name}": {200} for name in own.split()}
    expected["POST /api/v1/delegations"] = {422}  # one's own to set; nobody of that id to choose
    for rule, seen in statuses.items():
        assert seen == expected.get(rule, {404}), rule
    assert client.get(f"{shop.api()}/forms").json == {"forms": []}
    assert client.get(f"{shop.api()}/reports").json == {"reports": []}
    assert client.get(f"{shop.api()}/delegations").json == {"delegations": [], "next": None}
    assert client.get(f"{shop.api()}/delegations/choices").json["people"] == []
    described = client.get(f"{shop.api()}/openapi.json").get_data(as_text=True)
    for form in shop.ids:
        assert form not in described


def test_an_administrator_of_another_tenant_finds_none_of_these_ids(shop: Shop) -> None:
    before = shop.session("admin")  # whoever came before must not be remembered
    for method, address, _ in walk(shop):
        if method == "GET":
            before.get(f"{root_of(shop)}{address}")
    for client, headers in (
        (shop.session("admin", 1), {}),
        (shop.app.test_client(), shop.token("admin", number=1)),
    ):
        statuses = refuse(shop, client, root_of(shop, 1), headers)
        for rule, seen in statuses.items():
            if "<record>" in rule:
                assert seen <= {404, 405}, rule


def test_a_session_or_token_of_another_tenant_opens_nothing(shop: Shop) -> None:
    stolen = shop.session("admin", 1).get_cookie("rf_session", path=root_of(shop, 1))
    client = shop.app.test_client()
    client.set_cookie("rf_session", stolen.value, path=root_of(shop))
    statuses = refuse(shop, client, root_of(shop))
    assert set().union(*statuses.values()) == {401}
    token = shop.token("admin", number=1)
    statuses = refuse(shop, shop.app.test_client(), root_of(shop), token)
    assert set().union(*statuses.values()) == {401}


def test_a_token_of_narrow_scope_reads_that_and_no_more(shop: Shop) -> None:
    headers = shop.token("admin", "product:read")
    client = shop.app.test_client()
    statuses = refuse(
        shop, client, root_of(shop), headers, secrets=("Zauberberg GmbH", "SO-GEHEIM-1", NUMBER)
    )
    assert 200 in statuses["GET /api/v1/forms/<form_id>/records"]
    for rule, seen in statuses.items():
        if not rule.startswith("GET "):
            assert seen <= {403, 404}, rule
    listed = client.get(f"{shop.api()}/forms/product/records", headers=headers)
    assert [one["values"]["sku"] for one in listed.json["records"]] == ["LAMPE-GEHEIM"]
    for form in ("customer", "order", "return_request"):
        for tail in ("", "/records", f"/records/{shop.ids[form]}"):
            answer = client.get(f"{shop.api()}/forms/{form}{tail}", headers=headers)
            assert answer.status_code == 404


def test_a_role_for_some_records_finds_no_others(shop: Shop) -> None:
    for client, headers in (
        (shop.session("seller"), {}),
        (shop.app.test_client(), shop.token("seller")),
    ):
        statuses = refuse(shop, client, root_of(shop), headers, writes=True)
        for rule, seen in statuses.items():
            if "<record>" in rule:
                assert seen <= {403, 404}, rule
    client, headers = shop.app.test_client(), shop.token("seller")
    base = f"{shop.api()}/forms/customer"
    for query in ("", "?q=Zauber", "?filter[name][contains]=Zauber", "?sort=name"):
        answer = client.get(f"{base}/records{query}", headers=headers)
        assert shop.ids["customer"] not in answer.get_data(as_text=True)
    mine = client.post(f"{base}/records", json={"values": {"name": "Mine"}}, headers=headers)
    listed = client.get(f"{base}/records", headers=headers).json["records"]
    assert mine.json["id"] in [one["id"] for one in listed]
    choices = f"{shop.api()}/forms/return_request/choices/customer"
    found = client.get(choices, headers=headers).json["choices"]
    assert mine.json["id"] in [one["id"] for one in found]
    assert shop.ids["customer"] not in [one["id"] for one in listed + found]
    theirs = {"values": {"customer": shop.ids["customer"], "lines": []}}
    for tail in ("preview", "records"):
        address = f"{shop.api()}/forms/return_request/{tail}"
        answer = client.post(address, json=theirs, headers=headers)
        assert "Zauberberg" not in answer.get_data(as_text=True)
        told = answer.json.get("errors") or answer.json["error"]["details"]
        assert ["customer"] in [one["path"] for one in told]


def test_hidden_fields_are_nowhere(shop: Shop) -> None:
    """The warehouse handles returns and never sees what they cost."""
    headers = shop.token("keeper")
    client = shop.app.test_client()
    base, record = f"{shop.api()}/forms/return_request", shop.ids["return_request"]
    for address in (
        base,
        f"{base}/records",
        f"{base}/records/{record}",
        f"{base}/records/{record}/journal",
        f"{shop.api()}/openapi.json",
    ):
        answer = client.get(address, headers=headers)
        assert answer.status_code == 200, address
        assert "199.00" not in answer.get_data(as_text=True), address
    described = client.get(f"{shop.api()}/openapi.json", headers=headers).json
    rows = described["components"]["schemas"]["return_request.shown"]["properties"]["lines"]
    assert "unit_price" not in rows["items"]["properties"]
    for query in (
        "filter[total][ge]=1",
        "sort=total",
        "filter[lines.amount][gt]=1",
        "sort=contact",
    ):
        answer = client.get(f"{base}/records?{query}", headers=headers)
        assert answer.status_code == 400, query
        assert answer.json["error"]["code"] == "bad_parameter"


def test_hidden_fields_are_on_no_page(shop: Shop) -> None:
    client, root = shop.session("keeper"), root_of(shop)
    seen = 0
    for method, address, rule in walk(shop):
        if method == "GET" and (rule.endpoint or "").startswith("desk."):
            for query in ("", "?sort=total", "?sort=-total", "?f.total=199.00", "?q=199"):
                answer = client.get(f"{root}{address}{query}")
                assert answer.status_code != 500, address
                text = answer.data.decode("utf-8", "replace").replace("f.total=199.00", "")
                assert "199.00" not in text, f"{address}{query}"
                seen += answer.status_code == 200
    assert seen


@pytest.mark.parametrize("login", ["admin", "nobody"])
def test_every_writing_route_refuses_a_session_without_its_csrf_token(
    shop: Shop, login: str
) -> None:
    client = shop.session(login)
    del client.environ_base["HTTP_X_CSRFTOKEN"]
    before = contents(shop)
    for method, address, _ in walk(shop):
        if method in WRITING:
            answer = call(client, root_of(shop), method, address, {})
            assert answer.status_code in (400, 401, 403, 404, 405), f"{method} {address}"
    assert contents(shop) == before
