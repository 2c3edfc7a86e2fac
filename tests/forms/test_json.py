"""Rows as programs, pages and the journal see them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from forms.model import Form
from forms.validate import validate
from forms.validate_json import diff, display, from_form_post, json_schema, to_json
from forms.values import Money, encode_id
from tests.forms.shop import env, one_form

FIELDS: dict[str, Any] = {
    "name": {"type": "text", "required": True},
    "urgent": {"type": "boolean"},
    "tags": {"type": "choice", "options": ["a", "b"], "many": True},
    "owner": {"type": "user"},
    "lines": {
        "type": "lines",
        "min": 1,
        "fields": {
            "sku": {"type": "text", "required": True},
            "quantity": {"type": "decimal", "default": 1},
            "checked": {"type": "boolean"},
            "price": {"type": "money", "currency": "CNY"},
            "amount": {
                "type": "money",
                "currency": "CNY",
                "round": "down",
                "formula": "price * quantity",
            },
        },
    },
    "total": {"type": "money", "currency": "CNY", "formula": "sum(lines.amount)"},
}


@pytest.fixture(scope="module")
def form() -> Form:
    return one_form(FIELDS, label={"zh": "东西", "en": "Thing"})


def a_row(form: Form, **changes: Any) -> dict[str, Any]:
    given = {"name": "N", "tags": ["a"], "lines": [{"sku": "X", "quantity": "2.50", "price": "3"}]}
    # Users are not asked for in this test: nothing is loaded.
    return validate(form, given | changes, env=env()).values


def test_a_record_is_plain_json_and_reads_back(form: Form) -> None:
    row = a_row(form) | {
        "version": 1,
        "created_at": datetime(2026, 3, 1, tzinfo=UTC),
        "created_by": 7,
    }
    found = to_json(form, row)
    assert found["id"] == encode_id(row["id"])
    assert found["created_at"] == "2026-03-01T00:00:00Z"
    assert found["created_by"] == encode_id(7)
    assert found["total"] == {"amount": "7.50", "currency": "CNY"}
    (line,) = found["lines"]  # type: ignore[misc]
    assert line["quantity"] == "2.5"
    assert line["id"] == encode_id(row["lines"][0]["id"])
    again = validate(form, {k: found[k] for k in FIELDS}, previous=row, env=env())
    assert again.ok
    assert again.values == row
    assert "total" not in to_json(form, row, hidden={"total"})


def test_a_page_s_post_becomes_a_submission(form: Form) -> None:
    posted = {
        "csrf_token": ["x"],
        "_step": ["2"],
        "name": ["N"],
        "tags": ["a", "", "b"],
        "lines": [""],
        "lines-1-sku": ["Y"],
        "lines-0-sku": ["X"],
        "lines-0-id": [encode_id(5)],
        "lines-0-checked": ["on"],
        "lines-7-sku": [""],
        "lines-7-quantity": [""],
        "unknown": ["?"],
    }
    assert from_form_post(form, posted) == {
        "name": "N",
        "tags": ["a", "b"],
        "urgent": False,
        "unknown": "?",
        "lines": [
            {"id": encode_id(5), "sku": "X", "checked": "on"},
            {"sku": "Y", "checked": False},
        ],
    }
    assert from_form_post(form, {"name": ["N"]}, checkboxes=()) == {"name": "N"}
    assert from_form_post(form, [("lines", [""])], checkboxes=()) == {"lines": []}


def test_changes_of_a_new_record_are_what_it_holds(form: Form) -> None:
    row = a_row(form)
    changes = diff(form, None, row)
    assert [c["path"] for c in changes] == [
        "name",
        "tags",
        f"lines.{encode_id(row['lines'][0]['id'])}",
        "total",
    ]
    assert changes[2]["new"] == {
        "sku": "X",
        "quantity": "2.5",
        "price": {"amount": "3.00", "currency": "CNY"},
        "amount": {"amount": "7.50", "currency": "CNY"},
    }


def test_changes_name_rows_added_removed_moved_and_changed(form: Form) -> None:
    old = a_row(form, lines=[{"sku": "A"}, {"sku": "B"}, {"sku": "C"}])
    a, b, c = old["lines"]
    given = {"lines": [{"id": c["id"]}, {"id": a["id"], "sku": "A2"}, {"sku": "D"}]}
    new = validate(form, given, previous=old, env=env()).values
    found = {str(change["path"]): (change["old"], change["new"]) for change in diff(form, old, new)}
    assert found == {
        f"lines.{encode_id(b['id'])}": ({"sku": "B", "quantity": "1"}, None),
        f"lines.{encode_id(a['id'])}.sku": ("A", "A2"),
        f"lines.{encode_id(new['lines'][2]['id'])}": (None, {"sku": "D", "quantity": "1"}),
        "lines": (
            [encode_id(a["id"]), encode_id(c["id"])],
            [encode_id(c["id"]), encode_id(a["id"])],
        ),
    }
    assert diff(form, old, old) == []


def test_json_schema_describes_requests_and_answers(form: Form) -> None:
    request: Any = json_schema(form, "create")
    jsonschema.Draft202012Validator.check_schema(request)
    assert request["required"] == ["name"]
    assert "total" not in request["properties"]
    assert request["properties"]["lines"]["items"]["required"] == ["sku"]
    check = jsonschema.Draft202012Validator(request)
    assert check.is_valid({"name": "N", "lines": [{"sku": "X", "quantity": 2, "price": "3 CNY"}]})
    assert not check.is_valid({"name": "N", "lines": []})
    assert "required" not in json_schema(form, "update")
    answer = json_schema(form)
    row = a_row(form) | {"version": 1, "created_at": datetime(2026, 3, 1, tzinfo=UTC)}
    row["updated_at"] = row["created_at"]
    jsonschema.Draft202012Validator(answer).validate(to_json(form, row))


def test_values_are_shown_in_the_reader_s_language(form: Form) -> None:
    row = a_row(form) | {"owner": 7, "urgent": True}
    found = display(form, row, "zh", lambda target, key: f"{target}#{key}")
    assert found["urgent"] == "是"
    assert found["owner"] == "@user#7"
    assert found["lines"][0]["amount"] == "7.50 CNY"
    assert display(form, row, "en")["owner"] == encode_id(7)
    assert display(form, row, "en")["lines"][0]["checked"] == ""
    assert Money(Decimal("7.50"), "CNY") == row["total"]
