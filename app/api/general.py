"""Who I am, which forms there are, and what the API looks like."""

from __future__ import annotations

from flask import Blueprint, Response, g, request
from flask_wtf.csrf import generate_csrf

from app.access.rights import admin_rights, effective_roles, forms_for, rights
from app.api.entry import answer, open_form
from app.api.formschema import form_schema
from app.api.openapi import document
from app.api.shapes import form_json
from app.web.i18n import language
from forms.values import encode_id


def add_general(api: Blueprint) -> None:
    """`/me`, `/forms`, `/openapi.json`."""
    api.get("/me")(me)
    api.get("/forms")(forms)
    api.get("/forms/<form_id>")(form)
    api.get("/openapi.json")(openapi)


def me() -> Response:
    """The caller: person, roles, rights; in a session also the CSRF token for writing calls."""
    actor, published = g.actor, g.tenant.active()
    found = {
        "id": None if actor.user_id is None else encode_id(actor.user_id),
        "login": actor.login,
        "name": actor.name,
        "lang": actor.lang,
        "tenant": g.db.tenant,
        "roles": sorted(effective_roles(published.catalog, actor.roles)),
        "admin": sorted(admin_rights(published.catalog, actor)),
        "departments": [encode_id(one) for one in actor.departments],
        "scopes": None if actor.scopes is None else sorted(actor.scopes),
        "release": published.no,
    }
    if g.token_id is None:
        found["csrf_token"] = generate_csrf()
    return answer(found)


def forms() -> Response:
    """The forms on which the caller may do something."""
    catalog, lang = g.tenant.active().catalog, language()
    return answer(
        {
            "forms": [
                form_json(catalog.forms[form_id], rights(catalog, g.actor, form_id), lang)
                for form_id in forms_for(catalog, g.actor)
            ]
        }
    )


def form(form_id: str) -> Response:
    """One form with the JSON Schemas of its values."""
    found, held = open_form(form_id)
    lang = language()
    return answer(
        form_json(found, held, lang)
        | {
            "values": form_schema(found, held, lang, response=False),
            "shown": form_schema(found, held, lang, response=True),
        }
    )


def openapi() -> Response:
    """The OpenAPI 3.1 description of what the caller may use."""
    catalog = g.tenant.active().catalog
    server = f"{request.script_root}/api/v1"
    body = document(catalog, g.actor, server=server, lang=language())
    return Response(body, mimetype="application/json")
