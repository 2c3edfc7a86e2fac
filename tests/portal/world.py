"""A company with a portal, two customers with orders, a browser without scripts, and the post."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from app.access.actor import SYSTEM
from app.access.users import create_user
from app.catalog.sources import Sources
from app.config import load_config
from app.hooks import load_plugins
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.jobs.notify import Post
from app.letters import MailSettings
from app.records import Saved, Tenant, Tenants, create, publish
from app.storage.databases import Installation, StorageSettings
from app.web.factory import create_app
from forms.values import encode_id
from tests.records.shop import Clock
from tests.support.mailbox import Mailbox
from tests.web.house import PASSWORD, Visitor, token

FILES = {
    "packs/shop/pack.yaml": "pack: shop\nlabel: Shop\nversion: '1'\n",
    "packs/shop/forms/buyer.yaml": """
form: buyer
label: {zh: 买家, en: Buyer}
title: "{name}"
fields:
  name:   {type: text, required: true}
  email:  {type: text, format: email}
  phone:  {type: text, format: phone}
  secret: {type: text}
""",
    "packs/shop/forms/product.yaml": """
form: product
label: {zh: 商品, en: Product}
title: "{name}"
fields:
  name: {type: text, required: true}
""",
    "packs/shop/forms/purchase.yaml": """
form: purchase
label: {zh: 订单, en: Order}
title: "{code}"
currency: CNY
fields:
  code:  {type: text, label: {zh: 订单号, en: Order no.}, required: true, index: true}
  buyer: {type: link, label: {zh: 客户, en: Customer}, to: buyer}
  day:   {type: date, label: {zh: 日期, en: Date}}
  lines:
    type: lines
    label: {zh: 明细, en: Goods}
    fields:
      product:  {type: link, label: {zh: 商品, en: Product}, to: product, required: true}
      quantity: {type: decimal, label: {zh: 数量, en: Quantity}, required: true}
list: {columns: [code, day]}
""",
    "packs/shop/forms/claim.yaml": """
form: claim
label: {zh: 退货申请, en: Return}
help: {zh: 请选择要退的商品, en: Choose what you want to send back}
number: {pattern: "R{seq:4}", at: create}
title: "{number} · {buyer.name}"
currency: CNY
fields:
  buyer:    {type: link, label: {zh: 客户, en: Customer}, to: buyer, required: true}
  purchase: {type: link, label: {zh: 订单, en: Order}, to: purchase, required: true}
  channel:  {type: choice, options: [desk, portal], default: "if(is_empty(me), 'portal', 'desk')"}
  checker:  {type: user, label: {zh: 验货人, en: Checked by}}
  reason:   {type: text, label: {zh: 原因, en: Reason}, required: true, lines: 3}
  cost:     {type: money, label: {zh: 成本, en: Cost}}
  back:     {type: money, label: {zh: 退款, en: Money back}, formula: "money(0)"}
  parcel:   {type: text, label: {zh: 快递单号, en: Parcel no.}}
  photos:   {type: image, label: {zh: 照片, en: Photos}, many: true, max: 3}
  lines:
    type: lines
    label: {zh: 商品, en: Goods coming back}
    min: 1
    unique: [bought]
    fields:
      bought:
        type: link
        label: {zh: 所购商品, en: What you bought}
        to: purchase.lines
        required: true
        where: purchase == parent.purchase
        fill: {product: bought.product}
      product:  {type: link, label: {zh: 商品, en: Product}, to: product, readonly: true}
      quantity: {type: decimal, label: {zh: 数量, en: How many}, required: true, min: 1}
list: {columns: [number, reason]}
""",
    "packs/shop/aggregates/claimable.yaml": """
aggregate: claimable
label: Claimable
per: purchase.lines
measures:
  sold:  {from: purchase.lines, sum: quantity}
  asked: {from: claim.lines, by: bought, sum: quantity}
never:
  too_many:
    when: asked > sold
    message: {zh: "最多可退 {sold}", en: "At most {sold} can come back"}
""",
    "packs/shop/forms/survey.yaml": """
form: survey
label: {zh: 满意度调查, en: How was it?}
title: "{stars}"
fields:
  claim: {type: link, label: {zh: 申请, en: Return}, to: claim, required: true}
  stars: {type: integer, label: {zh: 评分, en: Stars}, min: 1, max: 5, required: true}
unique:
  once: {fields: [claim]}
""",
    "packs/shop/roles/visitor.yaml": """
role: visitor
label: Visitor
can:
  product:  {actions: [list, read]}
  buyer:    {actions: [read], rows: id == me, hide: [secret]}
  purchase: {actions: [list, read], rows: buyer == me}
  claim:
    actions: [list, read, create]
    rows: buyer == me
    hide: [cost]
    readonly: [channel]
  survey:   {actions: [create, read], rows: claim.buyer == me}
""",
    "packs/shop/roles/clerk.yaml": """
role: clerk
label: Clerk
can:
  buyer:    {actions: [list, read, create]}
  product:  {actions: [list, read, create]}
  purchase: {actions: [list, read, create]}
  claim:    {actions: [list, read, create, update]}
  survey:   {actions: [list, read]}
""",
    "packs/shop/portals/returns.yaml": """
portal: returns
label: {zh: 自助退货, en: Returns}
help: {zh: 无需注册即可退货, en: Send something back without an account}
role: visitor
identify: {form: purchase, as: buyer, by: [code, buyer.email], code_to: buyer.email}
start: [claim]
""",
    "packs/shop/notifications/got.yaml": """
