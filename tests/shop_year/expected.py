"""What a real shop's year must come to, computed from its CSV files by plain SQL.

Independent of the product on purpose: nothing of `app` or `forms` is imported here. A return is
taken whole or refused whole, in order of time: refused where a line's quantity is not positive,
or where a linked order line would have more returned than was bought.
"""

from __future__ import annotations

import csv
import gzip
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

SHOP_DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "online_retail"

SCHEMA = """
CREATE TABLE orders (order_no TEXT PRIMARY KEY, placed_at TEXT, customer TEXT, seq INTEGER);
CREATE TABLE order_lines (order_no TEXT, line_no INTEGER, sku TEXT, quantity INTEGER,
    price INTEGER, is_goods INTEGER, PRIMARY KEY (order_no, line_no));
CREATE TABLE returns (return_no TEXT PRIMARY KEY, returned_at TEXT, customer TEXT, seq INTEGER,
    verdict TEXT);
CREATE TABLE return_lines (return_no TEXT, line_no INTEGER, sku TEXT, quantity INTEGER,
    price INTEGER, is_goods INTEGER, match TEXT, order_no TEXT, order_line_no INTEGER,
    PRIMARY KEY (return_no, line_no));
CREATE TABLE adjustments (adjustment_no TEXT, line_no INTEGER, sku TEXT, quantity INTEGER,
    kind TEXT);
CREATE TABLE asked (order_no TEXT, line_no INTEGER, quantity INTEGER NOT NULL,
    PRIMARY KEY (order_no, line_no));
"""

# Prices are ten-thousandths; an amount is rounded half up to cents, line by line.
AMOUNT = "((quantity * price + 50) / 100)"

OVER = """
SELECT count(*) FROM (
    SELECT order_no, order_line_no, sum(quantity) AS more FROM return_lines
    WHERE return_no = ? AND order_no <> '' GROUP BY order_no, order_line_no) AS new
JOIN order_lines AS bought
    ON bought.order_no = new.order_no AND bought.line_no = new.order_line_no
LEFT JOIN asked ON asked.order_no = new.order_no AND asked.line_no = new.order_line_no
WHERE coalesce(asked.quantity, 0) + new.more > bought.quantity
"""

