"""The pieces of the API's description that are about delegations."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.delegations import SIDES
from app.api.formschema import ID, Json
from app.api.openapi_parts import WHEN, Words, operation, ref, whole, with_body

_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_MOMENT: Json = {"anyOf": [WHEN, {"type": "null"}]}


def schemas() -> Mapping[str, Json]:
    """A delegation, a page of them, what is sent, and what may be sent."""
    one: Json = {
        "id": ID,
        "user": ID,
        "user_name": _MAYBE,
        "to_user": ID,
        "to_user_name": _MAYBE,
        "form": _MAYBE,
        "starts_at": _MOMENT,
        "ends_at": _MOMENT,
        "state": {"enum": ["planned", "active", "over"]},
    }
    person = {"id": ID, "name": _TEXT, "login": _TEXT}
    form = {"id": _TEXT, "label": _TEXT}
    return {
        "delegation": whole(one),
        "delegation.made": whole(one | {"replayed": {"type": "boolean"}}),
        "delegations": whole(
            {"delegations": {"type": "array", "items": ref("delegation")}, "next": _MAYBE}
        ),
        "delegation.new": {
            "type": "object",
            "required": ["to_user"],
            "properties": {
                "to_user": ID,
                "form": _MAYBE,
                "starts_at": _MOMENT,
                "ends_at": _MOMENT,
            },
            "additionalProperties": False,
        },
        "delegation.choices": whole(
            {
                "people": {"type": "array", "items": whole(person)},
                "forms": {"type": "array", "items": whole(form)},
            }
        ),
    }


def parameters(lang: str) -> Mapping[str, Json]:
    """Which side of the delegations a page shows, and the id of one."""
    say = Words(lang)
    side = {"type": "string", "enum": list(SIDES), "default": SIDES[0]}
    return {
        "side": {
            "in": "query",
            "name": "side",
            "description": say(
                "mine：谁代理本人；others：本人代理谁",
                "mine: who stands in for the caller; others: for whom the caller does",
            ),
            "schema": side,
        },
        "delegation": {"in": "path", "name": "delegation", "required": True, "schema": ID},
    }


def general(lang: str) -> Mapping[str, Json]:
    """Listing, setting, reading, ending, and what may be chosen."""
    say = Words(lang)
    listed = operation(
        "delegations",
        say("代理", "Who stands in for whom"),
        "delegations",
        ["side", "limit", "cursor"],
    )
    made = operation(
        "delegate", say("设置代理", "Let somebody stand in"), "delegation.made", ["key"], 201
    )
    read = operation("delegation", say("一项代理", "One delegation"), "delegation", ["delegation"])
    end = operation(
        "end_delegation", say("结束代理", "End a delegation"), "delegation", ["delegation"]
    )
    choices = operation(
        "delegation_choices",
        say("可选的代理人与表单", "Who and what can be chosen"),
        "delegation.choices",
        ["q", "limit"],
    )
    return {
        "/delegations": {"get": listed, "post": with_body(made, "delegation.new")},
        "/delegations/choices": {"get": choices},
        "/delegations/{delegation}": {"get": read},
        "/delegations/{delegation}/end": {"post": end},
    }
