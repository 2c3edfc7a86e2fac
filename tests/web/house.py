"""A tenant with the claims pack, people and records: what page and browser tests work in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.access.actor import SYSTEM, Actor
from app.access.actors import actor_for_login
from app.access.users import create_user
from app.config import load_config
from app.records import Saved, Tenant, Tenants, create
from app.records.releases import publish
from app.storage.databases import Installation, StorageSettings
from app.web.factory import create_app
from forms.values import encode_id
from tests.web.pack import sources

PASSWORD = "correct horse battery 9"
PEOPLE = {
    "boss": ("boss",),
    "clerk": ("clerk",),
    "own": ("own",),
    "nobody": (),
    "lena": ("lead",),
    "finn": ("finance",),
    "fay": ("finance",),
    "bob": ("buyer",),
}


@dataclass
class House:
    """The app, its tenant, and a few records by name."""

    app: Flask
    tenants: Tenants
    tenant: Tenant
    name: str
    saved: dict[str, Saved]

    def actor(self, login: str) -> Actor:
        """A person as the pages know them."""
        return actor_for_login(self.tenant.db, login, via="web")

    def client(self, login: str = "", lang: str = "en") -> Visitor:
        """A browser without scripts, signed in where a login is given."""
        visitor = Visitor(self.app.test_client(), f"/t/{self.name}")
        visitor.client.set_cookie("rf_lang", lang, path=visitor.root)
        if login:
            page = visitor.get("/sign-in")
            answer = visitor.post(
                "/sign-in", {"login": login, "password": PASSWORD, "csrf_token": token(page)}
            )
            assert answer.status_code == 302, answer.text
        return visitor

    def rid(self, name: str) -> str:
        """The id of a record, as addresses show it."""
        return encode_id(self.saved[name].id)

    def create(self, form: str, values: Mapping[str, Any], login: str = "boss") -> Saved:
        """A record made by the use case itself."""
        return create(self.tenant, self.actor(login), form, values)


@dataclass
class Visitor:
    """A test client that knows the tenant's prefix."""

    client: FlaskClient
    root: str

    def get(self, path: str, **more: Any) -> TestResponse:
        """GET inside the tenant."""
        return self.client.get(path if path.startswith(self.root) else self.root + path, **more)

    def post(self, path: str, data: Any, **more: Any) -> TestResponse:
        """POST inside the tenant."""
        full = path if path.startswith(self.root) else self.root + path
        return self.client.post(full, data=data, **more)

    def fill(self, path: str, values: Mapping[str, Any], **more: Any) -> TestResponse:
        """Open a form page, change some inputs, send it as a browser without scripts does."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        data = inputs(page) | dict(values)
        return self.post(path, {k: v for k, v in data.items() if v is not None}, **more)


def token(page: TestResponse) -> str:
    """The CSRF token in a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None, page.text[:2000]
    return found[1]


def inputs(page: TestResponse) -> dict[str, Any]:
    """The values of a form page's inputs, as they would be posted."""
    main = page.text.partition("data-rf-form")[2].partition("</form>")[0]
    main = re.sub(r"<template.*?</template>", "", main, flags=re.DOTALL)
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", main):
        attributes = {k: unescape(v) for k, v in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        name, kind = attributes.get("name"), attributes.get("type")
        unchecked = kind in {"checkbox", "radio"} and " checked" not in tag
        if not name or kind == "file" or unchecked or " disabled" in tag:
            continue
        found.setdefault(name, []).append(attributes.get("value", ""))
    areas = r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>'
    for name, body in re.findall(areas, main, re.DOTALL):
        found.setdefault(name, []).append(unescape(body).removeprefix("\n"))
    selects = r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>'
    for name, body in re.findall(selects, main, re.DOTALL):
        chosen = re.findall(r'<option value="([^"]*)" selected', body)
        found.setdefault(name, []).append(unescape(chosen[0]) if chosen else "")
    return dict(found)


def open_house(settings: StorageSettings, folder: Path, name: str) -> House:
    """Publish the pack, make people and some records."""
    (folder / "config.yaml").write_text(f"tenants: {{{name}: {{}}}}\n")
    config = load_config(folder / "config.yaml")
    tenants = Tenants(Installation(settings))
    tenants.installation.create(name)
    tenant = tenants.get(name)
    publish(tenant, SYSTEM, sources())
    for login, roles in PEOPLE.items():
        create_user(tenant.db, login, login.title(), PASSWORD, roles=roles, lang="en")
    house = House(create_app(config, tenants), tenants, tenant, name, {})
    ada = house.saved["ada"] = house.create("client", {"name": "Ada", "secret": "owes us"})
    ben = house.saved["ben"] = house.create("client", {"name": "=Ben", "email": "ben@example.com"})
    for key, client, items in (("d1", ada, ("bowl", "cup", "jug")), ("d2", ben, ("lid", "pot"))):
        house.saved[key] = house.create(
            "delivery",
            {
                "code": key.upper(),
                "client": client.id,
                "currency": "CNY",
                "sent_on": "2026-01-15",
                "lines": [
                    {"item": item, "quantity": 3, "price": f"{10 + n}.50"}
                    for n, item in enumerate(items)
                ],
            },
        )
    return house