notification: got
event: claim.created
to: [{field: buyer}]
channels: [inbox, mail]
text: {subject: {zh: "已收到 {number}", en: "We have {number}"}, body: "{reason} {link}"}
""",
}
TENANT = "tenant: {name}\nlabel: {{zh: 云帆家居, en: Sailcloth Home}}\npacks: [shop]\n" + (
    "zone: Asia/Shanghai\ncurrency: CNY\n"
)


@dataclass
class World:
    """The app over two tenants that are alike. `ids` are records of the first by a short name."""

    app: Any
    tenants: Tenants
    names: tuple[str, str]
    clock: Clock
    post: Post
    mailbox: Mailbox
    saved: dict[str, Saved] = field(default_factory=dict)

    @property
    def tenant(self) -> Tenant:
        return self.tenants.get(self.names[0])

    def rid(self, name: str) -> str:
        return encode_id(self.saved[name].id)

    def line(self, name: str, position: int = 0) -> str:
        """The id of a line of a purchase."""
        table = self.tenant.active().tables.forms["purchase"].children["lines"].table
        rows = self.tenant.db.query(
            f"SELECT id FROM {table} WHERE record_id = ? ORDER BY position", (self.saved[name].id,)
        )
        return encode_id(rows[position][0])

    def work(self, number: int = 0) -> None:
        """What the worker does of effects."""
        outside = Outside(load_plugins([]), lambda tenant: {}, self.post)
        deliver(self.tenants.get(self.names[number]), outside)

    def browser(self, lang: str = "en", number: int = 0) -> Visitor:
        """A browser without scripts at the tenant's address."""
        visitor = Visitor(self.app.test_client(), f"/t/{self.names[number]}")
        visitor.client.set_cookie("rf_lang", lang, path=visitor.root)
        return visitor

    def ask(self, browser: Visitor, code: str, email: str, **more: Any) -> TestResponse:
        """Type who one is at the door."""
        page = browser.get("/portal/returns/")
        data = {"by.0": code, "by.1": email, "csrf_token": token(page)}
        return browser.post("/portal/returns/code", data, **more)

    def enter(self, browser: Visitor, code: str) -> TestResponse:
        page = browser.get("/portal/returns/code")
        data = {"code": code, "csrf_token": token(page)}
        return browser.post("/portal/returns/enter", data)

    def code(self, address: str = "li@home.test") -> str:
        """The code in the last letter to an address that has one."""
        for letter in reversed(self.mailbox.to(address)):
            found = re.search(r"\b(\d{6})\b", letter["Subject"])
            if found is not None:
                return found[1]
        raise AssertionError(f"no code was sent to {address}")

    def inside(self, code: str = "P-1", email: str = "li@home.test", lang: str = "en") -> Visitor:
        """A browser in which somebody has come in."""
        browser = self.browser(lang)
        assert self.ask(browser, code, email).status_code == 303
        self.work()
        answer = self.enter(browser, self.code(email))
        assert answer.status_code == 303, answer.text
        return browser


def open_world(
    settings: StorageSettings, folder: Path, names: tuple[str, str], mailbox: Mailbox,
    **files: str,
) -> World:  # fmt: skip
    """Publish the pack in both tenants; people and records in the first."""
    (folder / "config.yaml").write_text(f"tenants: {{{names[0]}: {{}}, {names[1]}: {{}}}}\n")
    config = load_config(folder / "config.yaml")
    clock = Clock()
    tenants = Tenants(Installation(settings), clock=clock)
    for name in names:
        tenants.installation.create(name)
        tenant = tenants.get(name)
        given = {**FILES, f"tenants/{name}/tenant.yaml": TENANT.format(name=name)}
        given |= {f"packs/shop/{path.replace('__', '/')}.yaml": one for path, one in files.items()}
        publish(tenant, SYSTEM, Sources(given, name))
    app = create_app(config, tenants)
    post = Post(
        mailbox.settings() if mailbox.port else MailSettings(folder=folder / "mail"),
        lambda tenant: "https://x.test",
        secret=str(app.secret_key),
    )
    world = World(app, tenants, names, clock, post, mailbox)
    create_user(world.tenant.db, "clerk", "Clara Clerk", PASSWORD, roles=["clerk"], lang="en")
    fill(world)
    world.work()
    return world


def fill(world: World) -> None:
    """Li has two orders, Wu one."""

    def add(short: str, form: str, **values: Any) -> int:
        saved = world.saved[short] = create(world.tenant, SYSTEM, form, values)
        return saved.id

    lamp, kettle = (add(name, "product", name=name.title()) for name in ("lamp", "kettle"))
    li = add("li", "buyer", name="Li Na", email="Li@Home.test", phone="+86 138-0000-0000",
             secret="owes us")  # fmt: skip
    wu = add("wu", "buyer", name="Wu Wei", email="wu@home.test")

    def bought(*pairs: tuple[int, int]) -> list[dict[str, int]]:
        return [{"product": product, "quantity": count} for product, count in pairs]

    add(
        "p1",
        "purchase",
        code="P-1",
        buyer=li,
        day="2026-11-01",
        lines=bought((lamp, 2), (kettle, 1)),
    )
    add("p2", "purchase", code="P-2", buyer=li, day="2026-11-02", lines=bought((kettle, 3)))
    add("p3", "purchase", code="W-SECRET", buyer=wu, day="2026-11-03", lines=bought((lamp, 5)))
    add("c3", "claim", buyer=wu, purchase=world.saved["p3"].id, reason="wu's own reason",
        lines=[{"bought": world.line("p3"), "quantity": 1}])  # fmt: skip
