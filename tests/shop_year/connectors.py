"""A payment service and a carrier in this process, behind the same hooks as those outside.

They keep books of their own, once for a key, so that what left the house can be held against what
the records say. The payment service declines some amounts the first time they are asked for.
"""

from __future__ import annotations

import importlib
import sqlite3
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pluggy

from app.hooks import PROJECT, Hooks, hookimpl, load_plugins
from app.jobs.connect import Outside
from app.jobs.notify import NOWHERE
from tests.support.sandboxes import SECRET, Sandbox, allow

BOOKS = """
CREATE TABLE ledger (key TEXT PRIMARY KEY, kind TEXT, record TEXT, cents INTEGER, reference TEXT,
    outcome TEXT);
CREATE TABLE labels (key TEXT PRIMARY KEY, record TEXT, tracking_no TEXT UNIQUE, voided INTEGER);
"""
DECLINES = 97
DECLINED = 13


class Payments:
    """Books refunds, holds, captures and releases; an amount of so many cents is declined once."""

    def __init__(self, books: sqlite3.Connection, declining: bool = True) -> None:
        self._books, self._declining = books, declining

    @hookimpl
    def run_action(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """Book it, or say again what was booked under the key."""
        known = self.ask_action(call)
        if known is not None:
            return known
        given = call["arguments"].get("amount")
        cents = int(Decimal(given["amount"]) * 100) if given else 0
        kind = str(call["use"]).removeprefix("payment.")
        (before,) = self._books.execute(
            "SELECT count(*) FROM ledger WHERE kind = 'refund' AND record = ?", (call["record"],)
        ).fetchone()
        declined = (
            self._declining and kind == "refund" and cents % DECLINES == DECLINED and not before
        )
        (number,) = self._books.execute("SELECT count(*) FROM ledger").fetchone()
        outcome = "failed.declined" if declined else "done"
        self._books.execute(
            "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)",
            (call["key"], kind, call["record"], cents, f"P{number + 1:07}", outcome),
        )
        return self.ask_action(call) or {}

    @hookimpl
    def ask_action(self, call: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What was booked under the key."""
        found = self._books.execute(
            "SELECT reference, outcome FROM ledger WHERE key = ?", (call["key"],)
        ).fetchone()
        if found is None:
            return None
        reference, outcome = found
        return {"outcome": outcome, "data": {"reference": reference} if outcome == "done" else {}}


class Carrier:
    """Makes labels, each with a number nobody else has, and voids them."""

    def __init__(self, books: sqlite3.Connection) -> None:
        self._books = books

    @hookimpl
    def run_action(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make a label or void the one it takes back."""
        if call["use"] == "carrier.void_label":
            self._books.execute(
                "UPDATE labels SET voided = 1 WHERE key = ?", (call.get("undo_of", ""),)
            )
            return {"outcome": "done", "data": {}}
        (number,) = self._books.execute("SELECT count(*) FROM labels").fetchone()
        self._books.execute(
            "INSERT OR IGNORE INTO labels VALUES (?, ?, ?, 0)",
            (call["key"], call["record"], f"1Z{number + 1:07}"),
        )
        found = self._books.execute(
            "SELECT tracking_no FROM labels WHERE key = ?", (call["key"],)
        ).fetchone()
        return {"outcome": "done", "data": {"tracking_no": found[0]}}


class Services:
    """Both services with their books, and the way out to them."""

    def __init__(self, books: str | Path = ":memory:", declining: bool = True) -> None:
        self.books = sqlite3.connect(books, check_same_thread=False, isolation_level=None)
        self.books.executescript(BOOKS)
        plugins = pluggy.PluginManager(PROJECT)
        plugins.add_hookspecs(Hooks)
        plugins.register(importlib.import_module("plugins.records"), name="plugins.records")
        plugins.register(Payments(self.books, declining), name="here.payment_sandbox")
        plugins.register(Carrier(self.books), name="here.carrier_sandbox")
        secrets = {"payment_key": "-", "carrier_key": "-"}
        self.outside = Outside(plugins, lambda _tenant: secrets, NOWHERE)

    def close(self) -> None:
        """Let go of the books."""
        self.books.close()

    def paid(self) -> dict[str, int]:
        """Record (as shown) → cents refunded."""
        found = self.books.execute(
            "SELECT record, sum(cents) FROM ledger WHERE kind = 'refund' AND outcome = 'done'"
            " GROUP BY record"
        )
        return dict(found.fetchall())

    def captured(self) -> int:
        """Cents taken for differences of exchanges."""
        (cents,) = self.books.execute(
            "SELECT coalesce(sum(cents), 0) FROM ledger WHERE kind = 'capture'"
        ).fetchone()
        return int(cents)

    def twice(self) -> list[str]:
        """Records refunded more than once."""
        found = self.books.execute(
            "SELECT record FROM ledger WHERE kind = 'refund' AND outcome = 'done'"
            " GROUP BY record HAVING count(*) > 1"
        )
        return [record for (record,) in found]


class Outsiders:
    """A payment service in a process of its own, by its own ledger; the carrier stays in this one.

    The tenant's connection has to lead to `sandbox.url`.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._here = Services()
        plugins = load_plugins([], allow())
        plugins.unregister(name="plugins.carrier_sandbox")
        plugins.register(Carrier(self._here.books), name="here.carrier_sandbox")
        secrets = {"payment_key": SECRET, "carrier_key": "-"}
        self.outside = Outside(plugins, lambda _tenant: secrets, NOWHERE)

    def close(self) -> None:
        """Let go of the books here; the process is its owner's."""
        self._here.close()

    def paid(self) -> dict[str, int]:
        """Record (as shown) → cents refunded."""
        found: dict[str, int] = {}
        for one in self._sandbox.ledger("refund"):
            record = str(one["key"]).partition(":")[0]
            found[record] = found.get(record, 0) + int(Decimal(one["amount"]) * 100)
        return found

    def captured(self) -> int:
        """Cents taken for differences of exchanges."""
        return sum(int(Decimal(o["amount"]) * 100) for o in self._sandbox.ledger("capture"))

    def twice(self) -> list[str]:
        """Records refunded more than once."""
        counts = Counter(one["key"].partition(":")[0] for one in self._sandbox.ledger("refund"))
        return [record for record, times in counts.items() if times > 1]
