"""A small shop for the tests of the API: two tenants with the pack `returns`, people, records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.access import tokens, users
from app.access.actor import SYSTEM
from app.catalog.sources import read_packs
from app.config import Config, load_config
from app.records import save
from app.records.files import attach
from app.records.releases import publish
from app.records.tenant import Tenant, Tenants
from app.scenarios import untold
from app.web.factory import create_app
from forms.values import encode_id

ROOT = Path(__file__).parents[2]
GOOD = "correct horse battery"
NUMBER = re.compile(r"\b(?:RMA|SM)-\d{6}-\d{5}\b")
SECRETS = ("Zauberberg", "SO-GEHEIM-1", "LAMPE-GEHEIM", NUMBER, "eheimrat")
"""Words of the first tenant's records that nobody else may ever read, numbers among them.

A number is known by its whole shape: pages carry fresh random keys, and a few letters of a number
turn up in these once in some hundred walks.
"""
Secret = str | re.Pattern[str]


def told(secret: Secret, text: str) -> bool:
    """Whether a text tells a secret."""
    return secret in text if isinstance(secret, str) else secret.search(text) is not None


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c636060f80f0001040100a3e0f0d80000000049454e44ae426082"
)
"""A picture of one pixel."""
SELLER = """
role: seller
label: {zh: 销售, en: Seller}
can:
  customer: {actions: [list, read, create, update, delete], rows: created_by == me}
  return_request:
    actions: [list, read, create]
    rows: customer.name == 'Mine'
    readonly: [channel]
"""
"""A role that sees only some records; the pack has none."""


@dataclass
class Shop:
    """The app over two tenants. `ids` are records of the first, by form."""

    app: Flask
    tenants: Tenants
    names: tuple[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    photo: str = ""

    def tenant(self, number: int = 0) -> Tenant:
        """One of the two tenants."""
        return self.tenants.get(self.names[number])

    def api(self, number: int = 0) -> str:
        """The root of a tenant's API."""
        return f"/t/{self.names[number]}/api/v1"

    def token(self, login: str, scopes: str = "*:*", number: int = 0) -> dict[str, str]:
        """Headers with a fresh token of a user."""
        db = self.tenant(number).db
        user = users.find_user(db, login)
        assert user is not None
        _, value = tokens.issue_token(db, user.id, "test", scopes)
        return {"Authorization": f"Bearer {value}", "Accept-Language": "en"}

    def session(self, login: str, number: int = 0) -> FlaskClient:
        """A browser in which a user has signed in; it sends the CSRF token by itself."""
        from app.access.signin import sign_in

        opened = sign_in(self.tenant(number).db, login, GOOD, ip="192.0.2.1")
        client = self.app.test_client()
        root = f"/t/{self.names[number]}"
        client.set_cookie("rf_session", opened.cookie, path=root)
        token = client.get(f"{root}/api/v1/me").json["csrf_token"]
        client.environ_base["HTTP_X_CSRFTOKEN"] = token
        return client


def open_shop(config: Config, tenants: Tenants, names: tuple[str, str]) -> Shop:
    """Publish the pack in both tenants, add people, and records in the first."""
    shop = Shop(create_app(config, tenants), tenants, names)
    sources, problems = read_packs(ROOT / "definitions", ["returns"])
    assert not problems
    sources = sources.replaced("packs/returns/roles/seller.yaml", SELLER)
    for name in names:
        tenants.installation.create(name)
        tenant = tenants.get(name)
        publish(tenant, SYSTEM, untold(sources), note="first")
        for login, roles in (
            ("admin", ["returns_admin"]),
            ("clerk", ["customer_service"]),
            ("keeper", ["warehouse"]),
            ("seller", ["seller"]),
            ("nobody", []),
            *([("geheimrat", ["returns_admin"])] if name == names[0] else []),
        ):
            shop.users[f"{name}/{login}"] = users.create_user(
                tenant.db, login, login.title(), GOOD, roles=roles, lang="en"
            )
    fill(shop)
    return shop


def fill(shop: Shop) -> None:
    """A customer, a product, an order and a return in the first tenant."""
    tenant = shop.tenant()

    def add(form: str, values: dict[str, Any]) -> str:
        shop.ids[form] = encode_id(save.create(tenant, SYSTEM, form, values).id)
        return shop.ids[form]

    customer = add("customer", {"customer_no": "1", "name": "Zauberberg GmbH"})
    product = add("product", {"sku": "LAMPE-GEHEIM", "name": "Zauberberg lamp"})
    lines = [{"product": product, "quantity": "100"}]
    add("stock_move", {"kind": "purchase", "reference": "SM-GEHEIM", "lines": lines})
    add(
        "order",
        {
            "order_no": "SO-GEHEIM-1",
            "customer": customer,
            "lines": [{"product": product, "quantity": "3", "unit_price": "199.00"}],
        },
    )
    photo = attach(tenant, SYSTEM, "return_request", "lines.photos", BytesIO(PNG), "Zauberberg.png")
    shop.photo = encode_id(photo)
    add(
        "return_request",
        {
            "customer": customer,
            "lines": [
                {
                    "product": product,
                    "quantity": "1",
                    "unit_price": "199.00",
                    "reason": "transit",
                    "photos": [shop.photo],
                }
            ],
        },
    )


def config_of(folder: Path, names: tuple[str, str], settings: str, **environment: str) -> Config:
    """A configuration file for the tenants; `settings` are further lines of it."""
    file = folder / "config.yaml"
    file.write_text(f"{settings}\ntenants:\n" + "".join(f"  {name}: {{}}\n" for name in names))
    return load_config(file, environment)
