"""The API describes itself truly."""

from __future__ import annotations

import re

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource

from app.access.actors import actor_for_login
from app.access.rights import rights
from app.reports.filters import LINK, of_report
from tests.api.shop import Shop

FLOW_ONLY = {
    f"api.{name}"
    for name in (
        "flow standing why trace act claim give_back transfer add_approver comment act_on_many"
    ).split()
}
"""Routes of forms that have a flow."""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_description_is_valid_openapi_3_1(shop: Shop, lang: str) -> None:
    headers = shop.token("admin") | {"Accept-Language": lang}
    answer = shop.app.test_client().get(f"{shop.api()}/openapi.json", headers=headers)
    OpenAPIV31SpecValidator(answer.json).validate()
    assert answer.json["info"]["x-release"] == shop.tenant().active().catalog.hash


def test_it_has_every_route_and_no_other(shop: Shop) -> None:
    headers = shop.token("admin")
    described = shop.app.test_client().get(f"{shop.api()}/openapi.json", headers=headers).json
    catalog = shop.tenant().active().catalog
    actor = actor_for_login(shop.tenant().db, "admin")
    whole = {
        form
        for form in catalog.forms
        if {"list", "read", "create", "update", "delete"} <= rights(catalog, actor, form).actions
    }
    told = {
        (method.upper(), re.sub(r"\{(\w+)\}", "*", path))
        for path, operations in described["paths"].items()
        for method in operations
        if not path.startswith("/forms/") or path.split("/")[2] in whole
    }
    routes = set()
    for rule in shop.app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1"):
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            path = rule.rule.removeprefix("/api/v1")
            if "<report_id>" in path:
                routes |= {(method, one) for one in report_routes(shop, path, rule.endpoint)}
                continue
            known = catalog.flows if rule.endpoint in FLOW_ONLY else catalog.forms
            forms = [one for one in known if one in whole] if "<form_id>" in path else [""]
            for form in forms:
                named = path.replace("<form_id>", form)
                routes.add((method, re.sub(r"<(?:int:)?(\w+)>", "*", named)))
    assert told == routes


def report_routes(shop: Shop, path: str, endpoint: str) -> set[str]:
    """The addresses of a rule for the reports whose every part the admin may read."""
    catalog = shop.tenant().active().catalog
    found = set()
    for report in catalog.reports.values():
        named = path.replace("<report_id>", report.id)
        if endpoint in ("api.rows", "api.send_rows") and not report.drill:
            continue
        links = [f.id for f in of_report(catalog, report).values() if f.kind == LINK]
        found |= (
            {named.replace("<filter_id>", f) for f in links or [""]} if "<f" in path else {named}
        )
    return {one for one in found if not one.endswith("/")}


def test_records_are_as_their_schema_says(shop: Shop) -> None:
    client, headers = shop.app.test_client(), shop.token("admin")
    described = client.get(f"{shop.api()}/openapi.json", headers=headers).json
    registry = Registry().with_resource("urn:api", Resource.from_contents(described | {
        "$schema": "https://json-schema.org/draft/2020-12/schema"}))  # fmt: skip
    for form, record in shop.ids.items():
        reference = {"$ref": f"urn:api#/components/schemas/{form}.record"}
        found = client.get(f"{shop.api()}/forms/{form}/records/{record}", headers=headers).json
        Draft202012Validator(reference, registry=registry).validate(found)
        page = client.get(f"{shop.api()}/forms/{form}/records", headers=headers).json
        reference = {"$ref": f"urn:api#/components/schemas/{form}.page"}
        Draft202012Validator(reference, registry=registry).validate(page)


def test_it_shows_only_what_the_caller_may_use(shop: Shop) -> None:
    client = shop.app.test_client()
    described = client.get(f"{shop.api()}/openapi.json", headers=shop.token("keeper")).json
    assert not any("/forms/customer" in path for path in described["paths"])
    assert "delete" not in described["paths"]["/forms/product/records/{id}"]
    shown = described["components"]["schemas"]["return_request.shown"]["properties"]
    assert "total" not in shown
    taken = described["components"]["schemas"]["return_request.values"]["properties"]
    assert "customer" not in taken
