"""The JSON Schemas of values say what the rules say, for every form of every pack and tenant."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.access.actor import SYSTEM
from app.access.rights import Rights
from app.api.formschema import form_schema
from app.api.openapi import describe
from app.catalog.build import build
from app.catalog.model import Catalog
from app.catalog.sources import packs, read_packs, read_tenant, tenants
from forms.model import Form
from tests.catalog.support import ROOT
from tests.forms.test_under import FIELDS, compiled, refused

DEFINITIONS = ROOT / "definitions"
EVERYTHING = Rights("", everything=True)
COMPANIES = [*(f"pack {one}" for one in packs(DEFINITIONS)),
             *(f"tenant {one}" for one in tenants(DEFINITIONS))]  # fmt: skip
_ABSENT = object()


@cache
def catalog_of(company: str) -> Catalog:
    kind, name = company.split()
    read = read_packs(DEFINITIONS, [name]) if kind == "pack" else read_tenant(DEFINITIONS, name)
    catalog = build(read[0]).catalog
    assert catalog is not None
    return catalog


def validator(form: Form, *, response: bool = False) -> Draft202012Validator:
    schema = form_schema(form, EVERYTHING, "en", response=response)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("company", COMPANIES)
def test_every_form_s_schemas_are_valid_and_in_valid_openapi_3_1(company: str) -> None:
    catalog = catalog_of(company)
    described = describe(catalog, SYSTEM, server="/api/v1", lang="en")
    OpenAPIV31SpecValidator(described).validate()
    schemas = described["components"]["schemas"]
    for form in catalog.forms.values():
        for name in (f"{form.id}.values", f"{form.id}.shown"):
            Draft202012Validator.check_schema(schemas[name])


def given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not _ABSENT}


@pytest.fixture(scope="module")
def form() -> Form:
    made, problems = compiled(FIELDS)
    assert made is not None and problems == []
    return made


AREAS = ("north", "south", "n_coast", "n_hills", "s_coast", "harbour", None, _ABSENT)


def test_trees_of_choices_are_told_as_they_are_judged(form: Form) -> None:
    schema = validator(form)
    accepted = 0
    for part, place, spot in product(AREAS, repeat=3):
        values = given(part=part, place=place, spot=spot)
        right = refused(form, values) == {}
        accepted += right
        assert schema.is_valid(values) == right, values
    for part, more in product(AREAS, ([], None, ["n_coast"], ["n_coast", "s_coast"], ["north"])):
        values = given(part=part, more=more)
        assert schema.is_valid(values) == (refused(form, values) == {}), values
    assert accepted > 10


def test_trees_in_lines_hang_on_the_row_or_on_the_record(form: Form) -> None:
    schema = validator(form)
    for part, own, below, outer in product(AREAS[-6:], repeat=4):
        values = given(part=part, lines=[given(own=own, below=below, outer=outer)])
        assert schema.is_valid(values) == (refused(form, values) == {}), values


def test_what_is_given_back_may_be_older_than_the_rule(form: Form) -> None:
    old = {"part": "n_coast", "place": "south", "lines": []}
    assert validator(form, response=True).is_valid(old)
    assert not validator(form).is_valid(old)


def test_what_a_caller_does_not_see_is_not_told(form: Form) -> None:
    held = Rights("", hidden=frozenset({"part"}), everything=True)
    schema = form_schema(form, held, "en", response=False)
    assert "part" not in schema["properties"]
    assert schema["properties"]["place"]["anyOf"][0]["enum"] == [
        *("n_coast", "n_hills", "s_coast", "harbour"),
    ]
    told = [rule["if"]["properties"] for rule in schema["allOf"]]
    assert all("part" not in one for one in told)
    assert "description" not in schema["properties"]["place"]


def test_a_head_that_is_filled_in_by_itself_may_be_left_out() -> None:
    fields = {**FIELDS, "part": {**FIELDS["part"], "default": "'north'"}}
    made, problems = compiled(fields)
    assert made is not None and problems == []
    assert refused(made, {"place": "n_coast"}) == {}
    assert validator(made).is_valid({"place": "n_coast"})


def test_the_pack_says_which_details_stand_under_a_reason() -> None:
    form = catalog_of("pack returns").forms["return_request"]
    rows = form_schema(form, EVERYTHING, "en", response=False)["properties"]["lines"]["items"]
    symptom = rows["properties"]["symptom"]
    assert "quality" not in symptom["anyOf"][0]["enum"]
    assert symptom["description"] == "An option that stands under the one chosen in Reason."
    rule = next(one for one in rows["allOf"] if one["if"].get("required")
                and one["if"]["properties"]["reason"] == {"const": "transit"})  # fmt: skip
    (allowed, _null) = rule["then"]["properties"]["symptom"]["anyOf"]
    assert allowed["enum"] == ["crushed", "wet", "broken"]
