"""The till with a worker that has no queue, no process and a clock one can move."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.access.actor import SYSTEM, Actor
from app.access.actors import actor_for_login
from app.access.users import create_user
from app.catalog.sources import Sources
from app.hooks import load_plugins
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.jobs.notify import NOWHERE
from app.jobs.timers import run_timers
from app.records.acting import act
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenant
from app.storage.databases import Installation
from forms.values import encode_id
from tests.jobs.crash.till import GOOD, sources
from tests.records.shop import Clock
from tests.support.sandboxes import SECRET, Sandbox, allow

CARRIER_KEY = "carrier key"


@dataclass
class World:
    """A tenant with a clerk and a boss, published from the till's definitions."""

    tenant: Tenant
    clock: Clock
    clerk: Actor
    boss: Actor
    bank: Sandbox
    outside: Outside
    secrets: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        installation: Installation,
        tenant_id: str,
        bank: Sandbox,
        more: Mapping[str, str] | None = None,
        roles: Mapping[str, list[str]] | None = None,
    ) -> World:
        clock = Clock()
        db = installation.create(tenant_id)
        tenant = Tenant(db, installation.attachments(tenant_id), clock=clock)
        base = sources(bank.url, tenant_id)
        publish(tenant, SYSTEM, Sources({**base.files, **(more or {})}, tenant_id))
        for login in ("clerk", "boss"):
            held = (roles or {}).get(login, [login])
            create_user(db, login, login.title(), GOOD, roles=held)
        people = [actor_for_login(db, login, via="web") for login in ("clerk", "boss")]
        secrets = {"bank_key": SECRET, "carrier_key": CARRIER_KEY}
        outside = Outside(load_plugins([], allow()), lambda tenant: secrets, NOWHERE)
        return cls(tenant, clock, *people, bank, outside, secrets)

    def payout(self, amount: str = "12.50", parcel: str = "P1") -> int:
        """A payout asked for and approved: its refund is about to go out."""
        values = {"payee": "Li", "amount": amount, "parcel": parcel}
        rid = create(self.tenant, self.clerk, "payout", values).id
        act(self.tenant, self.boss, "payout", rid, "approved")
        return rid

    def work(self, rounds: int = 1, **passing: float) -> None:
        """Do what is due, `rounds` times, with time passing before each but the first."""
        for number in range(rounds):
            if number:
                self.clock.pass_by(**passing)
            deliver(self.tenant, self.outside)
            run_timers(self.tenant, lambda: False)
            deliver(self.tenant, self.outside)

    def stage(self, rid: int) -> str:
        return str(self.row(rid, "stage")[0])

    def row(self, rid: int, columns: str, form: str = "payout") -> tuple[Any, ...]:
        found = self.tenant.db.query(f"SELECT {columns} FROM f_{form} WHERE id = ?", (rid,))
        return tuple(found[0])

    def booked(self, rid: int) -> list[dict[str, Any]]:
        return [one for one in self.bank.ledger("refund") if one["key"].startswith(encode_id(rid))]

    def call(self, rid: int) -> dict[str, Any]:
        """The outbox row of the payout's refund."""
        names = "status attempts last_error doubt connection payload"
        (found,) = self.tenant.db.query(
            f"SELECT {names.replace(' ', ', ')} FROM rf_outbox"
            " WHERE record_id = ? AND topic = 'call'",
            (rid,),
        )
        return dict(zip(names.split(), found, strict=True))

    def acts(self, rid: int) -> list[tuple[str, str, dict[str, Any]]]:
        """(act, who, what the flow says) of each journal entry."""
        rows = self.tenant.db.query(
            "SELECT act, actor_name, changes FROM rf_journal WHERE record_id = ? ORDER BY seq",
            (rid,),
        )
        return [(act, who, json.loads(text).get("@", {})) for act, who, text in rows]
