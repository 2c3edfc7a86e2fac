"""The OpenAPI 3.1 description of a tenant's API, made from the release in force.

Only forms and fields the caller may see are in it, so it is made once for each (release, rights,
language) and kept.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from threading import Lock
from typing import Any

from apispec import APISpec

from app.access.actor import Actor
from app.access.rights import Rights, forms_for, rights
from app.api import openapi_delegations as delegations
from app.api import openapi_flows as flows
from app.api import openapi_parts as parts
from app.api import openapi_reports as reports
from app.api.formschema import form_schema

Json = dict[str, Any]
_KEPT = 64
_cache: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
_lock = Lock()


def document(catalog: Any, actor: Actor, *, server: str, lang: str) -> bytes:
    """The description as JSON. `server` is the address of the API's root."""
    key = (catalog.hash, actor.roles, actor.scopes, actor.unrestricted, server, lang)
    with _lock:
        found = _cache.get(key)
        if found is not None:
            _cache.move_to_end(key)
            return found
    made = json.dumps(describe(catalog, actor, server=server, lang=lang), ensure_ascii=False)
    with _lock:
        _cache[key] = made.encode()
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
        return _cache[key]


def describe(catalog: Any, actor: Actor, *, server: str, lang: str) -> Json:
    """The description as plain data."""
    spec = APISpec(
        title="Returnflow",
        version="1",
        openapi_version="3.1.0",
        info={"description": parts.ABOUT[lang], "x-release": catalog.hash},
        servers=[{"url": server}],
        security=[{"token": []}],
    )
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for room in (parts, flows, reports, delegations):
        for name, schema in room.schemas().items():
            spec.components.schema(name, schema)
    for code, response in parts.failures(lang).items():
        spec.components.response(code, response)
    for room in (parts, flows, delegations):
        for name, parameter in room.parameters(lang).items():
            spec.components.parameter(name, parameter["in"], parameter)
    for room in (parts, flows, reports, delegations):
        for path, operations in room.general(lang).items():
            spec.path(path, operations=operations)
    for report in reports.readable_reports(catalog, actor):
        for name, schema in reports.report_schemas(catalog, actor, report).items():
            spec.components.schema(name, schema)
        for path, operations in reports.report_paths(catalog, actor, report, lang).items():
            spec.path(path, operations=operations)
    for form_id in forms_for(catalog, actor):
        held = rights(catalog, actor, form_id)
        _add_form(spec, catalog.forms[form_id], held, lang)
        if form_id in catalog.flows:
            label = catalog.forms[form_id].label.pick(lang)
            for path, operations in flows.form_paths(form_id, label, held, lang).items():
                spec.path(path, operations=operations)
    return spec.to_dict()


def _add_form(spec: APISpec, form: Any, held: Rights, lang: str) -> None:
    label = form.label.pick(lang)
    schemas: dict[str, Json] = {
        f"{form.id}.values": form_schema(form, held, lang, response=False),
        f"{form.id}.shown": form_schema(form, held, lang, response=True),
    }
    schemas |= parts.form_schemas(form.id)
    for name, schema in schemas.items():
        spec.components.schema(name, schema)
    for path, operations in parts.form_paths(form.id, label, held, lang).items():
        spec.path(path, operations=operations)
