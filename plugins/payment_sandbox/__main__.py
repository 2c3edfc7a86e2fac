"""`python -m plugins.payment_sandbox [--port] [--ledger] [--secret]` runs the service."""

from __future__ import annotations

from plugins.payment_sandbox.server import Payments
from plugins.sandbox import main

if __name__ == "__main__":
    main("payment_sandbox", Payments, 8711)
