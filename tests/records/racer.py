"""A process that wants one unit many times: python -m tests.records.racer FOLDER URL TENANT …"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path

from app.records.errors import Refused
from app.records.save import create
from app.records.tenant import Tenants
from app.storage.databases import Installation, StorageSettings
from tests.records.shop import BOSS


def main(folder: str, url: str, tenant_id: str, buyer: str, line: str) -> None:
    tenant = Tenants(Installation(StorageSettings(Path(folder), url))).get(tenant_id)
    tenant.active()
    found: Counter[str] = Counter()
    body = {
        "buyer": int(buyer),
        "lines": [{"purchase_line": int(line), "quantity": "1", "reason": "wrong"}],
    }

    def one() -> None:
        try:
            create(tenant, BOSS, "claim", body)
        except Refused as error:
            found[error.code] += 1
        else:
            found["accepted"] += 1

    print("ready", flush=True)
    sys.stdin.readline()
    threads = [threading.Thread(target=one) for _ in range(17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(found["accepted"], found["limit_reached"], sum(found.values()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
