"""The shop with flows: claims that are judged, approved, sent for, inspected line by line, paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.access.actor import SYSTEM, Actor
from app.catalog.sources import Sources
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenant
from app.storage.databases import Installation
from tests.records.shop import FILES, Clock

CLAIM_FIELDS = """
  verdict:   {type: choice, options: [fine, look]}
  tracking:  {type: text}
  sent_at:   {type: datetime}
  note:      {type: text}
  purchase:  {type: link, to: purchase, required: true}
  payout:    {type: link, to: payout}
"""

FLOWS = {
    "packs/shop/policies/fairness.yaml": """
policy: fairness
for: claim
inputs:
  owed: total
  paid: lines_paid
outputs: {verdict: {}}
branch: verdict
rules:
  small: {when: {owed: up to 100 CNY}, then: {verdict: fine}}
  large: {when: {owed: over 100 CNY}, then: {verdict: look}}
else: {verdict: look}
""",
    "packs/shop/flows/claim.yaml": """
flow: claim
label: {zh: 索赔流程, en: Claim}
stages:
  filed:     {label: {zh: 已提交, en: Filed}}
  returning: {label: {zh: 寄回中, en: Coming back}}
  checking:  {label: {zh: 检查中, en: Being checked}}
  paid:      {label: {zh: 已付, en: Paid}}
  closed:    {label: {zh: 已关闭, en: Closed}}
interrupts:
  withdraw: {by: [{user: created_by}], in: [filed], to: withdrawn}
steps:
  file:
    stage: filed
    task: {by: [{user: created_by}], edit: all}
    due: {in: 30d}
    next: {submit: judge, late: withdrawn}
  judge:
    decide: fairness
    next: {fine: bring, look: approval}
  approval:
    approve:
      levels:
        lead: {by: [{role: lead}], need: first}
        money: {by: [{role: money}], need: all, when: total > 1000}
      if_nobody: [{role: boss}]
      ask: {comment: on_reject}
    due: {in: 2d, remind: {half: {before: 1d}}, escalate: [{role: boss}]}
    next: {approved: bring, rejected: refused, sent_back: {to: file, max: 2}}
  bring:
    stage: returning
    wait: {for: [carrier.delivered]}
    due: {in: 20d}
    next: {carrier.delivered: inspect, late: expired}
  inspect:
    stage: checking
    each:
      over: lines
      as: line
      steps:
        look:
          task: {by: [{role: inspector}], edit: [lines.finding], require: [lines.finding]}
          due: {in: 5d, escalate: [{role: boss}]}
          next: {done: ok}
        ok: {end: done}
    next: {done: settle}
  settle:
    task: {by: [{role: money}], edit: [note], claim: true}
    due: {in: 3d, escalate: [{role: boss}]}
    next: {pay: pay, deny: refused}
  pay:
    start:
      form: payout
      with: {purchase: purchase, amount: "money(1, 'CNY')"}
      save: payout
      wait: true
    next: {paid: paid, dropped: refused}
  paid:      {stage: paid, end: paid}
  refused:   {stage: closed, end: refused}
  withdrawn: {stage: closed, end: withdrawn}
  expired:   {stage: closed, end: expired}
""",
    "packs/shop/aggregates/progress.yaml": """
aggregate: progress
label: Progress
per: purchase.lines
measures:
  filed: {from: claim.lines, by: purchase_line, count: true, where: "parent.stage == 'filed'"}
  sound: {from: claim.lines, by: purchase_line, sum: quantity, where: "finding == 'sound'"}
""",
    "packs/shop/flows/payout.yaml": """
flow: payout
stages:
  paying: {label: Paying}
  paid: {label: Paid}
  dropped: {label: Dropped}
steps:
  send:
    stage: paying
    do:
      pay:
        use: payment.refund
        with: {amount: amount, order: purchase}
        save: {reference: reference}
    next: {done: paid, failed.declined: by_hand}
  by_hand:
    task: {by: [{role: money}], require: [reference], ask: {attachment: required}}
    due: {in: 3d, escalate: [{role: boss}]}
    next: {done: paid, drop: dropped}
  paid: {stage: paid, end: paid}
  dropped: {stage: dropped, end: dropped}
""",
    "packs/shop/roles/lead.yaml": """
role: lead
label: Lead
can: {claim: {actions: [list, read]}}
""",
    "packs/shop/roles/money.yaml": "role: money\nlabel: Money\n",
    "packs/shop/roles/inspector.yaml": "role: inspector\nlabel: Inspector\n",
    "packs/shop/roles/clerk.yaml": """
role: clerk
label: Clerk
can:
  buyer: {actions: [list, read]}
  purchase: {actions: [list, read]}
  claim: {actions: [list, read, create, update], rows: created_by == me}
