"""A small shop in definitions: what the use cases are tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.access.actor import SYSTEM, Actor
from app.catalog.sources import Sources
from app.records.errors import Refused
from app.records.outcome import Saved
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenant
from app.storage.databases import Installation

FILES = {
    "packs/shop/pack.yaml": "pack: shop\nlabel: Shop\nversion: '1'\n",
    "tenants/acme/tenant.yaml": """
tenant: acme
label: Acme
packs: [shop]
zone: Asia/Shanghai
currency: CNY
""",
    "packs/shop/forms/buyer.yaml": """
form: buyer
label: {zh: 买家, en: Buyer}
title: "{name}"
fields:
  name:  {type: text, required: true}
  owner: {type: user}
  phone: {type: text}
""",
    "packs/shop/forms/purchase.yaml": """
form: purchase
label: {zh: 采购, en: Purchase}
title: "{code}"
currency: currency
fields:
  code:     {type: text, required: true}
  buyer:    {type: link, to: buyer}
  currency: {type: text, format: currency, default: "'CNY'"}
  paid:     {type: money}
  lines:
    type: lines
    fields:
      item:      {type: text, required: true}
      quantity:  {type: decimal, required: true, min: 0}
      delivered: {type: decimal, default: quantity}
      price:     {type: money}
      total:     {type: money, round: half_up, formula: quantity * price}
unique:
  one_code: {fields: [code], message: {zh: 单号已存在, en: This code exists already}}
""",
    "packs/shop/forms/claim.yaml": """
form: claim
label: {zh: 索赔, en: Claim}
number: {pattern: "C-{yyyy}-{seq:4}", reset: year, at: create}
title: "{number} · {buyer.name}"
currency: currency
keep: 2y
fields:
  buyer:     {type: link, to: buyer, required: true}
  currency:  {type: text, format: currency, default: "'CNY'"}
  received:  {type: datetime, default: now(), required: true}
  channel:   {type: choice, options: [desk, phone, portal], default: "'desk'"}
  reference: {type: text}
  address:   {type: text, lines: 3}
  contact:   {type: text}
  urgent:    {type: boolean, default: false}
  refused:   {type: boolean, default: false}
  due_on:    {type: date}
  cost:      {type: money}
  evidence:  {type: file, many: true, max: 3}
  lines:
    type: lines
    min: 1
    fields:
      purchase_line:
        type: link
        to: purchase.lines
        where: purchase.buyer == parent.buyer
        fill: {price: purchase_line.price}
      quantity:      {type: decimal, min: 0.001, required: true}
      reason:        {type: choice, options: [broken, wrong], required: true}
      price:         {type: money}
      amount:        {type: money, round: half_up, formula: quantity * price}
      photos:        {type: image, many: true, max: 2}
  total:    {type: money, formula: sum(lines.amount)}
  pieces:   {type: decimal, formula: sum(lines.quantity)}
unique:
  one_reference: {fields: [reference]}
""",
    "packs/shop/forms/memo.yaml": """
form: memo
label: {zh: 便条, en: Memo}
number: {pattern: "M-{yyyy}-{seq:3}", reset: year, at: submit}
fields:
  text: {type: text, required: true}
""",
    "packs/shop/forms/payout.yaml": """
form: payout
label: {zh: 付款, en: Payout}
number: {pattern: "P{seq:6}", gapless: true}
title: "{number} for {purchase.code}"
currency: currency
fields:
  purchase:  {type: link, to: purchase, required: true}
  currency:  {type: text, format: currency, default: "'CNY'"}
  amount:    {type: money, required: true}
  cancelled: {type: boolean, default: false}
""",
    "packs/shop/aggregates/claimable.yaml": """
aggregate: claimable
label: Claimable
per: purchase.lines
measures:
  delivered: {from: purchase.lines, sum: delivered}
  asked:     {from: claim.lines, by: purchase_line, sum: quantity, where: parent.refused != true}
never:
  too_many:
    when: asked > delivered
    message: {zh: "最多可退 {delivered - asked}", en: "At most {delivered - asked} can be returned"}
""",
    "packs/shop/aggregates/refundable.yaml": """
aggregate: refundable
label: Refundable
per: purchase
measures:
  paid:     {from: purchase, sum: paid}
  refunded: {from: payout, by: purchase, sum: amount, where: cancelled != true}
  payouts:  {from: payout, by: purchase, count: true, where: cancelled != true}
