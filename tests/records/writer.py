"""A process that creates claims until it is killed: python -m tests.records.writer FOLDER URL …"""

from __future__ import annotations

import sys
from pathlib import Path

from app.records.save import create
from app.records.tenant import Tenants
from app.storage.databases import Installation, StorageSettings
from tests.records.shop import BOSS


def main(folder: str, url: str, tenant_id: str, buyer: str, lines: str, run: str) -> None:
    tenant = Tenants(Installation(StorageSettings(Path(folder), url))).get(tenant_id)
    keys = [int(line) for line in lines.split(",")]
    print("ready", flush=True)
    n = 0
    while True:
        n += 1
        body = {
            "buyer": int(buyer),
            "lines": [{"purchase_line": key, "quantity": "1", "reason": "wrong"} for key in keys],
        }
        saved = create(tenant, BOSS, "claim", body, key=f"{run}-{n}")
        print(f"{run}-{n} {saved.id}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
