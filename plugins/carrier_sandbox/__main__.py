"""`python -m plugins.carrier_sandbox [--port] [--ledger] [--secret]` runs the service."""

from __future__ import annotations

from plugins.carrier_sandbox.server import Carrier
from plugins.sandbox import main

if __name__ == "__main__":
    main("carrier_sandbox", Carrier, 8712)