never:
  too_much:
    when: refunded > paid
    message: {zh: "最多可付 {paid - refunded}", en: "At most {paid - refunded} is left"}
""",
    "packs/shop/roles/boss.yaml": """
role: boss
label: Boss
can:
  buyer:    {actions: [list, read, create, update, delete, export, import]}
  purchase: {actions: [list, read, create, update, delete, export, import]}
  claim:    {actions: [list, read, create, update, delete, export, import]}
  payout:   {actions: [list, read, create, update, delete, export, import]}
  memo:     {actions: [list, read, create, update]}
admin: [releases]
""",
    "packs/shop/roles/agent.yaml": """
role: agent
label: Agent
can:
  buyer:    {actions: [list, read], rows: owner == me}
  purchase: {actions: [list, read], rows: buyer.owner == me}
  claim:
    actions: [list, read, create, update]
    rows: created_by == me
    hide: [cost, lines.price, lines.amount, total]
    readonly: [refused]
""",
    "packs/shop/roles/phones.yaml": """
role: phones
label: Phones
can:
  buyer: {actions: [list, read]}
  claim: {actions: [list, read, create, update], rows: buyer.owner == me}
""",
}

SOURCES = Sources(FILES, "acme")

BOSS = Actor(7, "Boss", frozenset({"boss"}), lang="en")
AGENT = Actor(8, "Agent", frozenset({"agent"}), lang="en")
PHONES = Actor(9, "Phones", frozenset({"phones"}), lang="en")
NOBODY = Actor(10, "Nobody", frozenset(), lang="en")


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class Shop:
    """A tenant with the shop's definitions, and the records most tests need."""

    tenant: Tenant
    clock: Clock
    woken: list[str]
    reopen: Callable[[], Tenant]
    buyer: int = 0
    purchase: int = 0
    lines: list[int] = field(default_factory=list)

    @property
    def db(self):
        return self.tenant.db

    def claim(self, *quantities: Any, **more: Any) -> dict[str, Any]:
        """A claim's values: one line per quantity, on the purchase's lines in turn."""
        return {
            "buyer": self.buyer,
            "lines": [
                {
                    "purchase_line": self.lines[n % len(self.lines)],
                    "quantity": quantity,
                    "reason": "broken",
                }
                for n, quantity in enumerate(quantities)
            ],
            **more,
        }

    def buy(self, *quantities: Any, **more: Any) -> Saved:
        """A purchase with one line per quantity."""
        lines = [
            {"item": f"I{n}", "quantity": q, "price": "2.50"} for n, q in enumerate(quantities)
        ]
        return create(self.tenant, BOSS, "purchase", {"buyer": self.buyer, "lines": lines, **more})

    def measures(self, aggregate: str, key: int) -> tuple:
        stored = self.tenant.refresh().tables.aggregates[aggregate].name
        rows = self.db.query(
            "SELECT m0, m1, m2 FROM rf_aggregate WHERE aggregate = ? AND key = ?", (stored, key)
        )
        return rows[0] if rows else (0, 0, 0)

    def count(self, table: str) -> int:
        return self.db.query(f"SELECT count(*) FROM {table}")[0][0]


def open_shop(installation: Installation, tenant_id: str) -> Shop:
    """A tenant with the shop's first release, one buyer and a purchase of 5, 3 and 2 pieces."""
    clock, woken = Clock(), []

    def reopen() -> Tenant:
        db = installation.open(tenant_id)
        return Tenant(db, installation.attachments(tenant_id), clock=clock, wake=woken.append)

    installation.create(tenant_id)
    shop = Shop(reopen(), clock, woken, reopen)
    publish(shop.tenant, SYSTEM, SOURCES)
    shop.buyer = create(shop.tenant, BOSS, "buyer", {"name": "Li", "owner": None}).id
    shop.purchase = shop.buy("5", "3", "2", code="P-1", paid="25.00").id
    table = shop.tenant.active().tables.forms["purchase"].children["lines"].table
    rows = shop.db.query(f"SELECT id FROM {table} ORDER BY position")
    shop.lines = [row[0] for row in rows]
    woken.clear()
    return shop


def refused(expected: str, work, *args, **kwargs) -> Refused:
    with pytest.raises(Refused) as caught:
        work(*args, **kwargs)
    assert caught.value.code == expected, caught.value
    assert caught.value.message.zh and caught.value.message.en
    return caught.value
