"""A tenant with people, a customer and notifications, and a worker without a queue."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from app.access.actor import SYSTEM
from app.access.departments import create_department
from app.access.users import create_user
from app.catalog.sources import Sources
from app.hooks import load_plugins
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.jobs.notify import Post
from app.letters import MailSettings
from app.records.releases import publish
from app.records.save import create, update
from app.records.tenant import Tenant
from app.storage.databases import Installation
from tests.records.shop import BOSS, Clock

GOOD = "correct horse battery"
FILES = {
    "packs/shop/pack.yaml": "pack: shop\nlabel: Shop\nversion: '1'\n",
    "tenants/acme/tenant.yaml": (
        "tenant: acme\nlabel: Acme\npacks: [shop]\nzone: Asia/Shanghai\ncurrency: CNY\n"
    ),
    "packs/shop/forms/buyer.yaml": """
form: buyer
label: {zh: 买家, en: Buyer}
title: "{name}"
fields:
  name:  {type: text, required: true}
  email: {type: text, format: email}
""",
    "packs/shop/options/wish.yaml": """
options: wish
values: {money: {label: {zh: 退款, en: Money back}}, other: {label: {zh: 换货, en: Another}}}
""",
    "packs/shop/forms/claim.yaml": """
form: claim
label: {zh: 索赔, en: Claim}
number: {pattern: "C{seq:4}", at: create}
title: "{number}"
fields:
  buyer:   {type: link, to: buyer}
  owner:   {type: user}
  group:   {type: department}
  contact: {type: text}
  wish:    {type: choice, options: wish}
  sum:     {type: decimal}
  until:   {type: datetime}
""",
    "packs/shop/roles/boss.yaml": """
role: boss
label: Boss
can:
  buyer: {actions: [list, read, create, update, delete]}
  claim: {actions: [list, read, create, update, delete]}
""",
    "packs/shop/roles/clerk.yaml": "role: clerk\nlabel: Clerk\n",
    "packs/shop/roles/chief.yaml": "role: chief\nlabel: Chief\nincludes: [clerk]\n",
}


def notification(name: str, **keys: Any) -> dict[str, str]:
    """One notification's file; keys as in YAML, given as JSON."""
    given = {
        "event": "claim.created",
        "to": [{"role": "clerk"}],
        "channels": ["inbox"],
        "text": {"subject": "{number}"},
        **keys,
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in given.items()]
    return {f"packs/shop/notifications/{name}.yaml": f"notification: {name}\n" + "\n".join(lines)}


@dataclass
class World:
    """The tenant. `users` are ids by login; `post` is how letters leave."""

    tenant: Tenant
    clock: Clock
    users: dict[str, int] = field(default_factory=dict)
    post: Post = field(
        default_factory=lambda: Post(MailSettings(), lambda tenant: "https://x.test")
    )
    department: int = 0
    buyer: int = 0

    def publish(self, *files: dict[str, str]) -> None:
        """Put these notifications, and no others, into force."""
        merged = dict(FILES)
        for one in files:
            merged |= one
        publish(self.tenant, SYSTEM, Sources(merged, "acme"))
        self.work()

    def claim(self, **values: Any) -> int:
        return create(self.tenant, BOSS, "claim", {"buyer": self.buyer, **values}).id

    def change(self, rid: int, **values: Any) -> None:
        update(self.tenant, BOSS, "claim", rid, values, version=None)

    def work(self) -> None:
        """What the worker does of effects."""
        deliver(self.tenant, Outside(load_plugins([]), lambda tenant: {}, self.post))

    def told(self, login: str) -> list[tuple[str, str]]:
        """(subject, body) of the messages in somebody's inbox, oldest first."""
        return self.told_to(f"user:{self.users[login]}")

    def told_to(self, principal: str) -> list[tuple[str, str]]:
        return self.tenant.db.query(
            "SELECT subject, body FROM rf_message WHERE principal = ? ORDER BY id", (principal,)
        )

    def outbox(self, columns: str = "status, last_error") -> list[tuple[Any, ...]]:
        return self.tenant.db.query(
            f"SELECT {columns} FROM rf_outbox WHERE topic = 'notify' ORDER BY id"
        )


def open_world(installation: Installation, tenant_id: str) -> World:
    """People: the clerk 王 (zh), managed by Ann (en, a chief), who heads the one department."""
    clock = Clock()
    db = installation.create(tenant_id)
    tenant = Tenant(db, installation.attachments(tenant_id), clock=clock)
    world = World(tenant, clock)
    ann = create_user(db, "ann", "Ann", GOOD, email="ann@shop.test", roles=["chief"], lang="en")
    world.department = create_department(db, "desk", "Desk", head_id=ann)
    wang = create_user(
        db, "wang", "王芳", GOOD, email="wang@shop.test", roles=["clerk"],
        department_id=world.department, manager_id=ann, lang="zh",
    )  # fmt: skip
    world.users = {"ann": ann, "wang": wang}
    world.publish()
    buyer = {"name": "Li", "email": "li@home.test"}
    world.buyer = create(tenant, BOSS, "buyer", buyer).id
    world.work()
    return world
