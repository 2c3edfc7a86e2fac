"""The payment service itself: refunds, holds, captures, releases, each once for a key."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from plugins.sandbox import Asked, Reply, Service

KINDS: Mapping[str, str] = {
    "refunds": "refund",
    "holds": "hold",
    "captures": "capture",
    "releases": "release",
}


class Payments(Service):
    """`POST /refunds|holds|captures|releases` and `GET /operations/<key>`."""

    name = "payment_sandbox"

    def answer(self, asked: Asked) -> Reply:
        """Book, or find what was booked under the key."""
        if asked.method == "GET" and asked.parts[:1] == ("operations",):
            found = self.ledger.of_key("/".join(asked.parts[1:]))
            return _told(found) if found else Reply(404, {"code": "unknown_key"})
        if asked.method != "POST" or len(asked.parts) != 1 or asked.parts[0] not in KINDS:
            return Reply(404, {"code": "unknown_address"})
        if not asked.key:
            return Reply(400, {"code": "key_missing"})
        before = self.ledger.of_key(asked.key)
        if before is None:
            return self._book(KINDS[asked.parts[0]], asked)
        if before["asked"] != dict(asked.body):
            return Reply(409, {"code": "key_reused"})
        return _told(before)

    def _book(self, kind: str, asked: Asked) -> Reply:
        amount = _amount(asked.body.get("amount"))
        if kind in ("refund", "hold") and (amount is None or amount <= 0):
            return Reply(422, {"code": "bad_amount"})
        entry: dict[str, Any] = {"key": asked.key, "kind": kind, "asked": dict(asked.body)}
        if kind in ("capture", "release"):
            hold = self._hold(str(asked.body.get("reference", "")))
            if hold is None:
                self.ledger.append(**{**entry, "kind": "expired"})
                return _told(self.ledger.entries[-1])
            held = _amount(hold["amount"]) or Decimal(0)
            amount = amount if amount is not None else held
            if kind == "capture" and amount > held:
                self.ledger.append(**{**entry, "kind": "declined"})
                return _told(self.ledger.entries[-1])
            entry["currency"] = hold["currency"]
            entry["hold"] = hold["reference"]
        else:
            entry["currency"] = str(asked.body.get("currency", ""))
        entry["amount"] = str(amount)
        entry["reference"] = f"{kind[0].upper()}{len(self.ledger.entries) + 1:08}"
        return _told(self.ledger.append(**entry), 201)

    def _hold(self, reference: str) -> dict[str, Any] | None:
        """A hold that is still there."""
        found = None
        for one in self.ledger.entries:
            if one["kind"] == "hold" and one["reference"] == reference:
                found = one
            elif one.get("hold") == reference:
                found = None
        return found


def _told(entry: Mapping[str, Any], status: int = 200) -> Reply:
    if entry["kind"] in ("declined", "expired"):
        return Reply(402, {"code": entry["kind"], "at": entry["at"]})
    told = {name: entry[name] for name in ("kind", "reference", "amount", "currency", "at")}
    return Reply(status, told)


def _amount(text: object) -> Decimal | None:
    try:
        return Decimal(str(text)) if text is not None else None
    except InvalidOperation:
        return None