TAKE = """
INSERT INTO asked (order_no, line_no, quantity)
SELECT order_no, order_line_no, sum(quantity) FROM return_lines
WHERE return_no = ? AND order_no <> '' GROUP BY order_no, order_line_no
ON CONFLICT (order_no, line_no) DO UPDATE SET quantity = quantity + excluded.quantity
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """How much of the year: the first so many orders and the returns up to the last of them."""

    orders: int | None = None


class Expected:
    """The shop's year (or its beginning) in an in-memory database of its own."""

    def __init__(self, part: Slice | None = None, folder: Path = SHOP_DATA) -> None:
        self.db = sqlite3.connect(":memory:")
        self.db.executescript(SCHEMA)
        self._load(folder, part or Slice())
        self._decide()

    def close(self) -> None:
        """Let go of the database."""
        self.db.close()

    def _load(self, folder: Path, part: Slice) -> None:
        orders = list(rows(folder / "orders.csv.gz"))[: part.orders]
        kept = {row["order_no"] for row in orders}
        until = max(row["placed_at"] for row in orders) if part.orders else "9999"
        self.db.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)",
            (
                (row["order_no"], row["placed_at"], row["customer_id"], i)
                for i, row in enumerate(orders)
            ),
        )
        self.db.executemany(
            "INSERT INTO order_lines VALUES (?, ?, ?, ?, ?, ?)",
            (
                (row["order_no"], *_line(row))
                for row in rows(folder / "order_lines.csv.gz")
                if row["order_no"] in kept
            ),
        )
        returns = [r for r in rows(folder / "returns.csv.gz") if r["returned_at"] <= until]
        taken = {row["return_no"] for row in returns}
        self.db.executemany(
            "INSERT INTO returns VALUES (?, ?, ?, ?, NULL)",
            (
                (row["return_no"], row["returned_at"], row["customer_id"], i)
                for i, row in enumerate(returns)
            ),
        )
        self.db.executemany(
            "INSERT INTO return_lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    row["return_no"],
                    *_line(row),
                    row["match"],
                    row["order_no"],
                    int(row["order_line_no"] or 0),
                )
                for row in rows(folder / "return_lines.csv.gz")
                if row["return_no"] in taken
            ),
        )
        self.db.executemany(
            "INSERT INTO adjustments VALUES (?, ?, ?, ?, ?)",
            (
                (
                    row["adjustment_no"],
                    int(row["line_no"]),
                    row["sku"],
                    int(row["quantity"]),
                    row["kind"],
                )
                for row in rows(folder / "stock_adjustments.csv.gz")
                if row["booked_at"] <= until
            ),
        )

    def _decide(self) -> None:
        for (return_no,) in self.db.execute(
            "SELECT return_no FROM returns ORDER BY seq"
        ).fetchall():
            (bad,) = self.db.execute(
                "SELECT count(*) FROM return_lines WHERE return_no = ? AND quantity <= 0",
                (return_no,),
            ).fetchone()
            (over,) = self.db.execute(OVER, (return_no,)).fetchone()
            verdict = "invalid" if bad else "over" if over else "accepted"
            if verdict == "accepted":
                self.db.execute(TAKE, (return_no,))
            self.db.execute(
                "UPDATE returns SET verdict = ? WHERE return_no = ?", (verdict, return_no)
            )

    def verdicts(self) -> dict[str, str]:
        """Each return's number and its verdict: accepted, over or invalid."""
        return dict(self.db.execute("SELECT return_no, verdict FROM returns").fetchall())

    def lines_per_class(self) -> dict[tuple[str, str], int]:
        """How many return lines of each (match class, verdict of their return)."""
        found = self.db.execute(
            "SELECT match, verdict, count(*) FROM return_lines JOIN returns USING (return_no)"
            " GROUP BY match, verdict"
        )
        return {(match, verdict): count for match, verdict, count in found}

    def stock(self) -> dict[str, int]:
        """Stock per SKU: corrections, less goods sold, plus goods that came back."""
        found = self.db.execute(
            "SELECT sku, sum(quantity) FROM ("
            " SELECT sku, quantity FROM adjustments WHERE kind = 'stock' UNION ALL"
            " SELECT sku, -quantity FROM order_lines WHERE is_goods UNION ALL"
            " SELECT sku, quantity FROM return_lines JOIN returns USING (return_no)"
            " WHERE is_goods AND verdict = 'accepted') GROUP BY sku"
        )
        return dict(found.fetchall())

    def orders_per_month(self) -> dict[str, tuple[int, int]]:
        """Month (YYYY-MM) → (orders, amount in cents)."""
        found = self.db.execute(
            f"SELECT substr(placed_at, 1, 7) AS month, count(DISTINCT order_no), sum({AMOUNT})"
            " FROM orders JOIN order_lines USING (order_no) GROUP BY month ORDER BY month"
        )
        return {month: (count, cents) for month, count, cents in found}

    def returns_per_month(self) -> dict[str, tuple[int, int]]:
        """Month (YYYY-MM) → (accepted returns, amount in cents)."""
        found = self.db.execute(
            f"SELECT substr(returned_at, 1, 7) AS month, count(DISTINCT return_no), sum({AMOUNT})"
            " FROM returns JOIN return_lines USING (return_no) WHERE verdict = 'accepted'"
            " GROUP BY month ORDER BY month"
        )
        return {month: (count, cents) for month, count, cents in found}

    def returned_pieces(self) -> dict[str, int]:
        """SKU → pieces that came back with accepted returns."""
        found = self.db.execute(
            "SELECT sku, sum(quantity) FROM return_lines JOIN returns USING (return_no)"
            " WHERE verdict = 'accepted' GROUP BY sku"
        )
        return dict(found.fetchall())

    def count(self, table: str) -> int:
        """How many rows a table of the files has."""
        (number,) = self.db.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(number)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a gzipped CSV file, as text."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _line(row: dict[str, str]) -> tuple[int, str, int, int, int]:
    return (
        int(row["line_no"]),
        row["sku"],
        int(row["quantity"]),
        int(Decimal(row["unit_price"]) * 10_000),
        int(row["is_goods"]),
    )
