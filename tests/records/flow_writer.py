"""A process that moves claims until it is killed: python -m tests.records.flow_writer FOLDER …"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app.records.acting import act
from app.records.signals import arrive
from app.records.tenant import Tenants
from app.storage.databases import Installation, StorageSettings
from flows.events import Arrived
from tests.records.flowshop import FlowShop, actor
from tests.records.shop import Clock


def main(folder: str, url: str, tenant_id: str, buyer: str, purchase: str, lines: str) -> None:
    clock = Clock()
    tenants = Tenants(Installation(StorageSettings(Path(folder), url)), clock=clock)
    house = FlowShop(
        tenants.get(tenant_id), clock, int(buyer), int(purchase), [*map(int, lines.split(","))]
    )
    print("ready", flush=True)
    while True:
        drive(house, house.claim("1", "1", price="200").id)


def drive(house: FlowShop, record: int) -> None:
    """Bring a claim from wherever it stands to its inspection's end."""
    tenant = house.tenant
    if house.rows(record, "vote"):
        act(tenant, actor("lead"), "claim", record, "approved", key=f"a{record}")
    arrive(tenant, "claim", record, Arrived("carrier.delivered", f"e{record}"))
    for task, text in house.db.query(
        "SELECT d.task, t.data FROM rf_due AS d JOIN rf_due AS t ON t.id = d.token"
        " WHERE d.record_id = ? AND d.kind = 'task' AND d.step = 'look' AND d.status = 'open'",
        (record,),
    ):
        values = {"lines": [{"id": json.loads(text)["row"], "finding": "sound"}]}
        act(tenant, actor("inspector"), "claim", record, "done", task=task, values=values)


if __name__ == "__main__":
    main(*sys.argv[1:])