""",
}


def sources(**changes: str) -> Sources:
    """The shop's definitions with flows; keywords replace files ("flows/claim")."""
    files = dict(FILES) | FLOWS
    claim = files["packs/shop/forms/claim.yaml"]
    claim = claim.replace("\nunique:\n  one_reference", CLAIM_FIELDS + "\nunique:\n  one_reference")
    claim = claim.replace(
        "      photos:        {type: image, many: true, max: 2}",
        "      photos:        {type: image, many: true, max: 2}\n"
        "      finding:       {type: choice, options: [sound, broken]}",
    )
    claim = claim.replace(
        "  total:    {type: money, formula: sum(lines.amount)}",
        "  total:    {type: money, formula: sum(lines.amount)}\n"
        "  lines_paid: {type: money, formula: sum(lines.purchase_line.total)}",
    )
    files["packs/shop/forms/claim.yaml"] = claim
    payout = "packs/shop/forms/payout.yaml"
    files[payout] = files[payout] + "  reference: {type: text}\n"
    for name, text in changes.items():
        path = f"packs/shop/{name}.yaml"
        assert path in files, path
        files[path] = text
    return Sources(files, "acme")


FLOW_WITH_LATE = FLOWS["packs/shop/flows/claim.yaml"].replace(
    "    due: {in: 2d, remind: {half: {before: 1d}}, escalate: [{role: boss}]}\n"
    "    next: {approved: bring, rejected: refused, sent_back: {to: file, max: 2}}",
    "    due: {in: 2d}\n"
    "    next: {approved: bring, rejected: refused, sent_back: {to: file, max: 2}, late: expired}",
)

PEOPLE = {
    "clerk": (21, "Chen", ("clerk",)),
    "lead": (22, "Lin", ("lead",)),
    "deputy": (23, "Duan", ("lead",)),
    "money": (24, "Ma", ("money",)),
    "inspector": (25, "Ilse", ("inspector",)),
    "boss": (26, "Bai", ("boss",)),
    "stranger": (27, "Shen", ()),
}


def actor(name: str) -> Actor:
    """One of the house, signed in."""
    user_id, called, roles = PEOPLE[name]
    return Actor(user_id, called, frozenset(roles), lang="en", login=name)


@dataclass
class FlowShop:
    """A tenant whose claims go through a flow, with people in its roles."""

    tenant: Tenant
    clock: Clock
    buyer: int
    purchase: int
    lines: list[int] = field(default_factory=list)

    @property
    def db(self):
        return self.tenant.db

    def values(self, *quantities: Any, price: str = "2.50", **more: Any) -> dict[str, Any]:
        """A claim's values: one line per quantity."""
        return {
            "buyer": self.buyer,
            "purchase": self.purchase,
            "lines": [
                {
                    "purchase_line": self.lines[n % len(self.lines)],
                    "quantity": quantity,
                    "reason": "broken",
                    "price": price,
                }
                for n, quantity in enumerate(quantities)
            ],
            **more,
        }

    def claim(self, *quantities: Any, by: str = "clerk", **more: Any):
        """File a claim."""
        key = more.pop("key", None)
        return create(self.tenant, actor(by), "claim", self.values(*quantities, **more), key=key)

    def rows(self, record: int, *kinds: str, status: str = "open") -> list[tuple]:
        """(kind, step, principal, rule) of what is open with a record."""
        marks = ", ".join("?" * len(kinds))
        return self.db.query(
            "SELECT kind, step, principal, rule FROM rf_due WHERE record_id = ? AND status = ?"
            f" AND kind IN ({marks}) ORDER BY kind, step, principal",
            (record, status, *kinds),
        )


def open_flow_shop(
    installation: Installation, tenant_id: str, *, lines: int = 3, **changes: str
) -> FlowShop:
    """A tenant with the shop's flows, its people, and a purchase to claim from."""
    clock = Clock()
    db = installation.create(tenant_id)
    tenant = Tenant(db, installation.attachments(tenant_id), clock=clock)
    publish(tenant, SYSTEM, sources(**changes))
    with db.write() as tx:
        for login, (user_id, name, roles) in PEOPLE.items():
            tx.execute(
                "INSERT INTO rf_user (id, login, name, active, created_at, updated_at)"
                " VALUES (?, ?, ?, 1, 0, 0)",
                (user_id, login, name),
            )
            for role in roles:
                tx.execute(
                    "INSERT INTO rf_user_role (user_id, role) VALUES (?, ?)", (user_id, role)
                )
    boss = actor("boss")
    buyer = create(tenant, boss, "buyer", {"name": "Li"}).id
    bought = [{"item": f"I{n}", "quantity": "1000", "price": "2.50"} for n in range(lines)]
    values = {"buyer": buyer, "code": "P-1", "paid": "250000", "lines": bought}
    purchase = create(tenant, boss, "purchase", values).id
    table = tenant.active().tables.forms["purchase"].children["lines"].table
    found = [row[0] for row in db.query(f"SELECT id FROM {table} ORDER BY position")]
    return FlowShop(tenant, clock, buyer, purchase, found)
