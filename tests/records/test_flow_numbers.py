"""What a record sends out while it is being made names it by its number."""

from __future__ import annotations

import json

import pytest

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.records import read
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenant
from app.storage.databases import Installation

PACK = {
    "packs/slips/pack.yaml": "pack: slips\nlabel: Slips\n",
    "packs/slips/forms/slip.yaml": """
form: slip
label: Slip
number: {pattern: "S{seq:3}"%s}
title: "{number} · {what}"
fields:
  what: {type: text, required: true}
  said: {type: text}
  amount: {type: money, currency: CNY, required: true}
""",
    "packs/slips/flows/slip.yaml": """
flow: slip
stages: {open: {label: Open}, done: {label: Done}}
steps:
  pay:
    stage: open
    set: {said: "concat('Slip ', number)"}
    do: {pay: {use: payment.refund, with: {amount: amount, reference: number}}}
    next: {done: fin}
  fin: {stage: done, end: done}
""",
    "packs/slips/connections/gateway.yaml": (
        "connection: gateway\nlabel: Gateway\nplugin: payment_sandbox\nserves: {payment: true}\n"
    ),
    "tenants/acme/tenant.yaml": (
        "tenant: acme\nlabel: Acme\npacks: [slips]\nzone: Asia/Shanghai\ncurrency: CNY\n"
    ),
}


def opened(installation: Installation, name: str, numbering: str = "") -> Tenant:
    installation.create(name)
    tenant = Tenant(installation.open(name), installation.attachments(name))
    files = {path: text.replace("%s", numbering) for path, text in PACK.items()}
    publish(tenant, SYSTEM, Sources(files, "acme"))
    return tenant


def sent(tenant: Tenant, rid: int) -> object:
    ((text,),) = tenant.db.query(
        "SELECT payload FROM rf_outbox WHERE topic = 'call' AND record_id = ?", (rid,)
    )
    return json.loads(text)["arguments"]["reference"]


def test_an_action_of_the_first_transition_knows_the_number(
    installation: Installation, tenant_id: str
) -> None:
    tenant = opened(installation, tenant_id)
    for expected in ("S001", "S002"):
        made = create(tenant, SYSTEM, "slip", {"what": "Lamp", "amount": "12.50"})
        assert made.number == expected and made.title == f"{expected} · Lamp"
        assert sent(tenant, made.id) == expected
        row = read(tenant, SYSTEM, "slip", made.id).row
        assert (row["number"], row["said"]) == (expected, f"Slip {expected}")


def test_the_same_request_again_has_the_first_number(
    installation: Installation, tenant_id: str
) -> None:
    tenant = opened(installation, tenant_id)
    values = {"what": "Lamp", "amount": "12.50"}
    first = create(tenant, SYSTEM, "slip", values, key="once-0123456789")
    again = create(tenant, SYSTEM, "slip", values, key="once-0123456789")
    assert again.replayed and again.id == first.id and again.number == first.number == "S001"


@pytest.mark.parametrize("numbering", [", gapless: true"])
def test_numbers_without_gaps_are_drawn_last_and_not_known_yet(
    installation: Installation, tenant_id: str, numbering: str
) -> None:
    tenant = opened(installation, tenant_id, numbering)
    made = create(tenant, SYSTEM, "slip", {"what": "Lamp", "amount": "12.50"})
    assert made.number == "S001" and sent(tenant, made.id) is None
